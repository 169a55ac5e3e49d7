-- Where each district is, so that a place needs only the districts that can hold it.

ALTER TABLE district_version
    ADD COLUMN cover geometry(GEOMETRY, 4326),
    ADD COLUMN road_box geometry(POLYGON, 4326),
    ADD COLUMN layout BIGINT DEFAULT '0' NOT NULL;

-- Until the next activation the cover is a box round the grids.
UPDATE district_version AS v SET cover = (
    SELECT st_expand(st_setsrid(st_extent(s.geom)::geometry, 4326), 0.001)
    FROM grid AS g JOIN grid_geometry AS s ON s.district = g.district AND s.digest = g.geometry_digest
    WHERE g.district = v.district AND g.generation = v.generation);
UPDATE district_version AS v SET road_box = (
    SELECT st_expand(st_setsrid(st_extent(e.geom)::geometry, 4326), 0.00001)
    FROM road_edge AS e WHERE e.district = v.district AND e.network = v.network);

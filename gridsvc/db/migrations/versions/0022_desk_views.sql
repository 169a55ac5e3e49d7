-- For QGIS, GDAL and reports. Each view has a text `id` that is unique over all districts and one geometry column whose
-- type and reference system are declared, since a client that opens a view looks for both. They show what is in force
-- now: no superseded road, no grid of another generation.

DROP VIEW grid_in_force, service_area_now;

CREATE VIEW grid_in_force AS
SELECT g.district || '-' || g.code AS id, g.district, g.generation, g.level,
       (ARRAY['regional', 'township', 'area', 'village'])[g.level] AS level_name,
       g.code, g.name, g.parent, g.urban_rural_code, g.derived, g.provisional_code, g.officer IS NOT NULL AS has_officer,
       s.area_m2, ST_Multi(s.geom)::geometry(MultiPolygon, 4326) AS geom
FROM district_version AS v
JOIN grid AS g ON g.district = v.district AND g.generation = v.generation
JOIN grid_geometry AS s ON s.district = g.district AND s.digest = g.geometry_digest;

-- A draft may hold what no grid in force can: two grids of one code, or a geometry that is no polygon. So its rows are
-- numbered, and such a geometry is left out.
CREATE VIEW draft_grid AS
SELECT g.district || '-' || g.generation || '-' || g.row AS id, g.district, g.generation, g.level,
       (ARRAY['regional', 'township', 'area', 'village'])[g.level] AS level_name,
       g.code, g.name, g.parent, g.urban_rural_code, g.derived, g.provisional_code, g.officer IS NOT NULL AS has_officer,
       s.area_m2, ST_IsValid(s.geom) AS valid,
       (CASE WHEN GeometryType(s.geom) IN ('POLYGON', 'MULTIPOLYGON') THEN ST_Multi(s.geom) END)
           ::geometry(MultiPolygon, 4326) AS geom
FROM grid_generation AS d
JOIN grid AS g ON g.district = d.district AND g.generation = d.number
JOIN grid_geometry AS s ON s.district = g.district AND s.digest = g.geometry_digest
WHERE d.state = 'draft';

CREATE VIEW road_in_force AS
SELECT e.district || '-' || e.edge AS id, e.district, e.edge, e.class, e.name, e.oneway, e.speed_kph, e.geom
FROM district_version AS v
JOIN road_edge AS e ON e.district = v.district AND e.network = v.network;

CREATE VIEW station_now AS
SELECT s.district || '-' || s.id AS id, s.district, s.id AS station, s.name, s.kind, s.derived, s.geom
FROM station AS s;

-- A team without a position is shown at its station; `positioned_at` says which.
CREATE VIEW team_now AS
SELECT t.id::text AS id, t.district, t.name, t.unit, t.roster ->> 'kind' AS kind, t.station,
       CASE WHEN e.id IS NOT NULL THEN 'engaged' WHEN t.on_duty THEN 'available' ELSE 'off_duty' END AS status,
       e.incident_id::text AS incident_id, l.at AS positioned_at, l.accuracy_m,
       coalesce(l.geom, ST_SetSRID(ST_MakePoint((t.roster ->> 'lon')::float8, (t.roster ->> 'lat')::float8), 4326))
           ::geometry(Point, 4326) AS geom
FROM team AS t
LEFT JOIN team_last AS l ON l.district = t.district AND l.team_id = t.id
LEFT JOIN engagement AS e ON e.district = t.district AND e.team_id = t.id AND e.until IS NULL AND e.engaging
WHERE t.retired_at IS NULL;

CREATE VIEW incident_open AS
SELECT i.id::text AS id, i.district, i.number, i.type, i.type_name, i.urgency, i.status, i.response_class, i.waiting,
       i.lead_wanted, i.drill, i.regional, i.township, i.area, i.village, i.rule, i.handler, i.radius_m, i.timing,
       i.target_s, i.reported_at, i.triggered_at, i.assigned_at, i.due_at, i.first_on_scene_at, i.arrived_at, i.geom
FROM incident AS i
WHERE i.status NOT IN ('archived', 'cancelled');

CREATE VIEW service_area_now AS
SELECT a.id::text AS id, a.district, a.kind, a.response_class, a.team_id::text AS team_id, t.name AS team, a.k,
       a.minutes, a.drawn_at, s.geom
FROM service_area AS a
JOIN service_area_shape AS s ON s.district = a.district AND s.digest = a.digest
LEFT JOIN team AS t ON t.district = a.district AND t.id = a.team_id;

-- The policies of the tables hold through the views: these ask with the rights of their caller. Before PostgreSQL 15 a
-- view asks with the rights of its owner, who is above the policies; then only the viewer of all districts reads them.
DO $$
DECLARE
    each REGCLASS;
BEGIN
    FOREACH each IN ARRAY ARRAY['grid_in_force', 'draft_grid', 'road_in_force', 'station_now', 'team_now',
                                'incident_open', 'service_area_now']::REGCLASS[] LOOP
        EXECUTE format('GRANT SELECT ON %s TO gridsvc_viewer', each);
        IF current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', each);
            EXECUTE format('GRANT SELECT ON %s TO gridsvc_app, gridsvc_viewers', each);
        END IF;
    END LOOP;
END
$$;

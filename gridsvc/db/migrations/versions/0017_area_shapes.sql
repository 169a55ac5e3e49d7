-- A shape of service areas is kept once, however many teams stand at its station.

CREATE TABLE service_area_shape (
    district TEXT NOT NULL,
    digest TEXT NOT NULL,
    geom geometry(MULTIPOLYGON,4326) NOT NULL,
    overview geometry(MULTIPOLYGON,4326),
    CONSTRAINT pk_service_area_shape PRIMARY KEY (district, digest)
);
-- Doubles do not compress; trying to costs more than reading them.
ALTER TABLE service_area_shape ALTER COLUMN geom SET STORAGE EXTERNAL, ALTER COLUMN overview SET STORAGE EXTERNAL;

INSERT INTO service_area_shape (district, digest, geom, overview)
SELECT DISTINCT ON (district, digest) district, digest, geom, overview FROM service_area
ORDER BY district, digest, overview IS NULL;

ALTER TABLE service_area DROP COLUMN geom, DROP COLUMN overview,
    ADD CONSTRAINT fk_service_area_shape FOREIGN KEY (district, digest)
        REFERENCES service_area_shape (district, digest);

GRANT SELECT, INSERT, DELETE ON service_area_shape TO gridsvc_app;
GRANT SELECT ON service_area_shape TO gridsvc_viewer, gridsvc_viewers;

-- A shape is seen by whoever sees an area that has it.
CREATE FUNCTION scope_has_shape(shape_district TEXT, shape_digest TEXT) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.service_area AS a WHERE a.district = shape_district AND a.digest = shape_digest);
END
$$;
SELECT protect_by_district('service_area_shape',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''') or scope_has_shape(district, digest)');

-- For QGIS: the areas with their shapes.
CREATE VIEW service_area_now AS
SELECT a.id, a.district, a.kind, a.response_class, a.team_id, t.name AS team, a.k, a.minutes, a.drawn_at, s.geom
FROM service_area AS a
JOIN service_area_shape AS s ON s.district = a.district AND s.digest = a.digest
LEFT JOIN team AS t ON t.district = a.district AND t.id = a.team_id;
GRANT SELECT ON service_area_now TO gridsvc_viewer;
-- Before PostgreSQL 15 a view asks with the rights of its owner, who is above the policies.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        EXECUTE 'ALTER VIEW service_area_now SET (security_invoker = true)';
        EXECUTE 'GRANT SELECT ON service_area_now TO gridsvc_viewers';
    END IF;
END
$$;

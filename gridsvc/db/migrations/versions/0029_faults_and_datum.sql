-- A fault as the check stored it: an overlap, a gap and a sliver have polygons of their own, another is that of its
-- grids. One without an area, as of a grid that is a line, is a circle of 0.1 m around its point, so that a map shows it.
CREATE FUNCTION polygon_of_fault(fault_district TEXT, fault_generation INTEGER, fault JSONB)
RETURNS geometry(MultiPolygon, 4326) LANGUAGE plpgsql STABLE AS $$
DECLARE
    found geometry;
BEGIN
    IF jsonb_typeof(fault -> 'geometry') = 'object' THEN
        found := ST_SetSRID(ST_GeomFromGeoJSON(fault -> 'geometry'), 4326);
    ELSE
        SELECT ST_Union(ST_MakeValid(s.geom)) INTO found
        FROM jsonb_array_elements_text(fault -> 'codes') AS c (code)
        JOIN public.grid AS g ON g.district = fault_district AND g.generation = fault_generation AND g.code = c.code
        JOIN public.grid_geometry AS s ON s.district = g.district AND s.digest = g.geometry_digest;
    END IF;
    found := ST_CollectionExtract(ST_MakeValid(found), 3);
    IF found IS NULL OR ST_IsEmpty(found) THEN
        found := ST_Buffer(ST_SetSRID(ST_MakePoint((fault ->> 'lon')::float8, (fault ->> 'lat')::float8), 4326), 1e-6);
    END IF;
    RETURN ST_Multi(found);
END
$$;

-- Of the draft, else of the grids in force, as `gridsvc grids check` found them last. What has no place is not here: a
-- grid that the national list names and the file lacks.
CREATE VIEW boundary_fault AS
SELECT n.district || '-' || n.number || '-' || f.row AS id, n.district, n.number AS generation, n.state,
       f.fault ->> 'kind' AS kind, (f.fault ->> 'blocking')::boolean AS blocking,
       (f.fault ->> 'area_m2')::float8 AS area_m2,
       (SELECT string_agg(c.code, ', ' ORDER BY c.row)
        FROM jsonb_array_elements_text(f.fault -> 'codes') WITH ORDINALITY AS c (code, row)) AS codes,
       (SELECT string_agg(c.name, ', ' ORDER BY c.row)
        FROM jsonb_array_elements_text(f.fault -> 'names') WITH ORDINALITY AS c (name, row)) AS names,
       f.fault ->> 'words' AS words, f.fault ->> 'cure' AS cure,
       (f.fault ->> 'lon')::float8 AS lon, (f.fault ->> 'lat')::float8 AS lat,
       polygon_of_fault(n.district, n.number, f.fault)::geometry(MultiPolygon, 4326) AS geom
FROM district_version AS v
JOIN grid_generation AS n ON n.district = v.district
 AND n.number = coalesce((SELECT d.number FROM grid_generation AS d
                          WHERE d.district = v.district AND d.state = 'draft'), v.generation)
CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(n.faults) WHEN 'array' THEN n.faults ELSE '[]' END)
    WITH ORDINALITY AS f (fault, row)
WHERE f.fault ->> 'lon' IS NOT NULL
  AND (coalesce(current_setting('gridsvc.grid', true), '') = ''
       OR NOT EXISTS (SELECT FROM jsonb_array_elements_text(f.fault -> 'codes') AS c (code)
                      WHERE NOT scope_has_grid(c.code)));

-- `datum` is that in which the positions of the team arrive, decided at `datum_at` or null: taken as WGS-84.
-- `datum_likely` is another in which they lie on the roads, until a person has decided. `geom` is converted to WGS-84.
DROP VIEW team_now;
CREATE VIEW team_now AS
SELECT t.id::text AS id, t.district, t.name, t.unit, t.roster ->> 'kind' AS kind, t.station,
       CASE WHEN e.id IS NOT NULL THEN 'engaged' WHEN t.on_duty THEN 'available' ELSE 'off_duty' END AS status,
       e.incident_id::text AS incident_id, l.at AS positioned_at, l.accuracy_m,
       coalesce(t.datum, 'WGS-84') AS datum, t.datum_at,
       CASE WHEN NOT l.datum_fit ? 'decided' THEN l.datum_fit ->> 'likely' END AS datum_likely,
       coalesce(l.geom, ST_SetSRID(ST_MakePoint((t.roster ->> 'lon')::float8, (t.roster ->> 'lat')::float8), 4326))
           ::geometry(Point, 4326) AS geom
FROM team AS t
LEFT JOIN team_last AS l ON l.district = t.district AND l.team_id = t.id
LEFT JOIN engagement AS e ON e.district = t.district AND e.team_id = t.id AND e.until IS NULL AND e.engaging
WHERE t.retired_at IS NULL;

-- The policies of the tables hold through the views, as in 0022.
DO $$
DECLARE
    each REGCLASS;
BEGIN
    FOREACH each IN ARRAY ARRAY['boundary_fault', 'team_now']::REGCLASS[] LOOP
        EXECUTE format('GRANT SELECT ON %s TO gridsvc_viewer', each);
        IF current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', each);
            EXECUTE format('GRANT SELECT ON %s TO gridsvc_app, gridsvc_viewers', each);
        END IF;
    END LOOP;
END
$$;

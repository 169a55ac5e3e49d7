-- When the sources of a gazetteer were last changed is a mark like others of its kind: it needs no table.
INSERT INTO service_mark (district, name, value)
    SELECT district, 'gazetteer-sources', 'null'::jsonb FROM gazetteer_version
    UNION ALL SELECT district, 'gazetteer-names', 'null'::jsonb FROM gazetteer_version;
DROP TABLE gazetteer_version;

-- Rivers, railways, hills, bridges and places that callers name: entries of the gazetteer, and what a caller is asked the
-- side of. A line has no radius.
CREATE TABLE named_feature (
    district TEXT NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    radius_m DOUBLE PRECISION NOT NULL,
    source TEXT NOT NULL,
    geom geometry(GEOMETRY,4326) NOT NULL,
    CONSTRAINT pk_named_feature PRIMARY KEY (district, id),
    CONSTRAINT ck_named_feature_kind CHECK (
        kind in ('river', 'stream', 'railway', 'peak', 'water', 'bridge', 'station', 'place')),
    CONSTRAINT ck_named_feature_shape CHECK (
        geometrytype(geom) = case when kind in ('river', 'stream', 'railway') then 'LINESTRING' else 'POINT' end),
    CONSTRAINT ck_named_feature_radius_m CHECK (radius_m >= 0),
    CONSTRAINT fk_named_feature_district FOREIGN KEY (district) REFERENCES district (code) ON DELETE CASCADE
);
CREATE INDEX ix_named_feature_geom ON named_feature USING gist (geom);

GRANT SELECT, INSERT, DELETE ON named_feature TO gridsvc_app;
GRANT SELECT ON named_feature TO gridsvc_viewer, gridsvc_viewers;
SELECT protect_by_district('named_feature');

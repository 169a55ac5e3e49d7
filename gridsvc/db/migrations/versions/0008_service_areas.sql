-- Where teams arrive in time, net of call handling and turnout.

CREATE TABLE service_area (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    response_class TEXT NOT NULL,
    team_id UUID,
    k SMALLINT,
    minutes DOUBLE PRECISION,
    digest TEXT NOT NULL,
    drawn_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    geom geometry(MULTIPOLYGON,4326) NOT NULL,
    overview geometry(MULTIPOLYGON,4326),
    CONSTRAINT pk_service_area PRIMARY KEY (district, id),
    CONSTRAINT fk_service_area_team FOREIGN KEY(district, team_id) REFERENCES team (district, id),
    CONSTRAINT ck_service_area_kind CHECK (kind in ('own', 'first', 'reached_by')),
    CONSTRAINT ck_service_area_response_class CHECK (response_class in ('urban', 'rural')),
    CONSTRAINT ck_service_area_subject
        CHECK ((kind = 'reached_by') = (team_id is null) and (team_id is null) = (k is not null))
);
CREATE UNIQUE INDEX uq_service_area_team ON service_area (district, kind, response_class, team_id)
    WHERE team_id is not null;
CREATE UNIQUE INDEX uq_service_area_k ON service_area (district, kind, response_class, k) WHERE team_id is null;
CREATE INDEX ix_service_area_digest ON service_area (district, digest);
-- Doubles do not compress; trying to costs more than reading them.
ALTER TABLE service_area ALTER COLUMN geom SET STORAGE EXTERNAL, ALTER COLUMN overview SET STORAGE EXTERNAL;

CREATE TABLE service_area_set (
    district TEXT NOT NULL,
    number BIGINT NOT NULL,
    key TEXT NOT NULL,
    layers JSONB NOT NULL,
    versions JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_service_area_set PRIMARY KEY (district)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON service_area, service_area_set TO gridsvc_app;
GRANT SELECT ON service_area, service_area_set TO gridsvc_viewer, gridsvc_viewers;

-- A team's area is seen by whoever sees the team; what all teams reach together says nothing of one of them.
SELECT protect_by_district('service_area',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''') or team_id is null'
    ' or scope_has_team(district, team_id)');
SELECT protect_by_district('service_area_set');

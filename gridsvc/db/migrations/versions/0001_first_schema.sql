-- Districts, grids, roads, teams, cases and their evidence.

create sequence incident_number;

CREATE TABLE address (
    district TEXT NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    text TEXT NOT NULL,
    level TEXT NOT NULL,
    radius_m DOUBLE PRECISION NOT NULL,
    source TEXT NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    CONSTRAINT pk_address PRIMARY KEY (district, id)
);

CREATE INDEX ix_address_geom ON address USING gist (geom);

CREATE INDEX ix_address_text ON address (district, text);

CREATE TABLE artifact (
    district TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    content BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_artifact PRIMARY KEY (district, digest)
);

CREATE TABLE closure (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    geom geometry(GEOMETRY,4326) NOT NULL,
    factor DOUBLE PRECISION NOT NULL,
    profiles TEXT[] NOT NULL,
    "from" TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_closure PRIMARY KEY (district, id),
    CONSTRAINT ck_closure_factor CHECK (factor >= 0 and factor <= 1),
    CONSTRAINT ck_closure_span CHECK (until is null or until > "from")
);

CREATE TABLE district (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT DEFAULT 'Asia/Shanghai' NOT NULL,
    synthetic BOOLEAN DEFAULT 'false' NOT NULL,
    about JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_district PRIMARY KEY (code)
);

CREATE TABLE document (
    district TEXT NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    content TEXT NOT NULL,
    source TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_document PRIMARY KEY (district, kind, digest),
    CONSTRAINT ck_document_kind CHECK (kind in ('catalogue', 'plans', 'clock_policies', 'teams'))
);

CREATE TABLE event_seal (
    district TEXT NOT NULL,
    position BIGINT NOT NULL,
    event_id UUID NOT NULL,
    hash BYTEA NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_event_seal PRIMARY KEY (district, position)
);

CREATE UNIQUE INDEX uq_event_seal_event ON event_seal (district, event_id);

CREATE TABLE event_unsealed (
    district TEXT NOT NULL,
    event_id UUID NOT NULL,
    CONSTRAINT pk_event_unsealed PRIMARY KEY (district, event_id)
);

CREATE TABLE grid_generation (
    district TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT DEFAULT 'draft' NOT NULL,
    source JSONB DEFAULT '{}' NOT NULL,
    faults JSONB,
    blocking BOOLEAN,
    index_digest TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    activated_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_grid_generation PRIMARY KEY (district, number),
    CONSTRAINT ck_grid_generation_state CHECK (state in ('draft', 'activated', 'discarded')),
    CONSTRAINT ck_grid_generation_activated CHECK ((state = 'activated') = (activated_at is not null))
);

CREATE UNIQUE INDEX uq_grid_generation_draft ON grid_generation (district) WHERE state = 'draft';

CREATE TABLE grid_geometry (
    district TEXT NOT NULL,
    digest TEXT NOT NULL,
    geom geometry(GEOMETRY,4326) NOT NULL,
    area_m2 DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_grid_geometry PRIMARY KEY (district, digest)
);

CREATE INDEX ix_grid_geometry_geom ON grid_geometry USING gist (geom);

CREATE TABLE idempotency (
    district TEXT NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BYTEA NOT NULL,
    status SMALLINT,
    body BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (district, caller, key)
);

CREATE INDEX ix_idempotency_created_at ON idempotency (created_at);

CREATE TABLE incident_event (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    incident_id UUID,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT pk_incident_event PRIMARY KEY (district, id)
);

CREATE INDEX ix_incident_event_incident ON incident_event (district, incident_id, id);

CREATE TABLE road_edge (
    district TEXT NOT NULL,
    network TEXT NOT NULL,
    edge INTEGER NOT NULL,
    class TEXT NOT NULL,
    name TEXT,
    oneway BOOLEAN NOT NULL,
    speed_kph DOUBLE PRECISION,
    geom geometry(LINESTRING,4326) NOT NULL,
    CONSTRAINT pk_road_edge PRIMARY KEY (district, network, edge)
);

CREATE INDEX ix_road_edge_geom ON road_edge USING gist (geom);

CREATE TABLE road_network (
    district TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    report JSONB DEFAULT '{}' NOT NULL,
    nodes INTEGER NOT NULL,
    arcs INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_road_network PRIMARY KEY (district, digest)
);

CREATE TABLE station (
    district TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    derived BOOLEAN DEFAULT 'false' NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    CONSTRAINT pk_station PRIMARY KEY (district, id)
);

CREATE INDEX ix_station_geom ON station USING gist (geom);

CREATE TABLE team_position (
    district TEXT NOT NULL,
    team_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    accuracy_m DOUBLE PRECISION,
    CONSTRAINT pk_team_position PRIMARY KEY (district, team_id, at)
)
 PARTITION BY RANGE (at);

CREATE TABLE team_position_rest PARTITION OF team_position DEFAULT;

CREATE TABLE district_version (
    district TEXT NOT NULL,
    generation INTEGER,
    network TEXT,
    closures BIGINT DEFAULT '0' NOT NULL,
    catalogue TEXT,
    plans TEXT,
    clock_policies TEXT,
    teams BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT pk_district_version PRIMARY KEY (district),
    CONSTRAINT fk_district_version_district FOREIGN KEY(district) REFERENCES district (code)
);

CREATE TABLE grid (
    district TEXT NOT NULL,
    generation INTEGER NOT NULL,
    row INTEGER NOT NULL,
    level SMALLINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    parent TEXT,
    geometry_digest TEXT NOT NULL,
    urban_rural_code TEXT,
    provisional_code BOOLEAN DEFAULT 'false' NOT NULL,
    derived BOOLEAN DEFAULT 'false' NOT NULL,
    officer TEXT,
    CONSTRAINT pk_grid PRIMARY KEY (district, generation, row),
    CONSTRAINT ck_grid_level CHECK (level between 1 and 4),
    CONSTRAINT fk_grid_grid_generation FOREIGN KEY(district, generation) REFERENCES grid_generation (district, number),
    CONSTRAINT fk_grid_grid_geometry FOREIGN KEY(district, geometry_digest) REFERENCES grid_geometry (district, digest)
);

CREATE INDEX ix_grid_code ON grid (district, code);

CREATE INDEX ix_grid_generation_level ON grid (district, generation, level);

CREATE INDEX ix_grid_geometry_digest ON grid (district, geometry_digest, generation);

CREATE TABLE in_force (
    district TEXT NOT NULL,
    entry BIGINT GENERATED ALWAYS AS IDENTITY,
    generation INTEGER NOT NULL,
    reason TEXT NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_in_force PRIMARY KEY (district, entry),
    CONSTRAINT fk_in_force_grid_generation FOREIGN KEY(district, generation) REFERENCES grid_generation (district, number),
    CONSTRAINT ck_in_force_reason CHECK (reason in ('activate', 'rollback'))
);

CREATE TABLE incident (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    number BIGINT DEFAULT nextval('incident_number') NOT NULL,
    type TEXT NOT NULL,
    urgency TEXT NOT NULL,
    response_class TEXT,
    target_s INTEGER,
    clock_policy TEXT NOT NULL,
    status TEXT NOT NULL,
    waiting BOOLEAN NOT NULL,
    drill BOOLEAN NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    extent geometry(GEOMETRY,4326),
    radius_m DOUBLE PRECISION,
    regional TEXT,
    township TEXT,
    area TEXT,
    village TEXT,
    rule TEXT NOT NULL,
    generation INTEGER,
    handler TEXT,
    description TEXT,
    source TEXT,
    external_ref TEXT,
    subject TEXT,
    site TEXT,
    details JSONB NOT NULL,
    versions JSONB NOT NULL,
    reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    triggered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    assigned_at TIMESTAMP WITH TIME ZONE,
    handled_at TIMESTAMP WITH TIME ZONE,
    feedback_at TIMESTAMP WITH TIME ZONE,
    archived_at TIMESTAMP WITH TIME ZONE,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_incident PRIMARY KEY (district, id),
    CONSTRAINT ck_incident_urgency CHECK (urgency in ('emergency', 'routine')),
    CONSTRAINT ck_incident_status CHECK (status in ('triggered', 'accepted', 'assigned', 'handling', 'feedback', 'archived', 'cancelled')),
    CONSTRAINT ck_incident_clocks CHECK ((status <> 'accepted' or accepted_at is not null) and (status <> 'assigned' or assigned_at is not null) and (status <> 'handling' or handled_at is not null) and (status <> 'feedback' or feedback_at is not null) and (status <> 'archived' or archived_at is not null) and (status <> 'cancelled' or cancelled_at is not null)),
    CONSTRAINT ck_incident_waiting CHECK (not waiting or status in ('triggered', 'accepted')),
    CONSTRAINT fk_incident_district FOREIGN KEY(district) REFERENCES district (code)
);

CREATE INDEX ix_incident_geom ON incident USING gist (geom) WHERE status not in ('archived', 'cancelled');

CREATE INDEX ix_incident_open ON incident (district, status) WHERE status not in ('archived', 'cancelled');

CREATE INDEX ix_incident_triggered_at ON incident (district, triggered_at);

CREATE TABLE team (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    station TEXT,
    on_duty BOOLEAN DEFAULT 'true' NOT NULL,
    roster JSONB NOT NULL,
    CONSTRAINT pk_team PRIMARY KEY (district, id),
    CONSTRAINT fk_team_station FOREIGN KEY(district, station) REFERENCES station (district, id)
);

CREATE TABLE engagement (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    incident_id UUID NOT NULL,
    team_id UUID NOT NULL,
    slot TEXT NOT NULL,
    lead BOOLEAN NOT NULL,
    engaging BOOLEAN NOT NULL,
    travel_s DOUBLE PRECISION,
    response_s DOUBLE PRECISION,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    en_route_at TIMESTAMP WITH TIME ZONE,
    on_scene_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    reason TEXT,
    CONSTRAINT pk_engagement PRIMARY KEY (district, id),
    CONSTRAINT ck_engagement_outcome CHECK (outcome in ('cleared', 'declined', 'withdrawn', 'cancelled', 'archived')),
    CONSTRAINT ck_engagement_ended CHECK ((until is null) = (outcome is null)),
    CONSTRAINT ck_engagement_span CHECK (until is null or until >= since),
    CONSTRAINT fk_engagement_incident FOREIGN KEY(district, incident_id) REFERENCES incident (district, id),
    CONSTRAINT fk_engagement_team FOREIGN KEY(district, team_id) REFERENCES team (district, id)
);

CREATE INDEX ix_engagement_incident ON engagement (district, incident_id);

CREATE UNIQUE INDEX uq_engagement_live ON engagement (district, team_id) WHERE until is null and engaging;

CREATE TABLE incident_reporter (
    district TEXT NOT NULL,
    incident_id UUID NOT NULL,
    reporter JSONB NOT NULL,
    salt BYTEA NOT NULL,
    CONSTRAINT pk_incident_reporter PRIMARY KEY (district, incident_id),
    CONSTRAINT fk_incident_reporter_incident FOREIGN KEY(district, incident_id) REFERENCES incident (district, id)
);

CREATE TABLE team_last (
    district TEXT NOT NULL,
    team_id UUID NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    accuracy_m DOUBLE PRECISION,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_team_last PRIMARY KEY (district, team_id),
    CONSTRAINT fk_team_last_team FOREIGN KEY(district, team_id) REFERENCES team (district, id)
);

CREATE INDEX ix_team_last_geom ON team_last USING gist (geom);

-- The application's role owns nothing and can neither change nor delete what happened.
-- The two roles are made by the embedded cluster, or by whoever sets up the database that is given.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gridsvc_app') THEN
        CREATE ROLE gridsvc_app NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gridsvc_viewer') THEN
        CREATE ROLE gridsvc_viewer NOLOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO gridsvc_app, gridsvc_viewer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gridsvc_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO gridsvc_app;
REVOKE UPDATE, DELETE ON incident_event, event_seal, in_force, artifact, document FROM gridsvc_app;
REVOKE UPDATE ON event_unsealed FROM gridsvc_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM gridsvc_app;
GRANT SELECT ON district, district_version, grid_generation, grid, grid_geometry, in_force, road_network, road_edge,
    closure, station, team, team_last, address, incident, engagement TO gridsvc_viewer;

-- For QGIS: the grids in force, with their shapes.
CREATE VIEW grid_in_force AS
SELECT g.district, g.generation, g.level, g.code, g.name, g.parent, g.urban_rural_code, g.derived, s.area_m2, s.geom
FROM district_version AS v
JOIN grid AS g ON g.district = v.district AND g.generation = v.generation
JOIN grid_geometry AS s ON s.district = g.district AND s.digest = g.geometry_digest;
GRANT SELECT ON grid_in_force TO gridsvc_app, gridsvc_viewer;

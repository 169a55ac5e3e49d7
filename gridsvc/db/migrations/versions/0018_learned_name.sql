-- The fields of a structured address (GB/T 23705): street, house, village ...
ALTER TABLE address ADD COLUMN parts JSONB DEFAULT '{}' NOT NULL;

-- A name that a person gave to the place of a case. Names may be personal data: erasing deletes rows.
CREATE TABLE learned_name (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    incident_id UUID NOT NULL,
    confirmed_by TEXT NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    radius_m DOUBLE PRECISION NOT NULL,
    salt BYTEA NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    CONSTRAINT pk_learned_name PRIMARY KEY (district, id),
    CONSTRAINT uq_learned_name_person UNIQUE (district, name, incident_id, confirmed_by),
    CONSTRAINT ck_learned_name_radius_m CHECK (radius_m >= 0),
    CONSTRAINT fk_learned_name_incident FOREIGN KEY (district, incident_id) REFERENCES incident (district, id)
);
CREATE INDEX ix_learned_name_incident ON learned_name (district, incident_id);

-- Counts the changes of addresses and stations, and of learned names: gazetteers are known by them.
CREATE TABLE gazetteer_version (
    district TEXT NOT NULL,
    sources BIGINT NOT NULL,
    names BIGINT NOT NULL,
    CONSTRAINT pk_gazetteer_version PRIMARY KEY (district),
    CONSTRAINT fk_gazetteer_version_district FOREIGN KEY (district) REFERENCES district (code) ON DELETE CASCADE
);

GRANT SELECT, INSERT, DELETE ON learned_name TO gridsvc_app;
GRANT SELECT, INSERT, UPDATE ON gazetteer_version TO gridsvc_app;
SELECT protect_by_district('learned_name',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''') or scope_has_case(district, incident_id)');
SELECT protect_by_district('gazetteer_version');

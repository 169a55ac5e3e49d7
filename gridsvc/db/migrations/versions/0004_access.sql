-- Keys, sessions and devices.

CREATE TABLE access_key (
    district TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    grid TEXT,
    secret_hash TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_access_key PRIMARY KEY (district, id),
    CONSTRAINT ck_access_key_role CHECK (role in ('dispatcher', 'officer', 'supervisor', 'planner', 'engineer', 'admin')),
    CONSTRAINT ck_access_key_grid CHECK (grid is null or district <> '*')
);
CREATE INDEX ix_access_key_id ON access_key (id);
CREATE UNIQUE INDEX uq_access_key_name ON access_key (district, name) WHERE revoked_at is null;

CREATE TABLE session (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    key_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    token_digest BYTEA NOT NULL,
    team_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_session PRIMARY KEY (district, id),
    CONSTRAINT ck_session_kind CHECK (kind in ('browser', 'device')),
    CONSTRAINT fk_session_access_key FOREIGN KEY(district, key_id) REFERENCES access_key (district, id)
);
CREATE INDEX ix_session_token_digest ON session (token_digest);
CREATE INDEX ix_session_key ON session (district, key_id);

CREATE TABLE pairing (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    key_id TEXT NOT NULL,
    code_digest BYTEA NOT NULL,
    team_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_pairing PRIMARY KEY (district, id),
    CONSTRAINT fk_pairing_access_key FOREIGN KEY(district, key_id) REFERENCES access_key (district, id)
);
CREATE INDEX ix_pairing_code_digest ON pairing (code_digest);

CREATE TABLE access_version (
    district TEXT NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT pk_access_version PRIMARY KEY (district)
);

-- Personal data: what reporters said moves out of the case.

ALTER TABLE incident_reporter RENAME TO incident_personal;
ALTER TABLE incident_personal RENAME CONSTRAINT pk_incident_reporter TO pk_incident_personal;
ALTER TABLE incident_personal RENAME CONSTRAINT fk_incident_reporter_incident TO fk_incident_personal_incident;
ALTER TABLE incident_personal ALTER COLUMN reporter DROP NOT NULL;
ALTER TABLE incident_personal ADD COLUMN description TEXT, ADD COLUMN subject TEXT, ADD COLUMN site TEXT;
INSERT INTO incident_personal (district, incident_id, description, subject, site, salt)
SELECT district, id, description, subject, site, uuid_send(gen_random_uuid())
FROM incident WHERE coalesce(description, subject, site) IS NOT NULL
ON CONFLICT (district, incident_id) DO UPDATE
SET description = excluded.description, subject = excluded.subject, site = excluded.site;
ALTER TABLE incident DROP COLUMN description, DROP COLUMN subject, DROP COLUMN site;

CREATE TABLE event_personal (
    district TEXT NOT NULL,
    event_id UUID NOT NULL,
    incident_id UUID,
    note TEXT NOT NULL,
    salt BYTEA NOT NULL,
    CONSTRAINT pk_event_personal PRIMARY KEY (district, event_id)
);
CREATE INDEX ix_event_personal_incident ON event_personal (district, incident_id);

GRANT SELECT, INSERT, UPDATE ON access_key, session, pairing, access_version TO gridsvc_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON event_personal TO gridsvc_app;
GRANT DELETE ON session, pairing TO gridsvc_app;

-- Scope. A transaction says for whom it is: gridsvc.district is one code, or * for all, and nothing at all where it was
-- forgotten; gridsvc.grid is empty, or the code of the grid that the caller is limited to; gridsvc.grids are that grid,
-- those above it and those below it, joined by commas. The subselects make each a constant of the statement, and what
-- is asked for a limited caller alone lies in functions, so that the plans of the others stay as small as they were.

CREATE FUNCTION protect_by_district(relation REGCLASS, rows TEXT DEFAULT 'true', code TEXT DEFAULT 'district')
RETURNS VOID LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ours TEXT := format('(select current_setting(''gridsvc.district'', true)) = any (array[''*'', %I])', code);
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY scope ON %s TO gridsvc_app USING (%s and (%s)) WITH CHECK (%s)',
                   relation, ours, rows, ours);
    -- QGIS and reports look with a role of the database itself, for all districts; it may read some tables only.
    EXECUTE format('CREATE POLICY viewer ON %s FOR SELECT TO gridsvc_viewer USING (true)', relation);
END
$$;
REVOKE ALL ON FUNCTION protect_by_district(REGCLASS, TEXT, TEXT) FROM PUBLIC;

CREATE FUNCTION scope_has_grid(code TEXT) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN code = ANY (string_to_array(current_setting('gridsvc.grids', true), ','));
END
$$;

-- The policies of `incident` say whether the case is there for the caller.
CREATE FUNCTION scope_has_case(case_district TEXT, case_id UUID) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.incident AS i WHERE i.district = case_district AND i.id = case_id);
END
$$;

-- A team without a grid of its own serves the whole district; another is seen where it belongs, and on a case.
CREATE FUNCTION scope_has_team(team_district TEXT, team UUID, roster JSONB) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
DECLARE
    grids CONSTANT TEXT[] := string_to_array(current_setting('gridsvc.grids', true), ',');
    township CONSTANT TEXT := roster ->> 'township';
    region CONSTANT TEXT := roster ->> 'region';
    areas CONSTANT JSONB := coalesce(roster -> 'areas', '[]');
BEGIN
    RETURN (township IS NULL AND region IS NULL AND areas = '[]') OR township = ANY (grids) OR region = ANY (grids)
        OR areas ?| grids
        OR EXISTS (SELECT FROM public.engagement AS e
                   WHERE e.district = team_district AND e.team_id = team AND e.until IS NULL);
END
$$;

CREATE FUNCTION scope_has_team(team_district TEXT, team UUID) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.team AS t WHERE t.district = team_district AND t.id = team);
END
$$;

DO $$
DECLARE
    whole CONSTANT TEXT := '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''')';
    each TEXT;
    rows TEXT;
BEGIN
    PERFORM protect_by_district('district', code => 'code');
    FOR each IN
        SELECT c.relname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'district' AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        ORDER BY c.relname
    LOOP
        rows := CASE
            WHEN each = 'incident' THEN
                '(select current_setting(''gridsvc.grid'', true)) = any (array[regional, township, area, village])'
            WHEN each = 'grid' THEN 'scope_has_grid(code)'
            WHEN each = 'team' THEN 'scope_has_team(district, id, roster)'
            WHEN each IN ('engagement', 'incident_event', 'incident_personal', 'event_personal', 'alert', 'proposal')
                THEN 'scope_has_case(district, incident_id)'
            WHEN each IN ('team_last', 'team_position') THEN 'scope_has_team(district, team_id)'
        END;
        PERFORM protect_by_district(each::regclass, CASE WHEN rows IS NULL THEN 'true' ELSE whole || ' or ' || rows END);
    END LOOP;
END
$$;

-- The view asks with the rights of who asks it, so that the policies hold through it.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        EXECUTE 'ALTER VIEW grid_in_force SET (security_invoker = true)';
        EXECUTE 'GRANT SELECT ON grid, grid_geometry, district_version TO gridsvc_viewer';
    ELSE
        EXECUTE 'REVOKE SELECT ON grid_in_force FROM gridsvc_app';
    END IF;
END
$$;

-- Behind a policy only a LEAKPROOF operator may use an index. geometry && geometry compares boxes and raises no error
-- that tells of a row. Only a superuser may say so: where the owner is none, db/roles.sql says it.
DO $$
BEGIN
    ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'geometry_overlaps is not marked LEAKPROOF; run db/roles.sql as a superuser';
END
$$;

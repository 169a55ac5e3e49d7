-- What the background process works on.

CREATE TABLE job (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    arguments JSONB DEFAULT '{}' NOT NULL,
    asked_by TEXT NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    attempt INTEGER DEFAULT '0' NOT NULL,
    attempts_allowed INTEGER DEFAULT '3' NOT NULL,
    holder TEXT,
    done BIGINT DEFAULT '0' NOT NULL,
    total BIGINT,
    words TEXT DEFAULT '' NOT NULL,
    result JSONB,
    error TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    heartbeat_at TIMESTAMP WITH TIME ZONE,
    cancel_asked_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_job PRIMARY KEY (district, id),
    CONSTRAINT ck_job_state CHECK (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
    CONSTRAINT ck_job_finished CHECK ((state in ('done', 'failed', 'cancelled')) = (finished_at is not null)),
    CONSTRAINT ck_job_heartbeat CHECK (state <> 'running' or heartbeat_at is not null)
);

CREATE INDEX ix_job_open ON job (created_at) WHERE state in ('waiting', 'running');

CREATE TABLE due (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    arguments JSONB DEFAULT '{}' NOT NULL,
    asked_by TEXT NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    attempt INTEGER DEFAULT '0' NOT NULL,
    outcome JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_due PRIMARY KEY (district, id),
    CONSTRAINT ck_due_state CHECK (state in ('waiting', 'done', 'failed', 'cancelled')),
    CONSTRAINT ck_due_finished CHECK ((state = 'waiting') = (finished_at is null))
);

CREATE INDEX ix_due_waiting ON due (at) WHERE state = 'waiting';

CREATE UNIQUE INDEX uq_due_waiting ON due (district, kind, subject) WHERE state = 'waiting';

CREATE TABLE alert (
    district TEXT NOT NULL,
    incident_id UUID NOT NULL,
    step TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    rank SMALLINT NOT NULL,
    limit_at TIMESTAMP WITH TIME ZONE NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    level TEXT,
    owner TEXT,
    timers TEXT NOT NULL,
    CONSTRAINT pk_alert PRIMARY KEY (district, incident_id, step, since, rank),
    CONSTRAINT fk_alert_incident FOREIGN KEY(district, incident_id) REFERENCES incident (district, id),
    CONSTRAINT ck_alert_rank CHECK (rank >= 0),
    CONSTRAINT ck_alert_level CHECK (level in ('village', 'area', 'township', 'regional', 'district'))
);

CREATE TABLE proposal (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    incident_id UUID,
    subject TEXT NOT NULL,
    grounds JSONB DEFAULT '{}' NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decision TEXT,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    CONSTRAINT pk_proposal PRIMARY KEY (district, id),
    CONSTRAINT ck_proposal_decision CHECK (decision in ('accepted', 'rejected', 'withdrawn')),
    CONSTRAINT ck_proposal_decided CHECK ((decision is null) = (decided_at is null) and (decision is null) = (decided_by is null)),
    CONSTRAINT fk_proposal_incident FOREIGN KEY(district, incident_id) REFERENCES incident (district, id)
);

CREATE INDEX ix_proposal_open ON proposal (district, proposed_at) WHERE decision is null;

CREATE UNIQUE INDEX uq_proposal_subject ON proposal (district, kind, incident_id, subject);

CREATE TABLE service_mark (
    district TEXT NOT NULL,
    name TEXT NOT NULL,
    value JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_service_mark PRIMARY KEY (district, name)
);

-- Timers are versioned like the other law of a district.
ALTER TABLE district_version ADD COLUMN timers TEXT;
ALTER TABLE document DROP CONSTRAINT ck_document_kind;
ALTER TABLE document ADD CONSTRAINT ck_document_kind
    CHECK (kind in ('catalogue', 'plans', 'clock_policies', 'teams', 'timers'));

-- Queues and counters live for moments only: their dead rows must go before they are read again and again.
ALTER TABLE event_unsealed SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0);
ALTER TABLE district_version SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 500);
ALTER TABLE team_last SET (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON job, due, service_mark TO gridsvc_app;
GRANT SELECT, INSERT ON alert TO gridsvc_app;
GRANT SELECT, INSERT, UPDATE ON proposal TO gridsvc_app;
GRANT SELECT ON alert, proposal TO gridsvc_viewer;

-- The application may not delete artifacts: this function does, and only those that no case, generation, network
-- or version names.
CREATE FUNCTION remove_unnamed_artifacts(older_than INTERVAL) RETURNS TABLE (district TEXT, digest TEXT)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM artifact AS a
    WHERE a.created_at < clock_timestamp() - older_than
      AND NOT EXISTS (SELECT FROM grid_generation AS g
                      WHERE g.district = a.district AND g.index_digest = a.digest AND g.state <> 'discarded')
      AND NOT EXISTS (SELECT FROM road_network AS n WHERE n.district = a.district AND n.digest = a.digest)
      AND NOT EXISTS (SELECT FROM district_version AS v WHERE v.district = a.district AND v.network = a.digest)
      AND NOT EXISTS (SELECT FROM incident AS i WHERE i.district = a.district AND i.versions->>'network' = a.digest)
      AND NOT EXISTS (SELECT FROM incident AS i JOIN grid_generation AS g
                      ON g.district = i.district AND g.number = i.generation
                      WHERE i.district = a.district AND g.index_digest = a.digest)
    RETURNING a.district, a.digest
$$;
REVOKE ALL ON FUNCTION remove_unnamed_artifacts(INTERVAL) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_unnamed_artifacts(INTERVAL) TO gridsvc_app;

-- Positions are kept by day; the day after tomorrow has its partition before it begins, an old day leaves whole.
CREATE FUNCTION keep_position_days(ahead INTEGER, kept INTEGER) RETURNS TABLE (made INTEGER, dropped INTEGER)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today DATE := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    each_day DATE;
    part TEXT;
BEGIN
    made := 0;
    dropped := 0;
    FOR each_day IN SELECT today + n FROM generate_series(0, ahead) AS n LOOP
        part := 'team_position_' || to_char(each_day, 'YYYYMMDD');
        IF to_regclass('public.' || part) IS NULL THEN
            -- Rows of that day that came early lie in the default partition; they move.
            EXECUTE format('CREATE TABLE public.%I (LIKE public.team_position INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                           part);
            EXECUTE format('WITH early AS (DELETE FROM public.team_position_rest WHERE at >= %L AND at < %L RETURNING *) '
                           'INSERT INTO public.%I SELECT * FROM early',
                           each_day::timestamp AT TIME ZONE 'UTC', (each_day + 1)::timestamp AT TIME ZONE 'UTC', part);
            EXECUTE format('ALTER TABLE public.team_position ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                           part, each_day::timestamp AT TIME ZONE 'UTC', (each_day + 1)::timestamp AT TIME ZONE 'UTC');
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO gridsvc_app', part);
            made := made + 1;
        END IF;
    END LOOP;
    FOR part IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.team_position'::regclass AND c.relname ~ '^team_position_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - kept
    LOOP
        EXECUTE format('DROP TABLE public.%I', part);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM public.team_position_rest WHERE at < (today - kept)::timestamp AT TIME ZONE 'UTC';
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION keep_position_days(INTEGER, INTEGER) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_position_days(INTEGER, INTEGER) TO gridsvc_app;

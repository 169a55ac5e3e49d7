-- A tracker is a session that reports the position of one team and may do nothing else.
ALTER TABLE session DROP CONSTRAINT ck_session_kind;
ALTER TABLE session ADD CONSTRAINT ck_session_kind CHECK (kind in ('browser', 'device', 'tracker'));
ALTER TABLE session ADD CONSTRAINT ck_session_tracker CHECK (kind <> 'tracker' or team_id is not null);

-- The time of a device whose clock is ahead: a repetition of a corrected position is known by it.
ALTER TABLE team_position ADD COLUMN device_at TIMESTAMP WITH TIME ZONE;
CREATE INDEX ix_team_position_device_at ON team_position (district, team_id, device_at) WHERE device_at IS NOT NULL;

-- As before, with the time as a parameter.
DROP FUNCTION keep_position_days(INTEGER, INTEGER);
CREATE FUNCTION keep_position_days(at_time TIMESTAMP WITH TIME ZONE, ahead INTEGER, kept INTEGER)
RETURNS TABLE (made INTEGER, dropped INTEGER)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today DATE := (at_time AT TIME ZONE 'UTC')::date;
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
REVOKE ALL ON FUNCTION keep_position_days(TIMESTAMP WITH TIME ZONE, INTEGER, INTEGER) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_position_days(TIMESTAMP WITH TIME ZONE, INTEGER, INTEGER) TO gridsvc_app;

-- Of a day whose positions are old, the last of each minute of a team stays. The day is written again, so that its file
-- shrinks. Its comment has the size of the file then: a day that did not grow is done. Returns the rows that went.
CREATE FUNCTION thin_position_day(thinned_day DATE) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    part CONSTANT TEXT := 'team_position_' || to_char(thinned_day, 'YYYYMMDD');
    day_start CONSTANT TIMESTAMP WITH TIME ZONE := thinned_day::timestamp AT TIME ZONE 'UTC';
    day_end CONSTANT TIMESTAMP WITH TIME ZONE := (thinned_day + 1)::timestamp AT TIME ZONE 'UTC';
    before BIGINT;
    after BIGINT;
BEGIN
    IF to_regclass('public.' || part) IS NULL THEN
        DELETE FROM public.team_position_rest AS p
        WHERE p.at >= day_start AND p.at < day_end
          AND EXISTS (SELECT FROM public.team_position_rest AS later
                      WHERE later.district = p.district AND later.team_id = p.team_id AND later.at > p.at
                        AND later.at < date_trunc('minute', p.at) + interval '1 minute');
        GET DIAGNOSTICS before = ROW_COUNT;
        RETURN before;
    END IF;
    IF obj_description(to_regclass('public.' || part), 'pg_class')
       = format('thinned, %s bytes', pg_relation_size('public.' || part)) THEN
        RETURN 0;
    END IF;
    PERFORM set_config('lock_timeout', '2s', true);
    EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', part);
    EXECUTE format('CREATE UNLOGGED TABLE public.team_position_thinning AS '
                   'SELECT DISTINCT ON (district, team_id, date_trunc(''minute'', at)) * FROM public.%I '
                   'ORDER BY district, team_id, date_trunc(''minute'', at), at DESC', part);
    GET DIAGNOSTICS after = ROW_COUNT;
    EXECUTE format('SELECT count(*) FROM public.%I', part) INTO before;
    IF after < before THEN
        EXECUTE format('TRUNCATE public.%I', part);
        EXECUTE format('INSERT INTO public.%I SELECT * FROM public.team_position_thinning', part);
    END IF;
    DROP TABLE public.team_position_thinning;
    EXECUTE format('COMMENT ON TABLE public.%I IS %L', part,
                   format('thinned, %s bytes', pg_relation_size('public.' || part)));
    RETURN before - after;
END
$$;
REVOKE ALL ON FUNCTION thin_position_day(DATE) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION thin_position_day(DATE) TO gridsvc_app;

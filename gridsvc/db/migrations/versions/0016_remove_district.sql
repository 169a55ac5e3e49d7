-- A district that was made by mistake is removed again, while nothing has happened in it.

-- Returns the district whose counter of layouts has changed; null where none is left.
CREATE FUNCTION remove_district(code TEXT) RETURNS TEXT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    each TEXT;
    changed TEXT;
    changes BIGINT;
    found INTEGER;
BEGIN
    IF current_setting('gridsvc.district', true) IS DISTINCT FROM '*'
       AND current_setting('gridsvc.district', true) IS DISTINCT FROM code THEN
        RAISE EXCEPTION 'district % is out of scope', code USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Whoever reports into the district waits here, and finds it gone.
    SELECT v.layout INTO changes FROM district_version AS v WHERE v.district = code FOR UPDATE;
    FOREACH each IN ARRAY ARRAY['incident', 'closure', 'access_key'] LOOP
        EXECUTE format('SELECT 1 FROM %I WHERE district = $1 LIMIT 1', each) INTO found USING code;
        IF found IS NOT NULL THEN
            RAISE EXCEPTION 'district % has rows in %', code, each USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    FOREACH each IN ARRAY ARRAY['service_area', 'service_area_shape', 'service_area_set', 'address',
                                'team_position', 'team_last', 'team', 'station', 'road_edge',
                                'road_network', 'in_force', 'grid', 'grid_geometry', 'grid_generation',
                                'document', 'artifact_piece', 'artifact', 'due', 'district_version']
    LOOP
        CONTINUE WHEN to_regclass(each) IS NULL;  -- of a later migration
        EXECUTE format('DELETE FROM %I WHERE district = $1', each) USING code;
    END LOOP;
    DELETE FROM district AS d WHERE d.code = remove_district.code;
    -- Processes know the places of districts by the number of districts and the sum of these counters.
    UPDATE district_version SET layout = layout + changes + 1
    WHERE district = (SELECT min(v.district) FROM district_version AS v) RETURNING district INTO changed;
    RETURN changed;
END
$$;
REVOKE ALL ON FUNCTION remove_district(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_district(TEXT) TO gridsvc_app;

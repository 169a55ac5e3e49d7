-- gridsvc_viewer looks at all districts. A login gridsvc_viewer_CODE in the group gridsvc_viewers looks at the one of
-- its name: a name cannot be set like a variable, and the group itself, which a member may become, sees nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gridsvc_viewers') THEN
        CREATE ROLE gridsvc_viewers NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE insufficient_privilege
        USING MESSAGE = 'the role gridsvc_viewers is missing: first let a superuser run gridsvc/db/roles.sql';
END
$$;

CREATE OR REPLACE FUNCTION protect_by_district(relation REGCLASS, rows TEXT DEFAULT 'true', code TEXT DEFAULT 'district')
RETURNS VOID LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ours TEXT := format('(select current_setting(''gridsvc.district'', true)) = any (array[''*'', %I])', code);
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY scope ON %s TO gridsvc_app USING (%s and (%s)) WITH CHECK (%s)',
                   relation, ours, rows, ours);
    -- QGIS and reports look with roles of the database itself; they may read some tables only.
    EXECUTE format('CREATE POLICY viewer ON %s FOR SELECT TO gridsvc_viewer USING (true)', relation);
    PERFORM let_viewers_see(relation, code);
END
$$;

CREATE FUNCTION let_viewers_see(relation REGCLASS, code TEXT) RETURNS VOID
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE POLICY viewer_of_district ON %s FOR SELECT TO gridsvc_viewers USING '
                   '(%I = (select substring(current_user::text from ''^gridsvc_viewer_(.+)$'')))', relation, code);
END
$$;
REVOKE ALL ON FUNCTION let_viewers_see(REGCLASS, TEXT) FROM PUBLIC;

DO $$
DECLARE
    each REGCLASS;
BEGIN
    FOR each IN SELECT polrelid FROM pg_policy WHERE polname = 'viewer' LOOP
        PERFORM let_viewers_see(each, CASE WHEN each = 'district'::regclass THEN 'code' ELSE 'district' END);
    END LOOP;
    GRANT USAGE ON SCHEMA public TO gridsvc_viewers;
    FOR each IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND pg_get_userbyid(c.relowner) = current_user
          AND has_table_privilege('gridsvc_viewer', c.oid, 'SELECT')
    LOOP
        -- Before PostgreSQL 15 the view asks with the rights of its owner, who is above the policies.
        IF each <> 'grid_in_force'::regclass OR current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE format('GRANT SELECT ON %s TO gridsvc_viewers', each);
        END IF;
    END LOOP;
END
$$;

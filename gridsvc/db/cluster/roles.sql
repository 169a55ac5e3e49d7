-- Roles, rights and PostGIS of the database `gridsvc`: run in it by a superuser, any number of times.
-- The embedded cluster and docker/ both use this file.

do $$
declare
  wanted text;
begin
  foreach wanted in array array['gridsvc_owner', 'gridsvc_app', 'gridsvc_viewer'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I login nosuperuser nocreatedb nocreaterole', wanted);
    end if;
  end loop;
  -- The group of those that look at one district: a login gridsvc_viewer_CODE in it.
  if not exists (select from pg_roles where rolname = 'gridsvc_viewers') then
    create role gridsvc_viewers nologin;
  end if;
end
$$;

alter role gridsvc_viewer set default_transaction_read_only = on;
-- A program of the desk may not take the connections, or for hours the processors, of the service.
alter role gridsvc_viewer connection limit 30;
alter role gridsvc_viewer set statement_timeout = '2min';

alter database gridsvc owner to gridsvc_owner;
revoke all on database gridsvc from public;
grant connect, temporary on database gridsvc to gridsvc_app;
grant connect on database gridsvc to gridsvc_viewer, gridsvc_viewers;
revoke create on schema public from public;
grant all on schema public to gridsvc_owner;

create extension if not exists postgis;

-- Behind row level security only a LEAKPROOF operator may use an index. && compares boxes and tells of no row.
alter function geometry_overlaps(geometry, geometry) leakproof;

-- Only the service takes advisory locks: a viewer who held the sealer's would stop the chain, one who held the jobs' the
-- jobs. Everybody may call these functions in a new database.
do $$
declare
  called regprocedure;
begin
  for called in select oid from pg_proc
                where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^pg_(try_)?advisory_' loop
    execute format('revoke execute on function %s from public', called);
    execute format('grant execute on function %s to gridsvc_owner, gridsvc_app', called);
  end loop;
end
$$;

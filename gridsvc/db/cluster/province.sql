-- One database that reads across the PostgreSQL servers of several services, each with some districts: for the desk of a
-- province. Run by a superuser, any number of times, in a database of its own (it needs no other schema of gridsvc):
--
--   createdb province && psql -d province -f province.sql
--   psql -d province -c "select province.add_server('east', '10.0.1.1', 5432, 'gridsvc', array['330702', '330703'])"
--   psql -d province -c "select province.set_login('east', 'gridsvc_viewer', 'password of that role there')"
--   psql -d province -c "select * from province.faults()"
--
-- Members of the role gridsvc_province may then read. They see cases without what was said in them: no reporter, no
-- words, no address. Each server lets in gridsvc_viewer, who may write nothing there (gridsvc/db/cluster/roles.sql).

create extension if not exists postgis;
create extension if not exists postgres_fdw;

do $$
begin
  if not exists (select from pg_roles where rolname = 'gridsvc_province') then
    create role gridsvc_province nologin;
  end if;
  -- A count for each district is then made by the server that has it.
  execute format('alter database %I set enable_partitionwise_aggregate = on', current_database());
end
$$;

create schema if not exists province;
grant usage on schema province to gridsvc_province;

-- A partition is a server; a district is on one of them.
create table if not exists province.incident (
  district text not null,
  id uuid not null,
  number bigint not null,
  type text not null,
  type_name text not null,
  urgency text not null,
  response_class text,
  status text not null,
  waiting boolean not null,
  timing text,
  due_at timestamptz,
  drill boolean not null,
  geom geometry(point, 4326) not null,
  regional text,
  township text,
  area text,
  village text,
  handler text,
  reported_at timestamptz not null,
  triggered_at timestamptz not null,
  first_on_scene_at timestamptz
) partition by list (district);
grant select on province.incident to gridsvc_province;

-- Adds a server with its districts, or gives one that is there other districts. It reads in pages of 200 rows, and several
-- servers at once; an unreachable one is given up after 5 s.
create or replace function province.add_server(server text, host text, port integer, database text, districts text[])
returns void language plpgsql as $$
declare
  of_server constant text := 'incident_' || server;
begin
  if not exists (select from pg_foreign_server where srvname = server) then
    execute format('create server %I foreign data wrapper postgres_fdw options (host %L, port %L, dbname %L, '
                   'extensions ''postgis'', fetch_size ''200'', async_capable ''true'', updatable ''false'', '
                   'truncatable ''false'', connect_timeout ''5'', application_name ''gridsvc province'')',
                   server, host, port::text, database);
    execute format('create foreign table province.%I (code text not null, name text not null) server %I '
                   'options (schema_name ''public'', table_name ''district'')', 'district_' || server, server);
    execute format('create foreign table province.%I (%s) server %I '
                   'options (schema_name ''public'', table_name ''incident'')', of_server,
                   (select string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod),
                                             case when attnotnull then ' not null' end), ', ' order by attnum)
                    from pg_attribute where attrelid = 'province.incident'::regclass and attnum > 0), server);
  end if;
  if exists (select from pg_inherits where inhrelid = format('province.%I', of_server)::regclass) then
    execute format('alter table province.incident detach partition province.%I', of_server);
  end if;
  execute format('alter table province.incident attach partition province.%I for values in (%s)',
                 of_server, (select string_agg(quote_literal(code), ', ') from unnest(districts) as code));
end
$$;

-- Says as whom members of gridsvc_province read at a server. Without a password: where the server trusts the connection.
create or replace function province.set_login(server text, login text, password text default null)
returns void language plpgsql as $$
declare
  reader text;
begin
  foreach reader in array array['gridsvc_province', current_user] loop
    execute format('drop user mapping if exists for %I server %I', reader, server);
    execute format('create user mapping for %I server %I options (user %L, %s)', reader, server, login,
                   case when password is null then 'password_required ''false''' else format('password %L', password) end);
  end loop;
end
$$;

-- Districts that a server has and its partition does not, or the other way round: both mean a wrong count.
create or replace function province.faults() returns table (server text, district text, fault text)
language plpgsql as $$
declare
  each record;
begin
  for each in select srvname, oid from pg_foreign_server order by srvname loop
    return query execute format(
      'select %1$L::text, coalesce(d.code, p.code), case when p.code is null then ''not in its partition'' '
      'else ''not on the server'' end from province.%2$I as d full join '
      '(select (regexp_matches(pg_get_expr(relpartbound, oid), ''''''([^'''']+)'''''', ''g''))[1] as code '
      'from pg_class where oid = %3$L::regclass) as p on p.code = d.code where d.code is null or p.code is null order by 2',
      each.srvname, 'district_' || each.srvname, format('province.%I', 'incident_' || each.srvname));
  end loop;
end
$$;

-- The open cases of all districts, the newest first. Numbers are those of a server: say them with the district.
create or replace function province.open_cases(most integer) returns setof province.incident
language sql stable as $$
  select * from province.incident where status not in ('archived', 'cancelled')
  order by triggered_at desc, id desc limit most
$$;

-- The cases that were late at a moment: give the moment as a value. A server is not asked what now() is.
create or replace function province.late_cases(moment timestamptz, most integer) returns setof province.incident
language sql stable as $$
  select * from province.incident
  where not drill and (timing = 'late' or (timing = 'open' and due_at < moment))
  order by triggered_at desc, id desc limit most
$$;

-- Open and late cases of each district.
create or replace function province.counts(moment timestamptz)
returns table (district text, open bigint, waiting bigint, late bigint)
language sql stable as $$
  select i.district, count(*) filter (where status not in ('archived', 'cancelled')),
         count(*) filter (where i.waiting and status not in ('archived', 'cancelled')),
         count(*) filter (where timing = 'late' or (timing = 'open' and due_at < moment))
  from province.incident as i where not drill group by i.district order by i.district
$$;

revoke all on function province.add_server(text, text, integer, text, text[]), province.set_login(text, text, text)
  from public;

"""The clock of a database, set from outside: functions that hide the built-in ones, and defaults that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

    import psycopg

_INSTALL = """
    create table public.clock_offset (value interval not null);
    insert into public.clock_offset values ('0');
    grant select on public.clock_offset to public;
    create function public.clock_timestamp() returns timestamptz volatile language sql as
        'select pg_catalog.clock_timestamp() + (select value from public.clock_offset)';
    create function public.now() returns timestamptz stable language sql as
        'select pg_catalog.now() + (select value from public.clock_offset)';
    do $$
    declare
        each record;
    begin
        for each in select adrelid::regclass as held_by, attname from pg_attrdef
            join pg_attribute on attrelid = adrelid and attnum = adnum
            where pg_get_expr(adbin, adrelid) = 'clock_timestamp()'
        loop
            execute format('alter table only %s alter %I set default public.clock_timestamp()',
                           each.held_by, each.attname);
        end loop;
        for each in select oid::regprocedure as named from pg_proc
            where pronamespace = 'public'::regnamespace and proconfig is not null and prosrc like '%clock_timestamp()%'
        loop
            execute format('alter function %s set search_path = public, pg_catalog, pg_temp', each.named);
        end loop;
        execute format('alter database %I set search_path = public, pg_catalog', current_database());
    end
    $$
"""  # fmt: skip


def install_clock(superuser: psycopg.Connection[Any]) -> None:
    """Make the clock of this database one that `set_clock` sets, for the sessions that begin afterwards."""
    superuser.execute(_INSTALL)


def set_clock(superuser: psycopg.Connection[Any], offset: timedelta) -> None:
    """Set the clock so far ahead of the machine's, or behind it, for all sessions at once."""
    superuser.execute("update public.clock_offset set value = %s", [offset])

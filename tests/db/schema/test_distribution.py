"""The schema and the statements of the service hold to what Citus asks of tables that are spread over servers.

The rules are those of https://docs.citusdata.com/en/stable:
"Creating and Modifying Distributed Tables (DDL)" (keys and unique
indexes have the distribution column; foreign keys between distributed tables have it, or are to a reference table),
"Ingesting, Modifying Data (DML)" (an inserted row says its distribution column; FOR UPDATE within one shard), "SQL
Support and Workarounds" (all of SQL within one shard; the limits of queries over several) and "Triggers on Distributed
Tables" (none). Citus itself is not run here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlglot import exp

from gridsvc.db.session import fast_statements, pipeline
from tests.db.schema.distribution import ONE, Districts, read_statement
from tests.db.schema.scenario import play
from tests.worlds.district import as_superuser, open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster

REFERENCE = {
    "district": "every table refers to it, and reports look through all; a few hundred rows that seldom change",
    "access_key": "a caller comes with a key, not with a district, and some keys are of all districts (`*`)",
    "session": "a caller comes with a token, not with a district",
    "pairing": "a device comes with a code, not with a district",
    "access_version": "read with every request: whether what a process remembers of all callers still holds",
    "job": "jobs of the whole service (`*`), one queue for all services, looked up by id",
    "due": "entries of the whole service (`*`), one queue in the order of their moments",
    "service_mark": "what was done last for the whole service (`*`)",
}
"""Tables on every server, each with its reason. All others are distributed by `district`."""

LOCAL = {
    "alembic_version": "the schema's revision, one row",
    "spatial_ref_sys": "PostGIS's own, made on each server by its extension",
}
"""Tables of no district that are not copied, each with its reason."""


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The statements of a scenario, with the schema that they are for."""
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("distribution"))
        with recorded() as statements:
            play(service)
        service.database.close()
        with as_superuser(url) as superuser:
            yield {"superuser": superuser, "statements": statements, "columns": columns_of(superuser)}


@contextmanager
def recorded() -> Iterator[dict[str, int]]:
    """Collect the text of every statement that psycopg sends."""
    seen: dict[str, int] = defaultdict(int)

    def wrap(kind: Any, name: str) -> Any:
        plain = getattr(kind, name)

        def called(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            seen[query if isinstance(query, str) else query.as_string()] += 1
            return plain(self, query, *args, **kwargs)

        return called

    with pytest.MonkeyPatch.context() as patch:
        for kind in (psycopg.Cursor, psycopg.ServerCursor):
            patch.setattr(kind, "execute", wrap(kind, "execute"))
        plain = pipeline.run_pipeline

        def run_pipeline(driver: Any, statements: Any, prepared: Any) -> Any:
            for query, _ in statements:
                seen[query] += 1
            return plain(driver, statements, prepared)

        patch.setattr(fast_statements, "run_pipeline", run_pipeline)
        for name in ("executemany", "copy"):
            patch.setattr(psycopg.Cursor, name, wrap(psycopg.Cursor, name))
        yield seen


def columns_of(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Return the columns of each table and view of the schema; partitions have those of their table."""
    rows = connection.execute(
        "select c.relname, array_agg(a.attname::text) from pg_class c join pg_attribute a on a.attrelid = c.oid "
        "where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition "
        "and a.attnum > 0 and not a.attisdropped and c.relname !~ '^(geo|raster)' group by 1"
    )
    return dict(rows.fetchall())


# --- the schema ----------------------------------------------------------------------------------------------------


def distributed_tables(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the tables that are neither reference tables nor local: all that are left."""
    rows = connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') "
        "and not relispartition"
    )
    return {name for (name,) in rows} - set(REFERENCE) - set(LOCAL)


def schema_faults(connection: psycopg.Connection[Any]) -> list[str]:
    """Return what Citus would refuse of the schema."""
    spread = distributed_tables(connection)
    faults = []
    has = connection.execute(
        "select attrelid::regclass::text from pg_attribute where attname = 'district' and attnotnull "
        "and atttypid = 'text'::regtype and attrelid::regclass::text = any(%s)",
        [list(spread)],
    )
    faults += [f"{name} has no district" for name in spread - {row[0] for row in has}]
    keys = connection.execute(
        "select i.indrelid::regclass::text, i.indexrelid::regclass::text, array(select a.attname::text from "
        "pg_attribute a where a.attrelid = i.indrelid and a.attnum = any(i.indkey)) from pg_index i "
        "where (i.indisunique or i.indisexclusion) and i.indrelid::regclass::text = any(%s)",
        [list(spread)],
    )
    faults += [
        f"{index} of {table} is unique without district" for table, index, names in keys if "district" not in names
    ]
    foreign = connection.execute(
        "select c.conrelid::regclass::text, c.conname, c.confrelid::regclass::text, "
        "array(select a.attname::text || '=' || b.attname from unnest(c.conkey, c.confkey) as k (one, other) "
        "join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.one "
        "join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.other) "
        "from pg_constraint c where c.contype = 'f' and c.connamespace = 'public'::regnamespace "
        "and not exists (select from pg_class p where p.oid = c.conrelid and p.relispartition)"
    )
    for table, name, target, pairs in foreign:
        if target in spread and (table not in spread or "district=district" not in pairs):
            faults.append(f"{name} of {table} refers to {target} without district")
    triggers = connection.execute(
        "select tgrelid::regclass::text, tgname from pg_trigger where not tgisinternal "
        "and tgrelid::regclass::text = any(%s)",
        [list(spread)],
    )
    return faults + [f"{table} has a trigger, {name}" for table, name in triggers]


def test_every_key_of_a_distributed_table_has_its_district(world: dict[str, Any]) -> None:
    assert schema_faults(world["superuser"]) == []
    everything = set(world["columns"])
    assert set(REFERENCE) <= everything
    assert set(LOCAL) <= everything


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ("create unique index planted on incident (number)", "planted of incident is unique without district"),
        ("create table planted (id uuid primary key)", "planted has no district"),
        ("create table planted (district text not null, id uuid references session_of_old (id))",
         "planted_id_fkey of planted refers to session_of_old without district"),
        ("create trigger planted before update on team execute function suppress_redundant_updates_trigger()",
         "team has a trigger, planted"),
    ],
)  # fmt: skip
def test_a_planted_fault_of_the_schema_is_found(world: dict[str, Any], planted: str, fault: str) -> None:
    superuser = world["superuser"]
    with superuser.transaction(force_rollback=True):
        superuser.execute("create table session_of_old (district text not null, id uuid unique)")
        superuser.execute(planted)
        assert fault in schema_faults(superuser)


# --- the statements ------------------------------------------------------------------------------------------------

NO_ROWS = re.compile(
    r"\s*(begin|commit|rollback|savepoint|release|set|show|declare|fetch|close|drop|create temp)\b", re.IGNORECASE
)
"""Statements that touch no table of the schema."""

READS_OF_MANY = {
    "from access_version), 0), coalesce((select string_agg(district": "has anything changed for any caller",
    "from (select count(*) as districts": "have districts come or gone, beside the versions of those that are near",
    "select district, st_asbinary(cover)": "the layout of all districts, when it has changed: which can hold a place",
    "from district_version as v order by v.district": "the versions of all districts, for owners and warm-up",
    "select v.district, v.network, v.plans": "the background process: whose service areas are out of date",
    "select distinct district from incident": "the background process: which districts have open cases",
    "from service_area_set": "the background process: which service areas were drawn from what",
    "from service_area as a join service_area_shape": "service areas of the districts that the caller names or has",
    "with tile as materialized": "a tile: the districts that it shows and the caller may see",
    "select count(*) from event_unsealed": "metrics of the whole service, for an operator",
    "select distinct district from event_unsealed": "the sealers: which districts have new events",
    "select distinct district from idempotency": "tidying: which districts have old answers",
    "select district from event_seal group by district": "verify: which districts have evidence",
    'select distinct "code" as code from district union': "verify: which districts have rows that evidence rests on",
    "where exists (select from grid as g where g.district = d.code": "a caller of all districts filters by a grid",
}
"""Reads of several districts, or of all, each with its reason: Citus sends them to all servers."""

NEEDS_A_DISTRICT = {
    "(select i.district from incident as i where i.id = :value and i.district in (select": "what belongs to a case",
    "where incident.id = :value and incident.district in (select code from district)": "a case by its id",
    "from incident where id = :value and district in (select code from district) for no key": "the lock of a case",
    "i.urgency = 'emergency' and i.drill = :value and i.district in (select code from district)": "a turn by a case",
    "select id, district, datum from team where id = any(:value) and district in (select code": "teams by their ids",
    "select district from team where id = :value and district in (select code": "a team by its id",
    "select district from closure where id = :value and district in (select code": "a closure by its id",
    "from proposal left outer join event_personal": "cards of all districts",
    "from district as d cross join lateral": "lists of cases of all districts",
    "insert into team_position": "positions in a batch of several districts",
}
"""What only a caller of all districts sends, and a batch of positions. Over several servers Citus would refuse to lock
a row so, or to limit a list so: there, callers have a district, and `docs/scale.md` says how a province reads."""


def statement_faults(statements: Any, columns: dict[str, list[str]], spread: set[str]) -> dict[str, list[str]]:
    """Return the statements that do not name one district for each distributed table, and those tables."""
    districts = Districts(columns, spread)
    faults = {}
    for each in statements:
        if NO_ROWS.match(each):
            continue
        used = districts.of(read_statement(each))
        if wide := sorted({f"{table}: {rows}" for table, rows in used if rows != ONE}):
            faults[re.sub(r"\s+", " ", re.sub(r"%\(\w+\)s|%s", ":value", each)).strip()] = wide
    return faults


@pytest.fixture(scope="module")
def wide(world: dict[str, Any]) -> dict[str, list[str]]:
    """The statements of the scenario that are not of one district."""
    spread = distributed_tables(world["superuser"])
    return statement_faults(world["statements"], world["columns"], spread | {"grid_in_force"})


def declared(statement: str) -> list[str]:
    return [part for part in (*READS_OF_MANY, *NEEDS_A_DISTRICT) if part in statement.lower()]


def test_every_statement_names_its_district_or_is_declared(world: dict[str, Any], wide: dict[str, list[str]]) -> None:
    assert len(world["statements"]) > 150, "the scenario has shrunk"
    assert "\n".join(f"{tables}  {each}" for each, tables in wide.items() if not declared(each)) == ""


def test_no_declaration_is_out_of_date(wide: dict[str, list[str]]) -> None:
    used = {part for each in wide for part in declared(each)}
    assert {*READS_OF_MANY, *NEEDS_A_DISTRICT} - used == set()


def test_a_read_of_many_districts_has_nothing_that_citus_allows_in_one_only(wide: dict[str, list[str]]) -> None:
    for each in wide:
        if any(part in each.lower() for part in READS_OF_MANY):
            tree = read_statement(each)
            assert not list(tree.find_all(exp.Lock, exp.TableSample, exp.Cube, exp.Rollup, exp.GroupingSets)), each
            assert not [clause for clause in tree.find_all(exp.With) if clause.recursive], each
            assert not list(tree.find_all(exp.Insert, exp.Update, exp.Delete)), each


COLUMNS = {"incident": ["district", "id", "number"], "team": ["district", "id"], "district": ["code"]}


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("select * from incident where id = %s", ["incident: all"]),
        ("delete from incident where number < %s", ["incident: all"]),
        ("insert into incident (id, number) values (%s, %s)", ["incident: all"]),
        ("select * from incident where district = %s or id = %s", ["incident: all"]),
        ("select * from incident where district = any(%s)", ["incident: several"]),
        ("select * from incident i join team t on t.id = i.id where i.district = %s", ["team: all"]),
        ("select * from incident i, team t where i.district = t.district and t.district = %(d)s::text", None),
        ("select * from incident where (district, id) in (select district, id from team where district = %s)", None),
        ("update incident set number = 1 from team t where t.district = incident.district and t.district = %s", None),
        ("with t as (select district from team where district = %s) select * from t join incident i using (district)",
         None),
        ("insert into incident (district, id) select district, id from team where district = %s", None),
        ("insert into incident (district, id) select district, id from team", ["incident: all", "team: all"]),
        ("select * from district d join incident i on i.district = d.code where d.code = %s", None),
    ],
)  # fmt: skip
def test_a_planted_statement_is_judged(statement: str, fault: list[str] | None) -> None:
    found = statement_faults([statement], COLUMNS, {"incident", "team"})
    assert list(found.values()) == ([] if fault is None else [fault])

"""Every column of every table that an answer rests on is altered, one at a time, and the verification names it."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from gridsvc.access.scopes import Role
from gridsvc.db.evidence.events import append_events, event_row
from gridsvc.db.evidence.row_digests import COVERED
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.grids.posts import put_post
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.session.connection import Database
from gridsvc.db.teams import put_stations
from gridsvc.grids.posts import NewPost, Post
from gridsvc.operations.access import keys
from gridsvc.operations.cases import timers
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.compliance import kept
from gridsvc.operations.compliance.report import Wanted, make_report
from gridsvc.operations.evidence import verify
from gridsvc.operations.evidence.erasure import erase
from gridsvc.operations.roads import closures
from gridsvc.operations.runtime.service import Service
from gridsvc.operations.teams import datums, fleet
from gridsvc.teams.model import Station
from tests.operations.evidence.test_erasure import close, proposed
from tests.operations.imports.worlds import ROWS, load, written
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, report, scalar, upgrade_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# No answer about a case, an owner or a right rests on these, as `table` or `table.column`.
NOT_COVERED = {
    "spatial_ref_sys": "PostGIS's own",
    "alembic_version": "the schema's revision",
    "idempotency": "answers kept for retries; deleted after 30 days",
    "session": "sign-ins; they end by themselves, and their key is covered",
    "pairing": "codes of minutes; they end by themselves, and their key is covered",
    "access_version": "counts changes for caches",
    "job": "progress of work",
    "due": "what takes effect later; its effect has its own events",
    "service_mark": "when work was last done",
    "event_unsealed": "the queue of the sealer; a mark without event and an event without mark are faults",
    "event_seal.sealed_at": "when the seal was written; the position says the order",
    "team_last": "last positions: what was decided from them is in the event of the decision",
    "team_position_rest": "positions, deleted after days",
    "service_area_shape": "drawn again from what is covered",
    "service_area": "drawn again from what is covered",
    "service_area_set": "drawn again from what is covered",
    "road_edge": "the network once more, for maps; the engine reads the artifact",
    "address": "look-ups; what a case was given is in its event",
    "named_feature": "look-ups and questions; what a case was given is in its event",
    "learned_name": "look-ups; learning and forgetting have events, what a case was given is in its event",
    "access_key.last_used_at": "no right rests on the last use",
}
HELD_BY_CONSTRAINTS = {"grid_generation.state", "in_force.entry", "incident.lead_wanted"}
"""No other value alone is possible: a CHECK ties them to other columns, an identity cannot be updated."""
NEW = {
    "bool": "true",
    "jsonb": "'{\"x\": 1}'",
    "uuid": "'01a212a0-f256-7c1b-8e9a-69388b629f00'",
    "timestamptz": "'2036-01-01T00:00:00Z'",
    "date": "'2036-01-01'",
    "geometry": "'SRID=4326;POINT(119.7 29.1)'::geometry",
    "float8": "7",
    "text": "'x'",
}
OTHER = {
    "bool": ["not {c}"],
    "jsonb": ["{c} || '{{\"x\": 1}}'", "'[]'"],
    "timestamptz": ["{c} + interval '7 s'", "{c} - interval '7 s'"],
    "date": ["{c} + 7", "{c} - 7"],
    "geometry": ["st_translate({c}, 0.001, 0.001)"],
    "bytea": ["set_byte({c}, octet_length({c}) / 2, get_byte({c}, octet_length({c}) / 2) # 1)"],
    "uuid": [NEW["uuid"]],
    "_text": ["{c} || '{{x}}'::text[]"],
    "text": ["overlay({c} placing 'x' from length({c}))", "{c} || 'x'"],
} | {kind: ["{c} + 1", "{c} - 1", "{c} + 20011", "{c} / 2"] for kind in ("int2", "int4", "int8", "float8")}


def filled(service: Service, url: str) -> list[UUID]:
    """Put rows into every table that an answer rests on; return two cases."""
    keys.add_key(service, "Chen", Role.OFFICER)
    keys.add_key(service, "Lin", Role.DISPATCHER)
    keys.revoke_key(service, "Lin")
    told: dict[str, Any] = {
        "description": "smoke",
        "reporter": {"name": "王五", "phone": "13800001111"},
        "subject": "Jin",
        "site": "2",
    }
    whole, open_one = (UUID(report(service, "leak", source="12345", external_ref="E1", **told)) for _ in range(2))
    for name in ("accept", "assign", "handle", "feedback", "archive"):
        step_incident(service, whole, Step(name, note=f"note of {name}"), actor="test")
    card = proposed(service, report(service, "noise"))
    timers.decide(service, card, "rejected", reason="ill", actor="test")
    close(service, "flood")
    closures.delete_closure(service, UUID(close(service, "snow")), actor="test")
    fleet.set_duty(service, UUID(TEAM_IDS["sq-a4"]), on_duty=False, actor="test")
    datums.decide(service, UUID(TEAM_IDS["sq-a3"]), "gcj02", reason="a tracker", actor="test")
    post = Station("s1", "Post 1", "bureau", 119.61, 29.1)
    service.database.run(lambda connection: put_stations(connection, DISTRICT, [post]))
    period = Wanted(datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
    kept.keep(service, DISTRICT, make_report(service, DISTRICT, period), period, actor="test")
    held = NewPost("990101001001", Post.OFFICER, "Li", None, date(2026, 1, 1), date(2026, 12, 1))
    service.database.run(lambda connection: put_post(connection, DISTRICT, held))
    load(service, written(service.folder, ROWS))
    seal_all(service.database)
    return [whole, open_one]


@contextmanager
def superuser(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with as_superuser(url) as connection:
        connection.execute("set session_replication_role = replica")  # no trigger and no foreign key is in the way
        yield connection


def columns(connection: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[str, str, str]]:
    """Return (table, column, type) of every table of the schema, as the database has them."""
    return connection.execute(
        "select c.relname, a.attname, t.typname from pg_class c join pg_attribute a on a.attrelid = c.oid "
        "join pg_type t on t.oid = a.atttypid where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' "
        "and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by 1, a.attnum"
    ).fetchall()


def words_allowed(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[str]:
    rules = connection.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'c'", [table]
    ).fetchall()
    return [f"'{word}'" for (rule,) in rules for word in re.findall(r"'([^']*)'::text", rule)]


@contextmanager
def altered(connection: psycopg.Connection[tuple[Any, ...]], table: str, column: str, kind: str) -> Iterator[bool]:
    """Alter one value of a column, in the first row that lets it be altered, and put it back; False: none does."""
    c = f'"{column}"'
    rows = connection.execute(f"select ctid::text, {c} is null from {table} order by {c} is null limit 20").fetchall()
    for at, is_null in rows:
        ways = [NEW[kind]] if is_null and kind in NEW else [way.format(c=c) for way in OTHER[kind]]
        for way in [*ways, *(words_allowed(connection, table) if kind == "text" else [])]:
            connection.execute("drop table if exists before")
            connection.execute(f"create temp table before as select {c} as v from {table} where ctid = %s", [at])
            try:
                done = connection.execute(
                    f"update {table} set {c} = {way} where ctid = %s and {c} is distinct from {way} "
                    "returning ctid::text",
                    [at],
                ).fetchone()
            except Exception:  # noqa: BLE001 - a constraint forbids this value: the next one
                continue
            if done is not None:
                try:
                    yield True
                finally:
                    connection.execute(f"update {table} set {c} = (select v from before) where ctid = %s", [done[0]])
                return
    yield False


def test_every_altered_column_is_named(service: Service, url: str) -> None:
    filled(service, url)
    assert [r.faults for r in verify.verify(service)] == [()]
    missed, fixed, tried, seen = [], [], 0, set()
    with superuser(url) as connection:
        for table, column, kind in columns(connection):
            if NOT_COVERED.keys() & {table, f"{table}.{column}"} or table.startswith("team_position"):
                continue
            seen.add(table)
            with altered(connection, table, column, kind) as is_altered:
                if not is_altered:
                    fixed.append(f"{table}.{column}")
                    continue
                tried += 1
                if all(report.holds for report in verify.verify(service)):
                    missed.append(f"{table}.{column}")
    assert not missed
    assert set(fixed) <= HELD_BY_CONSTRAINTS
    assert tried > 150
    assert COVERED.keys() <= seen
    assert [r.faults for r in verify.verify(service)] == [()]


def test_a_row_that_is_removed_or_added_is_named(service: Service, url: str) -> None:
    filled(service, url)
    with superuser(url) as connection:
        for table in [*sorted(COVERED), "alert", "proposal", "incident_personal", "grid_geometry"]:
            connection.execute(f"create temp table kept as select * from {table} limit 1")
            connection.execute(f"delete from {table} t using kept where t = kept")
            assert any(not report.holds for report in verify.verify(service)), table
            connection.execute(f"insert into {table} overriding system value select * from kept")
            connection.execute("drop table kept")
        connection.execute(
            "insert into access_key (district, id, name, role, secret_hash, made_by) "
            "select district, 'forged', 'Nobody', 'admin', secret_hash, made_by from access_key limit 1"
        )
    faults = [fault for report in verify.verify(service) for fault in report.faults]
    assert faults == ["access_key forged was not written by the program: no event has its digest"]


def test_a_role_that_was_raised_is_named(service: Service, url: str) -> None:
    keys.add_key(service, "Chen", Role.OFFICER)
    with as_superuser(url) as connection:
        connection.execute("update access_key set role = 'admin'")
    (fault,) = [fault for report in verify.verify(service) for fault in report.faults]
    assert re.fullmatch(r"access_key \w+ differs from its digest", fault)


def test_a_number_of_a_posts_holder_that_was_altered_is_named_until_the_person_is_erased(
    service: Service, url: str
) -> None:
    held = NewPost("990101001001", Post.OFFICER, "李四", "13800138000", date(2026, 1, 1), None)
    service.database.run(lambda connection: put_post(connection, DISTRICT, held))
    with as_superuser(url) as connection:
        connection.execute("update person set phone = '13900139000'")
        (fault,) = [fault for report in verify.verify(service) for fault in report.faults]
        assert re.fullmatch(r"person [0-9a-f-]{36} differs from its digest", fault)
        connection.execute("update person set phone = '13800138000'")
    assert all(report.holds for report in verify.verify(service))
    erase(service, "李四")
    seal_all(service.database)
    assert all(report.holds for report in verify.verify(service))


def test_persons_from_before_they_had_a_salt_are_proven_since_the_upgrade(empty_database: str, tmp_path: Path) -> None:
    upgrade_to(empty_database, "0035")
    plain = empty_database.replace("+psycopg", "").replace("gridsvc_owner@", "postgres@")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into person (district, id, name) "
            "select '330703', gen_random_uuid(), n from unnest('{A,B}'::text[]) n"
        )
        upgrade(empty_database)
        assert scalar(connection, "select count(distinct salt) from person where length(salt) = 16") == 2
        service = Service(Database(empty_database.replace("gridsvc_owner@", "gridsvc_app@")), tmp_path)
        seal_all(service.database)
        connection.execute("update person set name = 'C' where name = 'B'")
        faults = [fault for report in verify.verify(service) for fault in report.faults]
    assert [fault.split()[0] for fault in faults if "differs" in fault] == ["person"]
    service.database.close()


def test_every_table_is_covered_or_listed_with_its_reason(service: Service, url: str) -> None:
    with as_superuser(url) as connection:
        tables = {table for table, _, _ in columns(connection)}
    of_cases = {"incident", "engagement", "incident_event", "event_seal", "alert", "proposal", "grid_geometry",
                "artifact_piece", "incident_personal", "event_personal", "closure_personal"}  # fmt: skip
    listed = {name for name in NOT_COVERED if "." not in name}
    assert {t for t in tables if not t.startswith("team_position")} - COVERED.keys() - of_cases - listed == set()


def test_the_newest_digest_is_the_last_in_the_chain_though_the_clock_was_set_back(service: Service, url: str) -> None:
    """A change whose digest waits for its seal under a later time than that of the next change of the row."""
    team = UUID(TEAM_IDS["sq-a4"])
    fleet.set_duty(service, team, on_duty=False, actor="test")
    with as_superuser(url) as connection:
        now = scalar(connection, "select clock_timestamp()")
    later = event_row(DISTRICT, "note", actor="test", at=now + timedelta(hours=1), data={})
    service.database.run(lambda connection: append_events(connection, [later]))
    fleet.set_duty(service, team, on_duty=True, actor="test")
    assert verify.verify(service)[0].faults == ()
    seal_all(service.database)
    assert verify.verify(service)[0].faults == ()
    with as_superuser(url) as connection:
        newest = "select kind, body from incident_event join event_seal on event_id = id order by position desc limit 1"
        kind, body = connection.execute(newest).fetchone() or ("", "")
    assert kind == "rows"
    assert list(json.loads(body)["data"]["rows"]["team"]) == [str(team)]


def test_rows_from_before_the_upgrade_are_proven_since_then(empty_database: str, tmp_path: Path) -> None:
    upgrade_to(empty_database, "0010")
    plain = empty_database.replace("+psycopg", "").replace("gridsvc_owner@", "postgres@")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("insert into district (code, name) values ('330703', 'Jindong')")
        connection.execute("insert into district_version (district) values ('330703')")
        connection.execute(
            "insert into closure (district, id, geom, factor, profiles, \"from\", until) values ('330703', "
            "gen_random_uuid(), 'SRID=4326;POINT(119.6 29.1)', 0, '{normal}', now(), '200000-01-01')"
        )
        connection.execute(
            "insert into access_key (district, id, name, role, secret_hash, made_by) "
            "values ('*', 'k1', 'Chen', 'officer', 'x', 'test')"
        )
        upgrade(empty_database)
        service = Service(Database(empty_database.replace("gridsvc_owner@", "gridsvc_app@")), tmp_path)
        seal_all(service.database)
        reports = {each.district: each for each in verify.verify(service)}
        assert {code: (each.faults, each.rows, each.rows_upgraded) for code, each in reports.items()} == {
            "*": ((), 1, 1),
            "330703": ((), 3, 3),
        }
        connection.execute("update access_key set role = 'admin'")
        connection.execute("update closure set factor = 1")
        assert sum(each.fault_count for each in verify.verify(service)) == 2
    service.database.close()

"""Scope in the database: who sees which rows, that nothing is forgotten, and that the indexes are still used."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from gridsvc.access.scopes import EVERYTHING, NOTHING, Caller, Role, Scope
from gridsvc.db.access import keys as store
from gridsvc.db.cases import incidents
from gridsvc.db.schema import access, jobs
from gridsvc.db.schema import cases as case_tables
from gridsvc.db.schema.tables import metadata
from gridsvc.db.session.connection import Database
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridsvc.operations.access import credentials, keys, sessions
from gridsvc.operations.evidence import erasure
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import as_superuser, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

A, B = "330703", "330799"
FREE_OF_SCOPE = {"alembic_version", "spatial_ref_sys"}


@pytest.fixture(scope="module")
def url(cluster: EmbeddedCluster) -> Iterator[Any]:
    with scratch_database(cluster) as url:
        with as_superuser(url) as connection:
            two_districts(connection)
        yield url


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Any]:
    database = Database(url)
    yield database
    database.close()


def row_id(*words: Any) -> Any:
    return uuid.uuid5(uuid.NAMESPACE_OID, " ".join(words))


def two_districts(connection: Any, *, before_0010: bool = False) -> None:
    """Two districts on one ground, each with two townships of a regional grid, a case and a team in each of them."""
    columns, values = "owners, lead_wanted, report_event, type_name", "'{}', false, gen_random_uuid(), 'T'"
    if before_0010:
        columns, values = "details", "'{}'"
    for district in (A, B):
        connection.execute("insert into district (code, name) values (%s, %s)", (district, district))
        connection.execute("insert into district_version (district, generation) values (%s, 1)", (district,))
        connection.execute(
            "insert into grid_generation (district, number, state, activated_at) values (%s, 1, 'activated', now())",
            (district,),
        )
        connection.execute(
            "insert into grid_geometry values (%s, 'g', ST_MakeEnvelope(119, 29, 120, 30, 4326), 1)", (district,)
        )
        grids = [("R", 1, None), ("T1", 2, "R"), ("T2", 2, "R"), ("V1", 4, "T1"), ("V2", 4, "T2")]
        for row, (code, level, parent) in enumerate(grids):
            connection.execute(
                "insert into grid (district, generation, row, level, code, name, parent, geometry_digest)"
                " values (%s, 1, %s, %s, %s, %s, %s, 'g')",
                (district, row, level, code, code, parent),
            )
        for township, village in (("T1", "V1"), ("T2", "V2"), (None, None)):
            name = township or "everywhere"
            roster = json.dumps({"township": township, "region": None, "areas": []})
            team, case, event = (row_id(district, name, what) for what in ("team", "case", "event"))
            connection.execute(
                "insert into team (district, id, name, unit, roster) values (%s, %s, %s, 'u', %s)",
                (district, team, name, roster),
            )
            connection.execute(
                "insert into team_last (district, team_id, geom, at)"
                " values (%s, %s, ST_SetSRID(ST_Point(119.5, 29.5), 4326), now())",
                (district, team),
            )
            connection.execute(
                "insert into incident (district, id, type, urgency, clock_policy, status, waiting, drill, geom,"
                f" regional, township, village, rule, {columns}, versions, reported_at, triggered_at)"
                " values (%s, %s, 't', 'emergency', 'p', 'triggered', true, false,"
                f" ST_SetSRID(ST_Point(119.5, 29.5), 4326), %s, %s, %s, 'interior', {values}, '{{}}', now(), now())",
                (district, case, "R", township, village),
            )
            connection.execute(
                "insert into incident_event (district, id, incident_id, kind, at, body)"
                " values (%s, %s, %s, 'report', now(), '{}')",
                (district, event, case),
            )
            connection.execute(
                "insert into incident_personal (district, incident_id, reporter, description, salt)"
                " values (%s, %s, %s, 'heard', 'salt')",
                (district, case, json.dumps({"name": f"王{name}", "phone": "+86 138-0000-1111"})),
            )


def seen(database: Database, scope: Any, table: str = "incident", column: str = "id") -> Any:
    with database.seen_by(scope).transaction() as connection:
        return set(connection.scalars(text(f"select {column} from {table}")))


def cases(*names: Any, district: Any = A) -> Any:
    return {row_id(district, name, "case") for name in names}


def scope_of(database: Database, district: Any, grid: Any) -> Any:
    with database.transaction() as connection:
        return store.scope_of(connection, district, grid)


@pytest.mark.parametrize("table", ["incident", "team", "incident_event", "incident_personal", "grid", "team_last"])
def test_a_district_sees_its_own_and_the_operator_all(database: Database, table: Any) -> None:
    district = "district"
    assert seen(database, Scope(A), table, district) == {A}
    assert seen(database, Scope(B), table, district) == {B}
    assert seen(database, EVERYTHING, table, district) == {A, B}
    assert seen(database, NOTHING, table, district) == set()


def test_a_transaction_that_says_nothing_sees_nothing(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for table in ("incident", "district", "grid", "incident_personal", "access_key", "district_version"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,), table


def test_a_scope_does_not_stay_in_the_pool(url: str) -> None:
    database = Database(url, pool=1)
    for scope, districts in ((EVERYTHING, {A, B}), (Scope(A), {A}), (NOTHING, set()), (Scope(B), {B})):
        assert seen(database, scope, column="district") == districts
    with pytest.raises(ZeroDivisionError), database.transaction():
        raise ZeroDivisionError
    assert seen(database, NOTHING) == set()
    database.close()


def test_a_grid_sees_its_subtree(database: Database) -> None:
    township = scope_of(database, A, "T1")
    assert set(township.grids) == {"R", "T1", "V1"}
    assert seen(database, township) == cases("T1")
    assert seen(database, scope_of(database, A, "V1")) == cases("T1")
    assert seen(database, scope_of(database, A, "R")) == cases("T1", "T2", "everywhere")
    assert seen(database, township, "grid", "code") == {"R", "T1", "V1"}
    assert seen(database, township, "incident_event", "incident_id") == cases("T1")
    assert seen(database, township, "incident_personal", "incident_id") == cases("T1")


def test_a_grid_sees_teams_of_its_own_of_the_whole_district_and_those_that_came(database: Database, url: str) -> None:
    township = scope_of(database, A, "T1")
    ours = {row_id(A, "T1", "team"), row_id(A, "everywhere", "team")}
    assert seen(database, township, "team") == ours
    assert seen(database, township, "team_last", "team_id") == ours
    neighbour, case = row_id(A, "T2", "team"), row_id(A, "T1", "case")
    with as_superuser(url) as connection:
        connection.execute(
            "insert into engagement (district, id, incident_id, drill, team_id, slot, lead, engaging, since)"
            " values (%s, %s, %s, false, %s, 'X', false, true, now())",
            (A, uuid.uuid4(), case, neighbour),
        )
    assert seen(database, township, "team") == {*ours, neighbour}
    assert seen(database, township, "team_last", "team_id") == {*ours, neighbour}
    with as_superuser(url) as connection:
        connection.execute("update engagement set until = now(), outcome = 'cleared'")
    assert seen(database, township, "team") == ours


def test_the_law_decides_over_the_whole_district_and_then_no_more(database: Database) -> None:
    with database.seen_by(scope_of(database, A, "T1")).transaction() as connection:
        count = text("select count(*), min(district) from team")
        assert connection.execute(count).one() == (2, A)
        with whole_district(connection):
            assert connection.execute(count).one() == (3, A)
        assert connection.execute(count).one() == (2, A)
        with pytest.raises(Conflict), connection.begin_nested(), whole_district(connection):
            raise Conflict("no team")
        assert connection.execute(count).one() == (2, A)


def test_what_is_written_stays_in_the_district(database: Database) -> None:
    row = text("insert into team (district, id, name, unit, roster) values (:d, :id, 'x', 'u', '{}')")
    with pytest.raises(NotFound) as refused, database.seen_by(Scope(A)).transaction() as connection:
        connection.execute(row, {"d": B, "id": uuid.uuid4()})
    assert refused.value.kind == "outside-scope"
    with database.seen_by(Scope(A)).transaction() as connection:
        assert connection.execute(text("update team set name = 'x' where district = :d"), {"d": B}).rowcount == 0
        assert connection.execute(text("delete from team_last where district = :d"), {"d": B}).rowcount == 0
    with pytest.raises(NotFound), database.seen_by(Scope(A)).transaction() as connection:
        connection.execute(text("update team set district = :d where name = 'T1'"), {"d": B})


def test_a_case_out_of_scope_is_as_unknown_as_one_that_never_was(database: Database) -> None:
    with database.seen_by(scope_of(database, A, "T1")).transaction() as connection:
        foreign = [row_id(A, "T2", "case"), row_id(B, "T1", "case"), uuid.uuid4()]
        for unknown in foreign:
            assert incidents.find_case(connection, unknown) is None
            assert incidents.find_case(connection, unknown, lock=True) is None
        own = row_id(A, "T1", "case")
        assert incidents.list_present(connection, [*foreign, own]) == {own}


def test_every_table_is_behind_a_policy(url: str) -> None:
    """A table that is added later must say whose it is: `protect_by_district` in its migration."""
    with as_superuser(url) as connection:
        tables = connection.execute(
            "select c.relname, c.relrowsecurity, (select count(*) from pg_policy p where p.polrelid = c.oid),"
            " a.attname is not null from pg_class c"
            " left join pg_attribute a on a.attrelid = c.oid and a.attname = 'district'"
            " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        ).fetchall()
    open_tables = {name for name, behind, policies, _ in tables if not (behind and policies)} - FREE_OF_SCOPE
    assert open_tables == set()
    assert {name for name, *_, has_district in tables if not has_district} - FREE_OF_SCOPE == {"district"}


def test_tables_in_code_are_those_of_the_migrations(cluster: EmbeddedCluster, url: str) -> None:
    assert {table.metadata for table in (access.access_key, case_tables.incident, jobs.job)} == {metadata}
    owner = create_engine(url.replace("gridsvc_app@", "gridsvc_owner@"))

    def ours(thing: Any, name: str, kind: str, _reflected: Any, _compare_to: Any) -> Any:
        return not (kind == "table" and (name in FREE_OF_SCOPE or name.startswith("team_position_")))

    with owner.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": False})
        differences = compare_metadata(context, metadata)
    owner.dispose()
    assert differences == []


@pytest.fixture
def crowded(cluster: EmbeddedCluster) -> Iterator[Any]:
    """20,000 open cases of two districts, spread over a degree."""
    with scratch_database(cluster) as url:
        with as_superuser(url) as connection:
            two_districts(connection)
            connection.execute(
                "insert into incident (district, id, type, type_name, urgency, clock_policy, status, waiting, drill,"
                " geom, rule, owners, lead_wanted, report_event, versions, reported_at, triggered_at)"
                " select d, gen_random_uuid(), 't', 'T', 'routine', 'p', 'triggered', true, false,"
                " ST_SetSRID(ST_Point(119 + random(), 29 + random()), 4326), 'interior', '{}', false,"
                " gen_random_uuid(), '{}', now(), now()"
                " from generate_series(1, 10000), unnest(array[%s, %s]) as d",
                (A, B),
            )
            connection.execute("analyze incident")
        database = Database(url)
        yield database
        database.close()


@pytest.mark.parametrize("scope", [Scope(A), Scope(A, "T1", ("R", "T1", "V1")), EVERYTHING])
def test_behind_the_policies_the_spatial_index_is_used(crowded: Any, scope: Any) -> None:
    box = "ST_MakeEnvelope(119.5, 29.5, 119.51, 29.51, 4326)"
    where = f"geom && {box} and status not in ('archived', 'cancelled')"
    with crowded.seen_by(scope).transaction() as connection:
        plan = connection.scalar(text(f"explain (analyze, format json) select id from incident where {where}"))
    node = plan[0]["Plan"]
    while "Plans" in node and node["Node Type"] not in {"Index Scan", "Bitmap Heap Scan"}:
        node = next(child for child in node["Plans"] if child.get("Parent Relationship") != "InitPlan")
    used = json.dumps(node)
    assert "ix_incident_geom" in used, used
    assert "current_setting" not in node.get("Filter", ""), "a policy asks for the setting once, not for every row"


def test_a_superuser_or_owner_acts_as_the_application(url: str, database: Database) -> None:
    assert database.holds_scopes()
    for role in ("postgres@", "gridsvc_owner@"):
        above = Database(url.replace("gridsvc_app@", role))
        with above.seen_by(Scope(A)).transaction() as connection:
            assert connection.scalar(text("select count(distinct district) from incident")) == 2
        holds = above.holds_scopes()
        if role == "postgres@":
            assert holds
            assert seen(above, Scope(A), column="district") == {A}
        else:
            assert not holds  # it is no member of gridsvc_app, and `serve` says so
        above.close()


# Keys, sessions, pairing


@pytest.fixture
def service(database: Database, tmp_path: Path) -> Any:
    return Service(database, tmp_path)


def name() -> Any:
    return f"王 {uuid.uuid4().hex[:8]}"


def test_a_key_is_shown_once_and_kept_as_a_hash(service: Service, url: str) -> None:
    new = keys.add_key(service, name(), Role.DISPATCHER, district=A)
    parsed = credentials.parse_key(new.text)
    assert parsed is not None
    key_id, secret = parsed
    with as_superuser(url) as connection:
        dump = str(connection.execute("select * from access_key").fetchall())
    assert key_id in dump
    assert secret not in dump
    assert "$argon2id$" in dump
    assert credentials.verify_secret(new.key.secret_hash, secret)
    assert not credentials.verify_secret(new.key.secret_hash, secret[:-1] + ("x" if secret[-1] != "x" else "y"))


@pytest.mark.parametrize("text", ["", "gs_", "gs_x_y", "Bearer", "gs_" + "a" * 12 + "_" + "a" * 39, "\x00", "gd_abc"])
def test_what_is_no_key_is_told_at_sight(text: str) -> None:
    assert credentials.parse_key(text) is None


def test_a_key_is_of_one_district_or_of_an_administrator(service: Service) -> None:
    with pytest.raises(InvalidInput, match="several are loaded"):
        keys.add_key(service, name(), Role.DISPATCHER)
    assert keys.add_key(service, name(), Role.ADMIN).key.district == "*"
    assert keys.add_key(service, name(), Role.ADMIN, district=A).key.district == A
    assert keys.add_key(service, name(), Role.ENGINEER, district="*").key.district == "*"
    with pytest.raises(NotFound, match="No district 1 is loaded"):
        keys.add_key(service, name(), Role.ADMIN, district="1")
    with pytest.raises(InvalidInput, match="no grid T9"):
        keys.add_key(service, name(), Role.OFFICER, district=A, grid="T9")
    with pytest.raises(InvalidInput, match="printable"):
        keys.add_key(service, "a\nb", Role.OFFICER, district=A)


def test_a_name_has_one_living_key(service: Service) -> None:
    who = name()
    first = keys.add_key(service, who, Role.OFFICER, district=A)
    for district in (A, None):
        with pytest.raises(Conflict, match="has a key already"):
            keys.add_key(service, who, Role.ADMIN if district is None else Role.OFFICER, district=district)
    keys.add_key(service, who, Role.OFFICER, district=B)  # another district's person of the same name
    keys.revoke_key(service, who, district=A)
    assert keys.add_key(service, who, Role.OFFICER, district=A).key.id != first.key.id
    with pytest.raises(InvalidInput, match="several districts"):
        keys.revoke_key(service, who)


def test_only_one_who_may_gives_keys(service: Service) -> None:
    dispatcher = service.seen_by(Caller.of("x", Role.DISPATCHER, Scope(A)))
    for deed in (
        lambda: keys.add_key(dispatcher, "y", Role.ADMIN),
        lambda: keys.list_keys(dispatcher),
        lambda: keys.revoke_key(dispatcher, "y"),
        lambda: erasure.erase(dispatcher, "y"),
    ):
        with pytest.raises(NotAllowed):
            deed()


def test_an_administrator_of_one_district_gives_keys_of_that_district_alone(service: Service) -> None:
    ours = service.seen_by(Caller.of("x", Role.ADMIN, Scope(A)))
    keys.add_key(ours, name(), Role.OFFICER)
    assert {key["district"] for key in keys.list_keys(ours)} == {A}
    with pytest.raises(NotFound):
        keys.add_key(ours, name(), Role.ADMIN)  # of all districts
    with pytest.raises(NotFound):
        keys.add_key(ours, name(), Role.OFFICER, district=B)


def test_a_revoked_key_takes_its_sessions_and_devices_along(service: Service) -> None:
    who = name()
    new = keys.add_key(service, who, Role.OFFICER, district=A)
    begun = sessions.begin_session(service, new.key)
    with service.database.transaction() as connection:
        before, _ = store.read_version(connection)
        found = store.find_session(connection, credentials.token_digest(begun.token))
    assert found is not None
    assert found.key.name == who
    keys.revoke_key(service, who, district=A)
    with service.database.transaction() as connection:
        after, _ = store.read_version(connection)
        assert store.find_session(connection, credentials.token_digest(begun.token)) is None
    assert after != before


def test_a_session_expires_and_lives_on_while_it_is_used(service: Service, url: str) -> None:
    new = keys.add_key(service, name(), Role.OFFICER, district=A)
    begun = sessions.begin_session(service, new.key)
    assert begun.caller.scope == Scope(A)
    digest = credentials.token_digest(begun.token)

    def shift(back: Any) -> None:
        with as_superuser(url) as connection:
            connection.execute(
                "update session set expires_at = expires_at - %s where token_digest = %s", (back, digest)
            )

    shift(timedelta(hours=2))
    with service.database.transaction() as connection:
        _, now = store.read_version(connection)
        found = store.find_session(connection, digest)
        assert found is not None
        sessions.caller_of_session(connection, found, now)
    with service.database.transaction() as connection:
        renewed = store.find_session(connection, digest)
    assert renewed is not None
    left = renewed.expires_at - now
    assert abs(left - sessions.SESSION_LIVES) < timedelta(seconds=5)
    shift(timedelta(hours=12, seconds=5))
    with service.database.transaction() as connection:
        assert store.find_session(connection, digest) is None


def test_a_pairing_code_is_good_once_and_for_minutes(service: Service, url: str) -> None:
    new = keys.add_key(service, name(), Role.DISPATCHER, district=A)
    caller = sessions.begin_session(service, new.key).caller
    code = sessions.begin_pairing(service, caller)["code"]
    device = sessions.pair_device(service, f" {code.upper()} ")
    with service.database.transaction() as connection:
        found = store.find_session(connection, credentials.token_digest(device["token"]))
        assert found is not None
        _, now = store.read_version(connection)
        paired = sessions.caller_of_session(connection, found, now)
    assert paired.name == new.key.name
    assert {right.name for right in paired.rights} <= {right.name for right in caller.rights}
    assert "ASSIGN" not in {right.name for right in paired.rights}
    with pytest.raises(NotFound):
        sessions.pair_device(service, code)
    late = sessions.begin_pairing(service, caller)["code"]
    with as_superuser(url) as connection:
        connection.execute("update pairing set expires_at = now() - interval '1 second' where used_at is null")
    with pytest.raises(NotFound):
        sessions.pair_device(service, late)

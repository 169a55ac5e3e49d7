"""Two services with a PostgreSQL server each, and a database that reads across both (postgres_fdw)."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import gridsvc.db.cluster
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.session.connection import Database
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import load_toy, report, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = Path(gridsvc.db.cluster.__file__).with_name("province.sql")
WEST, EAST = "330703", "330799"
MOMENT = "2030-01-01 00:00+00"  # by then every open case is late


@contextmanager
def second_cluster() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-east-", dir="/tmp"))
    cluster = EmbeddedCluster(folder)
    try:
        cluster.ensure()
        upgrade(cluster.url("owner"))
        yield cluster.url("app")
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def place_of(url: str) -> tuple[str, str]:
    """Return the socket folder and the name of a database."""
    return url.partition("host=")[2], url.partition("@/")[2].partition("?")[0]


@pytest.fixture(scope="module")
def province(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A connection, as a superuser, to a database that reads at both servers: 3 cases in the west, 2 in the east."""
    with (
        scratch_database(cluster) as west,
        second_cluster() as east,
        scratch_database(cluster, migrated=False) as here,
    ):
        for url, district, kilometres in ((west, WEST, (1, 3, 9)), (east, EAST, (2, 12))):
            service = Service(Database(url, pool=2), tmp_path_factory.mktemp(district))
            load_toy(service, district)
            for km in kilometres:
                report(service, "leak", km)
            service.database.close()
        url = here.replace("+psycopg", "").replace("gridsvc_app@", "postgres@")
        with psycopg.connect(url, autocommit=True) as connection:
            setup = SETUP.read_text(encoding="utf-8")
            connection.execute(setup)
            connection.execute(setup)  # any number of times
        with psycopg.connect(url, autocommit=True) as connection:  # with the settings of the database
            for name, there, code in (("west", west, WEST), ("east", east, EAST)):
                socket, database = place_of(there)
                connection.execute(
                    "select province.add_server(%s, %s, 5432, %s, array[%s])", [name, socket, database, code]
                )
                connection.execute("select province.set_login(%s, 'gridsvc_viewer')", [name])
            yield connection


def plan(connection: Any, query: str) -> str:
    return "\n".join(line for (line,) in connection.execute(f"explain (verbose, costs off) {query}"))


def sent(connection: Any, query: str) -> list[str]:
    """Return what a query sends to the servers."""
    lines = plan(connection, query).splitlines()
    return [line.partition("Remote SQL: ")[2] for line in lines if "Remote SQL: " in line]


def test_the_open_cases_of_both_are_one_list_the_newest_first(province: Any) -> None:
    rows = province.execute("select district, number, status from province.open_cases(100)").fetchall()
    assert [(district, number) for district, number, _ in rows] == [
        (EAST, 2),
        (EAST, 1),
        (WEST, 3),
        (WEST, 2),
        (WEST, 1),
    ]
    assert province.execute("select district, number from province.open_cases(2)").fetchall() == [(EAST, 2), (EAST, 1)]
    asked = sent(province, "select * from province.open_cases(2)")
    assert len(asked) == 2
    for each in asked:
        assert "WHERE ((status <> ALL ('{archived,cancelled}'::text[])))" in each
        assert "ORDER BY triggered_at DESC NULLS FIRST, id DESC NULLS FIRST" in each
        assert "LIMIT" not in each, "each server sends pages of 200 until the list is full"


def test_of_one_district_one_server_is_asked(province: Any) -> None:
    newest = f"where district = '{EAST}' order by triggered_at desc limit 1"
    (asked,) = sent(province, f"select id from province.incident {newest}")
    assert f"district = '{EAST}'" in asked
    assert "LIMIT" not in asked
    (asked,) = sent(province, f"select id from province.incident_east {newest}")  # a partition takes the limit, too
    assert asked.endswith("LIMIT 1::bigint")


def test_late_cases_are_found_at_the_servers(province: Any) -> None:
    query = f"select district, count(*) from province.late_cases('{MOMENT}', 100) group by 1 order by 1"
    assert province.execute(query).fetchall() == [(WEST, 3), (EAST, 2)]
    asked = sent(province, f"select * from province.late_cases('{MOMENT}', 100)")
    assert len(asked) == 2
    assert all("due_at < '2030-01-01" in each and "NOT drill" in each for each in asked)


def test_each_server_counts_its_own_districts(province: Any) -> None:
    counts = province.execute(f"select * from province.counts('{MOMENT}')").fetchall()
    assert [(district, opened, late) for district, opened, _, late in counts] == [(WEST, 3, 3), (EAST, 2, 2)]
    asked = sent(province, f"select * from province.counts('{MOMENT}')")
    assert len(asked) == 2
    assert all("count(*) FILTER" in each and "GROUP BY 1" in each for each in asked)


def test_a_place_is_looked_for_at_the_servers(province: Any) -> None:
    inside = "geom && st_makeenvelope(119.615, 29, 119.625, 29.2, 4326)"
    assert province.execute(f"select district from province.incident where {inside}").fetchall() == [(EAST,)]
    assert all(
        "OPERATOR(public.&&)" in each for each in sent(province, f"select id from province.incident where {inside}")
    )


def test_nothing_can_be_written(province: Any) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="does not allow updates"):
        province.execute("update province.incident set waiting = false")
    province.execute("alter server west options (set updatable 'true')")  # the server there holds it, too
    try:
        with pytest.raises(psycopg.Error, match="read-only transaction"):
            province.execute(f"update province.incident set waiting = false where district = '{WEST}'")
    finally:
        province.execute("alter server west options (set updatable 'false')")


def test_a_reader_reads_and_changes_no_server(province: Any) -> None:
    province.execute("set role gridsvc_province")
    try:
        assert province.execute("select count(*) from province.open_cases(100)").fetchone() == (5,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            province.execute("select province.set_login('west', 'postgres')")
    finally:
        province.execute("reset role")


def test_a_district_that_is_not_where_its_partition_says_is_named(province: Any) -> None:
    assert province.execute("select * from province.faults()").fetchall() == []
    socket, database = "/nowhere", "x"  # a server that is there keeps its address
    add = "select province.add_server('east', %s, 5432, %s, %s)"
    province.execute(add, [socket, database, ["330799", "330801"]])
    try:
        assert province.execute("select * from province.faults()").fetchall() == [
            ("east", "330801", "not on the server")
        ]
        province.execute(add, [socket, database, ["330801"]])
        assert province.execute("select district, fault from province.faults()").fetchall() == [
            ("330799", "not in its partition"),
            ("330801", "not on the server"),
        ]
    finally:
        province.execute(add, [socket, database, [EAST]])


def test_while_a_server_is_away_the_districts_of_the_others_are_read(province: Any) -> None:
    (socket,) = province.execute(
        "select split_part(option, '=', 2) from pg_foreign_server, unnest(srvoptions) as option "
        "where srvname = 'east' and option like 'host=%'"
    ).fetchone()
    province.execute("alter server east options (set host '/nowhere')")
    try:
        with pytest.raises(psycopg.errors.SqlclientUnableToEstablishSqlconnection, match="east"):
            province.execute("select count(*) from province.incident")
        here = f"select count(*) from province.incident where district = '{WEST}'"
        assert province.execute(here).fetchone() == (3,)
    finally:
        province.execute(f"alter server east options (set host '{socket}')")

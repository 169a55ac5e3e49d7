"""Statements in one round trip: in their order, with the first error, and the last of a transaction with its commit."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from gridsvc.cases.decide import Report
from gridsvc.db.session.connection import Database
from gridsvc.db.session.fast_statements import fetch_all, fetch_batch, write_last
from gridsvc.db.session.idempotency import RequestKey
from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident
from tests.worlds.district import open_toy

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

ADD = "insert into district (code, name) values (%s, %s)"
NAMES = "select code, name from district order by code"
PREPARED = "select count(*) from pg_prepared_statements where name like 'gridsvc%%'"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url, pool=2)
    yield opened
    opened.close()


def names(database: Database) -> list[tuple[Any, ...]]:
    with database.transaction() as connection:
        return fetch_all(connection, NAMES)


def count_waiting(database: Database) -> int:
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with database.transaction() as connection:
        return int(fetch_all(connection, query)[0][0])


def backend(connection: Connection) -> int:
    return int(fetch_all(connection, "select pg_backend_pid()")[0][0])


def test_each_statement_has_its_rows_under_its_name(database: Database) -> None:
    with database.transaction() as connection:
        for _ in range(7):
            found = fetch_batch(
                connection,
                {
                    "numbers": ("select n, n::text from generate_series(1, %s) as n", (3,)),
                    "none": ("select 1 where false", ()),
                    "nothing": ("set local lock_timeout = 0", ()),
                    "percent": ("select 7 %% 4, %s::text[], %s::uuid", (["a", None], None)),
                },
            )
            assert found == {
                "numbers": [(1, "1"), (2, "2"), (3, "3")],
                "none": [],
                "nothing": [],
                "percent": [(3, ["a", None], None)],
            }


def test_a_statement_sees_what_was_committed_while_the_one_before_it_waited(database: Database) -> None:
    database.run(lambda connection: fetch_all(connection, ADD, ("1", "one")))

    def batch() -> dict[str, list[tuple[Any, ...]]]:
        lock = ("select 1 from district where code = '1' for update", ())
        with database.transaction() as connection:
            return fetch_batch(connection, {"lock": lock, "names": (NAMES, ())})

    with ThreadPoolExecutor(1) as other, database.transaction() as connection:
        fetch_all(connection, "update district set name = 'uno' where code = '1'")
        waits = other.submit(batch)
        while count_waiting(database) != 1:
            assert not waits.done(), waits.result()
        fetch_all(connection, ADD, ("2", "two"))
        connection.commit()
        assert waits.result(timeout=30)["names"] == [("1", "uno"), ("2", "two")]


def test_the_first_error_is_raised_and_what_comes_after_it_does_not_run(database: Database) -> None:
    with pytest.raises(IntegrityError, match="pk_district"), database.transaction() as connection:
        fetch_batch(
            connection,
            {
                "one": (ADD, ("1", "one")),
                "again": (ADD, ("1", "one")),
                "wrong": ("select no_such_column from district", ()),
            },
        )
    assert not names(database)


def test_a_value_that_cannot_be_kept_is_refused_and_the_connection_stays(database: Database) -> None:
    with database.transaction() as connection:
        first = backend(connection)
    with pytest.raises(InvalidInput), database.transaction() as connection:
        fetch_batch(connection, {"one": (ADD, ("1", "a\0b"))})
    with database.transaction() as connection:
        assert backend(connection) == first


def test_the_last_statement_is_committed_or_nothing_is(database: Database) -> None:
    def write(name: str) -> None:
        with database.transaction() as connection:
            write_last(connection, (ADD, ("2", name)))
            fetch_all(connection, ADD, (name, name))  # runs before it

    write("1")
    assert names(database) == [("1", "1"), ("2", "1")]
    with pytest.raises(IntegrityError):
        write("3")
    assert names(database) == [("1", "1"), ("2", "1")]


def test_the_last_statement_of_a_transaction_that_fails_is_not_run_by_the_next(database: Database) -> None:
    def fail(connection: Connection) -> None:
        write_last(connection, (ADD, ("1", "one")))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(fail)
    with database.transaction() as connection:
        fetch_all(connection, ADD, ("2", "two"))
    assert names(database) == [("2", "two")]


def test_a_connection_that_is_lost_in_the_commit_leaves_the_outcome_open(database: Database) -> None:
    with pytest.raises(Unavailable, match="may be stored or not"), database.transaction() as connection:
        write_last(connection, ("select pg_terminate_backend(pg_backend_pid())", ()))
    assert not names(database)


def test_rollbacks_leave_no_prepared_statements_behind(database: Database) -> None:
    counts, pids = [], set()

    def fail(connection: Connection) -> None:
        fetch_batch(connection, {"one": ("select 1", ()), "two": ("select 2", ())})
        counts.append(fetch_all(connection, PREPARED)[0][0])
        pids.add(backend(connection))
        raise ZeroDivisionError

    for _ in range(6):
        with pytest.raises(ZeroDivisionError):
            database.run(fail)
    assert len(pids) == 1
    assert len(set(counts)) == 1
    assert counts[0] > 0


def test_statements_that_were_dropped_meanwhile_are_prepared_again(database: Database) -> None:
    def work(connection: Connection) -> list[tuple[Any, ...]]:
        return fetch_batch(connection, {"one": ("select 1", ())})["one"]

    assert database.run(work) == [(1,)]
    with database.transaction() as connection:
        connection.execute(text("deallocate all"))
    assert database.run(work) == [(1,)]


def test_a_report_takes_four_round_trips_and_an_order_three(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_toy(url, tmp_path, pool=1)
    trips: list[str] = []
    wait = psycopg.Connection.wait

    def counted(self: psycopg.Connection[Any], waits: Generator[Any, Any, Any], *more: Any) -> Any:
        return wait(self, watched(waits), *more)

    def watched(waits: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        ready, waited = None, False
        while True:
            try:
                wanted = waits.send(ready)
            except StopIteration as done:
                return done.value
            if not waited:
                trips.append("wait")
            waited = True
            ready = yield wanted

    def cycle() -> list[int]:
        key = (RequestKey("test", str(n), b"digest") for n in range(len(trips), len(trips) + 3))
        found, before = [], len(trips)
        report = Report(type="leak", lon=119.61, lat=29.1001)
        case = json.loads(report_incident(service, report, actor="test", request=next(key)).body)["id"]
        for word in ("assign", "cancel"):
            found.append(len(trips) - before)
            before = len(trips)
            step_incident(service, UUID(case), Step(word), actor="test", request=next(key))
        return [*found, len(trips) - before]

    # What begins a transaction and sets its scope is one round trip, and does not wait in psycopg.
    event.listen(service.database.engine, "begin", lambda _connection: trips.append("begin"))
    monkeypatch.setattr(psycopg.Connection, "wait", counted)
    cycle()  # loads what a process caches
    assert cycle() == [4, 3, 3]
    service.database.close()

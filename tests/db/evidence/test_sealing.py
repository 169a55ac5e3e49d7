"""One sealer a district, gapless positions, and no way to stop it: killed in a batch, hung, outwaited (R18)."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from gridsvc.db.evidence import events, sealing
from gridsvc.db.session.connection import Database
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import Unavailable
from gridsvc.evidence import chain as audit
from gridsvc.operations.evidence import verify
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import as_superuser, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def url(cluster: EmbeddedCluster) -> Iterator[Any]:
    with scratch_database(cluster) as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Any]:
    database = Database(url)
    yield database
    database.close()


def write(database: Database, count: Any = 1, district: str = "330703", text_size: Any = 10) -> None:
    def work(connection: Any) -> None:
        rows = [
            events.event_row(district, "note", actor="test", at=NOW, data={"text": "x" * text_size, "n": n})
            for n in range(count)
        ]
        events.append_events(connection, rows)

    database.run(work)


def unsealed(database: Database) -> Any:
    with database.transaction() as connection:
        return connection.scalar(text("select count(*) from event_unsealed"))


def positions(database: Database, district: str = "330703") -> Any:
    with database.transaction() as connection:
        return list(
            connection.scalars(
                text("select position from event_seal where district = :d order by position"), {"d": district}
            )
        )


def wait_until(condition: Any, patience_s: Any = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def holds(database: Database, tmp_path: Path) -> None:
    reports = verify.verify(Service(database, tmp_path))
    assert [r.wrong for r in reports] == [None] * len(reports)


@contextmanager
def sealing_thread(database: Database) -> Iterator[Any]:
    stop = threading.Event()
    thread = threading.Thread(target=sealing.seal_until, args=(database, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def _seal_forever(url: str) -> None:
    sealing.seal_until(Database(url, pool=1), threading.Event())


@contextmanager
def sealing_process(url: str) -> Iterator[Any]:
    process = multiprocessing.get_context("spawn").Process(target=_seal_forever, args=(url,), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def test_each_district_has_its_own_gapless_chain(database: Database, tmp_path: Path) -> None:
    for n in range(7):
        write(database, 3, "330703")
        write(database, 2 if n else 1, "330702")
    assert sealing.seal_all(database) == 34
    assert positions(database) == list(range(1, 22))
    assert positions(database, "330702") == list(range(1, 14))
    holds(database, tmp_path)


def test_a_seal_is_the_hash_that_the_audit_module_says(database: Database) -> None:
    write(database, 2)
    sealing.seal_all(database)
    with database.transaction() as connection:
        chain = list(events.iterate_chain(connection, "330703"))
    bodies = [row.body for row in chain if row.body is not None]
    first = audit.seal(audit.GENESIS, 1, bodies[0])
    assert [row.hash for row in chain] == [first, audit.seal(first, 2, bodies[1])]


def test_more_than_a_batch_is_sealed(database: Database, tmp_path: Path) -> None:
    write(database, 1234)
    write(database, 700, "330702")
    with sealing_thread(database):
        wait_until(lambda: not unsealed(database))
    assert positions(database) == list(range(1, 1235))
    holds(database, tmp_path)


def test_an_event_of_an_unknown_district_is_sealed_too(database: Database) -> None:
    with sealing_thread(database):
        write(database, 3, "*")
        wait_until(lambda: not unsealed(database))
    assert positions(database, "*") == [1, 2, 3]


DISTRICTS = [f"3307{number:02}" for number in range(12)]


def holders(database: Database) -> dict[str, int]:
    """Who seals each district: the process id of the session that holds its lock."""
    query = text(
        "select d.code, l.pid from unnest(cast(:codes as text[])) as d (code) join pg_locks l "
        "on l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = :key "
        "and l.objid = cast(hashtext(d.code)::bigint & 4294967295 as oid) "
        "and l.database = (select oid from pg_database where datname = current_database())"
    )
    with database.transaction() as connection:
        rows = [
            (code, pid) for code, pid in connection.execute(query, {"codes": DISTRICTS, "key": sealing.DISTRICT_LOCK})
        ]
    assert len(rows) == len({code for code, _ in rows}), "a district with two sealers"
    return dict(rows)


def test_several_sealers_share_the_districts_and_one_that_leaves_is_replaced(
    url: str, database: Database, tmp_path: Path
) -> None:
    others = [Database(url, pool=1) for _ in range(2)]
    with sealing_thread(database):
        with sealing_thread(others[0]), sealing_thread(others[1]):
            for _ in range(10):
                for code in DISTRICTS:
                    write(database, 5, code)
            wait_until(lambda: len(set(holders(database).values())) == 3)
            wait_until(lambda: not unsealed(database))
        for code in DISTRICTS:
            write(database, 5, code)
        wait_until(lambda: not unsealed(database))
        wait_until(lambda: len(set(holders(database).values())) == 1)
    for other in others:
        other.close()
    assert all(positions(database, code) == list(range(1, 56)) for code in DISTRICTS)
    holds(database, tmp_path)


def test_sealers_that_come_and_go_leave_neither_gap_nor_double(url: str, database: Database, tmp_path: Path) -> None:
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            for code in DISTRICTS:
                write(database, 4, code)
            time.sleep(0.01)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        with sealing_thread(database):
            for _ in range(4):
                with sealing_process(url) as sealer:
                    wait_until(lambda sealer=sealer: len(set(holders(database).values())) == 2)
                    os.kill(sealer.pid, signal.SIGKILL)
            stop.set()
            writer.join()
            wait_until(lambda: not unsealed(database))
    finally:
        stop.set()
        writer.join()
    for code in DISTRICTS:
        found = positions(database, code)
        assert found == list(range(1, len(found) + 1))
    holds(database, tmp_path)


def test_a_sealer_of_an_earlier_version_and_those_of_this_one_wait_for_each_other(url: str, database: Database) -> None:
    earlier = Database(url, pool=1)
    with earlier.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert sealing.may_seal(connection)  # it takes the lock for itself
        write(database)
        with sealing_thread(database):
            for _ in range(4):
                connection.scalar(text("select 1"))  # it runs
                time.sleep(0.2)
            assert unsealed(database) == 1
            connection.invalidate()
            wait_until(lambda: not unsealed(database))
            with earlier.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as again:
                assert not sealing.may_seal(again)
    earlier.close()


def test_a_district_moves_only_to_a_sealer_that_comes_or_from_one_that_goes() -> None:
    codes = [str(number) for number in range(1000)]
    two, three = ([sealing.sealer_of(code, pids) for code in codes] for pids in ((11, 12), (12, 13, 11)))
    assert all(after in (before, 13) for before, after in zip(two, three, strict=True))
    assert all(250 < three.count(pid) < 420 for pid in (11, 12, 13))


def test_a_long_transaction_elsewhere_is_not_waited_for_and_its_late_events_come_last(
    database: Database, tmp_path: Path
) -> None:
    with sealing_thread(database), database.engine.begin() as slow:
        events.append_event(slow, "330703", "import", actor="test", at=NOW, data={"late": True})
        for _ in range(20):
            write(database)
        wait_until(lambda: len(positions(database)) == 20, 60)  # while the slow one is still open
        time.sleep(sealing._RECENT_S + 0.5)  # by now the quick look no longer sees it
        slow.commit()
        wait_until(lambda: len(positions(database)) == 21, 60)
    with database.transaction() as connection:
        body = list(events.iterate_chain(connection, "330703"))[-1].body
    assert body is not None
    assert b'"late":true' in body
    holds(database, tmp_path)


def test_killed_in_the_middle_of_batches_leaves_neither_gap_nor_double(
    url: str, database: Database, tmp_path: Path
) -> None:
    stop = threading.Event()
    written = 0

    def keep_writing() -> None:
        nonlocal written
        while not stop.is_set():
            write(database, 40, text_size=2000)
            written += 40
            time.sleep(0.02)  # as fast as the sealer goes, not as fast as the disk

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for n in range(8):
            with sealing_process(url) as sealer:
                before = len(positions(database))
                wait_until(lambda before=before: len(positions(database)) > before + 100, 60)
                time.sleep(0.013 * n)
                os.kill(sealer.pid, signal.SIGKILL)
    finally:
        stop.set()
        writer.join()
    # The last one killed may still be dying on the server, its lock with it.
    wait_until(lambda: sealing.seal_all(database) >= 0 and not unsealed(database), 60)
    found = positions(database)
    assert len(found) == written
    assert found == list(range(1, written + 1))
    holds(database, tmp_path)


def test_another_takes_over_after_a_kill(url: str, database: Database) -> None:
    with sealing_process(url) as sealer:
        write(database)
        wait_until(lambda: not unsealed(database), 60)
        with sealing_thread(database):
            time.sleep(0.5)
            os.kill(sealer.pid, signal.SIGKILL)
            write(database)
            wait_until(lambda: not unsealed(database))


def test_a_sealer_that_hangs_is_replaced_and_cannot_write_when_it_wakes(
    url: str, database: Database, tmp_path: Path
) -> None:
    with sealing_process(url) as sealer:
        write(database)
        wait_until(lambda: not unsealed(database), 60)
        os.kill(sealer.pid, signal.SIGSTOP)
        with sealing_thread(database):
            write(database, 50)
            wait_until(lambda: not unsealed(database), 60)
            os.kill(sealer.pid, signal.SIGCONT)
            write(database, 50)
            wait_until(lambda: not unsealed(database), 60)
            time.sleep(0.5)
    assert positions(database) == list(range(1, 102))
    holds(database, tmp_path)


def test_sessions_that_are_ended_under_it_only_begin_a_new_term(url: str, database: Database, tmp_path: Path) -> None:
    with sealing_thread(database), as_superuser(url) as superuser:
        for _ in range(5):
            wait_until(lambda: _written(database))
            superuser.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            time.sleep(0.05)
        wait_until(lambda: not _try(unsealed, database))
    assert positions(database) == list(range(1, 101))
    holds(database, tmp_path)


def _written(database: Database) -> Any:
    try:
        write(database, 20)
    except Unavailable:
        return False
    return True


def _try(ask: Any, database: Database) -> Any:
    try:
        return ask(database)
    except Unavailable:
        return True


def test_events_are_sealed_in_the_order_of_writing_whatever_the_clock_said(database: Database) -> None:
    """The id of an event holds the time of the database: after a clock is set back, later events have smaller ids."""
    at = [1_790_000_000 + 3600 * n for n in (2, 0, 1)]
    for n, moment_s in enumerate(at):
        row = events.event_row(
            "330703", "note", actor="test", at=NOW, data={"n": n}, event_id=uuid7(datetime.fromtimestamp(moment_s, UTC))
        )
        with database.transaction() as connection:
            events.append_events(connection, [row])
    sealing.seal_all(database)
    with database.transaction() as connection:
        bodies = [each.body for each in events.iterate_chain(connection, "330703")]
    assert [json.loads(body)["data"]["n"] for body in bodies if body is not None] == [0, 1, 2]


def test_a_mark_on_a_sealed_event_does_not_stop_the_chain(database: Database) -> None:
    write(database, 3)
    sealing.seal_all(database)
    with database.transaction() as connection:
        connection.execute(text("insert into event_unsealed select district, id from incident_event limit 1"))
    with sealing_thread(database):
        write(database, 2)
        wait_until(lambda: not unsealed(database))
    assert positions(database) == [1, 2, 3, 4, 5]

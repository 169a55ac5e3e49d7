"""Reads at a replica are never older than their request; a replica that cannot do that is left out."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from starlette.testclient import TestClient

from gridsvc.access.scopes import Scope
from gridsvc.api.app import create_app
from gridsvc.db.cases.filters import CaseFilter
from gridsvc.db.session import replica as replicas
from gridsvc.db.session.connection import Database
from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
from gridsvc.db.session.replica import Lag, Replica
from gridsvc.errors import Unavailable
from gridsvc.operations.cases.read import list_cases
from gridsvc.operations.runtime.doctor import diagnose
from gridsvc.operations.runtime.idempotency import answer_once
from gridsvc.operations.runtime.service import Service
from tests.db.session.pair import Pair
from tests.worlds.district import DISTRICT, open_toy, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

CANCEL = "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'"
WHERE = "select coalesce(nullif(current_setting('cluster_name'), 'gridsvc'), 'primary')"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="gsr", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def pair(folder: Path) -> Iterator[Pair]:
    pair = Pair(folder)
    pair.start()
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def toy(pair: Pair, folder: Path) -> Iterator[Service]:
    service = open_toy(pair.primary.url("app"), folder / "one")
    yield service
    service.database.close()


class Clock:
    """Seconds that pass only when the test says so, and while somebody waits for the replica."""

    now = 0.0
    step = 0.001

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(pair: Pair, toy: Service, clock: Clock) -> Iterator[Service]:
    replica = Replica(Database(pair.url("app")), wait_s=30.0, clock=clock)
    service = Service(Database(pair.primary.url("app"), replica=replica), toy.folder)
    yield service
    service.database.close()


def where(connection: Connection) -> str:
    """Return which server answers."""
    return str(connection.exec_driver_sql(WHERE).scalar_one())


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the replica is there; the server itself writes to its log at times, too."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def newest(service: Service) -> Any:
    return list_cases(service, CaseFilter(), limit=1, after=None)["items"][0]["id"]


def test_what_was_answered_is_in_the_next_list_though_the_replica_reads_it(service: Service) -> None:
    assert service.database.read(where) == "second"
    for _ in range(20):
        case = report(service)
        assert newest(service) == case
        assert service.database.read(where) == "second"


def test_four_threads_find_their_own_writes(service: Service) -> None:
    wrong: list[str] = []

    def work() -> None:
        for _ in range(10):
            case = report(service)
            listed = [each["id"] for each in list_cases(service, CaseFilter(), limit=100, after=None)["items"]]
            if case not in listed:
                wrong.append(case)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_replica_that_is_behind_is_left_out_until_it_has_everything(
    pair: Pair, service: Service, clock: Clock
) -> None:
    with pair.paused():
        case = report(service)
        clock.step = 10.0
        assert newest(service) == case  # from the primary
        clock.step = 0.001
        assert service.database.read(where) == "primary"
        lag = service.database.replica_lag()
        assert lag is not None
        assert lag.up
        assert lag.bytes is not None
        assert lag.bytes > 0
        assert lag.s is not None
        assert lag.s > 0
    assert service.database.read(where) == "primary"  # it is not asked at once again
    clock.now += replicas.AWAY_FOR_S
    assert service.database.read(where) == "second"
    wait_for(lambda: service.database.replica_lag() == Lag(up=True, bytes=0, s=0.0))


def test_without_the_replica_the_primary_answers(pair: Pair, service: Service, clock: Clock) -> None:
    assert service.database.read(where) == "second"
    pair.stop("immediate")
    try:
        assert service.database.read(where) == "primary"
        assert newest(service)
        lag = service.database.replica_lag()
        assert lag is not None
        assert (lag.up, lag.bytes, lag.s) == (False, None, None)
    finally:
        pair.start()
    clock.now += replicas.AWAY_FOR_S + 2
    threading.Event().wait(1.1)  # connections fail fast for a second
    assert service.database.read(where) == "second"


def test_the_lag_is_shown(pair: Pair, service: Service, clock: Clock) -> None:
    with TestClient(create_app(service, sign_in=False), base_url="http://localhost") as client:
        none = {"up": True, "lag_s": 0.0, "lag_bytes": 0, "reason": None}
        wait_for(lambda: client.get("/readyz").json()["replica"] == none)
        assert "gridsvc_replica_up 1.0" in client.get("/metrics").text
        wait_for(lambda: "gridsvc_replica_lag_seconds 0.0" in client.get("/metrics").text)
        with pair.paused():
            report(service)
            assert client.get("/readyz").json()["replica"]["lag_bytes"] > 0
            clock.step = 10.0
            assert client.get("/tiles/incidents/12/3409/1704.mvt").status_code in {200, 204}
            (finding,) = [each for each in diagnose(service.folder, lambda: service) if each["check"] == "replica"]
            assert "behind" in finding["found"]


def test_a_scope_holds_at_the_replica(service: Service) -> None:
    report(service)

    def count(connection: Connection) -> tuple[str, int]:
        return where(connection), int(connection.exec_driver_sql("select count(*) from incident").scalar_one())

    assert service.database.seen_by(Scope(district="110101")).read(count) == ("second", 0)
    seen = service.database.seen_by(Scope(district=DISTRICT)).read(count)
    assert (seen[0], seen[1] > 0) == ("second", True)


def test_a_role_above_row_level_security_is_not_asked_for_a_scope(pair: Pair, service: Service) -> None:
    database = Database(pair.primary.url("app"), replica=Replica(Database(pair.url("superuser")), wait_s=30.0))
    assert database.read(where) == "second"
    assert database.seen_by(Scope(district="110101")).read(where) == "primary"
    database.close()


def test_a_read_that_fails_at_the_replica_is_done_at_the_primary(service: Service) -> None:
    def work(connection: Connection) -> str:
        answered = where(connection)
        if answered == "second":
            connection.exec_driver_sql("create temporary table t (n int)")  # a replica refuses that
        return answered

    assert service.database.read(work) == "primary"


def test_a_primary_that_is_taken_for_a_replica_is_not_used(pair: Pair) -> None:
    database = Database(pair.primary.url("app"), replica=Replica(Database(pair.primary.url("app"))))
    lag = database.replica_lag()
    assert lag is not None
    assert not lag.up
    assert "no replica" in str(lag.reason)
    database.close()


def test_several_servers_in_one_address_and_the_one_that_writes_is_used(pair: Pair) -> None:
    database = Database(pair.both())
    with database.transaction() as connection:
        assert where(connection) == "primary"
    database.close()
    reader = Database(pair.both(), writes=False)
    with reader.transaction() as connection:
        assert where(connection) == "second"
    reader.close()


def test_a_commit_that_the_standby_did_not_confirm_is_not_acknowledged(pair: Pair, service: Service) -> None:
    key = RequestKey("li", "one", b"digest")

    def ended(work: Callable[[Connection], object]) -> None:
        """Run `work`, whose commit waits for a standby that is not there; an administrator ends the wait."""
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(service.database.run, work)
            deadline = time.monotonic() + 30
            while not pair.ask(
                "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'"
            ):
                assert time.monotonic() < deadline
                assert not waiting.done()
                time.sleep(0.01)
            with pytest.raises(Unavailable, match="did not confirm"):
                waiting.result(30)

    def work(connection: Connection) -> KeptAnswer:
        return answer_once(connection, DISTRICT, key, 200, lambda: {"done": True})

    set_standby(pair, "nobody")
    try:
        ended(work)
        ended(work)  # a retry finds the stored answer, and waits like the first request
    finally:
        set_standby(pair, "")
    assert service.database.run(work).body == b'{"done":true}'


def set_standby(pair: Pair, name: str) -> None:
    """Let commits wait for a standby; empty: for none."""
    url = pair.primary.url("superuser").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = local")
        connection.execute(f"alter system set synchronous_standby_names = '{name}'".encode())
        connection.execute("select pg_reload_conf()")
        while connection.execute("show synchronous_standby_names").fetchone() != (name,):
            time.sleep(0.01)

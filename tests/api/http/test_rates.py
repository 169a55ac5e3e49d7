"""The processes of a service count one rate together; several services divide it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from gridsvc.api.http.rate_table import COUNTED_EVERY_S, RateTable
from gridsvc.api.http.rates import Buckets, Rate
from gridsvc.db.session.connection import Database
from gridsvc.db.session.services import list_services, new_service_name

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = Rate(per_s=1, burst=100)


def in_processes(number: int, work: Callable[[], int]) -> list[int]:
    """Return what `work` returns in so many forked processes that run at the same time; at most 255."""
    pids = []
    for _ in range(number):
        if (pid := os.fork()) == 0:
            code = 255
            try:
                code = work()
            finally:
                os._exit(code)
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_four_processes_allow_no_more_than_one() -> None:
    buckets = Buckets(RATE, table=RateTable(), clock=lambda: 0.0)
    taken = in_processes(4, lambda: sum(buckets.take("li") == 0 for _ in range(60)))
    assert sum(taken) == RATE.burst
    assert buckets.take("li") > 0
    assert buckets.take("wang") == 0


def test_a_process_that_is_killed_holds_no_lock() -> None:
    table = RateTable()
    buckets = Buckets(RATE, table=table, clock=lambda: 0.0)

    def die(known: tuple[float, float] | None) -> tuple[float, float]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def work() -> int:
        table.update(" li", die)
        return 0

    assert in_processes(1, work) == [-signal.SIGKILL]
    assert buckets.take("li") == 0


def test_one_table_holds_several_rates_and_forgets_the_oldest_name() -> None:
    table = RateTable()
    now = 0.0
    slow = Buckets(Rate(per_s=1, burst=1), kind="slow", table=table, clock=lambda: now)
    fast = Buckets(Rate(per_s=1, burst=2), kind="fast", table=table, clock=lambda: now)
    assert [slow.take("li"), fast.take("li"), fast.take("li")] == [0, 0, 0]
    assert slow.take("li") == 1
    for number in range(200_000):
        now = 1e-9 * number
        slow.take(str(number))
    assert slow.take("199999") > 0  # the newest is known, and each look-up is as fast as before
    assert slow.take("li") == 0  # long out of the table


def test_three_services_divide_a_rate() -> None:
    now = 10.0
    table = RateTable()
    buckets = Buckets(Rate(per_s=3, burst=30), table=table, clock=lambda: now)
    table.count_services(now, lambda: 3)
    assert table.services == 3
    assert sum(buckets.take("li") == 0 for _ in range(100)) == 10
    assert buckets.wait_s("li") == 1.0
    few = Buckets(Rate(per_s=1, burst=2), kind="few", table=table, clock=lambda: now)
    assert few.take("li") == 0  # at least one request, however many services there are


def test_services_are_counted_by_one_process_at_a_time() -> None:
    table = RateTable()
    counted: list[float] = []

    def count() -> int:
        counted.append(0)
        return 2

    for now in (1.0, 2.0, 1.0 + COUNTED_EVERY_S):
        table.count_services(now, count)
    assert len(counted) == 2


def test_a_service_is_known_as_long_as_it_has_a_session(url: str) -> None:
    def services() -> list[str]:
        with command.transaction() as connection:
            return list_services(connection)

    command = Database(url)
    assert services() == []
    names = [new_service_name(), new_service_name()]
    processes = [Database(url, name=name) for name in (*names, names[0])]
    for process in processes:
        with process.transaction():
            pass
    assert services() == sorted(name.removeprefix("gridsvc serve ") for name in names)
    processes[1].close()
    deadline = time.monotonic() + 30
    while len(services()) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for process in (*processes, command):
        process.close()

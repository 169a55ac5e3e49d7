"""The primary is killed under load and its synchronous standby takes over: nothing that was acknowledged is lost."""

from __future__ import annotations

import sys
import time
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.faults.patroni import PatroniCluster, ServedOver, missing_programs
from tests.faults.service import WRONG, compare, load, places_and_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.patroni import Node

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        bool(missing_programs()),
        reason=f"not installed: {missing_programs()}. Type: apt-get install patroni python3-etcd etcd-server",
    ),
]

CASES_PER_S = 4.0
LONGEST_S = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[PatroniCluster]:
    cluster = PatroniCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def served(cluster: PatroniCluster) -> Iterator[ServedOver]:
    served = ServedOver(cluster)
    try:
        served.start()
        yield served
    finally:
        served.close()


def seconds_until_a_case_is_taken(served: ServedOver, since: float) -> float:
    """Report a new case again and again until it is acknowledged."""
    places, types = places_and_types(served) if served.places is None else served.places
    body = {"type": types[0], "location": places[0]}
    while True:
        assert time.monotonic() - since < LONGEST_S, "no case is taken"
        try:
            with served.client(5) as client:
                answer = client.post("/incidents", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
            if answer.status_code == 201:
                return time.monotonic() - since
        except httpx.TransportError:
            pass
        time.sleep(0.1)


def kill_under_load(cluster: PatroniCluster, served: ServedOver, *, whole: bool) -> tuple[float, dict[str, int]]:
    """Kill the primary while cases arrive; return the seconds until the next one is taken, and what was compared."""
    served.places = places_and_types(served)
    cluster.wait_for_standby()
    with load(served, per_second=CASES_PER_S) as told:
        while len(told.cases) < 20:
            time.sleep(0.05)
        old: Node = cluster.primary()
        acknowledged = len(told.cases)
        since = time.monotonic()
        if whole:
            old.kill()
        else:
            old.kill_database()
        away_s = seconds_until_a_case_is_taken(served, since)
        assert cluster.primary() is not old
        known = len(told.cases)
        while len(told.cases) < known + 20:
            time.sleep(0.05)
    found = compare(served, told)
    assert acknowledged >= 20
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0), (found, told.bad[:5])
    served.command("audit", "verify")
    if whole:
        old.patroni.start()  # the machine is back, and follows the new primary
    cluster.wait_for_standby()
    return away_s, found


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("whole", [False, True], ids=["server", "machine"])
def test_nothing_acknowledged_is_lost_when_the_primary_dies(
    cluster: PatroniCluster, served: ServedOver, capsys: pytest.CaptureFixture[str], whole: bool, times: int
) -> None:
    away_s, found = kill_under_load(cluster, served, whole=whole)
    with capsys.disabled():
        what = "machine" if whole else "server"
        sys.stdout.write(f"\n{what} killed, {times}: a new case after {away_s:.1f} s; {found}\n")

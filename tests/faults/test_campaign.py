"""The campaign: what is acknowledged is there, once, whatever is killed meanwhile; and the evidence holds.

The short one is part of `./run test`; the long one (`./run test --all -m long tests/faults`) is that of
docs/reliability.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import statistics
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from tests.faults.beside import heavy_work
from tests.faults.service import WRONG, Served, compare, load, measure_capacity, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.traffic import Acknowledged

SEED = 20261124
SHARE = 0.8
LEAST_IN_FLIGHT = 5


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    instance = Served()
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


def holds(served: Served, told: Acknowledged) -> dict[str, int]:
    found = compare(served, told)
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0), (found, told.bad[:5])
    served.command("audit", "verify")
    return found


def wait_for_load(told: Acknowledged, more: int = 20, patience_s: float = 60) -> int:
    """Wait until requests are answered, and at least five are in flight this very moment; return how many."""
    begun, deadline = told.answers, time.monotonic() + patience_s
    while told.answers < begun + more or (flying := told.in_flight) < LEAST_IN_FLIGHT:
        assert time.monotonic() < deadline, "no load comes about"
        time.sleep(0.001)
    return flying


def wait_for_answers(told: Acknowledged, more: int, patience_s: float = 120) -> None:
    begun, deadline = told.answers, time.monotonic() + patience_s
    while told.answers < begun + more:
        assert time.monotonic() < deadline, "no load comes about"
        time.sleep(0.01)


def kill_job(served: Served) -> None:
    """Kill -9 the child process of a job, if one runs."""
    for pid in served.jobs():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_and_start(served: Served, *, database: bool = False) -> None:
    """Kill the service, and the database with it if so, and start it again."""
    served.kill_service()
    if database:
        served.kill_database()
    served.start()


HURT: dict[str, Callable[[Served], object]] = {
    "service": kill_and_start,
    "background process": lambda served: served.kill_background(),
    "postmaster": lambda served: served.kill_database(),
    "service and postmaster": lambda served: kill_and_start(served, database=True),
}


def take_a_case(served: Served, told: Acknowledged, patience_s: float = 90) -> None:
    """Report until a case is taken; it counts like the others."""
    with told.lock:
        body = next(iter(told.bodies.values()))
    key, deadline = str(uuid.uuid4()), time.monotonic() + patience_s
    body = body | {"external_ref": key}
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError), served.client(5) as client:
            got = client.post("/incidents", json=body, headers={"Idempotency-Key": key})
            if got.status_code == 201:
                with told.lock:
                    told.cases[key], told.bodies[key] = got.json()["id"], body
                return
        time.sleep(0.02)
    raise AssertionError("no case is taken any more")


@dataclass
class Campaign:
    """What a campaign did and found. `back`: seconds until a case was taken again, by what was killed."""

    capacity: float
    pace: float
    found: dict[str, int] = field(default_factory=dict)
    back: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in HURT})
    flying: list[int] = field(default_factory=list)
    told: Acknowledged | None = None


def hurt_often(served: Served, kills: int, seed: int, *, capacity_s: float = 4.0) -> Campaign:
    """Kill one thing after the other while cases arrive at 80 % of what the service can take."""
    dice = random.Random(seed)
    kinds = [kind for kind in HURT for _ in range(-(-kills // len(HURT)))][:kills]
    dice.shuffle(kinds)
    capacity = measure_capacity(served, capacity_s)
    campaign = Campaign(capacity, SHARE * capacity)
    with load(served, per_second=campaign.pace) as told:
        campaign.told = told
        for kind in kinds:
            wait_for_load(told)
            time.sleep(dice.uniform(0, 0.3))
            if dice.random() < 0.5:
                kill_job(served)
            campaign.flying.append(wait_for_load(told, 0))
            began = time.monotonic()
            HURT[kind](served)
            take_a_case(served, told)
            campaign.back[kind].append(time.monotonic() - began)
    campaign.found = holds(served, told)
    return campaign


def show(title: str, campaign: Campaign, **more: object) -> None:
    """Say what the table of docs/reliability.md says (pytest -s shows it)."""
    flying, told = campaign.flying, campaign.told
    assert told is not None
    found = {**campaign.found, **more}
    waits = sorted(told.waits_s)
    lines = [f"{title}: capacity {campaign.capacity:.1f} cases/s, paced at {campaign.pace:.1f}/s; {found}"]
    lines.append(
        f"  in flight at a kill: {min(flying)} at least, {statistics.median(flying):.0f} median; arrivals given up "
        f"{told.given_up}; a report answered after {waits[len(waits) // 2]:.3f} s median, "
        f"{waits[int(len(waits) * 0.99)]:.3f} s p99"
    )
    lines += [
        f"  {kind}: {len(seconds)} kills, a case taken again after {statistics.median(seconds):.1f} s, "
        f"{sorted(seconds)[int(len(seconds) * 0.95)]:.1f} s p95, {max(seconds):.1f} s at most"
        for kind, seconds in campaign.back.items()
        if seconds
    ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


@pytest.mark.timeout(600)
def test_kills_under_load_lose_nothing(served: Served) -> None:
    show("short campaign", hurt_often(served, 4, SEED, capacity_s=2.0))


@pytest.mark.timeout(300)
def test_a_client_that_repeats_everything_gets_the_same_answers(served: Served) -> None:
    with load(served, repeat=True) as told:
        wait_for_answers(told, 120)
    assert holds(served, told)["acknowledged"] > 10


@pytest.mark.timeout(300)
def test_a_database_that_restarts_under_the_pool_is_only_a_pause(served: Served) -> None:
    with load(served) as told:
        for _ in range(3):
            wait_for_load(told)
            os.kill(served.postmaster(), signal.SIGINT)  # a fast shutdown, as an upgrade does it
            known = len(told.cases)
            deadline = time.monotonic() + 60
            while len(told.cases) <= known + 3:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    holds(served, told)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [0, pytest.param(120, marks=pytest.mark.long)])
def test_a_long_import_does_not_hold_the_sealer_up(served: Served, seconds: int) -> None:
    """A transaction stays open for as long as the load lasts, or two minutes; all beside it is sealed meanwhile."""
    url = json.loads(served.command("db", "url", "--role", "owner", "--json"))["url"].replace("+psycopg", "")
    with psycopg.connect(url) as importing:
        importing.execute(
            "insert into address (district, text, level, radius_m, source, geom) "
            "select '330703', 'x' || n, 'house', 10, 'import', st_setsrid(st_makepoint(119, 29), 4326) "
            "from generate_series(1, 20000) n"
        )
        begun = time.monotonic()
        with load(served, clients=2 if seconds else 6) as told:
            wait_for_answers(told, 100)
            while time.monotonic() - begun < seconds:
                time.sleep(0.1)
        settle(served)
        importing.rollback()
    holds(served, told)


@pytest.fixture(scope="module")
def province() -> Iterator[Served]:
    """The demo's district and eleven on paper, in one database."""
    instance = Served()
    try:
        instance.add_districts(11)
        instance.start()
        yield instance
    finally:
        instance.close()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_kills_while_an_import_and_jobs_run_lose_nothing(province: Served, seed: int) -> None:
    """Fifty over both seeds, twelve districts; the import's draft is whole or absent whenever it was killed."""
    served = province
    with heavy_work(served, seed) as imports:
        campaign = hurt_often(served, 25, seed, capacity_s=10.0)
    states = dict(served.query("select state, count(*) from job group by state"))
    show(f"long campaign, seed {seed}", campaign, imports=imports.found, jobs=states)
    assert imports.torn == []
    assert imports.found["loaded"] > 0
    assert imports.found["killed"] > 0
    assert states.get("done", 0) > 0, states


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["service", "postmaster"])
def test_how_soon_a_case_is_taken_after_a_kill_in_a_quiet_moment(served: Served, kind: str) -> None:
    """Ten times, with nothing else to do; said, not judged: it is the machine's speed."""
    back = []
    with load(served, clients=1) as told:
        wait_for_answers(told, 8)
    for _ in range(10):
        time.sleep(1)
        began = time.monotonic()
        HURT[kind](served)
        take_a_case(served, told)
        back.append(time.monotonic() - began)
    holds(served, told)
    back.sort()
    words = f"{kind} killed ten times: a case again after {statistics.median(back):.1f} s, {back[9]:.1f} s at most"
    sys.stdout.write(f"\n{words}\n")

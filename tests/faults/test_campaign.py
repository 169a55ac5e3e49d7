"""The campaign: what is acknowledged is there, once, whatever is killed meanwhile; and the evidence holds.

The short one is part of `./run test`; the long one (`./run test --all -m long tests/faults`) is that of
docs/reliability.md.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.beside import heavy_work
from tests.faults.campaign import (
    HURT,
    holds,
    hurt_often,
    one_after_the_other,
    show,
    take_a_case,
    wait_for_answers,
    wait_for_load,
)
from tests.faults.service import Served, load, settle

if TYPE_CHECKING:
    from collections.abc import Iterator


SEED = 20261124


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    instance = Served()
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


@pytest.mark.timeout(600)
def test_kills_under_load_lose_nothing(served: Served) -> None:
    show("short campaign", hurt_often(served, one_after_the_other(HURT, 4, SEED), SEED, capacity_s=2.0))


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
        campaign = hurt_often(served, one_after_the_other(HURT, 25, seed), seed, capacity_s=10.0)
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

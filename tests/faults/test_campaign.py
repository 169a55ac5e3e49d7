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
import threading
import time
import uuid

import httpx
import psycopg
import pytest

from tests.faults.service import WRONG, Served, compare, load, settle

SEED = 20261124


@pytest.fixture(scope="module")
def served():
    instance = Served()
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


def holds(served, told):
    found = compare(served, told)
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0), (found, told.bad[:5])
    served.command("audit", "verify")
    return found


def wait_for_load(told, more=20, patience_s=60):
    begun, deadline = told.answers, time.monotonic() + patience_s
    while told.answers < begun + more or told.in_flight < 5:
        assert time.monotonic() < deadline, "no load comes about"
        time.sleep(0.01)


HURT = {
    "service": lambda served: (served.kill_service(), served.start()),
    "background process": lambda served: served.kill_background(),
    "postmaster": lambda served: served.kill_database(),
    "service and postmaster": lambda served: (served.kill_service(), served.kill_database(), served.start()),
}


def take_a_case(served, told, patience_s=90):
    """Report until a case is taken; it counts like the others."""
    with told.lock:
        body = next(iter(told.bodies.values()))
    key, deadline = str(uuid.uuid4()), time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError), served.client(5) as client:
            got = client.post("/incidents", json=body, headers={"Idempotency-Key": key})
            if got.status_code == 201:
                with told.lock:
                    told.cases[key], told.bodies[key] = got.json()["id"], body
                return
        time.sleep(0.02)
    raise AssertionError("no case is taken any more")


def hurt_often(served, kills, seed):
    """Kill one thing after the other under load; return (what is there, seconds to be ready again by kind)."""
    dice = random.Random(seed)
    kinds = [kind for kind in HURT for _ in range(-(-kills // len(HURT)))][:kills]
    dice.shuffle(kinds)
    back = {kind: [] for kind in HURT}
    with load(served) as told:
        for kind in kinds:
            wait_for_load(told)
            time.sleep(dice.uniform(0, 0.3))
            began = time.monotonic()
            HURT[kind](served)
            take_a_case(served, told)
            back[kind].append(time.monotonic() - began)
    return holds(served, told), back


def show(title, found, back):
    """Say what the table of docs/reliability.md says (pytest -s shows it)."""
    lines = [f"{title}: {found}"]
    lines += [
        f"  {kind}: {len(seconds)} kills, a case taken again after {statistics.median(seconds):.1f} s, "
        f"{max(seconds):.1f} s at most"
        for kind, seconds in back.items()
        if seconds
    ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


@pytest.mark.timeout(600)
def test_kills_under_load_lose_nothing(served):
    show("short campaign", *hurt_often(served, 4, SEED))


@pytest.mark.timeout(300)
def test_a_client_that_repeats_everything_gets_the_same_answers(served):
    with load(served, repeat=True) as told:
        wait_for_load(told, 120)
    assert holds(served, told)["acknowledged"] > 10


@pytest.mark.timeout(300)
def test_a_database_that_restarts_under_the_pool_is_only_a_pause(served):
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
def test_a_two_minute_import_does_not_hold_the_sealer_up(served):
    """The transaction stays open for as long as the load lasts; every event beside it is sealed meanwhile."""
    url = json.loads(served.command("db", "url", "--role", "owner", "--json"))["url"].replace("+psycopg", "")
    with psycopg.connect(url) as importing:
        importing.execute(
            "insert into address (district, text, level, radius_m, source, geom) "
            "select '330703', 'x' || n, 'house', 10, 'import', st_setsrid(st_makepoint(119, 29), 4326) "
            "from generate_series(1, 20000) n"
        )
        with load(served) as told:
            wait_for_load(told, 100)
        settle(served)
        importing.rollback()
    holds(served, told)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_kills_under_load_lose_nothing(served, seed):
    show(f"long campaign, seed {seed}", *hurt_often(served, 25, seed))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_backup_and_a_verification_run_while_everything_is_killed(served):
    stop = threading.Event()

    def heavy():
        n = 0
        while not stop.is_set():
            n += 1
            with served.client(60) as client:
                for kind in ("verify", "backup", "tidy"):
                    with contextlib.suppress(httpx.TransportError):
                        client.post("/jobs", json={"kind": kind})
            stop.wait(3)

    thread = threading.Thread(target=heavy)
    thread.start()
    try:
        show("with heavy jobs", *hurt_often(served, 12, 3))
    finally:
        stop.set()
        thread.join()
    states = dict(served.query("select state, count(*) from job group by state"))
    assert states.get("done", 0) > 0, states

"""What every campaign does: hurt one thing after the other under load, and compare what was acknowledged."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tests.faults.service import WRONG, compare, load, measure_capacity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.faults.service import Served
    from tests.faults.traffic import Acknowledged

SHARE = 0.8
LEAST_IN_FLIGHT = 5


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


Hurt = Callable[["Served"], object]
HURT: Mapping[str, Hurt] = {
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
        with contextlib.suppress(httpx.TransportError), served.client(15) as client:
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
    back: dict[str, list[float]] = field(default_factory=dict)
    flying: list[int] = field(default_factory=list)
    told: Acknowledged | None = None


def one_after_the_other(kinds: Iterable[str], count: int, seed: int) -> list[str]:
    """Return `count` kinds, each as often as the others or once more, in an order that the seed decides."""
    known = list(kinds)
    order = [known[n % len(known)] for n in range(count)]
    random.Random(seed).shuffle(order)
    return order


def hurt_often(
    served: Served, order: Sequence[str], seed: int, *, hurt: Mapping[str, Hurt] = HURT, capacity_s: float = 4.0,
    capacity: float | None = None, make_ready: Callable[[str], object] | None = None,
) -> Campaign:  # fmt: skip
    """Hurt one thing after the other while cases arrive at 80 % of `capacity`, measured here where it is not given.

    `make_ready` is called with the kind before each; without it a job's process dies too at every second one. What a
    `hurt` returns, if it can be called, is called once a case was taken again: what was killed for good comes back.
    """
    dice = random.Random(seed)
    capacity = measure_capacity(served, capacity_s) if capacity is None else capacity
    campaign = Campaign(capacity, SHARE * capacity, back={kind: [] for kind in hurt})
    with load(served, per_second=campaign.pace) as told:
        campaign.told = told
        for kind in order:
            if make_ready is not None:
                make_ready(kind)
            wait_for_load(told)
            time.sleep(dice.uniform(0, 0.3))
            if make_ready is None and dice.random() < 0.5:
                kill_job(served)
            campaign.flying.append(wait_for_load(told, 0))
            began = time.monotonic()
            mend = hurt[kind](served)
            take_a_case(served, told)
            campaign.back[kind].append(time.monotonic() - began)
            if callable(mend):
                mend()
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

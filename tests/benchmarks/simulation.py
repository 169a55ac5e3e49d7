"""Simulation: a million calls by the plain rule, beside plain Python, and how far the fleet is from the hypercube."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc import coverage
from gridsvc.simulation.events import nearest_rule, simulate_by
from gridsvc.simulation.model import Calls, Fleet, Forms, Play
from gridsvc.simulation.nearest import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS, PEER_CALLS, TEAMS, PLACES = 1_000_000, 2_000, 16, 300
UNITS = 12


def rows() -> list[dict[str, Any]]:
    """Return the figures."""
    draw = np.random.default_rng(1)
    at = [draw.random((n, 2)) * 30 for n in (TEAMS, PLACES)]
    to_s, between_s = (60 * np.linalg.norm(a[:, None] - at[1], axis=2) for a in at)
    fleet, one = Fleet(to_s, to_s, between_s, np.full(TEAMS, 60.0)), Forms.any_team(TEAMS)
    calls, few = _calls(CALLS, draw), _calls(PEER_CALLS, draw)
    fast_s, slow_s = np.inf, np.inf
    for _ in range(3):
        fast_s = min(fast_s, _seconds(lambda: simulate(fleet, one, calls)))
        slow_s = min(slow_s, _seconds(lambda: simulate_by(fleet, one, few, nearest_rule(one, few))))
    peer_s = slow_s * CALLS / PEER_CALLS
    apart = _apart_from_hypercube()
    return [
        {"name": f"simulation, 1M calls, {TEAMS} teams, {PLACES} places, plain rule", "value": fast_s, "unit": "s",
         "peers": {"plain Python, by 2,000 calls": peer_s}, "ratio": peer_s / fast_s, "target": "<= 5",
         "met": bool(fast_s <= 5)},
        {"name": f"simulation, workloads of {UNITS} units against the exact hypercube, 1M calls", "value": apart,
         "unit": "of the workload, at most", "peers": {}, "ratio": None, "target": "<= 0.01",
         "met": bool(apart <= 0.01)},
    ]  # fmt: skip


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def _calls(n: int, draw: np.random.Generator) -> Calls:
    """Half of the fleet's time, without the driving."""
    zero, one = np.zeros(n, np.int64), np.ones(n)
    time_s = np.cumsum(draw.exponential(2 * 2400 / TEAMS, n))
    return Calls(time_s, draw.integers(PLACES, size=n), zero, draw.integers(3, size=n), zero, 600 * one, 60 * one,
                 draw.exponential(2400, n), 0 * one, one, draw.lognormal(0, 0.2, n))  # fmt: skip


def _apart_from_hypercube() -> float:
    draw = np.random.default_rng(2)
    atoms = UNITS + 2
    rate = draw.random(atoms)
    rate *= 0.6 * UNITS / rate.sum()
    preference = np.array([draw.permutation(UNITS) for _ in range(atoms)])
    to_s = np.empty((UNITS, atoms))
    np.put_along_axis(to_s, preference.T, np.arange(UNITS)[:, None] * 1e-6 * np.ones(atoms), axis=0)
    fleet = Fleet(to_s, np.zeros_like(to_s), np.zeros((atoms, atoms)), np.zeros(UNITS))
    zero, one = np.zeros(CALLS, np.int64), np.ones(CALLS)
    time_s = np.cumsum(draw.exponential(3600 / rate.sum(), CALLS))
    atom = draw.choice(atoms, CALLS, p=rate / rate.sum())
    calls = Calls(time_s, atom, zero, zero, zero, one, 0 * one, draw.exponential(3600, CALLS), one, one, one)
    found = simulate(fleet, Forms.any_team(UNITS), calls, Play(queue=False))
    exact = coverage.hypercube(rate, preference, queue=False)
    return float(np.abs(found.busy_s / time_s[-1] / exact.workload - 1).max())

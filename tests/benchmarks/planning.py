"""Location models beside spopt with CBC on the same machine, in one run: the answers, their proof, time and memory.

A peer that is capped has not proved its answer by then; its time is a lower bound. What spopt needs to write its model
counts: it is what one waits for. The places are drawn in a square of 30 km; 5 minutes of driving are the target in
town. How hard a covering problem is depends on how far the sites overlap, so there is a row with 8 minutes, too.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc import coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

CAP_S = 300.0
NEAR_S, FAR_S = 300.0, 480.0
SITES, DEMANDS, P = 100, 50_000, 10
SIZES = (1_000, 10_000, 50_000)


def rows() -> list[dict[str, Any]]:
    """Return the figures."""
    return [*_covering(), *_sizes(), *_median_and_center()]


def world(demands: int, sites: int = SITES, seed: int = 3) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return seconds of driving, (sites, demands), between random places of a district 30 km wide, and weights."""
    draw = np.random.default_rng(seed)
    here, there = draw.uniform(0, 30, (sites, 2)), draw.uniform(0, 30, (demands, 2))
    km = np.abs(here[:, None] - there[None]).sum(axis=2)
    return km * 60.0, draw.integers(1, 50, demands).astype(np.float64)


def _covering() -> Iterator[dict[str, Any]]:
    seconds, weight = world(DEMANDS)
    cover = seconds <= NEAR_S
    took = _measured(_mclp, seconds, weight)
    peer = _peer(_peer_mclp, seconds, weight)
    yield _row(f"MCLP {SITES} x {DEMANDS:,}, p = {P}, 5 minutes, proved", took, peer, 2.5)
    yield {"name": "the same: memory beyond the matrix", "value": took["megabytes"], "unit": "MB", "peers": {},
           "ratio": None, "target": "<= 300 MB", "met": took["megabytes"] <= 300}  # fmt: skip
    wide = seconds[:, (seconds <= FAR_S).any(axis=0)]
    took, peer = _measured(_lscp, wide, None), _peer(_peer_lscp, wide, None)
    yield _row(f"LSCP {SITES} x {wide.shape[1]:,}", took, peer, 0.1)
    share = float(weight[cover.any(axis=0)].sum() / weight.sum())
    yield {"name": "the same world: share of the demand in reach of any site", "value": share, "unit": "", "peers": {},
           "ratio": None, "target": None, "met": None}  # fmt: skip


def _sizes() -> Iterator[dict[str, Any]]:
    for demands in SIZES:
        took = _measured(_mclp, *world(demands))
        yield _row(f"MCLP {SITES} x {demands:,}, 5 minutes: cost by size", took, None, None)
    yield _row("MCLP 100 x 2,000, 8 minutes, where sites overlap", _measured(_far_mclp, *world(2_000)), None, None)


def _median_and_center() -> Iterator[dict[str, Any]]:
    seconds, weight = world(100, 100)
    yield _row("p-median 100 x 100, p = 10, proved", _measured(_median, seconds, weight),
               _peer(_peer_median, seconds, weight), None)  # fmt: skip
    yield _row("p-center 100 x 100, p = 10, proved", _measured(_center, seconds, weight),
               _peer(_peer_center, seconds, weight), 1.0)  # fmt: skip


def _row(name: str, took: dict[str, Any], peer: dict[str, Any] | None, target_s: float | None) -> dict[str, Any]:
    assert took["optimal"], name
    peers, ratio = {}, None
    if peer is not None:
        capped = not peer["optimal"]
        peers = {"spopt + CBC" + (f", not proved in {CAP_S:.0f} s: at least" if capped else ""): peer["seconds"]}
        ratio = peer["seconds"] / took["seconds"]
        if not capped:
            assert abs(peer["objective"] - took["objective"]) <= 1e-6 * abs(took["objective"]), name
    met = None if target_s is None else took["seconds"] <= target_s
    return {"name": name, "value": took["seconds"], "unit": "s", "peers": peers, "ratio": ratio,
            "target": None if target_s is None else f"<= {target_s:g} s", "met": met}  # fmt: skip


def _mclp(seconds: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, bool]:
    plan = coverage.mclp(seconds <= NEAR_S, weight, P)
    return plan.objective, plan.optimal


def _far_mclp(seconds: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, bool]:
    plan = coverage.mclp(seconds <= FAR_S, weight, P)
    return plan.objective, plan.optimal


def _lscp(seconds: NDArray[np.float64], _: None) -> tuple[float, bool]:
    plan = coverage.lscp(seconds <= FAR_S)
    return plan.objective, plan.optimal


def _median(seconds: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, bool]:
    plan = coverage.p_median(seconds, weight, P)
    return plan.objective, plan.optimal


def _center(seconds: NDArray[np.float64], _: NDArray[np.float64]) -> tuple[float, bool]:
    plan = coverage.p_center(seconds, P)
    return plan.objective, plan.optimal


def _peer_mclp(seconds: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, bool]:
    from spopt.locate import MCLP

    model = MCLP.from_cost_matrix(np.ascontiguousarray(seconds.T), weight, NEAR_S, P)
    return _solved(model)


def _peer_lscp(seconds: NDArray[np.float64], _: None) -> tuple[float, bool]:
    from spopt.locate import LSCP

    return _solved(LSCP.from_cost_matrix(np.ascontiguousarray(seconds.T), FAR_S))


def _peer_median(seconds: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, bool]:
    from spopt.locate import PMedian

    return _solved(PMedian.from_cost_matrix(np.ascontiguousarray(seconds.T), weight, P))


def _peer_center(seconds: NDArray[np.float64], _: NDArray[np.float64]) -> tuple[float, bool]:
    from spopt.locate import PCenter

    return _solved(PCenter.from_cost_matrix(np.ascontiguousarray(seconds.T), P))


def _solved(model: Any) -> tuple[float, bool]:
    import pulp

    model.problem.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=CAP_S))
    return float(pulp.value(model.problem.objective)), model.problem.sol_status == pulp.LpSolutionOptimal


def _measured(
    task: Callable[[NDArray[np.float64], Any], tuple[float, bool]], seconds: NDArray[np.float64], weight: Any
) -> dict[str, Any]:
    """Run a task twice, each time in a process of its own; the better of two."""
    runs = [_once(task, seconds, weight) for _ in range(2)]
    return min(runs, key=lambda run: float(run["seconds"]))


def _peer(
    task: Callable[[NDArray[np.float64], Any], tuple[float, bool]], seconds: NDArray[np.float64], weight: Any
) -> dict[str, Any] | None:
    """Run what spopt does once; None where it is not installed."""
    return None if importlib.util.find_spec("spopt") is None else _once(task, seconds, weight)


def _once(task: Callable[..., tuple[float, bool]], seconds: NDArray[np.float64], weight: Any) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")
    answers: Any = context.Queue()
    worker = context.Process(target=_work, args=(task, seconds, weight, answers))
    worker.start()
    worker.join(CAP_S)
    if worker.is_alive():
        worker.kill()
        worker.join()
        return {"seconds": CAP_S, "objective": None, "optimal": False, "megabytes": None}
    found: dict[str, Any] = answers.get(timeout=10)
    return found


def _work(task: Callable[..., tuple[float, bool]], seconds: NDArray[np.float64], weight: Any, answers: Any) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    objective, optimal = task(seconds, weight)
    took = time.perf_counter() - began
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    answers.put({"seconds": took, "objective": objective, "optimal": optimal, "megabytes": megabytes})

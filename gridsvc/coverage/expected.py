"""MEXCLP: the greatest expected weight within reach of a unit that is free, when units are busy a share of the time.

Daskin, A maximum expected covering location model, Transportation Science 17, 1983.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve, stacked
from gridsvc.coverage.model import Limits, Plan, ascending, out_of_time, read_cover, read_weight
from gridsvc.coverage.reductions import merge_equal
from gridsvc.coverage.sides import no_plan, with_sides
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gridsvc.coverage.model import Cover

    Floats = NDArray[np.float64]


def mexclp(
    cover: Cover, weight: ArrayLike, units: int, busy: float, *, most_per_site: int | None = None,
    limits: Limits | None = None,
) -> Plan:  # fmt: skip
    """Return the sites of `units` units, each busy a share `busy` of the time, that reach most weight with a free one.

    A demand that k units reach counts 1 - busy^k of its weight. A site that holds several units is named as often.

    Parameters
    ----------
    cover
        (sites, demands), true where the site reaches the demand.
    busy
        0 to below 1, the same for all units and independent of each other.
    """
    limits = limits or Limits()
    matrix = read_cover(cover)
    sites = matrix.shape[0]
    value = read_weight(weight, matrix.shape[1])
    limits.check(sites, units)
    most = units if most_per_site is None else most_per_site
    if units < 1 or most < 1 or units > most * (sites - len(set(limits.closed))):
        raise InvalidInput(
            f"{units} units cannot stand at {sites} sites with {most} at most on each. Change one of them.",
            kind="too-few-sites",
            p=units,
            sites=sites,
            most_per_site=most,
        )
    if not 0 <= busy < 1:
        raise InvalidInput(f"`busy` is {busy}. Give 0 to below 1.", kind="bad-share", name="busy", value=busy)
    merged = merge_equal(matrix)
    grouped = merged.weights(value)
    used = merged.cover.any(axis=0) & (grouped > 0)
    reach, grouped = merged.cover[:, used], grouped[used]
    unreachable = ascending(np.flatnonzero(np.asarray(matrix.sum(axis=0)).ravel() == 0))
    start = _greedy(reach, grouped, (units, busy, most), limits)
    solution = solve(
        with_sides(_program(reach, grouped, (units, busy, most), limits), limits.sides),
        time_limit_s=limits.time_limit_s,
        start=None if limits.sides else _as_start(reach, start, units),
    )
    if solution.x is None and limits.sides:
        raise no_plan(limits, sites, units, most_per_site=most) if solution.infeasible else out_of_time()
    count = start if solution.x is None else np.round(solution.x[:sites]).astype(int)
    if not limits.sides and _value(reach, grouped, start, busy) > _value(reach, grouped, count, busy):
        count = start
    objective = _value(reach, grouped, count, busy)
    bound = min(-solution.bound if np.isfinite(solution.bound) else np.inf, float(grouped.sum()))
    optimal = bound <= objective + 1e-7 * max(float(grouped.sum()), 1.0)
    named = tuple(np.repeat(np.arange(sites), count).tolist())
    return Plan(named, objective, objective if optimal else bound, optimal, unreachable)


def _value(reach: NDArray[np.bool_], weight: Floats, count: NDArray[np.intp], busy: float) -> float:
    return float((weight * (1 - busy ** (reach.T.astype(int) @ count))).sum())


def _greedy(
    reach: NDArray[np.bool_], weight: Floats, fleet: tuple[int, float, int], limits: Limits
) -> NDArray[np.intp]:
    units, busy, most = fleet
    count = np.zeros(len(reach), np.intp)
    count[list(limits.fixed)] = 1
    while count.sum() < units:
        gain = reach @ (weight * busy ** (reach.T.astype(int) @ count)) if weight.size else np.zeros(len(reach))
        gain[count >= most] = -1.0
        gain[list(limits.closed)] = -1.0
        count[int(gain.argmax())] += 1
    return count


def _as_start(reach: NDArray[np.bool_], count: NDArray[np.intp], units: int) -> Floats:
    reached = np.minimum(reach.T.astype(int) @ count, units)
    levels = np.arange(units)[:, None] < reached[None]
    return np.concatenate([count, levels.ravel()]).astype(np.float64)


def _program(reach: NDArray[np.bool_], weight: Floats, fleet: tuple[int, float, int], limits: Limits) -> Program:
    units, busy, most = fleet
    sites, demands = reach.shape
    levels = [sparse.eye_array(demands)] * units
    rows = stacked(
        sparse.hstack([sparse.csr_array(-reach.T.astype(np.float64)), *levels]),
        sparse.csr_array(np.concatenate([np.ones(sites), np.zeros(units * demands)])[None]),
    )
    low, high = np.zeros(sites + units * demands), np.ones(sites + units * demands)
    high[:sites] = most
    low[list(limits.fixed)], high[list(limits.closed)] = 1.0, 0.0
    worth = [-(1 - busy) * busy**k * weight for k in range(units)]
    return Program(
        cost=np.concatenate([np.zeros(sites), *worth]),
        rows=rows,
        row_low=np.append(np.full(demands, -np.inf), float(units)),
        row_high=np.append(np.zeros(demands), float(units)),
        low=low,
        high=high,
        integer=np.arange(sites + units * demands) < sites,
    )

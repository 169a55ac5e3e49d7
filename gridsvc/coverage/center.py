"""P-center: the sites for which the farthest demand is as near as possible.

Minieka, The m-center problem, SIAM Review 12, 1970: the answer is the smallest distance within which p sites cover all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coverage.covering import cover_with_sides, cover_within
from gridsvc.coverage.model import (
    Deadline,
    Limits,
    Plan,
    ascending,
    check_count,
    out_of_time,
    read_cost,
    refuse_unreachable,
)
from gridsvc.coverage.sides import no_plan

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def p_center(cost: ArrayLike, p: int, *, limits: Limits | None = None) -> Plan:
    """Return the sites, `p` at most, that make the largest cost of a demand as small as possible.

    Parameters
    ----------
    cost
        (sites, demands), such as seconds of travel; infinity = unreachable.

    Raises
    ------
    InvalidInput
        When the input is not usable, or `p` sites cannot reach all demands at any cost.
    """
    limits = limits or Limits()
    matrix = read_cost(cost)
    sites = matrix.shape[0]
    check_count(p, sites)
    limits.check(sites, p)
    open_to = matrix.copy()
    open_to[list(limits.closed)] = np.inf
    refuse_unreachable(
        np.asarray(np.isfinite(open_to).any(axis=0), bool), "Allow more sites, or take these demands out."
    )
    return _with_sides(open_to, p, limits) if limits.sides else _search(open_to, p, limits)


def _with_sides(cost: Floats, p: int, limits: Limits) -> Plan:
    """Search the distances for the smallest within which a plan keeps all rules."""
    deadline = Deadline(limits.time_limit_s)
    steps = np.unique(cost[np.isfinite(cost)])
    low, high = int(np.searchsorted(steps, cost.min(axis=0).max())), len(steps) - 1
    widest = cover_with_sides(np.isfinite(cost), p, limits, deadline)
    if widest is None:
        raise no_plan(limits, len(cost), p, cover=np.isfinite(cost))
    if len(widest.sites) > p:
        raise out_of_time()
    best, certain = widest.sites, True
    while low < high:
        middle = (low + high) // 2
        found = cover_with_sides(cost <= steps[middle], p, limits, deadline)
        if found is None:
            low = middle + 1
        elif len(found.sites) <= p:
            best, high = found.sites, middle
        else:
            certain = False
            break
    objective = float(cost[best].min(axis=0).max())
    return Plan(ascending(best), objective, objective if certain else float(steps[low]), certain)


def _search(cost: Floats, p: int, limits: Limits) -> Plan:
    deadline, fixed = Deadline(limits.time_limit_s), np.array(sorted(set(limits.fixed)), np.intp)
    steps = np.unique(cost[np.isfinite(cost)])
    chosen = _farthest_first(cost, p, fixed)
    low = int(np.searchsorted(steps, cost.min(axis=0).max()))  # every demand's own nearest site
    worst = cost[chosen].min(axis=0).max()
    high = int(np.searchsorted(steps, worst)) if np.isfinite(worst) else len(steps)
    best = chosen if np.isfinite(worst) else None
    certain = True
    while low < high:
        middle = (low + high) // 2
        found = cover_within(cost <= steps[middle], p, fixed, deadline)
        if found is None:
            low = middle + 1
        elif len(found.sites) <= p:
            best = found.sites
            high = int(np.searchsorted(steps, cost[best].min(axis=0).max()))
        else:  # out of time
            certain = False
            break
    if best is None:
        refuse_unreachable(
            np.isfinite(cost[chosen].min(axis=0)), f"{p} sites cannot reach all demands. Raise `p`, or take these out."
        )
        best = chosen
    objective = float(cost[best].min(axis=0).max())
    return Plan(ascending(best), objective, float(steps[min(low, high)]), certain and low >= high)


def _farthest_first(cost: Floats, p: int, fixed: NDArray[np.intp]) -> list[int]:
    """Open at the farthest demand its nearest site, until `p` are open: a start, no answer."""
    chosen = fixed.tolist() or [int(np.where(np.isfinite(cost), cost, 1e300).max(axis=1).argmin())]
    while len(chosen) < p:
        near = cost[chosen].min(axis=0)
        chosen.append(int(cost[:, int(near.argmax())].argmin()))
    return sorted(set(chosen))

"""P-median with capacities and rules: every demand is assigned, in parts where it must be, to open sites.

Hakimi's p-median with the capacities of Mulvey and Beck, Solving capacitated clustering problems, EJOR 18, 1984, whose
demands may be divided here; solved by HiGHS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve, stacked
from gridsvc.coverage.model import Limits, Plan, ascending, out_of_time
from gridsvc.coverage.sides import fewest_sites, no_plan, with_sides
from gridsvc.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_PAIRS = 400_000
"""Of a site and a demand that it reaches: each is a variable."""


def assigned_median(cost: Floats, weight: Floats, p: int, capacity: Floats | None, limits: Limits) -> Plan:
    """Return the sites of the cheapest assignment of all demands; (sites, demands) costs, inf = unreachable.

    Raises
    ------
    InvalidInput
        When no plan keeps capacities and rules.
    TooLarge
        Above MOST_PAIRS.
    """
    sites = len(cost)
    site, demand = np.nonzero(np.isfinite(cost))
    if len(site) > MOST_PAIRS:
        raise TooLarge(
            f"{len(site)} pairs of a site and a demand are more than {MOST_PAIRS} with capacities or rules. Use larger "
            "cells, or fewer candidates.",
            pairs=len(site),
            most=MOST_PAIRS,
        )
    pairs = np.arange(len(site))
    ones = np.ones(len(site))
    room = weight.sum() if capacity is None else capacity
    load = sparse.csr_array((weight[demand], (site, pairs)), shape=(sites, len(site)))
    rows = stacked(
        sparse.hstack([sparse.csr_array((cost.shape[1], sites)), sparse.csr_array((ones, (demand, pairs)))]),
        sparse.hstack(
            [sparse.csr_array((-ones, (pairs, site)), shape=(len(site), sites)), sparse.eye_array(len(site))]
        ),
        sparse.hstack([sparse.diags_array(-np.full(sites, room)), load]),
        sparse.csr_array(np.concatenate([np.ones(sites), np.zeros(len(site))])[None]),
    )
    low, high = np.zeros(sites + len(site)), np.ones(sites + len(site))
    low[list(limits.fixed)], high[list(limits.closed)] = 1.0, 0.0
    served = np.ones(cost.shape[1])
    program = Program(
        cost=np.concatenate([np.zeros(sites), cost[site, demand] * weight[demand]]),
        rows=rows,
        row_low=np.concatenate([served, np.full(len(site) + sites, -np.inf), [0.0]]),
        row_high=np.concatenate([served, np.zeros(len(site) + sites), [float(p)]]),
        low=low,
        high=high,
        integer=np.arange(sites + len(site)) < sites,
    )
    found = solve(with_sides(program, limits.sides), time_limit_s=limits.time_limit_s)
    if found.x is None:
        if not found.infeasible:
            raise out_of_time()
        raise _refusal(cost, weight, p, capacity, limits)
    chosen = np.flatnonzero(found.x[:sites] > 0.5)
    optimal = found.bound >= found.objective - 1e-7 * max(abs(found.objective), 1.0)
    bound = found.objective if optimal else found.bound
    return Plan(ascending(chosen), found.objective, bound, optimal)


def _refusal(cost: Floats, weight: Floats, p: int, capacity: Floats | None, limits: Limits) -> InvalidInput:
    fewest = fewest_sites(limits, len(cost), cover=np.isfinite(cost))
    if fewest is None or fewest > p or capacity is None:
        return no_plan(limits, len(cost), p, cover=np.isfinite(cost))
    largest = float(np.sort(capacity)[::-1][:p].sum())
    return InvalidInput(
        f"{p} posts cannot serve a demand of {weight.sum():g} within their capacities, of which the {p} largest sum to "
        f"{largest:g}. Raise `p` or the capacities.",
        kind="no-plan",
        p=p,
        demand=float(weight.sum()),
        capacity=largest,
    )

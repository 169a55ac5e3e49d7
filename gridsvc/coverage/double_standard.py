"""The double standard model: all demand within the far limit, a share within the near one, and that covered twice.

Gendreau, Laporte and Semet, Solving an ambulance location model by tabu search, Location Science 5, 1997.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve, stacked
from gridsvc.coverage.model import (
    Limits,
    Plan,
    check_count,
    out_of_time,
    read_cover,
    read_weight,
    refuse_unreachable,
)
from gridsvc.coverage.sides import with_sides
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from gridsvc.coverage.model import Cover

_ASKED_S = 20.0


def double_standard(
    near: Cover,
    far: Cover,
    weight: ArrayLike,
    units: int,
    *,
    near_share: float = 0.9,
    most_per_site: int = 2,
    limits: Limits | None = None,
) -> Plan:
    """Return the sites of `units` units that reach the greatest weight twice within the near limit.

    Every demand is reached within the far limit, and `near_share` of the weight within the near limit (such as 15 and 5
    minutes). A site that holds several units is named as often.

    Parameters
    ----------
    near, far
        (sites, demands), true where the site reaches the demand in time.

    Raises
    ------
    InvalidInput
        When the input is not usable, or no plan keeps both limits; the share that can be reached is named.
    """
    limits = limits or Limits()
    close, wide = read_cover(near, what="near"), read_cover(far, what="far")
    if close.shape != wide.shape:
        raise InvalidInput(
            f"`near` has the shape {close.shape}, `far` {wide.shape}. Give both for the same sites and demands.",
            kind="bad-matrix",
            name="near",
            shape=list(close.shape),
            other=list(wide.shape),
        )
    sites, demands = close.shape
    value = read_weight(weight, demands)
    check_count(units, sites * most_per_site, name="units")
    limits.check(sites)
    if not 0 <= near_share <= 1:
        raise InvalidInput(
            f"`near_share` is {near_share}. Give 0 to 1.", kind="bad-share", name="near_share", value=near_share
        )
    kept = np.setdiff1d(np.arange(sites), limits.closed)
    refuse_unreachable(
        np.asarray(wide[kept].sum(axis=0)).ravel() > 0, "Allow more sites or a longer time, or take these demands out."
    )
    once, twice = sparse.eye_array(demands), sparse.eye_array(demands)
    none = sparse.csr_array((demands, demands))
    rows = stacked(
        sparse.hstack([wide.T, none, none]),
        sparse.hstack([-close.T, once, twice]),
        sparse.hstack([sparse.csr_array((demands, sites)), -once, twice]),
        sparse.csr_array(np.concatenate([np.zeros(sites), value, np.zeros(demands)])[None]),
        sparse.csr_array(np.concatenate([np.ones(sites), np.zeros(2 * demands)])[None]),
    )
    low, high = np.zeros(sites + 2 * demands), np.ones(sites + 2 * demands)
    high[:sites] = most_per_site
    low[list(limits.fixed)], high[list(limits.closed)] = 1.0, 0.0
    program = Program(
        cost=np.concatenate([np.zeros(sites + demands), -value]),
        rows=rows,
        row_low=np.concatenate([np.ones(demands), np.full(2 * demands, -np.inf), [near_share * value.sum()], [units]]),
        row_high=np.concatenate([np.full(demands, np.inf), np.zeros(2 * demands), [np.inf], [units]]),
        low=low,
        high=high,
        integer=np.ones(sites + 2 * demands, bool),
    )
    program = with_sides(program, limits.sides)
    solution = solve(program, time_limit_s=limits.time_limit_s)
    if solution.x is None:
        if not solution.infeasible:
            raise out_of_time()
        raise _refusal(program, sites, (units, near_share), float(value[close[kept].sum(axis=0) > 0].sum()))
    count = np.round(solution.x[:sites]).astype(int)
    objective = float(value[(close.T @ count) >= 2].sum())
    bound = min(-solution.bound if np.isfinite(solution.bound) else float(value.sum()), float(value.sum()))
    optimal = bound <= objective + 1e-7 * max(float(value.sum()), 1.0)
    return Plan(tuple(np.repeat(np.arange(sites), count).tolist()), objective, objective if optimal else bound, optimal)


def _refusal(program: Program, sites: int, asked: tuple[int, float], near: float) -> InvalidInput:
    """Return why there is no plan: with the units that would do, or with the share that can be reached.

    `near`: the weight that all sites together reach within the near limit.
    """
    units, near_share = asked
    free = program.row_high.copy()
    count = (len(program.cost) - sites) // 2
    at = 3 * count + 1  # the row of the number of units
    low = program.row_low.copy()
    low[at], free[at] = 0.0, np.inf
    cost = np.concatenate([np.ones(sites), np.zeros(len(program.cost) - sites)])
    found = solve(program._replace(cost=cost, row_low=low, row_high=free), time_limit_s=_ASKED_S)
    if found.x is not None:
        fewest = round(float(found.x[:sites].sum()))
        return InvalidInput(
            f"{units} units cannot keep both limits. {fewest} units would do. Raise `units`, or lower `near_share`.",
            kind="no-plan",
            units=units,
            near_share=near_share,
            fewest=fewest,
        )
    weight = float(program.rows[[3 * count]].sum())
    share = near / weight if weight else 1.0
    return InvalidInput(
        f"No number of units reaches {near_share:.0%} of the weight within the near limit and keeps all rules; all "
        f"sites together reach {share:.1%}. Lower `near_share`, or give more sites.",
        kind="no-plan",
        units=units,
        near_share=near_share,
        share=share,
    )

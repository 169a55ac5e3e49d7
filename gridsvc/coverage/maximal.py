"""Maximal covering: the most weight within reach of p sites, once, or once and again as a backup.

Church and ReVelle, The maximal covering location problem, Papers of the Regional Science Association 32, 1974; backup:
Hogan and ReVelle, Concepts and applications of backup coverage, Management Science 32, 1986. The bound is Lagrangian
(Galvao and ReVelle, A Lagrangean heuristic for the maximal covering location problem, EJOR 88, 1996); what it cannot
prove, HiGHS does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve, stacked
from gridsvc.coverage.model import Deadline, Limits, Plan, ascending, check_count, out_of_time, read_cover, read_weight
from gridsvc.coverage.reductions import merge_equal
from gridsvc.coverage.sides import no_plan, with_sides
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gridsvc.coverage.model import Cover

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_ROUNDS = 300


def mclp(cover: Cover, weight: ArrayLike, p: int, *, limits: Limits | None = None) -> Plan:
    """Return the sites, `p` at most, that reach the greatest weight of demand.

    Parameters
    ----------
    cover
        (sites, demands), true where the site reaches the demand; dense or scipy sparse.
    weight
        (demands,), 0 or more.
    """
    limits = limits or Limits()
    matrix = read_cover(cover)
    value = read_weight(weight, matrix.shape[1])
    check_count(p, matrix.shape[0])
    limits.check(matrix.shape[0], p)
    unreachable = ascending(np.flatnonzero(np.asarray(matrix.sum(axis=0)).ravel() == 0))
    if limits.sides:
        return mclp_backup(cover, weight, p, backup_share=0.0, limits=limits)
    merged = merge_equal(matrix)
    grouped = merged.weights(value)
    used = merged.cover.any(axis=0) & (grouped > 0)
    reach, grouped = merged.cover[:, used], grouped[used]
    reach[list(limits.closed)] = False
    sites, bound = _maximise(reach, grouped, p, limits)
    objective = float(grouped[reach[sites].any(axis=0)].sum()) if sites else 0.0
    return _plan(sites, objective, bound, value.sum(), unreachable)


def _plan(sites: list[int], objective: float, bound: float, total: float, unreachable: tuple[int, ...]) -> Plan:
    rounding = 1e-9 * max(total, 1.0)
    optimal = bound <= objective + rounding
    return Plan(ascending(sites), objective, objective if optimal else bound, optimal, unreachable)


def _maximise(reach: Flags, weight: Floats, p: int, limits: Limits) -> tuple[list[int], float]:
    """Return sites and the proved bound of the weight they reach."""
    deadline = Deadline(limits.time_limit_s)
    if not weight.size:
        return sorted(set(limits.fixed)), 0.0
    fixed = sorted(set(limits.fixed))
    sites = improve_by_swaps(reach, weight, _greedy(reach, weight, p, fixed), keep=set(fixed))
    known = float(weight[reach[sites].any(axis=0)].sum())
    bound, open_at_best, closed_at_best = _lagrangian(reach, weight, p, (known, set(fixed)), deadline)
    rounding = 1e-9 * max(weight.sum(), 1.0)
    if bound <= known + rounding:
        return sites, known
    low, high = np.zeros(len(reach)), np.ones(len(reach))
    low[open_at_best] = 1.0
    low[fixed] = 1.0
    high[closed_at_best] = 0.0
    high[list(limits.closed)] = 0.0
    found, proved = _by_program(reach, weight, p, (low, high, sites), deadline)
    if found is not None:
        value = float(weight[reach[found].any(axis=0)].sum())
        if value > known:
            sites, known = found, value
    return sites, min(bound, max(proved, known))


def _greedy(reach: Flags, weight: Floats, p: int, fixed: list[int]) -> list[int]:
    chosen = list(fixed)
    left = weight * ~reach[chosen].any(axis=0) if chosen else weight.copy()
    floats = reach.astype(np.float32) if reach.size <= 50_000_000 else None
    while len(chosen) < p:
        gain = (floats if floats is not None else reach) @ left
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        chosen.append(best)
        left = left * ~reach[best]
    return chosen


def improve_by_swaps(reach: Flags, weight: Floats, sites: list[int], *, keep: set[int]) -> list[int]:
    """Exchange an open site for a closed one as long as that reaches more; the greatest gain first."""
    chosen = list(sites)
    for _ in range(200):
        if not chosen:
            break
        count = reach[chosen].sum(axis=0)
        gain_in = reach @ (weight * (count == 0))
        best: tuple[float, int, int] | None = None
        for place, site in enumerate(chosen):
            if site in keep:
                continue
            alone = weight * (reach[site] & (count == 1))
            lost = alone.sum()
            gain = gain_in + reach @ alone - lost
            into = int(gain.argmax())
            if gain[into] > 1e-9 * max(weight.sum(), 1.0) and (best is None or gain[into] > best[0]):
                best = float(gain[into]), place, into
        if best is None:
            break
        chosen[best[1]] = best[2]
    return chosen


def _lagrangian(
    reach: Flags, weight: Floats, p: int, known: tuple[float, set[int]], deadline: Deadline
) -> tuple[float, NDArray[np.intp], NDArray[np.intp]]:
    """Return the best bound of subgradient steps, and the sites that it proves open and closed in a better answer."""
    value, fixed = known
    matrix = sparse.csr_array(reach.astype(np.float64))
    price = weight / np.maximum(reach.sum(axis=0), 1)
    bound, step, stale = np.inf, 1.0, 0
    surely_open: set[int] = set()
    surely_closed: set[int] = set()
    rounding = 1e-9 * max(weight.sum(), 1.0)
    forced = np.zeros(len(reach), bool)
    forced[list(fixed)] = True
    for _ in range(_ROUNDS):
        worth = matrix @ price
        ranked = np.argsort(-(worth + forced * weight.sum() * 2), kind="stable")
        chosen = ranked[:p]
        upper = float(np.maximum(weight - price, 0.0).sum() + worth[chosen].sum())
        if upper < bound - rounding:
            bound, stale = upper, 0
        else:
            stale += 1
        if len(ranked) > p:
            out, into = worth[ranked[p - 1]], worth[ranked[p]]
            surely_closed.update(ranked[p:][upper - out + worth[ranked[p:]] < value - rounding].tolist())
            surely_open.update(chosen[upper - worth[chosen] + into < value - rounding].tolist())
        if bound <= value + rounding or deadline.left_s() == 0.0:
            break
        if stale >= 15:
            step, stale = step / 2, 0
            if step < 1e-3:
                break
        slope = np.asarray(reach[chosen].sum(axis=0), np.float64) - (weight > price)
        length = float(slope @ slope)
        if length == 0.0:
            break
        price = np.clip(price - step * (upper - value) / length * slope, 0.0, weight)
    return bound, np.array(sorted(surely_open), np.intp), np.array(sorted(surely_closed - fixed), np.intp)


def _by_program(
    reach: Flags, weight: Floats, p: int, known: tuple[Floats, Floats, list[int]], deadline: Deadline
) -> tuple[list[int] | None, float]:
    """Solve what the bound left open: sites with low = high are decided; demands that they reach need no variable."""
    low, high, start = known
    decided = np.flatnonzero(low == 1.0)
    done = reach[decided].any(axis=0)
    base = float(weight[done].sum())
    free = np.flatnonzero((high == 1.0) & (low == 0.0))
    part = merge_equal(sparse.csr_array(reach[np.ix_(free, ~done)].astype(np.int32)))
    grouped = part.weights(weight[~done])
    used = part.cover.any(axis=0) & (grouped > 0)
    cover, grouped = part.cover[:, used], grouped[used]
    sites, demands = cover.shape
    if not demands or p <= len(decided):
        return decided.tolist(), base
    rows = stacked(
        sparse.hstack([sparse.csr_array(-cover.T.astype(np.float64)), sparse.eye_array(demands)]),
        sparse.csr_array(np.concatenate([np.ones(sites), np.zeros(demands)])[None]),
    )
    program = Program(
        cost=np.concatenate([np.zeros(sites), -grouped]),
        rows=rows,
        row_low=np.full(demands + 1, -np.inf),
        row_high=np.concatenate([np.zeros(demands), [p - len(decided)]]),
        low=np.zeros(sites + demands),
        high=np.ones(sites + demands),
        integer=np.concatenate([np.ones(sites, bool), np.zeros(demands, bool)]),
    )
    opened = np.isin(free, start)
    first = None
    if set(start) <= set(free.tolist()) | set(decided.tolist()) and opened.sum() <= p - len(decided):
        first = np.concatenate([opened, cover[opened].any(axis=0)]).astype(np.float64)
    solution = solve(program, time_limit_s=deadline.left_s(), start=first)
    found = None
    if solution.x is not None:
        found = decided.tolist() + free[solution.x[:sites] > 0.5].tolist()
    bound = base - solution.bound if np.isfinite(solution.bound) else np.inf
    return found, bound


def mclp_backup(
    cover: Cover, weight: ArrayLike, p: int, *, backup_share: float = 0.5, limits: Limits | None = None
) -> Plan:
    """Return the sites that reach the greatest weight, where a second site that reaches a demand counts, too.

    The objective is (1 - backup_share) times the weight that is reached once or more, plus `backup_share` times the
    weight that is reached by two sites or more (0 = MCLP, 1 = only backup counts).
    """
    limits = limits or Limits()
    matrix = read_cover(cover)
    value = read_weight(weight, matrix.shape[1])
    sites = matrix.shape[0]
    check_count(p, sites)
    limits.check(sites, p)
    if not 0 <= backup_share <= 1:
        raise InvalidInput(
            f"`backup_share` is {backup_share}. Give 0 to 1.", kind="bad-share", name="backup_share", value=backup_share
        )
    merged = merge_equal(matrix)
    grouped = merged.weights(value)
    reach = merged.cover
    unreachable = ascending(np.flatnonzero(np.asarray(matrix.sum(axis=0)).ravel() == 0))
    demands = reach.shape[1]
    rows = stacked(
        sparse.hstack(
            [sparse.csr_array(-reach.T.astype(np.float64)), sparse.eye_array(demands), sparse.eye_array(demands)]
        ),
        sparse.csr_array(np.concatenate([np.ones(sites), np.zeros(2 * demands)])[None]),
    )
    low, high = np.zeros(sites + 2 * demands), np.ones(sites + 2 * demands)
    low[list(limits.fixed)], high[list(limits.closed)] = 1.0, 0.0
    program = Program(
        cost=np.concatenate([np.zeros(sites), -(1 - backup_share) * grouped, -backup_share * grouped]),
        rows=rows,
        row_low=np.full(demands + 1, -np.inf),
        row_high=np.concatenate([np.zeros(demands), [p]]),
        low=low,
        high=high,
        # With a backup worth more than the first site, a backup without a first site would pay.
        integer=np.concatenate([np.ones(sites, bool), np.full(2 * demands, backup_share > 0.5)]),
    )
    if backup_share > 0.5:
        order = sparse.hstack(
            [sparse.csr_array((demands, sites)), -sparse.eye_array(demands), sparse.eye_array(demands)]
        )
        program = program._replace(
            rows=stacked(program.rows, order),
            row_low=np.concatenate([program.row_low, np.full(demands, -np.inf)]),
            row_high=np.concatenate([program.row_high, np.zeros(demands)]),
        )
    solution = solve(with_sides(program, limits.sides), time_limit_s=limits.time_limit_s)
    if solution.x is None and limits.sides:
        raise no_plan(limits, sites, p) if solution.infeasible else out_of_time()
    chosen = sorted(set(limits.fixed)) if solution.x is None else np.flatnonzero(solution.x[:sites] > 0.5).tolist()
    count = reach[chosen].sum(axis=0) if chosen else np.zeros(demands, int)
    objective = float((1 - backup_share) * grouped[count >= 1].sum() + backup_share * grouped[count >= 2].sum())
    bound = -solution.bound if np.isfinite(solution.bound) else float(grouped.sum())
    return _plan(chosen, objective, bound, value.sum(), unreachable)

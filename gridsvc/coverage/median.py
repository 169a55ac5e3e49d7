"""P-median: the sites for which the weighted cost of all demands, each from its cheapest open site, is least.

Hakimi, Optimum locations of switching centers, Operations Research 12, 1964. Start: exchange of Teitz and Bart
(Operations Research 16, 1968). Bound: Lagrangian of the assignments (Narula, Ogbu and Samuelsson, Operations Research
25, 1977), which also decides most sites. The rest: the radius formulation (Cornuejols, Nemhauser and Wolsey, Operations
Research Letters 1, 1980; Elloumi, Journal of Combinatorial Optimization 19, 2010), solved by HiGHS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve
from gridsvc.coverage.model import (
    Deadline,
    Limits,
    Plan,
    ascending,
    check_count,
    read_cost,
    read_weight,
    refuse_unreachable,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.intp]

_STARTS = 6
_ROUNDS = 1500


def p_median(cost: ArrayLike, weight: ArrayLike, p: int, *, limits: Limits | None = None) -> Plan:
    """Return the sites, `p` at most, that make the weighted sum of the demands' costs as small as possible.

    Parameters
    ----------
    cost
        (sites, demands), such as seconds of travel; infinity = unreachable.
    weight
        (demands,), 0 or more; a demand of weight 0 need not be reached.

    Raises
    ------
    InvalidInput
        When the input is not usable, or `p` sites cannot reach all demands that have a weight.
    """
    limits = limits or Limits()
    matrix = read_cost(cost)
    value = read_weight(weight, matrix.shape[1])
    check_count(p, matrix.shape[0])
    limits.check(matrix.shape[0], p)
    matrix = matrix.copy()
    matrix[list(limits.closed)] = np.inf
    counted = value > 0
    unreachable = ascending(np.flatnonzero(np.isinf(matrix).all(axis=0) & ~counted))
    reached = np.asarray(np.isfinite(matrix).any(axis=0), bool) | ~counted
    refuse_unreachable(reached, "Allow more sites, or take these demands out.")
    if not counted.any():
        anywhere = ascending(sorted(set(limits.fixed)) or [0])
        return Plan(anywhere, 0.0, 0.0, optimal=True, unreachable=unreachable)
    sites, bound = _Median(matrix[:, counted], value[counted], p, limits).solve()
    near = matrix[sites][:, counted].min(axis=0)
    refuse_unreachable(np.isfinite(near), f"{p} sites cannot reach all demands. Raise `p`, or take these out.")
    objective = float(near @ value[counted])
    optimal = bound >= objective - 1e-9 * max(objective, 1.0)
    return Plan(ascending(sites), objective, objective if optimal else bound, optimal, unreachable)


class _Bound(NamedTuple):
    """A proved bound, and the sites that are open and closed in every better answer."""

    value: float
    opened: Numbers
    closed: Numbers


class _Median:
    """One problem; the costs are weighted, and infinity is a number larger than any answer."""

    def __init__(self, cost: Floats, weight: Floats, p: int, limits: Limits) -> None:
        weighted = cost * weight
        finite = np.isfinite(weighted)
        # More than all demands together from their farthest sites: one unreachable demand is worse than any other plan.
        self.big = float(np.where(finite, weighted, 0.0).max(axis=0).sum()) + 1.0
        self.cost = np.where(finite, weighted, self.big)
        self.p = p
        self.fixed = sorted(set(limits.fixed))
        self.closed = np.array(sorted(set(limits.closed)), np.intp)
        self.deadline = Deadline(limits.time_limit_s)
        # With whole costs a better answer is better by 1 at least.
        self.step = 1.0 if np.array_equal(self.cost, np.floor(self.cost)) and self.big < 2**52 else 0.0

    def proved(self, bound: float, known: float) -> bool:
        return bound > known - self.step * (1 - 1e-6) - 1e-9 * max(known, 1.0) * (self.step == 0.0)

    def value(self, sites: list[int]) -> float:
        return float(self.cost[sites].min(axis=0).sum())

    def solve(self) -> tuple[list[int], float]:
        sites = self._start()
        known = self.value(sites)
        bound = self._lagrangian(known)
        if self.proved(bound.value, known):
            return sites, known
        better, proved = self._by_radius(sites, bound)
        if better is not None and self.value(better) < known:
            sites, known = better, self.value(better)
        limit = max(bound.value, min(proved, known))
        return sites, known if self.proved(limit, known) else limit

    # the start

    def _start(self) -> list[int]:
        draw = np.random.default_rng(1968)
        usable = np.setdiff1d(np.arange(len(self.cost)), np.concatenate([self.closed, self.fixed]).astype(np.intp))
        room = min(self.p - len(self.fixed), len(usable))
        best = self._exchange(self._greedy(room))
        for _ in range(_STARTS):
            if self.deadline.left_s() == 0.0:
                break
            drawn = draw.choice(usable, room, replace=False).tolist() if room else []
            other = self._exchange([*self.fixed, *drawn])
            if self.value(other) < self.value(best):
                best = other
        return best

    def _greedy(self, room: int) -> list[int]:
        chosen = list(self.fixed)
        near = self.cost[chosen].min(axis=0) if chosen else np.full(self.cost.shape[1], self.big)
        for _ in range(room):
            gain = np.maximum(near - self.cost, 0.0).sum(axis=1)
            gain[chosen] = -1.0
            gain[self.closed] = -1.0
            site = int(gain.argmax())
            chosen.append(site)
            near = np.minimum(near, self.cost[site])
        return chosen

    def _exchange(self, sites: list[int]) -> list[int]:
        """Exchange one open site for a closed one as long as that is cheaper (Whitaker's fast interchange)."""
        chosen = np.array(sites, np.intp)
        kept = np.isin(chosen, self.fixed)
        if len(chosen) == 0 or kept.all():
            return list(sites)
        demands = np.arange(self.cost.shape[1])
        while self.deadline.left_s() > 0.0:
            open_costs = self.cost[chosen]
            place = open_costs.argmin(axis=0)
            near = open_costs[place, demands]
            rest = open_costs.copy()
            rest[place, demands] = np.inf
            second = rest.min(axis=0) if len(chosen) > 1 else np.full(len(demands), self.big)
            # For each site to open and place to close: what the demands of that place pay, and what the others save.
            best = (-1e-9 * max(float(near.sum()), 1.0), -1, -1)
            saved = np.maximum(near - self.cost, 0.0).sum(axis=1)
            forced = np.minimum(second, np.maximum(self.cost, near)) - near  # (sites, demands): if its place is closed
            order = np.argsort(place, kind="stable")
            starts = np.searchsorted(place[order], np.arange(len(chosen)))
            used = np.bincount(place, minlength=len(chosen)) > 0
            paid = np.zeros((len(self.cost), len(chosen)))
            paid[:, used] = np.add.reduceat(forced[:, order], starts[used], axis=1)
            change = paid - saved[:, None]
            change[:, kept] = np.inf
            change[chosen] = np.inf
            change[self.closed] = np.inf
            at = int(change.argmin())
            into, out = divmod(at, len(chosen))
            if change[into, out] >= best[0]:
                break
            chosen[out] = into
        return [int(s) for s in chosen]

    # the bound

    def _lagrangian(self, known: float) -> _Bound:
        near_first = np.partition(self.cost, min(1, len(self.cost) - 1), axis=0)
        price = near_first[min(1, len(self.cost) - 1)].copy()
        best, best_price, step, stale = -np.inf, price.copy(), 1.0, 0
        opened: set[int] = set()
        closed: set[int] = set()
        forced = np.zeros(len(self.cost), bool)
        forced[self.fixed] = True
        barred = np.zeros(len(self.cost), bool)
        barred[self.closed] = True
        for _ in range(_ROUNDS):
            reduced = np.minimum(self.cost - price, 0.0).sum(axis=1)
            key = np.where(forced, -np.inf, np.where(barred, np.inf, reduced))
            ranked = np.argsort(key, kind="stable")
            chosen = ranked[: self.p]
            lower = float(price.sum() + reduced[chosen].sum())
            if not np.isfinite(best) or lower > best + 1e-7 * max(abs(best), 1.0):
                best, best_price, stale = lower, price.copy(), 0
            else:
                stale += 1
            rest = ranked[self.p :]
            rest = rest[~barred[rest]]
            if len(rest):
                limit = known - self.step * (1 - 1e-6)
                out = reduced[chosen[-1]]
                worse = lower - out + reduced[rest] > limit + 1e-9 * max(known, 1.0)
                closed.update(rest[worse].tolist())
                needed = lower - reduced[chosen] + reduced[rest[0]] > limit + 1e-9 * max(known, 1.0)
                opened.update(chosen[needed & ~forced[chosen]].tolist())
            if self.proved(best, known) or self.deadline.left_s() == 0.0:
                break
            if stale >= 20:
                step, stale, price = step / 2, 0, best_price.copy()
                if step < 1e-4:
                    break
                continue
            slope = 1.0 - (self.cost[chosen] < price).sum(axis=0)
            length = float(slope @ slope)
            if length == 0.0:
                break
            price = price + step * max(known * 1.0001 - lower, 1e-9) / length * slope
        return _Bound(best, np.array(sorted(opened), np.intp), np.array(sorted(closed), np.intp))

    # the rest

    def _by_radius(self, known: list[int], bound: _Bound) -> tuple[list[int] | None, float]:
        barred = np.zeros(len(self.cost), bool)
        barred[self.closed] = True
        barred[bound.closed] = True
        opened = sorted(set(self.fixed) | set(bound.opened.tolist()))
        free = np.setdiff1d(np.flatnonzero(~barred), opened)
        program, sure = self._radius_program(opened, free)
        sites = len(free)
        start = self._as_start(program, known, free, opened)
        solution = solve(program, time_limit_s=self.deadline.left_s(), start=start)
        better = None
        if solution.x is not None:
            better = sorted({*opened, *free[solution.x[:sites] > 0.5].tolist()})
        return better, sure + solution.bound

    def _radius_program(self, opened: list[int], free: Numbers) -> tuple[Program, float]:
        """Variables: open sites, then for each demand and each of its distances whether no site is open within it."""
        limit = self.cost[opened].min(axis=0) if opened else np.full(self.cost.shape[1], np.inf)
        rows: list[Numbers] = []
        columns: list[Numbers] = []
        data: list[Floats] = []
        costs: list[float] = []
        low: list[float] = []
        sure, row, variable = 0.0, 0, len(free)
        room = self.p - len(opened)
        most = len(free) - room + 1  # so many sites near a demand: one of them is open, if exactly p are
        for demand in range(self.cost.shape[1]):
            own = self.cost[free, demand]
            order = np.argsort(own, kind="stable")
            order = order[: max(most, 1)] if not opened else order[own[order] < limit[demand]]
            steps, first = np.unique(own[order], return_index=True)
            if not len(order):
                sure += float(limit[demand])
                continue
            ends = np.append(first[1:], len(order))
            sure += float(steps[0])
            following = np.append(steps[1:], limit[demand] if np.isfinite(limit[demand]) else self.big)
            for k, (begin, end) in enumerate(zip(first, ends, strict=True)):
                last = not np.isfinite(limit[demand]) and end == len(order)
                near = order[begin:end]
                before = [variable - 1] if k else []
                after = [] if last else [variable]
                rows.append(np.full(len(near) + len(before) + len(after), row))
                columns.append(np.concatenate([near, after, before]).astype(np.intp))
                data.append(np.concatenate([np.ones(len(near) + len(after)), -np.ones(len(before))]))
                low.append(0.0 if k else 1.0)
                row += 1
                if not last:
                    costs.append(float(following[k] - steps[k]))
                    variable += 1
        rows.append(np.full(len(free), row))
        columns.append(np.arange(len(free)))
        data.append(np.ones(len(free)))
        matrix = sparse.csr_array(
            (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))), shape=(row + 1, variable)
        )
        program = Program(
            cost=np.concatenate([np.zeros(len(free)), costs]),
            rows=matrix,
            row_low=np.array([*low, float(room)]),
            row_high=np.append(np.full(row, np.inf), float(room)),
            low=np.zeros(variable),
            high=np.ones(variable),
            integer=np.arange(variable) < len(free),
        )
        return program, sure

    def _as_start(self, program: Program, known: list[int], free: Numbers, opened: list[int]) -> Floats | None:
        """Return the known answer as values of the program's variables; None where it is none of its answers."""
        chosen = np.isin(free, known)
        if not set(opened) <= set(known) or chosen.sum() != self.p - len(opened):
            return None
        x = np.zeros(len(program.cost))
        x[: len(free)] = chosen
        # Each row has one later variable at most, which follows from what is open and the variable before.
        matrix = program.rows
        for row in range(matrix.shape[0] - 1):
            at = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
            values = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
            after = at[(at >= len(free)) & (values > 0)]
            if len(after):
                x[after[0]] = max(0.0, program.row_low[row] - float(values @ x[at]))
        return x

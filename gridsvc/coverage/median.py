"""P-median: the sites for which the weighted cost of all demands, each from its cheapest open site, is least.

Hakimi, Optimum locations of switching centers, Operations Research 12, 1964. Start: exchange of Teitz and Bart
(Operations Research 16, 1968), in the form of Whitaker (INFOR 21, 1983). Proof: `gridsvc.coverage.median_bound`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coverage.assigned import assigned_median
from gridsvc.coverage.median_bound import Search
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

_STARTS = 1


def p_median(
    cost: ArrayLike, weight: ArrayLike, p: int, *, capacity: ArrayLike | None = None, limits: Limits | None = None
) -> Plan:
    """Return the sites, `p` at most, that make the weighted sum of the demands' costs as small as possible.

    Parameters
    ----------
    cost
        (sites, demands), such as seconds of travel; infinity = unreachable.
    weight
        (demands,), 0 or more; a demand of weight 0 need not be reached.
    capacity
        (sites,), the weight that each can serve; None = any. A demand may then be served by several sites.

    Raises
    ------
    InvalidInput
        When the input is not usable, `p` sites cannot reach all demands that have a weight, or no plan keeps the rules.
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
    if limits.sides or capacity is not None:
        room = None if capacity is None else read_weight(capacity, matrix.shape[0], what="capacity")
        plan = assigned_median(matrix[:, counted], value[counted], p, room, limits)
        return replace(plan, unreachable=unreachable)
    sites, bound = _Median(matrix[:, counted], value[counted], p, limits).solve()
    near = matrix[sites][:, counted].min(axis=0)
    refuse_unreachable(np.isfinite(near), f"{p} sites cannot reach all demands. Raise `p`, or take these out.")
    objective = float(near @ value[counted])
    optimal = bound >= objective - 1e-9 * max(objective, 1.0)
    return Plan(ascending(sites), objective, objective if optimal else bound, optimal, unreachable)


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
        self.whole = np.array_equal(self.cost, np.floor(self.cost)) and self.big < 2**52

    def value(self, sites: list[int]) -> float:
        return float(self.cost[sites].min(axis=0).sum())

    def solve(self) -> tuple[list[int], float]:
        sites = self._start()
        search = Search(self.cost, self.p, sites, self.value(sites), self.whole, self.deadline, self._exchange)
        opened = np.array(self.fixed, np.intp)
        bound = search.solve(opened, np.setdiff1d(np.arange(len(self.cost)), np.concatenate([opened, self.closed])))
        return search.sites, bound

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

"""The proof of a p-median: Lagrangian bounds, and a branch and bound over them.

Narula, Ogbu and Samuelsson, An algorithm for the p-median problem, Operations Research 25, 1977; Beasley, A note on
solving large p-median problems, EJOR 21, 1985. Steps along the mean of the last slopes: Camerini, Fratta and Maffioli,
Mathematical Programming Study 3, 1975.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gridsvc.coverage.model import Deadline

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.intp]

_MEMORY = 0.5
"""Of the last direction, in the next."""
_SMALLEST_STEP = 0.004
_WAVERS = 0.02
"""A site that was chosen in a smaller share of the last steps, or in a greater one than 1 less this, is as decided."""
_DROP_SHARE = 0.03
"""So many more sites proved closed, and the matrix is made smaller."""


class Node(NamedTuple):
    """A part of the search: `opened` sites are open, `free` ones may be; no answer in it costs less than `bound`."""

    bound: float
    number: int
    opened: Numbers
    free: Numbers
    price: Floats
    split: int
    """The free site by which to divide it; -1 = none is left."""


@dataclass(slots=True)
class _Walk:
    """Subgradient steps over the prices of the demands, (demands,); `best` is the greatest bound met."""

    price: Floats
    step: float
    patience: int
    rounds: int
    direction: Floats
    best: float = -np.inf
    best_price: Floats = field(default_factory=lambda: np.empty(0))
    stale: int = 0

    @classmethod
    def from_root(cls, price: Floats) -> _Walk:
        return cls(price, 1.5, 30, 3000, np.zeros_like(price))

    @classmethod
    def from_parent(cls, price: Floats) -> _Walk:
        return cls(price, 0.8, 12, 150, np.zeros_like(price))

    @property
    def is_stale(self) -> bool:
        """Whether the steps are too long by now."""
        return self.stale >= self.patience

    def note(self, bound: float) -> bool:
        """Note the bound at the present prices; return whether it is the best."""
        if bound > self.best + 1e-7 * abs(bound):
            self.best, self.best_price, self.stale = bound, self.price, 0
            return True
        self.stale += 1
        return False

    def advance(self, slope: Floats, distance: float) -> bool:
        """Step to other prices, `distance` being how far the bound may still rise; return False at the end."""
        self.rounds -= 1
        if self.is_stale:
            self.step, self.stale = self.step / 2, 0
            self.price, self.direction = self.best_price, np.zeros_like(self.price)
            return self.step >= _SMALLEST_STEP
        self.direction = slope + _MEMORY * self.direction if slope @ self.direction >= 0 else slope
        length = float(self.direction @ self.direction)
        if length == 0.0 or self.rounds <= 0:
            return False
        self.price = self.price + self.step * max(distance, 1e-9) / length * self.direction
        return True


@dataclass(slots=True)
class Search:
    """One problem, (sites, demands) of finite weighted costs, of which exactly `p` sites are to be open.

    `whole`: costs are whole numbers, so that a better answer is better by 1. `improve` makes sites better, if it can.
    """

    cost: Floats
    p: int
    sites: list[int]
    known: float
    whole: bool
    deadline: Deadline
    improve: Callable[[list[int]], list[int]]
    _number: int = field(default=0)

    def solve(self, opened: Numbers, free: Numbers) -> float:
        """Search until nothing better is left or the time is up, and return the bound; `sites` are the best then."""
        second = min(1, len(opened) + len(free) - 1)
        price = np.partition(self.cost[np.concatenate([opened, free])], second, axis=0)[second]
        before, bound = self.known, -np.inf
        first = self._node(opened, free, price, root=True)
        while self.known < before and not self.is_proved(first.bound):  # better sites decide more of the others
            before, bound = self.known, max(bound, first.bound)
            first = self._node(first.opened, first.free, first.price, root=True)
        first = first._replace(bound=max(bound, first.bound))
        queue = [first]
        while queue and not self.is_proved(queue[0].bound):
            if self.deadline.left_s() == 0.0:
                return min(queue[0].bound, self.known)
            node = heapq.heappop(queue)
            if node.split < 0:
                continue
            rest = node.free[node.free != node.split]
            for child in (
                self._node(np.append(node.opened, node.split), rest, node.price),
                self._node(node.opened, rest, node.price),
            ):
                if not self.is_proved(child.bound):
                    heapq.heappush(queue, child._replace(bound=max(child.bound, node.bound)))
        return self.known

    def is_proved(self, bound: float) -> bool:
        """Whether no answer of at least that cost is better than the known one."""
        return bound > self._limit

    @property
    def _limit(self) -> float:
        return self.known - (1 - 1e-6 if self.whole else 1e-9 * max(self.known, 1.0))

    def _node(self, opened: Numbers, free: Numbers, price: Floats, *, root: bool = False) -> Node:
        """Return the node with the best bound that the steps reach, without the sites that it decides."""
        self._number += 1
        room = self.p - len(opened)
        if room <= 0 or len(free) <= room:
            return self._leaf(opened if room <= 0 else np.concatenate([opened, free]), opened, price)
        walk = _Walk.from_root(price) if root else _Walk.from_parent(price)
        rows = self.cost[np.concatenate([opened, free])]
        share = np.zeros(len(self.cost))
        must = np.zeros(len(self.cost), bool)
        while True:
            reduced = np.minimum(rows - walk.price, 0.0).sum(axis=1)
            own, others = reduced[: len(opened)], reduced[len(opened) :]
            order = np.argsort(others, kind="stable")
            chosen, rest = order[:room], order[room:]
            lower = float(walk.price.sum() + own.sum() + others[chosen].sum())
            now_open = np.concatenate([opened, free[chosen]])
            if walk.note(lower):
                self._try(now_open)
            elif root and walk.is_stale:
                self._improve(now_open)
            share *= 0.95
            share[free[chosen]] += 0.05
            must[free[chosen[lower - others[chosen] + others[rest[0]] > self._limit]]] = True
            never = rest[lower - others[chosen[-1]] + others[rest] > self._limit]
            slope = 1.0 - (self.cost[now_open] < walk.price).sum(axis=0)
            if len(never) > _DROP_SHARE * len(free):
                free = np.delete(free, never)
                rows = self.cost[np.concatenate([opened, free])]
                if len(free) <= room:
                    return self._leaf(np.concatenate([opened, free]), opened, walk.best_price)
            if self.is_proved(walk.best) or self.deadline.left_s() == 0.0:
                break
            if not walk.advance(slope, self.known * 1.0001 - lower):
                break
        return self._left(walk, opened, free, must, share)

    def _left(self, walk: _Walk, opened: Numbers, free: Numbers, must: NDArray[np.bool_], share: Floats) -> Node:
        """Return what is left: `must` says which sites a better answer opens, `share` how often each was chosen."""
        decided, room = must[free], self.p - len(opened)
        if int(must.sum()) > min(room, int(decided.sum())):  # they contradict each other: nothing better is here
            return Node(np.inf, self._number, opened, free[:0], walk.best_price, -1)
        left = free[~decided]
        if decided.sum() == room or not len(left):
            return self._leaf(np.concatenate([opened, free[decided]]), opened, walk.best_price)
        # Of the sites that are sometimes open and sometimes not, the one that most depends on.
        saving = -np.minimum(self.cost[left] - walk.best_price, 0.0).sum(axis=1)
        wavers = np.minimum(share[left], 1.0 - share[left]) > _WAVERS
        split = int(left[np.where(wavers, saving, -1.0).argmax()])
        return Node(walk.best, self._number, np.concatenate([opened, free[decided]]), left, walk.best_price, split)

    def _leaf(self, sites: Numbers, opened: Numbers, price: Floats) -> Node:
        """Return the node of the one answer that is left."""
        self._try(sites)
        value = float(self.cost[sites].min(axis=0).sum())
        return Node(value, self._number, opened, sites[:0], price, -1)

    def _try(self, sites: Numbers) -> None:
        value = float(self.cost[sites].min(axis=0).sum())
        if value < self.known:
            self._improve(sites)

    def _improve(self, sites: Numbers) -> None:
        better = self.improve(sites.tolist())
        value = float(self.cost[better].min(axis=0).sum())
        if value < self.known:
            self.sites, self.known = better, value

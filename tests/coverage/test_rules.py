"""Plans that keep rules over their sites, against brute force; and what is said where none does."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gridsvc import coverage
from gridsvc.coverage import Limits, Side
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SITES, DEMANDS, P = 8, 20, 3
PRICE = (3.0, 1.0, 4.0, 1.0, 5.0, 2.0, 2.0, 6.0)
IN_TOWNSHIPS = (1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0)
LIMITS = Limits(sides=(Side("budget", PRICE, most=8.0), Side("half in townships", IN_TOWNSHIPS, least=2.0)))


def drawn(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    return (
        draw.random((SITES, DEMANDS)) < 0.35,
        draw.integers(0, 20, DEMANDS).astype(float),
        draw.integers(1, 60, (SITES, DEMANDS)).astype(float),
    )


def allowed(most: int = P) -> list[list[int]]:
    sets = [list(c) for n in range(most + 1) for c in itertools.combinations(range(SITES), n)]
    return [c for c in sets if sum(PRICE[s] for s in c) <= 8 and sum(IN_TOWNSHIPS[s] for s in c) >= 2]


@pytest.mark.parametrize("seed", range(10))
def test_a_plan_under_rules_is_the_best_of_those_that_keep_them(seed: int) -> None:
    cover, weight, cost = drawn(seed)
    plans = [
        (coverage.mclp(cover, weight, P, limits=LIMITS),
         max(weight[cover[c].any(axis=0)].sum() for c in allowed())),
        (coverage.p_median(cost, weight, P, limits=LIMITS), min(cost[c].min(axis=0) @ weight for c in allowed())),
        (coverage.p_center(cost, P, limits=LIMITS), min(cost[c].min(axis=0).max() for c in allowed())),
    ]  # fmt: skip
    for plan, best in plans:
        assert plan.objective == pytest.approx(best)
        assert plan.optimal
        assert list(plan.sites) in allowed()


@pytest.mark.parametrize("seed", range(10))
def test_fleets_and_sets_keep_the_rules(seed: int) -> None:
    cover, weight, _ = drawn(seed)
    fleets = [
        list(f)
        for f in itertools.combinations_with_replacement(range(SITES), P)
        if sum(PRICE[s] for s in f) <= 8 and sum(IN_TOWNSHIPS[s] for s in f) >= 2
    ]
    best = max((weight * (1 - 0.3 ** cover[f].sum(axis=0))).sum() for f in fleets)
    fleet = coverage.mexclp(cover, weight, P, 0.3, limits=LIMITS)
    assert fleet.objective == pytest.approx(best)
    assert list(fleet.sites) in fleets
    whole = cover | np.eye(SITES, DEMANDS, dtype=bool) | (np.arange(DEMANDS) % 3 == np.arange(SITES)[:, None] % 3)
    few = [c for c in allowed(SITES) if whole[c].any(axis=0).all()]
    if few:
        plan = coverage.lscp(whole, limits=LIMITS)
        assert len(plan.sites) == min(map(len, few))
        assert list(plan.sites) in few


def test_capacities_are_kept_and_a_demand_is_divided_where_it_must_be() -> None:
    """Two sites, three demands of weight 2; site 0 is nearer to all, but serves 3 only."""
    cost = np.array([[1.0, 1.0, 1.0], [5.0, 4.0, 2.0]])
    plan = coverage.p_median(cost, [2, 2, 2], 2, capacity=[3, 4])
    # Site 1 serves 3: the third demand (2) and half of the second: 3 * 1 + 2 * 2 + 1 * 4.
    assert (plan.sites, plan.objective, plan.optimal) == ((0, 1), 11.0, True)
    with pytest.raises(InvalidInput, match=r"the 1 largest sum to 4\. Raise `p`"):
        coverage.p_median(cost, [2, 2, 2], 1, capacity=[3, 4])


@pytest.mark.parametrize(("words", "call"), [
    ("No plan of 1 posts keeps all rules. 2 posts would do",
     lambda: coverage.mclp(np.ones((2, 3), bool), [1, 1, 1], 1, limits=Limits(sides=(Side("each", (1, 1), least=2),)))),
    ("they allow 1 at most. Lower `p`",
     lambda: coverage.mexclp(np.ones((2, 3), bool), [1, 1, 1], 2, 0.1,
                             limits=Limits(sides=(Side("one post", (1, 1), most=1),)))),
    ("Change one of: budget, first",
     lambda: coverage.mclp(np.ones((2, 3), bool), [1, 1, 1], 2,
                           limits=Limits(sides=(Side("budget", (9, 1), most=5), Side("first", (1, 0), least=1))))),
    ("has 1 factors for 2 sites", lambda: coverage.lscp(np.ones((2, 3), bool),
                                                        limits=Limits(sides=(Side("budget", (1.0,)),)))),
])  # fmt: skip
def test_where_no_plan_keeps_the_rules_the_cure_is_said(words: str, call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput, match=words):
        call()

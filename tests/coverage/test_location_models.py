"""Location models against brute force, worked examples and published optima."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import floyd_warshall

from gridsvc import coverage
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def drawn(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], int]:
    """A small problem: cover, weight, cost with some ways missing, and how many sites."""
    draw = np.random.default_rng(seed)
    sites, demands, p = int(draw.integers(4, 9)), int(draw.integers(5, 25)), int(draw.integers(1, 4))
    cost = draw.integers(1, 60, (sites, demands)).astype(float)
    cost[draw.random((sites, demands)) < 0.15] = np.inf
    return draw.random((sites, demands)) < 0.35, draw.integers(0, 20, demands).astype(float), cost, p


def choices(sites: int, p: int) -> list[list[int]]:
    return [list(c) for c in itertools.combinations(range(sites), p)]


@pytest.mark.parametrize("seed", range(25))
def test_a_plan_is_the_best_of_all(seed: int) -> None:
    cover, weight, cost, p = drawn(seed)
    sites = len(cover)
    plan = coverage.mclp(cover, weight, p)
    best = max(weight[cover[c].any(axis=0)].sum() for c in choices(sites, p))
    assert plan.optimal
    assert plan.objective == pytest.approx(best)
    assert weight[cover[list(plan.sites)].any(axis=0)].sum() == pytest.approx(best)
    assert coverage.mclp(csr_array(cover), weight, p).objective == pytest.approx(best)

    for share in (0.3, 0.7):
        twice = coverage.mclp_backup(cover, weight, p, backup_share=share)
        counts = [cover[c].sum(axis=0) for c in choices(sites, p)]
        best = max((1 - share) * weight[n >= 1].sum() + share * weight[n >= 2].sum() for n in counts)
        assert twice.objective == pytest.approx(best)
        assert twice.optimal

    reached = [cost[c].min(axis=0) for c in choices(sites, p)]
    heavy = weight > 0
    medians = [near[heavy] @ weight[heavy] for near in reached]
    if np.isfinite(min(medians)):
        median = coverage.p_median(cost, weight, p)
        assert median.optimal
        assert median.objective == pytest.approx(min(medians))
    else:
        with pytest.raises(InvalidInput, match="reach"):
            coverage.p_median(cost, weight, p)
    worst = min(near.max() for near in reached)
    if np.isfinite(worst):
        center = coverage.p_center(cost, p)
        assert center.optimal
        assert center.objective == worst
    else:
        with pytest.raises(InvalidInput, match="reach"):
            coverage.p_center(cost, p)


@pytest.mark.parametrize("seed", range(20))
def test_a_median_whose_proof_needs_branches_is_the_best_of_all(seed: int) -> None:
    """Costs without any geometry have a wide gap between the relaxation and the answer."""
    draw = np.random.default_rng(seed)
    sites, p = 14, int(draw.integers(2, 7))
    cost = draw.integers(1, 40, (sites, 30)).astype(float)
    weight = draw.integers(1, 5, 30) * (1.0 if seed % 2 else 0.37)
    fixed, closed = (3,), (5, 8)
    plan = coverage.p_median(cost, weight, p, limits=coverage.Limits(fixed=fixed, closed=closed))
    allowed = [c for c in choices(sites, p) if set(fixed) <= set(c) and not set(closed) & set(c)]
    assert plan.objective == pytest.approx(min(cost[c].min(axis=0) @ weight for c in allowed))
    assert len(plan.sites) <= p
    assert plan.optimal


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("seed", range(15))
def test_the_fewest_sites_reach_every_demand_as_often_as_asked(seed: int, times: int) -> None:
    cover, _, _, _ = drawn(seed)
    whole = cover[:, cover.sum(axis=0) >= times]
    least = next(
        k
        for k in range(times, len(whole) + 1)
        if any((whole[c].sum(axis=0) >= times).all() for c in choices(len(whole), k))
    )
    plan = coverage.lscp(whole, times=times)
    assert (len(plan.sites), plan.objective, plan.bound, plan.optimal) == (least, least, least, True)
    assert (whole[list(plan.sites)].sum(axis=0) >= times).all()


@pytest.mark.parametrize("seed", range(10))
def test_expected_cover_is_that_of_the_best_fleet(seed: int) -> None:
    cover, weight, _, units = drawn(seed)
    plan = coverage.mexclp(cover, weight, units, 0.4)
    fleets = itertools.combinations_with_replacement(range(len(cover)), units)
    best = max((weight * (1 - 0.4 ** cover[list(f)].sum(axis=0))).sum() for f in fleets)
    assert plan.objective == pytest.approx(best)
    assert len(plan.sites) == units


@pytest.mark.parametrize("seed", range(12))
def test_the_double_standard_is_the_best_fleet_that_keeps_both_limits(seed: int) -> None:
    near, weight, _, _ = drawn(seed)
    far = near | (np.random.default_rng(seed + 100).random(near.shape) < 0.5)
    far[0] = True
    values = []
    for fleet in itertools.combinations_with_replacement(range(len(near)), 3):
        close, wide = near[list(fleet)].sum(axis=0), far[list(fleet)].sum(axis=0)
        stays = max(fleet.count(s) for s in fleet) <= 2
        if stays and (wide >= 1).all() and weight[close >= 1].sum() >= 0.5 * weight.sum() - 1e-9:
            values.append(weight[close >= 2].sum())
    if values:
        plan = coverage.double_standard(near, far, weight, 3, near_share=0.5)
        assert plan.objective == pytest.approx(max(values))
        assert plan.optimal
    else:
        with pytest.raises(InvalidInput, match="near_share") as refused:
            coverage.double_standard(near, far, weight, 3, near_share=0.5)
        if (fewest := refused.value.parameters.get("fewest")) is not None:
            assert coverage.double_standard(near, far, weight, fewest, near_share=0.5).optimal
            assert fewest > 3


def test_fixed_sites_stay_and_closed_ones_are_not_opened() -> None:
    cover = np.array([[1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
    cost = np.where(cover, 1.0, 9.0)
    weight = np.ones(4)
    limits = coverage.Limits(fixed=(2,), closed=(0,))
    assert coverage.mclp(cover, weight, 2, limits=limits).sites == (1, 2)
    assert coverage.p_median(cost, weight, 2, limits=limits).sites == (1, 2)
    assert coverage.p_center(cost, 2, limits=limits).sites == (1, 2)
    with pytest.raises(InvalidInput, match=r"columns 0, 1\)"):
        coverage.lscp(cover, limits=limits)


BAD: list[tuple[str, Callable[[], Any]]] = [
    ("from site 0 to demand 1 is nan", lambda: coverage.p_median(np.array([[1.0, np.nan]]), [1, 1], 1)),
    ("from site 0 to demand 0 is -1.0", lambda: coverage.p_center(np.array([[-1.0, 2.0]]), 1)),
    (r"`p` is 3, but there are 1 sites", lambda: coverage.p_center(np.array([[1.0, 2.0]]), 3)),
    ("weight of demand 1 is -2.0", lambda: coverage.mclp(np.ones((1, 2), bool), [1, -2], 1)),
    ("weight of demand 0 is inf", lambda: coverage.mclp(np.ones((1, 2), bool), [np.inf, 1], 1)),
    ("there are 2 demands", lambda: coverage.mclp(np.ones((1, 2), bool), [1], 1)),
    (r"shape \(0, 0\)", lambda: coverage.lscp(np.ones((0, 0), bool))),
    (r"No open site can reach 1 demands \(columns 1\)", lambda: coverage.p_center(np.array([[1.0, np.inf]]), 1)),
    ("holds NaN", lambda: coverage.lscp(np.array([[1.0, np.nan]]))),
    ("Give 0 to below 1", lambda: coverage.mexclp(np.ones((1, 2), bool), [1, 1], 1, 1.0)),
    ("names site 7", lambda: coverage.lscp(np.ones((1, 2), bool), limits=coverage.Limits(fixed=(7,)))),
    ("in `fixed` and in `closed`", lambda: coverage.lscp(np.ones((1, 2), bool),
                                                         limits=coverage.Limits(fixed=(0,), closed=(0,)))),
    ("the queue grows for ever", lambda: coverage.hypercube([3.0], [[0, 1]])),
    ("does not name each", lambda: coverage.hypercube([0.3], [[0, 0]])),
    ("2\\^13 states", lambda: coverage.hypercube([0.3], [list(range(13))])),
]  # fmt: skip


@pytest.mark.parametrize(("words", "call"), BAD, ids=[words for words, _ in BAD])
def test_what_cannot_be_used_is_named(words: str, call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput, match=words):
        call()


def test_demand_that_nobody_reaches_is_named_and_counts_nothing() -> None:
    plan = coverage.mclp(np.array([[1, 0, 0], [0, 1, 0]], bool), [2, 3, 50], 1)
    assert (plan.sites, plan.objective, plan.unreachable, plan.optimal) == ((1,), 3.0, (2,), True)


def test_a_search_out_of_time_never_calls_its_plan_optimal() -> None:
    draw = np.random.default_rng(5)
    cost = draw.integers(1, 1000, (120, 400)).astype(float)
    weight = draw.random(400)
    plan = coverage.p_median(cost, weight, 12, limits=coverage.Limits(time_limit_s=0.0))
    best = coverage.p_median(cost, weight, 12, limits=coverage.Limits(time_limit_s=0.5))
    assert not plan.optimal
    assert plan.bound <= best.objective <= plan.objective
    assert plan.gap > 0


@pytest.mark.parametrize("workers", [3, 8])
def test_a_fleet_whose_atoms_prefer_at_random_is_erlangs(workers: int) -> None:
    """Units that are all alike carry the same load, and calls are lost as in Erlang's formula."""
    preference = np.array([np.roll(np.arange(workers), k) for k in range(workers)])
    rate = np.full(workers, 0.7)
    terms = np.cumprod(np.concatenate([[1.0], rate.sum() / np.arange(1, workers + 1)]))
    lost = terms[-1] / terms.sum()
    for exact in (True, False):
        found = coverage.hypercube(rate, preference, exact=exact, queue=False)
        assert found.loss == pytest.approx(lost)
        assert found.workload == pytest.approx(np.full(workers, 0.7 * (1 - lost)), abs=1e-6)


def test_hypercube_of_larson_and_odoni() -> None:
    """Urban Operations Research (1981), section 5.4: three units, exact and approximate workloads."""
    rate = np.array([0.5, 0.25, 0.35, 0.40])
    preference = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1]])
    exact = coverage.hypercube(rate, preference)
    assert exact.workload == pytest.approx([0.5574, 0.4734, 0.4693], abs=2e-4)
    assert exact.dispatch_share.sum() == pytest.approx(1.0)
    assert exact.dispatch_share.sum(axis=0) == pytest.approx(rate / rate.sum())
    near = coverage.hypercube(rate, preference, exact=False)
    assert near.workload == pytest.approx([0.5627, 0.4716, 0.4657], abs=5e-3)
    assert near.dispatch_share == pytest.approx(exact.dispatch_share, abs=0.02)


def test_hypercube_of_two_servers_by_hand() -> None:
    """Two servers, loss, two atoms of rate 1/2 each that prefer their own: balance equations solved by hand.

    P(none) = 2/5, P(one busy) = 1/5 each, P(both) = 1/5; with unit rates the states with one busy are alike.
    """
    found = coverage.hypercube([0.5, 0.5], [[0, 1], [1, 0]], queue=False)
    assert found.loss == pytest.approx(1 / 5)
    assert found.workload == pytest.approx([2 / 5, 2 / 5])
    assert found.dispatch_share == pytest.approx(np.array([[3, 1], [1, 3]]) / 8)


def test_a_large_idle_fleet_has_finite_shares() -> None:
    draw = np.random.default_rng(11)
    preference = np.array([draw.permutation(300) for _ in range(40)])
    found = coverage.hypercube(np.full(40, 0.05), preference, exact=False)
    assert np.isfinite(found.dispatch_share).all()
    assert found.workload.sum() == pytest.approx(2.0)


@pytest.mark.shared
@pytest.mark.parametrize("number", range(1, 21))
def test_published_optima_of_the_or_library(shared_data: Path, number: int) -> None:
    """Beasley, A note on solving large p-median problems, EJOR 21, 1985; the centers are of the same networks."""
    folder = shared_data / "location" / "pmed"
    lines = [line.split() for line in (folder / f"pmed{number}.txt").read_text().splitlines() if line.strip()]
    size, _, p = map(int, lines[0])
    cost = np.full((size, size), np.inf)
    for a, b, length in lines[1:]:  # the last of repeated edges counts
        cost[int(a) - 1, int(b) - 1] = cost[int(b) - 1, int(a) - 1] = float(length)
    np.fill_diagonal(cost, 0)
    cost = floyd_warshall(cost)
    models: dict[str, Callable[[], coverage.Plan]] = {
        "pmedopt.txt": lambda: coverage.p_median(cost, np.ones(size), p),
        "kcenteropt.txt": lambda: coverage.p_center(cost, p),
    }
    for name, call in models.items():
        published = next(w[-1] for w in map(str.split, (folder / name).read_text().splitlines())
                         if w and w[0] == f"pmed{number}")  # fmt: skip
        plan = call()
        assert (plan.objective, plan.optimal) == (float(published), True)

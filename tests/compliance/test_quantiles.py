"""Order statistics and exact binomial intervals against scipy.stats and numbers from tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gridsvc.compliance.quantiles import (
    Quantile,
    Share,
    difference,
    interval_ranks,
    least_count,
    quantile,
    quantile_among,
    rank_of,
    share,
    wilson,
)
from gridsvc.compliance.survival import survival, survival_quantile


def test_a_p90_needs_29_values_from_above_and_36_from_both_sides() -> None:
    assert least_count(0.9) == 29
    assert least_count(0.9, sides=2) == 36
    assert (least_count(0.5), least_count(0.5, sides=2)) == (5, 6)
    assert 1 - 0.9**28 < 0.95 <= 1 - 0.9**29


@pytest.mark.parametrize("count", [0, 1, 28])
def test_under_29_values_there_is_no_p90(count: int) -> None:
    assert quantile(np.arange(count, dtype=float), 0.9) == Quantile(None, None, None)


def test_from_29_to_35_values_the_p90_has_an_upper_bound_alone() -> None:
    for count in (29, 35):
        assert quantile(np.arange(1.0, count + 1), 0.9) == Quantile(math.ceil(0.9 * count), None, float(count))


def test_the_ranks_of_100_values_are_those_of_the_tables() -> None:
    assert interval_ranks(0.5, 100) == (40, 61)
    assert interval_ranks(0.9, 100) == (84, 96)
    assert rank_of(0.9, 10) == 9
    assert rank_of(0.9, 70) == 63  # 0.9 * 70 is 63.00000000000001


@settings(max_examples=60, deadline=None)
@given(st.integers(36, 200_000), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_an_interval_covers_95_percent_and_the_next_narrower_does_not(count: int, p: float) -> None:
    if count < least_count(p, sides=2):
        return
    low, high = interval_ranks(p, count)
    assert low is not None
    assert high is not None
    below = stats.binom(count, p)
    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (0, 36), (36, 36), (7, 40), (812, 1000), (1, 1)])
def test_a_share_has_the_interval_of_clopper_and_pearson(hits: int, count: int) -> None:
    exact = stats.binomtest(hits, count).proportion_ci(0.95, method="exact")
    found = share(hits, count)
    assert found.value == hits / count
    assert found.low == pytest.approx(exact.low, abs=1e-12)
    assert found.high == pytest.approx(exact.high, abs=1e-12)
    score = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson(hits, count)[1:] == pytest.approx((score.low, score.high), abs=1e-12)


def test_no_cases_have_no_share() -> None:
    assert share(0, 0) == Share(None, None, None)


def test_missing_values_move_a_quantile_to_its_bounds() -> None:
    values = np.arange(1.0, 91)  # 90 recorded, 10 unknown: rank 90 of 100
    assert quantile_among(values, 0.9, above=10) == 90
    assert quantile_among(values, 0.9, below=10) == 80
    assert quantile_among(values, 0.9, above=11) is None  # rank 91 is one of the unknown ones


def test_the_difference_of_two_shares_is_that_of_newcombe() -> None:
    # Newcombe 1998, table II (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    found = difference(wilson(48, 80), wilson(56, 70))
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)
    assert found.changed is True


def test_a_difference_that_may_be_zero_is_not_shown_and_one_without_an_interval_is_unknown() -> None:
    assert difference(wilson(9, 10), wilson(8, 10)).changed is False
    assert difference(Quantile(10, None, 20), Quantile(12, 1, 30)).changed is None
    assert difference(Quantile(None, None, None), Quantile(12, 1, 30)).value is None


def test_the_product_limit_estimate_of_a_published_trial() -> None:
    # Remission in weeks, 6-MP group (Freireich 1963), as in every textbook.
    ended = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23.0])
    waiting = np.array([6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.0])
    found = survival(ended, waiting)
    assert found.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert found.not_ended == pytest.approx([0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5)
    median = survival_quantile(found, 0.5)
    assert (median.value, median.low) == (23, 13)
    assert median.high is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=29, max_size=80))
def test_without_open_cases_the_estimate_gives_the_order_statistic(values: list[int]) -> None:
    ordered = np.sort(np.array(values, dtype=float))
    for p in (0.5, 0.9):
        assert survival_quantile(survival(ordered, np.empty(0)), p).value == quantile(ordered, p).value

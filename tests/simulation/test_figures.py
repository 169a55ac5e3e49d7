"""Calls that are drawn, intervals, common random numbers, and distances of samples: by hand and by known results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gridsvc.errors import InvalidInput
from gridsvc.simulation.arrivals import Durations, PastDays, Sources, draw_days, draw_poisson
from gridsvc.simulation.figures import Estimate, distance, measure, replicate
from gridsvc.simulation.model import Calls, Fleet, Forms, Outcome
from gridsvc.simulation.nearest import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

ZERO = np.zeros(1)
DURATIONS = Durations(ZERO, np.array([600.0, 1200.0]), ZERO, np.ones(1), np.ones(1))


def sources(per_day: list[float], hour: list[int]) -> Sources:
    n = len(per_day)
    rows = np.arange(n)
    return Sources(np.array(per_day), np.array(hour), rows, 0 * rows, 0 * rows, rows % 2, np.full(n, 300.0), ("a", "b"))


def test_calls_come_as_often_and_when_the_sources_say() -> None:
    calls = draw_poisson(sources([6.0, 2.0], [8, -1]), DURATIONS, 4000, np.random.default_rng(1), load=0.5)
    # Poisson with the means 12,000 and 4,000: four deviations
    assert abs((calls.place == 0).sum() - 12_000) < 440
    assert abs((calls.place == 1).sum() - 4_000) < 253
    hours = (calls.time_s // 3600 % 24).astype(int)
    assert set(hours[calls.place == 0]) == {8}
    spread = np.bincount(hours[calls.place == 1], minlength=24)
    assert (np.abs(spread - 4000 / 24) < 5 * np.sqrt(4000 / 24)).all()
    assert set(calls.scene_s) == {600.0, 1200.0}
    assert (np.diff(calls.time_s) >= 0).all()
    assert len(draw_poisson(sources([0.0], [1]), DURATIONS, 10, np.random.default_rng(1))) == 0
    with pytest.raises(InvalidInput, match="calls would be drawn"):
        draw_poisson(sources([1e9], [1]), DURATIONS, 10, np.random.default_rng(1))


def test_days_of_the_past_stay_whole() -> None:
    """Day 0 has no call, day 1 one, day 2 two within a minute."""
    past = PastDays(np.array([1, 2, 2]), np.array([100.0, 500.0, 530.0]), np.array([0, 1, 0]), 3)
    calls = draw_days(sources([1.0, 1.0], [-1, -1]), DURATIONS, past, 3000, np.random.default_rng(2))
    day, second = calls.time_s // 86_400, calls.time_s % 86_400
    count = np.bincount(day.astype(int), minlength=3000)
    assert set(count) == {0, 1, 2}
    assert all(abs((count == n).sum() - 1000) < 110 for n in range(3))
    pairs = second[np.isin(day, np.flatnonzero(count == 2))]
    assert pairs.reshape(-1, 2).tolist() == [[500.0, 530.0]] * int((count == 2).sum())
    assert calls.place[second == 500.0].tolist() == [1] * int((second == 500.0).sum())


def test_an_estimate_is_students() -> None:
    # 3, 5, 7: mean 5, deviation 2, t(2, 0.975) = 4.302653
    found = Estimate.of(np.array([3.0, 5.0, 7.0, np.nan]))
    assert (found.mean, found.low, found.high) == pytest.approx((5.0, 5 - 4.302653 * 2 / 3**0.5, 9.968275), abs=1e-5)
    assert found.excludes_zero
    assert not Estimate.of(np.array([-1.0, 1.0])).excludes_zero
    assert Estimate.of(np.array([2.0])) == Estimate(2.0, None, None)
    assert Estimate.of(np.array([np.nan])).as_json()["mean"] is None


def test_intervals_hold_as_often_as_they_say() -> None:
    draw = np.random.default_rng(5)
    held = [not Estimate.of(draw.normal(size=8)).excludes_zero for _ in range(2000)]
    assert abs(np.mean(held) - 0.95) < 4 * (0.95 * 0.05 / 2000) ** 0.5


def line(station: float) -> Fleet:
    places = np.array([0.0, 600.0])
    to_s = np.abs(np.array([[station]]) - places)
    return Fleet(to_s, to_s, np.abs(places[:, None] - places), np.array([60.0]))


def test_the_same_calls_for_all_make_the_difference_sharp() -> None:
    """A post 250 s from place 0 reaches it within 300 s, one at 0 reaches the other not; who waits is late."""
    asked = sources([2.0, 1.0], [-1, -1])
    fleets = {name: line(at) for name, at in (("today", 300.0), ("plan", 200.0))}
    one = Forms.any_team(1)

    def draw(random: np.random.Generator) -> Calls:
        return draw_poisson(asked, DURATIONS, 100, random)

    def play(fleet: Fleet) -> Callable[[Calls], Outcome]:
        return lambda calls: simulate(fleet, one, calls)

    found = replicate({name: play(fleet) for name, fleet in fleets.items()}, draw, 20, 3)
    gain = found.difference("plan", "today", "in_time")
    apart = found.estimate("plan", "in_time"), found.estimate("today", "in_time")
    assert gain.mean is not None
    assert gain.low is not None
    assert gain.high is not None
    assert gain.excludes_zero
    # place 0 is two thirds of the calls: from 200 it is in time, from 300 (360 s) it is not, place 1 from neither
    assert gain.mean == pytest.approx(2 / 3, abs=0.05)
    assert apart[1].mean == pytest.approx(0, abs=0.05)
    assert found.estimate("plan", "in_time", "b").mean == pytest.approx(0, abs=0.05)
    again = replicate({name: play(fleet) for name, fleet in fleets.items()}, draw, 20, 3)
    np.testing.assert_array_equal(again.values["plan"], found.values["plan"])
    other = replicate({name: play(fleet) for name, fleet in fleets.items()}, draw, 20, 4)
    assert (other.values["plan"] != found.values["plan"]).any()
    with pytest.raises(InvalidInput, match="1 replications"):
        replicate({}, draw, 1, 3)


def test_calls_of_the_first_time_do_not_count() -> None:
    calls = draw_poisson(sources([20.0, 20.0], [-1, -1]), DURATIONS, 10, np.random.default_rng(1))
    outcome = simulate(line(0.0), Forms.any_team(1), calls)
    whole, late = measure(calls, outcome), measure(calls, outcome, warmup_s=86_400.0 * 11)
    assert np.isfinite(whole).all()
    assert np.isnan(late).all()


def test_the_distance_of_samples() -> None:
    """1 2 3 4 against 2 3 4 5: shares differ by a quarter, and every time is moved by 1 s."""
    found = distance([4.0, 1.0, 3.0, 2.0], [2.0, 3.0, 4.0, 5.0])
    assert (found.largest, found.apart_s, found.n, found.m) == (0.25, 1.0, 4, 4)
    assert found.alike
    assert distance([1.0], [1.0]).apart_s == 0
    draw = np.random.default_rng(6)
    alike = [distance(draw.exponential(size=300), draw.exponential(size=200)).alike for _ in range(500)]
    assert 0.93 < np.mean(alike) < 0.985
    assert not distance(draw.exponential(size=300), draw.exponential(size=200) + 1).alike
    with pytest.raises(InvalidInput, match="Two samples"):
        distance([1.0], [np.inf])

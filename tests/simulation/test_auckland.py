"""A real city: Auckland's 14 ambulance stations on its 90,638 arcs, the deployment of JEMSS against a plan of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra

from gridsvc import coverage
from gridsvc.simulation.arrivals import Durations, Sources, draw_poisson
from gridsvc.simulation.events import nearest_rule, simulate_by
from gridsvc.simulation.figures import replicate
from gridsvc.simulation.model import Calls, Forms, Outcome
from gridsvc.simulation.nearest import simulate
from tests.worlds.auckland import CALLS_PER_DAY, SHARES, Auckland, read_auckland

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gridsvc.simulation.model import Fleet

pytestmark = pytest.mark.shared
HANDLING_S, TURNOUT_S, TARGET_S, SCENE_S = 60.0, 60.0, 720.0, 1800.0


@pytest.fixture(scope="module")
def city(shared_data: Path) -> Auckland:
    return read_auckland(shared_data / "jemss-auckland")


def calls_of(city: Auckland) -> Callable[[np.random.Generator], Calls]:
    """Ten days of calls in three priorities."""
    places, ranks = len(city.places), len(SHARES)
    per_day = np.outer(city.weight / city.weight.sum(), SHARES).ravel() * CALLS_PER_DAY
    rank = np.tile(np.arange(ranks), places)
    place = np.repeat(np.arange(places), ranks)
    n = len(place)
    sources = Sources(per_day, np.full(n, -1), place, np.zeros(n, int), rank, rank, np.full(n, TARGET_S),
                      ("high", "medium", "low"))  # fmt: skip
    samples = np.random.default_rng(0)
    durations = Durations(np.full(1, HANDLING_S), samples.gamma(2, SCENE_S / 2, 5000), np.zeros(1),
                          samples.uniform(0.6, 1.4, 500), samples.lognormal(0, 0.15, 5000))  # fmt: skip
    return lambda random: draw_poisson(sources, durations, 10, random)


def test_the_city_is_the_one_of_the_files(city: Auckland) -> None:
    assert city.arcs == 90_638
    assert (len(city.stations), len(city.ambulances)) == (14, 16)
    assert np.isfinite(city.between_s).all()
    assert 200 < len(city.places) < 400


def test_a_plan_is_better_than_the_deployment_with_an_interval_beyond_zero(city: Auckland) -> None:
    one = Forms.any_team(16)
    cover = city.to_s + HANDLING_S + TURNOUT_S <= TARGET_S

    def play(fleet: Fleet) -> Callable[[Calls], Outcome]:
        return lambda calls: simulate(fleet, one, calls)

    now = city.fleet(city.ambulances, TURNOUT_S)
    # how busy the model takes the fleet to be is what other calls say
    busy = float(replicate({"today": play(now)}, calls_of(city), 5, 9).busy["today"].mean())
    plan = coverage.mexclp(cover, city.weight, 16, busy, most_per_site=5)
    assert plan.optimal
    assert 0.4 < busy < 0.6
    fleets = {"today": now, "plan": city.fleet(plan.sites, TURNOUT_S)}
    found = replicate({name: play(fleet) for name, fleet in fleets.items()}, calls_of(city), 20, 1, warmup_s=86_400)
    gain = found.difference("plan", "today", "in_time")
    today = found.estimate("today", "in_time")
    assert found.calls == pytest.approx(20 * 10 * CALLS_PER_DAY, rel=0.02)
    assert today.mean is not None
    assert gain.low is not None
    assert 0.5 < today.mean < 0.95
    assert gain.low > 0
    assert gain.excludes_zero
    # the same calls: the interval of the difference is narrower than that of either
    assert gain.high is not None
    assert today.low is not None
    assert gain.high - gain.low < 2 * (today.mean - today.low)


def test_one_day_in_plain_python_is_the_same(city: Auckland) -> None:
    fleet, one = city.fleet(city.ambulances, TURNOUT_S), Forms.any_team(16)
    calls = calls_of(city)(np.random.default_rng(3))
    few: dict[str, Any] = {name: getattr(calls, name)[:250] for name in calls.__slots__ if name != "kinds"}
    first = Calls(**few, kinds=calls.kinds)
    fast, slow = simulate(fleet, one, first), simulate_by(fleet, one, first, nearest_rule(one, first))
    np.testing.assert_array_equal(fast.response_s, slow.response_s)
    np.testing.assert_array_equal(fast.lead, slow.lead)


def test_how_far_the_interpolated_way_is_from_the_true_one(city: Auckland) -> None:
    """Of a team half-way home, from the node where it truly is, to places of the whole city."""
    draw = np.random.default_rng(2)
    wrong_s, whole_s = [], []
    for station in draw.choice(len(city.stations), 4, replace=False).tolist():
        home = city.stations[station]
        back_s, after = dijkstra(city.roads.T.tocsr(), indices=home, return_predecessors=True)
        for scene in draw.choice(len(city.places), 5, replace=False).tolist():
            node, left = city.places[scene], back_s[city.places[scene]]
            while back_s[node] > left / 2:
                node = after[node]
            done = 1 - back_s[node] / left
            truth_s = dijkstra(city.roads, indices=node)[city.places]
            guess_s = city.between_s[scene] * (1 - done) + city.to_s[station] * done
            wrong_s.append(guess_s - truth_s)
            whole_s.append(np.full_like(truth_s, left))
    wrong = np.concatenate(wrong_s)
    # never more than half of the way home, and about a fifth of it on the mean
    assert (np.abs(wrong) <= np.concatenate(whole_s) / 2 + 90).all()
    assert 0 <= wrong.mean() < 0.2 * np.concatenate(whole_s).mean()

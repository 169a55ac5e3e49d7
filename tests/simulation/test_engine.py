"""The fleet at work, by hand; the compiled loop against plain Python; both against the hypercube."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gridsvc import coverage
from gridsvc.errors import InvalidInput
from gridsvc.simulation.events import nearest_rule, simulate_by
from gridsvc.simulation.model import Calls, Fleet, Forms, Outcome, Play
from gridsvc.simulation.nearest import simulate

FIELDS = ("response_s", "full_s", "wait_s", "lead", "unfilled", "busy_s")


def calls_at(times: list[float], places: list[int], **more: Any) -> Calls:
    n = len(times)
    values: dict[str, Any] = {
        "time_s": times, "place": places, "form": [0] * n, "rank": [0] * n, "kind": [0] * n, "target_s": [600.0] * n,
        "handling_s": [0.0] * n, "scene_s": [1000.0] * n, "member_scene_s": [500.0] * n, "turnout_factor": [1.0] * n,
        "travel_factor": [1.0] * n,
    }  # fmt: skip
    whole = {"place", "form", "rank", "kind"}
    arrays: dict[str, Any] = {
        name: np.array(each, np.int64 if name in whole else float) for name, each in (values | more).items()
    }
    return Calls(**arrays)


def on_a_line(stations: list[float], places: list[float], turnout_s: float = 60.0, **more: Any) -> Fleet:
    """Everything on one road; a unit is a second of driving."""
    there, here = np.array(stations)[:, None], np.array(places)
    to_s = np.abs(there - here)
    return Fleet(to_s, to_s, np.abs(here[:, None] - here), np.full(len(stations), turnout_s), **more)


def both(fleet: Fleet, forms: Forms, calls: Calls, play: Play | None = None) -> Outcome:
    """Play by the compiled loop and by plain Python; they agree to the last bit."""
    fast, slow = simulate(fleet, forms, calls, play), simulate_by(fleet, forms, calls, nearest_rule(forms, calls), play)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), name)
    assert fast.longest_queue == slow.longest_queue
    return fast


def test_one_team_and_the_way_back() -> None:
    """The team leaves its station at 0 for place 400: 60 + 400. On the scene until 1460; back at its station at 1860.

    At 1560 it has driven a quarter of its way back. To place 100 it would take 300 s from the scene and 100 s from the
    station: 250 s in between, and 15 s of turnout. (On this road it is at 300, and the truth is 200 s.)
    """
    found = both(on_a_line([0.0], [400.0, 100.0]), Forms.any_team(1), calls_at([0, 1560, 9000], [0, 1, 1]))
    assert found.response_s.tolist() == [460.0, 15 + 250.0, 160.0]
    assert found.busy_s.tolist() == [1460 + 1265 + 1160.0]
    later = both(on_a_line([0.0], [400.0, 100.0]), Forms.any_team(1), calls_at([0, 1560], [0, 1]), Play(redirect=False))
    assert later.response_s.tolist() == [460.0, 300 + 160.0]
    assert later.wait_s.tolist() == [0.0, 300.0]


def test_who_waits_goes_by_rank_then_by_time() -> None:
    """The second and third call wait until 1160; the third has the smaller rank."""
    fleet, one = on_a_line([0.0], [100.0]), Forms.any_team(1)
    found = both(fleet, one, calls_at([0, 10, 20], [0, 0, 0], rank=[1, 1, 0]))
    # the team is on the scene when it is sent again: 15 s of turnout and no way
    assert found.response_s.tolist() == [160.0, 1160 + 1015 + 15 - 10.0, 1160 + 15 - 20.0]
    assert found.longest_queue == 2
    lost = both(fleet, one, calls_at([0, 10], [0, 0]), Play(queue=False))
    assert lost.response_s.tolist() == [160.0, np.inf]
    assert lost.lead.tolist() == [0, -1]


def test_a_joint_team_is_there_when_its_last_is() -> None:
    """Team 0 leads, teams 1 and 2 may be the member; the nearer goes, and leaves 500 s after both are there."""
    fleet = on_a_line([0.0, 300.0, 250.0], [100.0])
    forms = Forms(((0, 1), (0, 1, 1, 1)), np.array([[True, False, False], [False, True, True]]))
    found = both(fleet, forms, calls_at([0], [0]))
    assert (found.response_s[0], found.full_s[0], found.unfilled[0]) == (160.0, 210.0, 0)
    assert found.busy_s.tolist() == [1160.0, 0.0, 210 + 500.0]
    short = both(fleet, forms, calls_at([0], [0], form=[1]))
    assert (short.response_s[0], short.full_s[0], short.unfilled[0]) == (160.0, np.inf, 1)


def test_nobody_goes_outside_its_hours_and_none_where_no_road_leads() -> None:
    """On duty from 8; the call of 07:00 waits an hour. No road leads to place 1."""
    hours = np.zeros((1, 24), bool)
    hours[0, 8:] = True
    fleet = replace(on_a_line([0.0], [100.0, 100.0], on_duty=hours), to_s=np.array([[100.0, np.inf]]))
    found = both(fleet, Forms.any_team(1), calls_at([7 * 3600, 7 * 3600 + 1], [0, 1]))
    assert found.response_s.tolist() == [3600 + 160.0, np.inf]
    never = both(replace(fleet, on_duty=np.zeros((1, 24), bool)), Forms.any_team(1), calls_at([0.0], [0]))
    assert never.response_s.tolist() == [np.inf]


@pytest.mark.parametrize("play", [Play(), Play(queue=False), Play(redirect=False)])
def test_the_compiled_loop_is_plain_python(play: Play) -> None:
    draw = np.random.default_rng(3)
    stations, places, n = draw.random(6) * 900, draw.random(20) * 900, 250
    fleet = on_a_line(stations.tolist(), places.tolist(), on_duty=draw.random((6, 24)) < 0.8)
    may = draw.random((3, 6)) < 0.6
    forms = Forms(((0,), (0, 1), (1, 2, 0)), may)
    calls = calls_at(
        np.cumsum(draw.exponential(500, n)).tolist(), draw.integers(20, size=n).tolist(), form=draw.integers(3, size=n),
        rank=draw.integers(3, size=n), handling_s=draw.exponential(60, n), scene_s=draw.exponential(900, n),
        member_scene_s=draw.exponential(900, n), turnout_factor=draw.random(n), travel_factor=draw.random(n) + 0.5,
    )  # fmt: skip
    found = both(fleet, forms, calls, play)
    assert np.isfinite(found.response_s).mean() > 0.3
    assert (found.wait_s > 0).any()


def hypercube_calls(rate: np.ndarray, n: int, seed: int) -> Calls:
    draw = np.random.default_rng(seed)
    one = np.ones(n)
    atom = draw.choice(len(rate), n, p=rate / rate.sum())
    time_s = np.cumsum(draw.exponential(1 / rate.sum(), n)) * 3600
    return Calls(time_s, atom, 0 * atom, 0 * atom, 0 * atom, one, 0 * one, draw.exponential(3600, n), one, one, one)


@pytest.mark.parametrize(("units", "queue"), [(3, True), (12, False)])
def test_it_agrees_with_the_exact_hypercube(units: int, queue: bool) -> None:
    """Service is exponential and takes no driving; preferences are ways of no length worth mentioning."""
    draw = np.random.default_rng(units)
    atoms = units + 2
    rate = draw.random(atoms)
    rate *= 0.6 * units / rate.sum()
    preference = np.array([draw.permutation(units) for _ in range(atoms)])
    to_s = np.empty((units, atoms))
    np.put_along_axis(to_s, preference.T, np.arange(units)[:, None] * 1e-6 * np.ones(atoms), axis=0)
    fleet = Fleet(to_s, np.zeros_like(to_s), np.zeros((atoms, atoms)), np.zeros(units))
    calls = hypercube_calls(rate, 600_000, 7)
    found = simulate(fleet, Forms.any_team(units), calls, Play(queue=queue))
    exact = coverage.hypercube(rate, preference, queue=queue)
    workload = found.busy_s / calls.time_s[-1]
    np.testing.assert_allclose(workload, exact.workload, rtol=0.01)
    assert abs(float(np.isinf(found.response_s).mean()) - exact.loss) < 0.01 * max(exact.loss, 0.1)
    if not queue:
        share = np.zeros((units, atoms))
        np.add.at(share, (found.lead[found.lead >= 0], calls.place[found.lead >= 0]), 1.0)
        assert np.abs(share / share.sum() - exact.dispatch_share).max() < 0.001


def test_what_does_not_fit_is_refused() -> None:
    fleet, one = on_a_line([0.0, 5.0], [100.0]), Forms.any_team(2)
    for broken, words in (
        (lambda: simulate(fleet, one, calls_at([0], [3])), "`place` is not 1 numbers"),
        (lambda: simulate(fleet, Forms.any_team(3), calls_at([0], [0])), "`may` is of 3 teams"),
        (lambda: calls_at([5, 0], [0, 0]), "not ascending"),
        (lambda: calls_at([0], [0], scene_s=[np.nan]), "`scene_s` is not"),
        (lambda: replace(fleet, to_s=-fleet.to_s), "`to_s` has numbers"),
        (lambda: replace(fleet, back_s=fleet.back_s + np.inf), "no way back"),
        (lambda: Forms(((),), np.ones((1, 2), bool)), "without a slot"),
    ):
        with pytest.raises(InvalidInput, match=words):
            broken()
    many = calls_at([0.0] * 20, [0] * 20)
    with pytest.raises(InvalidInput, match="More than 5 calls wait"):
        simulate(fleet, one, many, Play(most_waiting=5))
    with pytest.raises(InvalidInput, match="More than 5 calls wait"):
        simulate_by(fleet, one, many, nearest_rule(one, many), Play(most_waiting=5))

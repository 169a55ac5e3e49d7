"""Whole joint teams against brute force, by hand, and with what cannot be whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gridsvc.coverage.joint import JointDemand, Member, joint_teams, whole_of
from gridsvc.errors import InvalidInput


def test_a_case_counts_only_when_all_of_its_team_is_in_reach() -> None:
    """Kind 0 from site 0 reaches place 0, from site 1 place 1; kind 1 stands at site 0 and reaches both from site 1."""
    reach = np.array([[[1, 0], [0, 1]], [[0, 0], [1, 1]]], bool)
    today = np.array([[1, 0], [1, 0]])
    demands = [JointDemand(0, 5.0, (Member((0,)), Member((1,)))), JointDemand(1, 7.0, (Member((0,)), Member((1,))))]
    assert whole_of(reach, today, demands).tolist() == [False, False]
    plan = joint_teams(reach, today, demands)
    assert (plan.objective, plan.bound, plan.optimal, plan.gap) == (7.0, 7.0, True, 0.0)
    assert plan.teams.tolist() == [[0, 1], [0, 1]]
    assert plan.whole.tolist() == [False, True]


def test_two_teams_of_a_kind_must_both_be_near() -> None:
    reach = np.array([[[1], [1], [0]]], bool)
    demands = [JointDemand(0, 2.0, (Member((0,), 2),)), JointDemand(0, 1.0, ())]
    one = joint_teams(reach, np.array([[0, 0, 1]]), demands)
    two = joint_teams(reach, np.array([[0, 0, 2]]), demands)
    assert (one.objective, two.objective) == (1.0, 3.0)
    assert two.teams[0, 2] == 0


@pytest.mark.parametrize("seed", range(8))
def test_the_plan_is_the_best_of_all(seed: int) -> None:
    draw = np.random.default_rng(seed)
    kinds, sites, places = 2, 4, 6
    reach = draw.random((kinds, sites, places)) < 0.4
    counts = (2, 1)
    demands = [
        JointDemand(
            int(draw.integers(places)), float(draw.integers(1, 9)),
            tuple(Member(tuple(sorted(draw.choice(kinds, draw.integers(1, 3), replace=False).tolist())),
                         int(draw.integers(1, 3))) for _ in range(draw.integers(1, 3))),
        )
        for _ in range(12)
    ]  # fmt: skip
    weight = np.array([demand.weight for demand in demands])
    best = 0.0
    stands = [list(itertools.combinations_with_replacement(range(sites), n)) for n in counts]
    for chosen in itertools.product(*stands):
        teams = np.array([np.bincount(each, minlength=sites) for each in chosen])
        best = max(best, float(weight[whole_of(reach, teams, demands)].sum()))
    today = np.array([[n, 0, 0, 0] for n in counts])
    plan = joint_teams(reach, today, demands)
    assert plan.objective == pytest.approx(best)
    assert plan.optimal
    assert (plan.teams.sum(axis=1) <= counts).all()


def test_bad_input_is_refused_and_nothing_to_do_is_done() -> None:
    reach = np.ones((1, 2, 3), bool)
    with pytest.raises(InvalidInput, match="kinds, sites, places"):
        joint_teams(reach, np.ones((2, 2), int), [])
    with pytest.raises(InvalidInput, match="place 9 or a kind"):
        joint_teams(reach, np.ones((1, 2), int), [JointDemand(9, 1.0, ())])
    with pytest.raises(InvalidInput, match="kind of team that does not exist"):
        joint_teams(reach, np.ones((1, 2), int), [JointDemand(0, 1.0, (Member((3,)),))])
    empty = joint_teams(reach, np.ones((1, 2), int), [])
    assert (empty.objective, empty.optimal) == (0.0, True)

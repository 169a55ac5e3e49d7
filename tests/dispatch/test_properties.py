"""What holds for every fleet, state and place: one team one slot, nothing silent, order of no importance."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.dispatch import CONSIDERED_SHOWN, VERDICTS, CaseFacts, Prepared, list_considered, recommend
from gridsvc.teams.model import TeamKind, TeamState, TeamStatus
from tests.worlds import toy

if TYPE_CHECKING:
    from gridsvc.dispatch import ChosenTeam, Recommendation

STATES = st.builds(
    TeamState,
    status=st.sampled_from([TeamStatus.AVAILABLE, TeamStatus.AVAILABLE, *TeamStatus]),
    staff_present=st.sampled_from([None, None, 0, 2, 5]),
    position_age_s=st.sampled_from([None, None, 10.0, 1800.5]),
    on_road=st.booleans(),
    on_drill=st.booleans(),
    incident_id=st.just("another"),
)
SECONDS = st.one_of(st.none(), st.floats(0, 5000, allow_nan=False).map(lambda s: round(s, 3)))

Moment = tuple[CaseFacts, list[TeamState], list[float | None], list[float] | None]


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    n = len(toy.TEAMS)
    km = draw(st.sampled_from([0.5, 4.9, 6.0, 9.5, 12.0, 16.0]))
    case = toy.case(
        km,
        draw(st.sampled_from(["leak", "leak", "noise"])),
        alarm=draw(st.sampled_from([1, 2])),
        owned_level=draw(st.sampled_from(["village", "village", "township", "regional", "district", None])),
        major=draw(st.booleans()),
        excluded=frozenset(draw(st.sets(st.sampled_from(sorted(toy.KM)), max_size=2))),
        local_time=draw(st.sampled_from([toy.NOON, toy.BEFORE_APPROVAL])),
        drill=draw(st.booleans()),
    )
    states = draw(st.lists(STATES, min_size=n, max_size=n))
    travel = draw(st.lists(SECONDS, min_size=n, max_size=n))
    loss = draw(st.one_of(st.none(), st.lists(st.integers(0, 3).map(float), min_size=n, max_size=n)))
    return case, states, travel, loss


def is_free(case: CaseFacts, state: TeamState) -> bool:
    """A live case also takes teams from drills (R16)."""
    from_drill = state.status is TeamStatus.ENGAGED and state.on_drill and not case.drill
    return state.status is TeamStatus.AVAILABLE or from_drill


def slots_of(answer: Recommendation) -> tuple[list[ChosenTeam], list[str]]:
    chosen = [answer.lead, *answer.members] if answer.lead else list(answer.members)
    return chosen, [slot.slot for slot in answer.unfilled]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(moments())
def test_one_team_one_slot_and_each_slot_filled_or_named(moment: Moment) -> None:
    answer = recommend(toy.PREPARED, *moment)
    chosen, empty = slots_of(answer)
    teams = [each.team_id for each in chosen]
    slots_with = [each.substitute for each in chosen] + [each.substitute for each in answer.unfilled]
    substitutes = [each.team_id for each in slots_with if each]
    assert len(set(teams + substitutes)) == len(teams + substitutes)
    slots = [each.slot for each in chosen] + empty
    assert len(set(slots)) == len(slots)
    assert {slot.slot.id for slot in toy.PREPARED.form(moment[0]).slots} == set(slots)
    assert "1" in slots
    assert all(slot.reason for slot in answer.unfilled)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(moments())
def test_an_emergencys_lead_is_the_earliest_lawful(moment: Moment) -> None:
    case, states, travel, _ = moment
    answer = recommend(toy.PREPARED, *moment)
    if case.type != "leak":
        return
    regional = case.major or case.owned_level in {"regional", "district"}
    arrivals = []
    for team, state, seconds in zip(toy.PREPARED.teams, states, travel, strict=True):
        own_region = case.owned_level == "district" or team.region == case.regional
        lawful = (team.kind is TeamKind.REGIONAL and own_region) if regional else team.kind is TeamKind.SQUADRON
        free = (
            is_free(case, state)
            and (state.staff_present is None or state.staff_present >= 2)
            and (state.position_age_s is None or state.position_age_s <= 1800)
            and team.id not in case.excluded
        )
        if lawful and free and seconds is not None:
            turnout = 90 if team.kind is TeamKind.REGIONAL else 60
            arrivals.append(round(seconds + 45 + (15 if state.on_road else turnout), 3))
    assert (answer.lead is None) == (not arrivals)
    if arrivals:
        assert answer.lead_response_s == min(arrivals)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(moments(), st.integers(0, 10**6))
def test_the_order_of_teams_changes_nothing(moment: Moment, seed: int) -> None:
    case, states, travel, loss = moment
    teams = list(toy.TEAMS)
    random.Random(seed).shuffle(teams)
    shuffled = Prepared.of(teams, toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
    assert shuffled.versions == toy.PREPARED.versions
    first = recommend(toy.PREPARED, case, states, travel, loss)
    assert json.dumps(first.as_json()) == json.dumps(recommend(shuffled, case, states, travel, loss).as_json())


@settings(max_examples=200, deadline=None, derandomize=True)
@given(moments())
def test_every_team_has_a_verdict_and_the_chosen_have_theirs(moment: Moment) -> None:
    answer = recommend(toy.PREPARED, *moment)
    every = {each.team_id: each for each in list_considered(toy.PREPARED, *moment)}
    verdicts = {team_id: each.verdict for team_id, each in every.items()}
    assert set(verdicts) == set(toy.KM)
    assert set(verdicts.values()) <= set(VERDICTS)
    shown = answer.considered
    assert len(shown) <= CONSIDERED_SHOWN
    assert all(each == every[each.team_id] for each in shown)
    assert len(shown) + sum(answer.considered_counts.values()) == len(verdicts)
    chosen, _ = slots_of(answer)
    assert {each.team_id for each in chosen} == {t for t, v in verdicts.items() if v.startswith("chosen")}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(moments())
def test_r11_a_verdict_is_never_a_wrong_reason(moment: Moment) -> None:
    case, states, _, _ = moment
    for each, state in zip(list_considered(toy.PREPARED, *moment), states, strict=True):
        if each.verdict in {"slower", "coverage", "slot-filled"}:
            assert is_free(case, state)
        elif each.verdict == "engaged":
            assert state.status is TeamStatus.ENGAGED
            assert not is_free(case, state)
        elif each.verdict == "off-duty":
            assert state.status is TeamStatus.OFF_DUTY


@settings(max_examples=200, deadline=None, derandomize=True)
@given(moments())
def test_r7_a_late_team_has_only_an_earlier_substitute_and_the_whole_team_is_in_time_only_if_each_is(
    moment: Moment,
) -> None:
    answer = recommend(toy.PREPARED, *moment)
    for each in answer.team:
        response_s = each.response_s
        assert each.late == (answer.target_s is not None and response_s is not None and response_s > answer.target_s)
        if each.substitute is not None:
            assert each.late
            assert each.substitute.response_s is not None
            assert response_s is not None
            assert each.substitute.response_s < response_s
    if answer.target_s is not None:
        assert answer.meets_target == (answer.lead is not None and not answer.lead.late)
        in_time = answer.full_team_response_s is not None and answer.full_team_response_s <= answer.target_s
        assert answer.team_meets_target == in_time

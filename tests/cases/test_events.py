"""What an event makes of a case: who waits for whom, and what holds after every legal walk."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.cases.events import Reported, apply
from gridsvc.cases.model import CLOCKS, Case, Outcome, Status
from gridsvc.cases.steps import take_step
from tests.worlds.toy_cases import at, ordered, preempted, random_walk, reported, step, team_step


def standing(case: Case) -> tuple[str, bool, bool]:
    return str(case.status), case.waiting, case.lead_wanted


def sent(*slots: str, drill: bool = False) -> Case:
    """A case with team 10 in the first slot, 11 in the second, sent in the first minute."""
    case = reported(drill=drill)
    return apply(case, ordered(case, 1, *slots))


class TestWaiting:
    def test_r10_a_case_without_a_team_waits_visibly(self) -> None:
        assert standing(reported()) == ("triggered", True, False)
        assert standing(step(reported(), "accept", 1)) == ("accepted", True, False)
        assert standing(sent("1", "township")) == ("assigned", False, False)

    @pytest.mark.parametrize("leaves", ["decline", "withdraw"])
    def test_r14_a_case_whose_lead_left_waits_for_a_lead(self, leaves: str) -> None:
        case = team_step(sent("1", "township"), 10, leaves, 2)
        assert standing(case) == ("assigned", True, True)

    def test_r14_a_case_whose_member_left_does_not(self) -> None:
        assert standing(team_step(sent("1", "township"), 11, "decline", 2)) == ("assigned", False, False)

    def test_r14_a_case_that_everybody_left_is_accepted_and_waits(self) -> None:
        case = team_step(team_step(sent("1", "township"), 11, "withdraw", 2), 10, "decline", 3)
        assert standing(case) == ("accepted", True, False)

    def test_r14_a_handled_case_that_its_lead_left_waits_too(self) -> None:
        case = team_step(step(sent("1"), "handle", 2), 10, "withdraw", 3)
        assert standing(case) == ("handling", True, True)

    def test_r13_a_lead_that_is_done_is_not_missed(self) -> None:
        case = team_step(sent("1", "township"), 10, "clear", 2)
        assert standing(case) == ("assigned", False, False)
        assert standing(team_step(case, 11, "clear", 3)) == ("assigned", False, False)

    def test_r14_an_order_without_a_lead_waits_for_one(self) -> None:
        case = sent("township")
        assert standing(case) == ("assigned", True, True)
        assert standing(apply(case, ordered(case, 2, "1", first=20))) == ("assigned", False, False)

    def test_r13_a_reinforcement_does_not_replace_the_lead(self) -> None:
        case = team_step(sent("1", "township"), 10, "decline", 2)
        case = apply(case, ordered(case, 3, "partner-fire", first=20))
        assert standing(case) == ("assigned", True, True)
        case = apply(case, ordered(case, 4, "1", first=30))
        assert standing(case) == ("assigned", False, False)
        assert standing(team_step(case, 30, "clear", 5)) == ("assigned", False, False)

    def test_r13_a_reopened_case_that_was_never_handled_waits_for_a_team(self) -> None:
        case = step(step(sent("1"), "cancel", 2), "reopen", 3)
        assert standing(case) == ("accepted", True, False)
        assert case.live == ()

    def test_r14_a_reopened_case_waits_until_a_lead_has_done_the_work_again(self) -> None:
        case = team_step(step(sent("1"), "handle", 2), 10, "clear", 3)
        case = step(step(step(case, "feedback", 4), "archive", 5), "reopen", 6)
        assert standing(case) == ("handling", True, True)
        case = apply(case, ordered(case, 7, "1", first=20))
        assert standing(case) == ("handling", False, False)
        assert standing(team_step(case, 20, "clear", 8)) == ("handling", False, False)

    def test_r14_nobody_waits_for_a_closed_case(self) -> None:
        case = step(team_step(sent("1", "township"), 10, "decline", 2), "cancel", 3)
        assert standing(case) == ("cancelled", False, False)


class TestDrills:
    def test_r16_a_drill_whose_lead_was_taken_waits_for_a_lead_and_names_the_case(self) -> None:
        case = sent("1", "township", drill=True)
        case = apply(case, preempted(case, 10, 2))
        lead = case.engagements[0]
        assert (lead.until, lead.outcome, lead.preempted_by) == (at(2), Outcome.PREEMPTED, UUID(int=99))
        assert standing(case) == ("assigned", True, True)

    def test_r16_a_drill_whose_only_team_was_taken_is_accepted_and_waits(self) -> None:
        case = sent("1", drill=True)
        assert standing(apply(case, preempted(case, 10, 2))) == ("accepted", True, False)


class TestOrder:
    def test_engagements_are_in_the_order_of_their_beginning_the_lead_first(self) -> None:
        case = sent("township", "1")
        case = apply(case, ordered(case, 0.5, "partner-fire", first=20))
        assert [each.slot for each in case.engagements] == ["partner-fire", "1", "township"]

    def test_an_engagement_that_began_after_the_end_of_its_case_has_no_negative_length(self) -> None:
        case = sent("1")
        ended = apply(case, take_step(case, "cancel", at=None, now=at(0.5)))
        assert ended.engagements[0].until == at(1)

    def test_a_case_is_reported_once_and_first(self) -> None:
        case = reported()
        with pytest.raises(ValueError, match="twice"):
            apply(case, Reported(case))
        with pytest.raises(ValueError, match="before the report"):
            apply(None, take_step(case, "accept", at=None, now=at(1)))


REACHED = {
    Status.TRIGGERED: 0, Status.ACCEPTED: 1, Status.ASSIGNED: 2, Status.HANDLING: 3, Status.FEEDBACK: 4,
    Status.ARCHIVED: 5, Status.CANCELLED: 0,
}  # fmt: skip
"""How many of the clocks, in their order, a status must have."""


def check_case(case: Case) -> None:
    assert not case.live or case.open
    assert all((each.until is None) == (each.outcome is None) for each in case.engagements)
    assert all(each.until is None or each.until >= each.since for each in case.engagements)
    stamped = [getattr(case.clocks, clock) for clock in CLOCKS]
    assert None not in stamped[: REACHED[case.status]]
    assert case.status is not Status.CANCELLED or case.clocks.cancelled_at is not None
    leads = any(each.lead for each in case.live)
    if case.status in {Status.TRIGGERED, Status.ACCEPTED}:
        assert not case.live
        assert case.waiting
    if case.lead_wanted:
        assert case.waiting
        assert not leads
    if case.waiting:
        assert case.open
        assert not leads


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_r13_what_holds_after_every_legal_walk(seed: int) -> None:
    case: Case | None = None
    for event in random_walk(seed):
        case = apply(case, event)
        check_case(case)

"""R13: which step is legal when, what it stamps, and what a late or impossible time becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gridsvc.access.scopes import Right
from gridsvc.cases.events import apply
from gridsvc.cases.model import Clocks, Outcome, Status
from gridsvc.cases.steps import check_step, legal_steps, legal_team_steps, right_of_step, take_step, take_team_step
from gridsvc.errors import IllegalStep, InvalidInput
from tests.worlds.toy_cases import at, engagement, ordered, reported, step, team_step

if TYPE_CHECKING:
    from datetime import datetime

LEGAL = {
    Status.TRIGGERED: ["accept", "assign", "cancel"],
    Status.ACCEPTED: ["assign", "cancel"],
    Status.ASSIGNED: ["assign", "handle", "cancel"],
    Status.HANDLING: ["assign", "feedback", "cancel"],
    Status.FEEDBACK: ["archive", "cancel", "reopen"],
    Status.ARCHIVED: ["reopen"],
    Status.CANCELLED: ["reopen"],
}
EVERY = ["accept", "assign", "handle", "feedback", "archive", "cancel", "reopen"]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("name", EVERY)
def test_r13_each_step_from_each_status_is_legal_or_refused_with_the_legal_ones(status: Status, name: str) -> None:
    case = replace(reported(), status=status)
    assert legal_steps(status) == LEGAL[status]
    if name in LEGAL[status]:
        take_step(case, name, at=None, now=at(1))
        return
    with pytest.raises(IllegalStep, match=str(status)) as refused:
        take_step(case, name, at=None, now=at(1))
    assert refused.value.parameters["legal"] == LEGAL[status]


def test_r13_a_case_goes_through_its_whole_life() -> None:
    case = reported()
    for minute, name in enumerate(("accept", "assign", "handle", "feedback", "archive"), start=1):
        case = step(case, name, minute)
    assert case.status is Status.ARCHIVED
    assert case.clocks == Clocks(at(1), at(2), at(3), at(4), at(5))
    assert case.clocks.last_end == at(5)


def test_r13_assign_before_accept_records_both() -> None:
    change = take_step(reported(), "assign", at=None, now=at(1))
    assert change.status is Status.ASSIGNED
    assert change.stamps == {"accepted_at": at(1), "assigned_at": at(1)}


def test_r13_a_reinforcement_keeps_the_first_orders_time_and_the_status() -> None:
    handling = step(step(reported(), "assign", 1), "handle", 2)
    change = take_step(handling, "assign", at=None, now=at(9))
    assert (change.status, change.stamps) == (Status.HANDLING, {})


@pytest.mark.parametrize(("name", "outcome"), [("archive", Outcome.ARCHIVED), ("cancel", Outcome.CANCELLED)])
def test_r13_archive_and_cancel_clear_what_is_left(name: str, outcome: Outcome) -> None:
    case = apply(reported(), ordered(reported(), 1, "1", "township"))
    case = team_step(case, 11, "clear", 2)
    case = step(step(step(case, "handle", 3), "feedback", 4), name, 5)
    assert [(each.until, each.outcome) for each in case.engagements] == [(at(5), outcome), (at(2), Outcome.CLEARED)]


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (["cancel"], Status.TRIGGERED),
        (["accept", "cancel"], Status.ACCEPTED),
        (["assign", "cancel"], Status.ACCEPTED),
        (["assign", "handle", "cancel"], Status.HANDLING),
        (["assign", "handle", "feedback"], Status.HANDLING),
        (["assign", "handle", "feedback", "archive"], Status.HANDLING),
    ],
)
def test_r13_reopen_goes_back_to_where_the_work_is(before: list[str], status: Status) -> None:
    case = reported()
    for name in [*before, "reopen"]:
        case = step(case, name, 1)
    assert case.status is status


def test_r13_a_case_that_was_reopened_is_closed_by_its_last_end() -> None:
    case = reported()
    for minute, name in enumerate(("assign", "handle", "feedback", "archive", "reopen", "cancel"), start=1):
        case = step(case, name, minute)
    assert case.clocks.last_end == at(6)
    assert reported().clocks.last_end is None


class TestTimes:
    def test_r13_a_late_stamp_is_backfilled_and_marked(self) -> None:
        change = take_step(reported(), "accept", at=at(1), now=at(30))
        assert (change.stamps, change.backfilled, change.corrected) == ({"accepted_at": at(1)}, True, False)
        assert change.at == at(30)
        assert not take_step(reported(), "accept", at=None, now=at(30)).backfilled

    def test_r21_a_clock_that_is_up_to_a_minute_ahead_counts_as_now(self) -> None:
        for ahead in (30.5, 31.0):
            change = take_step(reported("noise"), "accept", at=at(ahead), now=at(30))
            assert (change.stamps, change.corrected) == ({"accepted_at": at(30)}, False)

    @pytest.mark.parametrize("given", [at(-0.1), at(31.1)])
    def test_r10_an_emergencys_impossible_time_is_taken_as_now_and_marked(self, given: datetime) -> None:
        change = take_step(reported(), "accept", at=given, now=at(30))
        assert (change.stamps, change.backfilled, change.corrected) == ({"accepted_at": at(30)}, False, True)
        case = apply(reported(), ordered(reported(), 5, "1"))
        arrival = take_team_step(case, case.engagements[0], "on_scene", at=given, now=at(30))
        assert (arrival.stamps, arrival.corrected) == ({"on_scene_at": at(30)}, True)

    @pytest.mark.parametrize(("given", "kind"), [(at(-0.1), "time-too-early"), (at(31.1), "time-in-future")])
    def test_r21_a_routine_cases_impossible_time_is_refused(self, given: datetime, kind: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            take_step(reported("noise"), "accept", at=given, now=at(30))
        assert refused.value.kind == kind

    def test_r13_a_team_has_no_stamp_before_its_order(self) -> None:
        case = apply(reported("noise"), ordered(reported("noise"), 5, "1"))
        with pytest.raises(InvalidInput, match="order"):
            take_team_step(case, case.engagements[0], "on_scene", at=at(4.9), now=at(30))
        change = take_team_step(case, case.engagements[0], "on_scene", at=at(5), now=at(30))
        assert (change.stamps, change.backfilled) == ({"on_scene_at": at(5)}, True)


class TestTeamSteps:
    def test_r13_a_team_takes_each_step_once(self) -> None:
        case = apply(reported(), ordered(reported(), 0, "1"))
        assert legal_team_steps(case.engagements[0]) == [
            "acknowledge",
            "decline",
            "en_route",
            "on_scene",
            "clear",
            "withdraw",
        ]
        for minute, name in enumerate(("acknowledge", "en_route", "on_scene", "clear"), start=1):
            case = team_step(case, 10, name, minute)
            with pytest.raises(IllegalStep):
                team_step(case, 10, name, minute)
        last = engagement(10, "1", 0, until=4, acknowledged_at=1, en_route_at=2, on_scene_at=3)
        assert case.engagements == (replace(last, outcome=Outcome.CLEARED),)
        assert legal_team_steps(case.engagements[0]) == []

    @pytest.mark.parametrize(
        ("taken", "legal"),
        [
            ("acknowledge", ["en_route", "on_scene", "clear", "withdraw"]),
            ("en_route", ["on_scene", "clear", "withdraw"]),
            ("on_scene", ["clear"]),
            ("withdraw", []),
        ],
    )
    def test_r13_what_is_legal_after_a_step(self, taken: str, legal: list[str]) -> None:
        case = team_step(apply(reported(), ordered(reported(), 0, "1", "township")), 10, taken, 1)
        assert legal_team_steps(case.engagements[0]) == legal

    def test_r13_a_stamp_that_was_never_pressed_stays_missing(self) -> None:
        case = team_step(apply(reported(), ordered(reported(), 0, "1")), 10, "on_scene", 4)
        assert case.engagements == (engagement(10, "1", 0, on_scene_at=4),)

    @pytest.mark.parametrize(("name", "outcome"), [("decline", Outcome.DECLINED), ("withdraw", Outcome.WITHDRAWN)])
    def test_r13_a_team_that_leaves_says_why(self, name: str, outcome: Outcome) -> None:
        case = apply(reported(), ordered(reported(), 0, "1"))
        for reason in (None, " "):
            with pytest.raises(InvalidInput, match="why"):
                take_team_step(case, case.engagements[0], name, at=None, now=at(1), reason=reason)
        assert team_step(case, 10, name, 1).engagements[0].outcome is outcome

    def test_r13_a_step_of_an_ended_engagement_is_refused_with_how_it_ended(self) -> None:
        case = team_step(apply(reported(), ordered(reported(), 0, "1")), 10, "withdraw", 1)
        with pytest.raises(IllegalStep, match="withdrawn") as refused:
            team_step(case, 10, "on_scene", 2)
        assert refused.value.parameters["outcome"] == "withdrawn"


def test_an_unknown_step_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="accept, assign") as refused:
        check_step("fly")
    assert refused.value.parameters["known"][:2] == ["accept", "assign"]


def test_each_step_needs_its_right() -> None:
    assert right_of_step("accept") is Right.STEP
    assert right_of_step("assign") is Right.ASSIGN
    assert right_of_step("assign", named_team=True) is Right.OVERRIDE
    assert right_of_step("cancel") is Right.CLOSE
    assert right_of_step("on_scene") is Right.TEAM_STEP
    assert right_of_step("fly") is Right.LOOK

"""R13: which step is legal when, what it stamps, and what a late stamp may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gridsvc.cases.model import (
    CaseState,
    EngagementState,
    Status,
    legal_steps,
    legal_team_steps,
    status_after_leaving,
    take_step,
    take_team_step,
)
from gridsvc.errors import IllegalStep, InvalidInput

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CLOCKS = ("accepted_at", "assigned_at", "handled_at")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def case(status: Status = Status.TRIGGERED, live: int = 0, **clocks: datetime | None) -> CaseState:
    return CaseState(status, START, *(clocks.get(clock) for clock in CLOCKS), live)


def test_r13_a_case_goes_through_its_whole_life() -> None:
    lived = []
    state = case()
    for minute, step in enumerate(("accept", "assign", "handle", "feedback", "archive"), start=1):
        change = take_step(state, step, at=None, now=at(minute))
        lived.append((str(change.status), change.stamps))
        known = {clock: getattr(state, clock) for clock in CLOCKS} | change.stamps
        state = case(change.status, **known)
    assert lived == [
        ("accepted", {"accepted_at": at(1)}),
        ("assigned", {"assigned_at": at(2)}),
        ("handling", {"handled_at": at(3)}),
        ("feedback", {"feedback_at": at(4)}),
        ("archived", {"archived_at": at(5)}),
    ]


def test_r13_assign_before_accept_records_both() -> None:
    change = take_step(case(), "assign", at=None, now=at(1))
    assert change.status is Status.ASSIGNED
    assert change.stamps == {"accepted_at": at(1), "assigned_at": at(1)}


def test_r13_a_reinforcement_keeps_the_first_orders_time_and_the_status() -> None:
    handling = case(Status.HANDLING, accepted_at=at(1), assigned_at=at(2), handled_at=at(3), live=2)
    change = take_step(handling, "assign", at=None, now=at(9))
    assert change.status is Status.HANDLING
    assert change.stamps == {}


@pytest.mark.parametrize(
    ("status", "legal"),
    [
        (Status.TRIGGERED, ("accept", "assign", "cancel")),
        (Status.ACCEPTED, ("assign", "cancel")),
        (Status.ASSIGNED, ("assign", "handle", "cancel")),
        (Status.HANDLING, ("assign", "feedback", "cancel")),
        (Status.FEEDBACK, ("archive", "reopen", "cancel")),
        (Status.ARCHIVED, ("reopen",)),
        (Status.CANCELLED, ("reopen",)),
    ],
)
def test_r13_an_illegal_jump_is_refused_with_the_legal_steps(status: Status, legal: tuple[str, ...]) -> None:
    assert legal_steps(status) == legal
    every = {"accept", "assign", "handle", "feedback", "archive", "cancel", "reopen"}
    for step in every - set(legal):
        with pytest.raises(IllegalStep, match=str(status)) as refused:
            take_step(case(status), step, at=None, now=at(1))
        assert refused.value.parameters["legal"] == list(legal)


@pytest.mark.parametrize("step", ["archive", "cancel"])
def test_r13_archive_and_cancel_clear_what_is_left(step: str) -> None:
    status = Status.FEEDBACK if step == "archive" else Status.ASSIGNED
    change = take_step(case(status, accepted_at=at(1), live=3), step, at=None, now=at(5))
    assert change.ends_engagements == ("archived" if step == "archive" else "cancelled")
    assert not change.waiting


def test_r13_reopen_goes_back_to_where_the_work_is() -> None:
    handled = case(Status.ARCHIVED, accepted_at=at(1), assigned_at=at(2), handled_at=at(3))
    assert take_step(handled, "reopen", at=None, now=at(9)).status is Status.HANDLING
    never = take_step(case(Status.CANCELLED, accepted_at=at(1)), "reopen", at=None, now=at(9))
    assert (never.status, never.waiting) == (Status.ACCEPTED, True)


def test_r10_an_accepted_case_without_a_team_waits_visibly() -> None:
    assert take_step(case(), "accept", at=None, now=at(1)).waiting


def test_r13_a_late_stamp_is_backfilled_and_marked() -> None:
    change = take_step(case(), "accept", at=at(1), now=at(30))
    assert (change.stamps, change.backfilled) == ({"accepted_at": at(1)}, True)
    assert not take_step(case(), "accept", at=None, now=at(30)).backfilled


@pytest.mark.parametrize(("given", "words"), [(at(-1), "before the case"), (at(32), "future")])
def test_r21_an_impossible_stamp_is_refused(given: datetime, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        take_step(case(), "accept", at=given, now=at(30))


def test_r21_a_clock_that_is_a_little_ahead_counts_as_now() -> None:
    change = take_step(case(), "accept", at=at(30.5), now=at(30))
    assert change.stamps == {"accepted_at": at(30)}


def test_an_unknown_step_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="accept, assign"):
        take_step(case(), "fly", at=None, now=at(1))


def test_r13_a_team_goes_through_its_steps_once_each() -> None:
    state = EngagementState(since=at(0))
    assert legal_team_steps(state) == ("acknowledge", "decline", "en_route", "on_scene", "clear", "withdraw")
    for minute, step in enumerate(("acknowledge", "en_route", "on_scene", "clear"), start=1):
        state = take_team_step(state, step, at=None, now=at(minute)).state
        with pytest.raises(IllegalStep):
            take_team_step(state, step, at=None, now=at(minute))
    assert state == EngagementState(at(0), at(4), at(1), at(2), at(3), "cleared")
    assert legal_team_steps(state) == ()


def test_r13_a_stamp_that_was_never_pressed_stays_missing() -> None:
    state = take_team_step(EngagementState(since=at(0)), "on_scene", at=None, now=at(4)).state
    assert (state.acknowledged_at, state.en_route_at, state.on_scene_at) == (None, None, at(4))


@pytest.mark.parametrize(("step", "outcome"), [("decline", "declined"), ("withdraw", "withdrawn")])
def test_r13_who_leaves_says_why(step: str, outcome: str) -> None:
    state = EngagementState(since=at(0))
    with pytest.raises(InvalidInput, match="why"):
        take_team_step(state, step, at=None, now=at(1), reason=" ")
    assert take_team_step(state, step, at=None, now=at(1), reason="flat tyre").state.outcome == outcome


def test_r10_a_case_that_everybody_left_waits_again() -> None:
    assert status_after_leaving(Status.ASSIGNED, 0) == (Status.ACCEPTED, True)
    assert status_after_leaving(Status.ASSIGNED, 1) == (Status.ASSIGNED, False)
    assert status_after_leaving(Status.HANDLING, 0) == (Status.HANDLING, False)

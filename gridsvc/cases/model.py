"""The case: its steps, its clocks and which step is legal when (R13).

    triggered -accept-> accepted -assign-> assigned -handle-> handling -feedback-> feedback -archive-> archived
    cancel from any open status; reopen from archived, cancelled and feedback; assign again reinforces.

A team on a case has steps of its own: acknowledge, en_route, on_scene, clear; or decline, withdraw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gridsvc.errors import IllegalStep, InvalidInput

if TYPE_CHECKING:
    from datetime import datetime


class Status(StrEnum):
    """Where a case stands."""

    TRIGGERED = "triggered"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    HANDLING = "handling"
    FEEDBACK = "feedback"
    ARCHIVED = "archived"
    CANCELLED = "cancelled"


CASE_STEPS = ("accept", "assign", "handle", "feedback", "archive", "cancel", "reopen")
TEAM_STEPS = ("acknowledge", "decline", "en_route", "on_scene", "clear", "withdraw")

_LEGAL: dict[Status, tuple[str, ...]] = {
    Status.TRIGGERED: ("accept", "assign", "cancel"),
    Status.ACCEPTED: ("assign", "cancel"),
    Status.ASSIGNED: ("assign", "handle", "cancel"),
    Status.HANDLING: ("assign", "feedback", "cancel"),
    Status.FEEDBACK: ("archive", "reopen", "cancel"),
    Status.ARCHIVED: ("reopen",),
    Status.CANCELLED: ("reopen",),
}

# step: (status it leads to, the clock it stamps)
_LEADS_TO: dict[str, tuple[Status, str]] = {
    "accept": (Status.ACCEPTED, "accepted_at"),
    "assign": (Status.ASSIGNED, "assigned_at"),
    "handle": (Status.HANDLING, "handled_at"),
    "feedback": (Status.FEEDBACK, "feedback_at"),
    "archive": (Status.ARCHIVED, "archived_at"),
    "cancel": (Status.CANCELLED, "cancelled_at"),
}

CLOCK_SKEW_ALLOWED = timedelta(seconds=60)
"""How far ahead of the database's clock a client's stamp may lie."""


@dataclass(frozen=True, slots=True)
class CaseState:
    """What the step rules need of a case. `live` counts its engagements that have not ended."""

    status: Status
    triggered_at: datetime
    accepted_at: datetime | None
    assigned_at: datetime | None
    handled_at: datetime | None
    live: int


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What a step changes: the new status, stamps by clock name, and how live engagements end (None = they go on)."""

    status: Status
    stamps: dict[str, datetime]
    waiting: bool
    ends_engagements: str | None = None
    backfilled: bool = False


@dataclass(frozen=True, slots=True)
class EngagementState:
    """A team's time on a case; all stamps aware, None = not (yet) stamped."""

    since: datetime
    until: datetime | None = None
    acknowledged_at: datetime | None = None
    en_route_at: datetime | None = None
    on_scene_at: datetime | None = None
    outcome: str | None = None

    def in_utc(self) -> EngagementState:
        """Return it with its stamps as they are read again: a client may have told them in his own zone."""
        clocks = ("since", "until", "acknowledged_at", "en_route_at", "on_scene_at")
        stamps = {clock: at.astimezone(UTC) for clock in clocks if (at := getattr(self, clock)) is not None}
        return replace(self, **stamps)


@dataclass(frozen=True, slots=True)
class EngagementChange:
    """An engagement after a team step, and whether its stamp was given later than it happened."""

    state: EngagementState
    backfilled: bool


def legal_steps(status: Status) -> tuple[str, ...]:
    """Return the case steps that a status allows."""
    return _LEGAL[status]


def legal_team_steps(state: EngagementState) -> tuple[str, ...]:
    """Return the team steps that an engagement allows; stamps may be skipped, never taken twice."""
    if state.until is not None:
        return ()
    if state.on_scene_at is not None:
        return ("clear",)
    steps = ["on_scene", "clear", "withdraw"]
    if state.en_route_at is None:
        steps.insert(0, "en_route")
        if state.acknowledged_at is None:
            steps[0:0] = ["acknowledge", "decline"]
    return tuple(steps)


def stamp(at: datetime | None, now: datetime, *, not_before: datetime) -> tuple[datetime, bool]:
    """Return the time that counts and whether it was back-filled.

    Parameters
    ----------
    at
        The time that a client gave, None = now.
    now
        The database's clock.
    not_before
        The moment before which the step cannot have happened.

    Raises
    ------
    InvalidInput
        For a time in the future or before the case.
    """
    if at is None:
        return now, False
    if at > now + CLOCK_SKEW_ALLOWED:
        raise InvalidInput(
            f"`at` {at.isoformat()} lies in the future (the service's clock says {now.isoformat()}). "
            "Set the device's clock, or leave `at` out."
        )
    if at < not_before:
        raise InvalidInput(
            f"`at` {at.isoformat()} lies before the case or the order ({not_before.isoformat()}). Correct the time."
        )
    return min(at, now), at < now - timedelta(seconds=1)


def take_step(case: CaseState, step: str, *, at: datetime | None, now: datetime) -> CaseChange:
    """Return what a case step changes.

    Raises
    ------
    InvalidInput
        For an unknown step or an impossible time.
    IllegalStep
        Where the status does not allow it; lists those that it allows.
    """
    if step not in CASE_STEPS:
        known = ", ".join((*CASE_STEPS, *TEAM_STEPS))
        raise InvalidInput(f"There is no step {step!r}. Use one of: {known}.", kind="unknown-step")
    legal = legal_steps(case.status)
    if step not in legal:
        raise IllegalStep(
            f"A case that is {case.status} cannot take the step {step}. Legal now: {', '.join(legal)}.",
            legal=list(legal),
            case_status=str(case.status),
        )
    when, backfilled = stamp(at, now, not_before=case.triggered_at)
    if step == "reopen":
        return _reopened(case, backfilled=backfilled)
    status, clock = _LEADS_TO[step]
    stamps = {clock: when}
    if step == "assign":
        if case.accepted_at is None:
            stamps["accepted_at"] = when
        if case.assigned_at is not None:  # a reinforcement keeps the first order's time and the status
            stamps.pop("assigned_at")
            status = Status.ASSIGNED if case.status is Status.ACCEPTED else case.status
    ends = {"archive": "archived", "cancel": "cancelled"}.get(step)
    waiting = status is Status.ACCEPTED and case.live == 0
    return CaseChange(status, stamps, waiting, ends, backfilled)


def _reopened(case: CaseState, *, backfilled: bool) -> CaseChange:
    """Go back to where the work is: handling if it was ever handled, else accepted and waiting for a team."""
    if case.handled_at is not None:
        return CaseChange(Status.HANDLING, {}, waiting=False, backfilled=backfilled)
    if case.accepted_at is not None:
        return CaseChange(Status.ACCEPTED, {}, waiting=True, backfilled=backfilled)
    return CaseChange(Status.TRIGGERED, {}, waiting=True, backfilled=backfilled)


def take_team_step(
    state: EngagementState, step: str, *, at: datetime | None, now: datetime, reason: str | None = None
) -> EngagementChange:
    """Return an engagement after a team step.

    Raises
    ------
    InvalidInput
        For an unknown step, an impossible time, or a decline or withdrawal without a reason.
    IllegalStep
        Where the engagement does not allow it; lists the steps that it allows.
    """
    if step not in TEAM_STEPS:
        raise InvalidInput(f"There is no team step {step!r}. Use one of: {', '.join(TEAM_STEPS)}.", kind="unknown-step")
    legal = legal_team_steps(state)
    if step not in legal:
        words = f"Legal now: {', '.join(legal)}." if legal else f"The engagement has ended ({state.outcome})."
        raise IllegalStep(f"The team cannot take the step {step} on this case. {words}", legal=list(legal))
    if step in {"decline", "withdraw"} and not (reason and reason.strip()):
        raise InvalidInput(f"A team that takes the step {step} says why. Give `note`.", kind="reason-missing")
    when, backfilled = stamp(at, now, not_before=state.since)
    match step:
        case "acknowledge":
            changed = replace(state, acknowledged_at=when)
        case "en_route":
            changed = replace(state, en_route_at=when)
        case "on_scene":
            changed = replace(state, on_scene_at=when)
        case "clear":
            changed = replace(state, until=when, outcome="cleared")
        case "decline":
            changed = replace(state, until=when, outcome="declined")
        case _:
            changed = replace(state, until=when, outcome="withdrawn")
    return EngagementChange(changed, backfilled)


def status_after_leaving(status: Status, live: int) -> tuple[Status, bool]:
    """Return status and `waiting` of a case whose team declined or withdrew; `live` counts those that stay."""
    if live == 0 and status is Status.ASSIGNED:
        return Status.ACCEPTED, True
    return status, False

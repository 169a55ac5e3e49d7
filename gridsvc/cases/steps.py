"""The steps of a case and of its teams: one table (R13).

    triggered -accept-> accepted -assign-> assigned -handle-> handling -feedback-> feedback -archive-> archived
    cancel from any open status; reopen from archived, cancelled and feedback; assign again reinforces.

A team on a case has steps of its own: acknowledge, en_route, on_scene, clear; or decline, withdraw. A step becomes an
event (`take_step`, `take_team_step`), and the event changes the case (`events.apply`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from gridsvc.access.scopes import Right
from gridsvc.cases.events import StepTaken, TeamStepTaken
from gridsvc.cases.model import CLOSED, Outcome, Status
from gridsvc.errors import IllegalStep, InvalidInput
from gridsvc.times import in_future

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gridsvc.cases.model import Case, Engagement

S = Status
OPEN = frozenset(S) - CLOSED


@dataclass(frozen=True, slots=True)
class StepRule:
    """A step of the case: its right, the statuses that allow it, the next status, and the clock that it sets.

    `leads_to` None: see `_reopened`. `ends`: how it ends the engagements that are live.
    """

    right: Right
    allowed: frozenset[Status]
    leads_to: Status | None
    clock: str | None
    ends: Outcome | None = None


@dataclass(frozen=True, slots=True)
class TeamStepRule:
    """A step of a team on a case: its right, the time that it sets, and how it ends the engagement.

    `needs_reason`: the note must say why.
    """

    right: Right
    stamp: str
    ends: Outcome | None = None
    needs_reason: bool = False


STEPS: Mapping[str, StepRule] = {
    "accept": StepRule(Right.STEP, frozenset({S.TRIGGERED}), S.ACCEPTED, "accepted_at"),
    "assign": StepRule(Right.ASSIGN, OPEN - {S.FEEDBACK}, S.ASSIGNED, "assigned_at"),
    "handle": StepRule(Right.STEP, frozenset({S.ASSIGNED}), S.HANDLING, "handled_at"),
    "feedback": StepRule(Right.STEP, frozenset({S.HANDLING}), S.FEEDBACK, "feedback_at"),
    "archive": StepRule(Right.CLOSE, frozenset({S.FEEDBACK}), S.ARCHIVED, "archived_at", Outcome.ARCHIVED),
    "cancel": StepRule(Right.CLOSE, OPEN, S.CANCELLED, "cancelled_at", Outcome.CANCELLED),
    "reopen": StepRule(Right.CLOSE, frozenset({S.FEEDBACK, S.ARCHIVED, S.CANCELLED}), None, None),
}  # fmt: skip

TEAM_STEPS: Mapping[str, TeamStepRule] = {
    "acknowledge": TeamStepRule(Right.TEAM_STEP, "acknowledged_at"),
    "decline": TeamStepRule(Right.TEAM_STEP, "until", Outcome.DECLINED, needs_reason=True),
    "en_route": TeamStepRule(Right.TEAM_STEP, "en_route_at"),
    "on_scene": TeamStepRule(Right.TEAM_STEP, "on_scene_at"),
    "clear": TeamStepRule(Right.TEAM_STEP, "until", Outcome.CLEARED),
    "withdraw": TeamStepRule(Right.TEAM_STEP, "until", Outcome.WITHDRAWN, needs_reason=True),
}

CLOCK_SKEW_ALLOWED = timedelta(seconds=60)
"""How far ahead of the database's clock a client's stamp may be."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time that counts for a step.

    `backfilled`: it was given later than it happened. `corrected`: the client's clock was wrong, the time is that of
    the database; the event keeps both clocks (R10).
    """

    at: datetime
    backfilled: bool = False
    corrected: bool = False


def check_step(step: str) -> None:
    """Raise InvalidInput, with the known steps, for a word that is no step of a case or team."""
    if step not in STEPS and step not in TEAM_STEPS:
        known = [*STEPS, *TEAM_STEPS]
        raise InvalidInput(
            f"There is no step {step[:40]!r}. Use one of: {', '.join(known)}.",
            kind="unknown-step",
            step=step[:40],
            known=known,
        )


def right_of_step(step: str, *, named_team: bool = False) -> Right:
    """Return the right that a step needs; an order that names its team is the caller's own choice.

    An unknown step needs only the right LOOK, so that its refusal is `unknown-step` and not a missing right.
    """
    if step == "assign" and named_team:
        return Right.OVERRIDE
    rule = STEPS.get(step) or TEAM_STEPS.get(step)
    return Right.LOOK if rule is None else rule.right


def legal_steps(status: Status) -> list[str]:
    """Return the case steps that a status allows, in the order of the table."""
    return [step for step, rule in STEPS.items() if status in rule.allowed]


def legal_team_steps(engagement: Engagement) -> list[str]:
    """Return the team steps that an engagement allows; stamps may be skipped, never taken twice."""
    if not engagement.live:
        return []
    if engagement.on_scene_at is not None:
        return ["clear"]
    steps = ["on_scene", "clear", "withdraw"]
    if engagement.en_route_at is None:
        steps.insert(0, "en_route")
        if engagement.acknowledged_at is None:
            steps[0:0] = ["acknowledge", "decline"]
    return steps


def stamp(at: datetime | None, now: datetime, *, not_before: datetime, forgiving: bool = False) -> Stamp:
    """Return the time that counts for a step.

    Parameters
    ----------
    at
        The time that a client gave, None = now.
    now
        The database's clock.
    not_before
        The moment before which the step cannot have happened.
    forgiving
        An impossible time is taken as now, since the client's clock must be wrong; else it is refused.

    Raises
    ------
    InvalidInput
        For a time in the future or before the case, unless `forgiving`.
    """
    if at is None:
        return Stamp(now)
    ahead = at > now + CLOCK_SKEW_ALLOWED
    if forgiving and (ahead or at < not_before):
        return Stamp(now, corrected=True)
    if ahead:
        raise in_future("at", at, now)
    if at < not_before:
        raise InvalidInput(
            f"`at` {at.isoformat()} is before the case or the order ({not_before.isoformat()}). Correct the time.",
            kind="time-too-early",
            field="at",
            at=at.isoformat(),
            not_before=not_before.isoformat(),
        )
    return Stamp(min(at, now).astimezone(UTC), backfilled=at < now - timedelta(seconds=1))


def take_step(case: Case, step: str, *, at: datetime | None, now: datetime) -> StepTaken:
    """Return the event of a case step; `assign` becomes an order elsewhere, from the same change.

    Raises
    ------
    InvalidInput
        For an unknown step or an impossible time; an emergency is not refused for its time (R10).
    IllegalStep
        Where the status does not allow it; lists those that it allows.
    """
    check_step(step)
    rule = STEPS[step]
    if case.status not in rule.allowed:
        legal = legal_steps(case.status)
        raise IllegalStep(
            f"A case that is {case.status} cannot take the step {step}. Legal now: {', '.join(legal)}.",
            legal=legal,
            step=step,
            case_status=str(case.status),
        )
    when = stamp(at, now, not_before=case.triggered_at, forgiving=case.target_s is not None)
    if rule.leads_to is None:
        return StepTaken(step, now, _reopened(case), backfilled=when.backfilled, corrected=when.corrected)
    status, stamps = rule.leads_to, {} if rule.clock is None else {rule.clock: when.at}
    if step == "assign":
        if case.clocks.accepted_at is None:
            stamps["accepted_at"] = when.at
        if case.clocks.assigned_at is not None:  # a reinforcement keeps the first order's time and the status
            stamps.pop("assigned_at")
            status = S.ASSIGNED if case.status in {S.TRIGGERED, S.ACCEPTED} else case.status
    return StepTaken(step, now, status, stamps, rule.ends, when.backfilled, when.corrected)


def _reopened(case: Case) -> Status:
    """Return where the work is: handling if it was ever handled, else accepted and waiting for a team."""
    if case.clocks.handled_at is not None:
        return S.HANDLING
    return S.TRIGGERED if case.clocks.accepted_at is None else S.ACCEPTED


def take_team_step(
    case: Case, engagement: Engagement, step: str, *, at: datetime | None, now: datetime, reason: str | None = None
) -> TeamStepTaken:
    """Return the event of a step of a team on a case.

    Raises
    ------
    InvalidInput
        For an unknown step, an impossible time, or a decline or withdrawal without a reason.
    IllegalStep
        Where the engagement does not allow it; lists the steps that it allows.
    """
    check_step(step)
    rule, legal = TEAM_STEPS[step], legal_team_steps(engagement)
    if step not in legal:
        words = f"Legal now: {', '.join(legal)}." if legal else f"The engagement has ended ({engagement.outcome})."
        raise IllegalStep(
            f"The team cannot take the step {step} on this case. {words}",
            legal=legal,
            step=step,
            outcome=None if engagement.outcome is None else str(engagement.outcome),
        )
    if rule.needs_reason and not (reason and reason.strip()):
        raise InvalidInput(
            f"A team that takes the step {step} says why. Give `note`.", kind="reason-missing", step=step, field="note"
        )
    known = (engagement.acknowledged_at, engagement.en_route_at, engagement.on_scene_at)
    earliest = max(
        [engagement.since, *(each for each in known if each is not None)] if rule.ends else [engagement.since]
    )
    when = stamp(at, now, not_before=earliest, forgiving=case.target_s is not None)
    stays = any(each.live and each.id != engagement.id for each in case.engagements)
    leaves = rule.ends in {Outcome.DECLINED, Outcome.WITHDRAWN} and not stays and case.status is S.ASSIGNED
    return TeamStepTaken(
        step,
        now,
        engagement.id,
        engagement.team_id,
        {rule.stamp: when.at},
        rule.ends,
        S.ACCEPTED if leaves else case.status,
        when.backfilled,
        when.corrected,
    )

"""What happens to a case: one class an event, and `apply`, the only way in which a case changes.

    Reported        a case is made, with its place, its owners and the recommended team
    Ordered         teams are sent: the joint team, a named team, or a reinforcement
    StepTaken       a step of the case: accept, handle, feedback, archive, cancel, reopen
    TeamStepTaken   a step of a team on it: acknowledge, en_route, on_scene, clear, decline, withdraw
    Preempted       a live case took a team from this drill
    Corrected       its place or its owner is another; team, class and target are decided again, its clock goes on

Writing, rebuilding and verifying a case use the same `apply`. How an event is stored is `gridsvc.cases.records`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gridsvc.cases.model import Outcome, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from gridsvc.cases.model import Case, Decision, Engagement, Place, Status


@dataclass(frozen=True, slots=True)
class Reported:
    """A case is made by a report; it is in its first state."""

    case: Case

    kind = "report"


@dataclass(frozen=True, slots=True)
class Difference:
    """A team that was recommended and not sent: the slot, why not, and the case that has it, if any."""

    slot: str
    team_id: str
    reason: str
    incident_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """Teams are sent. `decision` chose them; `added` and `missing` are the differences from the recommendation shown.

    `added`: (slot, team id) of the teams that were not recommended.
    """

    at: datetime
    status: Status
    stamps: Mapping[str, datetime]
    sent: tuple[Engagement, ...]
    decision: Decision | None = None
    added: tuple[tuple[str, str], ...] = ()
    missing: tuple[Difference, ...] = ()
    backfilled: bool = False
    corrected: bool = False

    kind = "assign"


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step of the case; `stamps` by clock. `ends`: how it ends the live engagements, at `at`; None = they go on."""

    step: str
    at: datetime
    status: Status
    stamps: Mapping[str, datetime] = field(default_factory=dict)
    ends: Outcome | None = None
    backfilled: bool = False
    corrected: bool = False

    @property
    def kind(self) -> str:
        """The step's name is the kind of its event."""
        return self.step


@dataclass(frozen=True, slots=True)
class TeamStepTaken:
    """A step of a team: stamps of its engagement, how it ends (None = it goes on), and the case's status after it.

    `status` None: unchanged.
    """

    step: str
    at: datetime
    engagement_id: UUID
    team_id: UUID
    stamps: Mapping[str, datetime]
    ends: Outcome | None
    status: Status | None
    backfilled: bool = False
    corrected: bool = False

    @property
    def kind(self) -> str:
        """The step's name is the kind of its event."""
        return self.step


@dataclass(frozen=True, slots=True)
class Preempted:
    """A live case (`by`) took a team from this drill, whose status is then `status` (R16)."""

    at: datetime
    engagement_id: UUID
    team_id: UUID
    by: UUID
    status: Status

    kind = "preempt"


@dataclass(frozen=True, slots=True)
class Corrected:
    """The `place` or the `owner` (the kind) of a case was wrong.

    `case` is what is decided now, in its first state, as at a report; `was` and `was_target_s` what it replaces.
    """

    kind: str
    at: datetime
    case: Case
    was: Place
    was_target_s: int | None


Event = Reported | Ordered | StepTaken | TeamStepTaken | Preempted | Corrected
CORRECTIONS = ("place", "owner")
"""The kinds of `Corrected`."""


def apply(case: Case | None, event: Event) -> Case:
    """Return the case after an event; None is the case before its report.

    Raises
    ------
    ValueError
        For an event that cannot follow: any other than a report without a case, a second report, or a correction that
        is of another case or moves its clock.
    """
    if isinstance(event, Reported):
        if case is not None:
            raise ValueError(f"case {case.id} is reported twice")
        return event.case
    if case is None:
        raise ValueError(f"{event.kind} comes before the report")
    return _changed(case, event)


def _changed(case: Case, event: Ordered | StepTaken | TeamStepTaken | Preempted | Corrected) -> Case:
    match event:
        case Ordered():
            engagements = in_order((*case.engagements, *event.sent))
            return _stamped(replace(case, engagements=engagements), event.status, event.stamps)
        case StepTaken():
            if event.ends is not None:
                ended = tuple(_ended(each, event.at, event.ends) for each in case.engagements)
                case = replace(case, engagements=ended)
            return _stamped(case, event.status, event.stamps)
        case TeamStepTaken():
            before = case.engagement(event.engagement_id)
            changes: dict[str, Any] = dict(event.stamps)
            after = replace(before, **changes, outcome=event.ends or before.outcome)
            return replace(case.with_engagement(after), status=event.status or case.status)
        case Preempted():
            before = case.engagement(event.engagement_id)
            after = replace(before, until=event.at, outcome=Outcome.PREEMPTED, preempted_by=event.by)
            return replace(case.with_engagement(after), status=event.status)
        case Corrected():
            for name in _KEPT:
                if getattr(event.case, name) != getattr(case, name):
                    raise ValueError(f"a correction of case {case.id} changes its {name}")
            return replace(event.case, status=case.status, clocks=case.clocks, engagements=case.engagements)


_KEPT = ("district", "id", "number", "type", "matter", "urgency", "drill", "clock", "reported_at", "triggered_at")
"""What no correction changes."""


def _stamped(case: Case, status: Status, stamps: Mapping[str, datetime]) -> Case:
    return replace(case, status=status, clocks=replace(case.clocks, **stamps))


def _ended(engagement: Engagement, at: datetime, outcome: Outcome) -> Engagement:
    if not engagement.live:
        return engagement
    return replace(engagement, until=max(at, engagement.since), outcome=outcome)

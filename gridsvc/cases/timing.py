"""Did we make it: the one definition of met, late, missing and open (R17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gridsvc.cases.model import Status

if TYPE_CHECKING:
    from datetime import datetime

    from gridsvc.cases.model import Case, Engagement


class Timeliness(StrEnum):
    """Whether a response meets its target."""

    MET = "met"
    LATE = "late"
    MISSING = "missing"
    """The case is closed and the stamp that stops the clock was never set: never counted as met."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Timing:
    """The response of a case by its clock policy.

    outcome None: the 5 and 15 minutes do not apply (a routine case, or one cancelled before anybody arrived).
    `due_at`: when the target ends, None while the clock has not started. `arrived_at`: the stamp that stops it.
    `outcome` OPEN becomes LATE at `due_at`; `at` evaluates it at a time.
    """

    outcome: Timeliness | None
    due_at: datetime | None = None
    arrived_at: datetime | None = None

    def at(self, now: datetime) -> Timeliness | None:
        """Return the outcome at a time: an open response is late once its target has passed."""
        if self.outcome is Timeliness.OPEN and self.due_at is not None and now > self.due_at:
            return Timeliness.LATE
        return self.outcome


def evaluate(case: Case) -> Timing:
    """Time the response of a case by the clock policy that it was reported under."""
    if case.target_s is None:
        return Timing(None)
    start = case.reported_at if case.clock.start == "received" else case.clocks.assigned_at
    due_at = None if start is None else start + timedelta(seconds=case.target_s)
    arrived_at = _stopped_at(case)
    if arrived_at is not None and due_at is not None:
        return Timing(Timeliness.MET if arrived_at <= due_at else Timeliness.LATE, due_at, arrived_at)
    if case.open:
        return Timing(Timeliness.OPEN, due_at)
    return Timing(None if case.status is Status.CANCELLED else Timeliness.MISSING, due_at)


def _stopped_at(case: Case) -> datetime | None:
    """Return the stamp that stops the clock: of the first team, the lead, or the last of the joint team."""
    sent = [each for each in case.engagements if each.engaging]
    if case.clock.stop == "full_team_on_scene":
        return _full_team_at(sent)
    if case.clock.stop == "lead_on_scene":
        sent = [each for each in sent if each.lead]
    return min((each.on_scene_at for each in sent if each.on_scene_at is not None), default=None)


def _full_team_at(sent: list[Engagement]) -> datetime | None:
    """Return when the last slot of the first joint team was on the scene; a slot counts from its first arrival."""
    first = min((each.since for each in sent), default=None)
    slots: dict[str, datetime | None] = {each.slot: None for each in sent if each.since == first}
    for each in sent:
        known = slots.get(each.slot)
        if each.slot in slots and each.on_scene_at is not None and (known is None or each.on_scene_at < known):
            slots[each.slot] = each.on_scene_at
    stamps = [at for at in slots.values() if at is not None]
    return max(stamps) if stamps and len(stamps) == len(slots) else None

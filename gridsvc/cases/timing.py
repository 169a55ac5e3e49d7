"""Did we make it: the one definition of met, late, missing and open (R17).

`evaluate` is for one case, `evaluate_columns` for the columns of many: the same definition twice, held equal by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridsvc.cases.model import Status
from gridsvc.times import MISSING

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

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
    possible = arrived_at is not None and start is not None and arrived_at >= start
    if possible and arrived_at is not None and due_at is not None:
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


OUTCOMES = tuple(Timeliness)
"""The outcome of each code of `evaluate_columns`."""


class SentColumns(NamedTuple):
    """The teams that were sent to many cases, a column a field; of a routine case's work list none is among them.

    case: (m,) the row of the case. slot: (m,) a number for each name of a slot. Times in microseconds, MISSING = none;
    a team without the time of its order, as an export may have it, belongs to no joint team.
    """

    case: NDArray[np.int32]
    slot: NDArray[np.int32]
    lead: NDArray[np.bool_]
    since_us: NDArray[np.int64]
    on_scene_us: NDArray[np.int64]


class ResponseColumns(NamedTuple):
    """What decides the outcome of many cases, (n,) each; times in microseconds, MISSING = none.

    `start_us`, `arrived_us`: the stamps that start and stop the clock. `target_s`: -1 = none (a routine case).
    """

    start_us: NDArray[np.int64]
    arrived_us: NDArray[np.int64]
    target_s: NDArray[np.int32]
    open: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]


def evaluate_columns(cases: ResponseColumns, now_us: int) -> NDArray[np.int8]:
    """Return the outcome of each case at a time as a position in OUTCOMES, -1 where the target does not apply, (n,)."""
    met, late, missing, still_open = range(4)
    started = cases.start_us != MISSING
    due_us = np.where(started, cases.start_us + cases.target_s * np.int64(1_000_000), MISSING)
    possible = started & (cases.arrived_us != MISSING) & (cases.arrived_us >= cases.start_us)
    closed = np.where(cases.cancelled, -1, missing)
    unarrived = np.where(cases.open, np.where(started & (now_us > due_us), late, still_open), closed)
    outcome = np.where(possible, np.where(cases.arrived_us <= due_us, met, late), unarrived)
    return np.where(cases.target_s < 0, -1, outcome).astype(np.int8)


def stopped_columns(stop: str, sent: SentColumns, count: int) -> NDArray[np.int64]:
    """Return the stamp that stops the clock of each of `count` cases, by a stop event of a clock policy."""
    if stop == "full_team_on_scene":
        return _full_team_columns(sent, count)
    counted = sent.on_scene_us != MISSING
    if stop == "lead_on_scene":
        counted &= sent.lead
    return _earliest(sent.case[counted], sent.on_scene_us[counted], count)


def _full_team_columns(sent: SentColumns, count: int) -> NDArray[np.int64]:
    """Return the last first arrival in the slots of each case's first joint team; MISSING where a slot has none."""
    sent = SentColumns(*(column[sent.since_us != MISSING] for column in sent))
    if not len(sent.case):
        return np.full(count, MISSING, dtype=np.int64)
    place = sent.case.astype(np.int64) * (int(sent.slot.max()) + 1) + sent.slot
    keys, of_slot = np.unique(place, return_inverse=True)
    case_of = np.empty(len(keys), dtype=np.int64)
    case_of[of_slot] = sent.case
    first_us = _earliest(sent.case, sent.since_us, count)
    ordered_first = np.zeros(len(keys), dtype=bool)
    np.logical_or.at(ordered_first, of_slot, sent.since_us == first_us[sent.case])
    there = sent.on_scene_us != MISSING
    arrived_us = _earliest(of_slot[there], sent.on_scene_us[there], len(keys))
    case_of, arrived_us = case_of[ordered_first], arrived_us[ordered_first]
    last_us = np.full(count, MISSING, dtype=np.int64)
    np.maximum.at(last_us, case_of, arrived_us)
    last_us[case_of[arrived_us == MISSING]] = MISSING
    return last_us


def _earliest(row: NDArray[np.integer], at_us: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the earliest time of each row, MISSING where it has none."""
    latest = np.iinfo(np.int64).max
    found = np.full(count, latest, dtype=np.int64)
    np.minimum.at(found, row, at_us)
    found[found == latest] = MISSING
    return found

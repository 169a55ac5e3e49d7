"""The case: one type from the report to the archive.

A case is made by its report and changed only by its events (`gridsvc.cases.events.apply`). The row in the database, the
events and the answer over HTTP are derived from this type: a new field is added here, in a migration, and in the
answer's model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import shapely

from gridsvc.grids.ownership import owners_json, shares_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from shapely.geometry.base import BaseGeometry

    from gridsvc.dispatch import Recommendation
    from gridsvc.grids.ownership import Owner, Question, Share
    from gridsvc.json_types import Json, JsonObject
    from gridsvc.law import ResponseClass, Urgency

Owners = tuple["Owner | None", "Owner | None", "Owner | None", "Owner | None"]
"""The owner chain, widest level first: regional, township, area, village."""


class Status(StrEnum):
    """The status of a case."""

    TRIGGERED = "triggered"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    HANDLING = "handling"
    FEEDBACK = "feedback"
    ARCHIVED = "archived"
    CANCELLED = "cancelled"


CLOSED = frozenset({Status.ARCHIVED, Status.CANCELLED})


class Outcome(StrEnum):
    """How an engagement ended."""

    CLEARED = "cleared"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    PREEMPTED = "preempted"
    ARCHIVED = "archived"
    CANCELLED = "cancelled"


OUTSIDE = "reinforcement"
"""The slot, before the team's id, of a team that a person sends outside the slots of the law (R7)."""
SUBSTITUTE = "substitute"
"""The slot, before the team's id, of a team that was proposed and that a person sends by name."""
LEFT = frozenset({Outcome.DECLINED, Outcome.WITHDRAWN, Outcome.PREEMPTED})
"""The team left before its work was done."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be found out (R10): `what` is a field of the case, `reason` a slug."""

    what: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return plain JSON values."""
        return {"what": self.what, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class AddressCandidate:
    """A place that the address of a report may mean, WGS-84; `name` None: learned from a case, so personal data."""

    lon: float
    lat: float
    radius_m: float
    confidence: float
    level: str
    name: str | None
    township: str | None
    village: str | None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class AddressMatch:
    """How the place of a case was found from an address; what the caller said is not kept.

    `confirm`: the place is a question until a person confirms it; then `question` is its kind, and `candidates` are the
    places that it may be, the case's own first. `level`: the finest kind of thing that was matched. `grid`: the code
    of the grid that the address names and no more: the case is owned by it.
    """

    confidence: float
    level: str
    confirm: bool
    question: str | None = None
    grid: str | None = None
    candidates: tuple[AddressCandidate, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "confidence": self.confidence,
            "level": self.level,
            "confirm": self.confirm,
            "question": self.question,
            "grid": self.grid,
            "candidates": [each.as_json() for each in self.candidates],
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> AddressMatch:
        """Read what `as_json` returned."""
        candidates = tuple(AddressCandidate(**each) for each in value["candidates"])
        return cls(**{**value, "candidates": candidates})


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a case and its owners, decided at the report or a correction: orders and replays never decide again.

    lon, lat: degrees WGS-84, for a line or area a point on it. `radius_m`: how uncertain the point is, None = exact.
    `geometry`: the line or area, WGS-84. `townships`: the codes of all townships touched, the largest share first;
    several only for a line or area. `rule`, `shares`, `confirm`, `question`, `defect`, `derived`, `emergencies`: see
    `grids.ownership`; outside every district `distance_m` and `bearing_deg` lead to the nearest one. `owned_level`: see
    `dispatch.CaseFacts`. `address`: how it was found from an address, None for a place given otherwise.
    """

    lon: float
    lat: float
    owners: Owners
    rule: str
    generation: int | None
    response_class: ResponseClass
    owned_level: str | None
    townships: tuple[str, ...] = ()
    radius_m: float | None = None
    geometry: BaseGeometry | None = None
    shares: tuple[Share, ...] | None = None
    confirm: bool | None = None
    question: Question | None = None
    defect: str | None = None
    derived: tuple[str, ...] = ()
    distance_m: float | None = None
    bearing_deg: float | None = None
    address: AddressMatch | None = None
    emergencies: int | None = None

    def code(self, level: int) -> str | None:
        """Return the code of the owner at a level, 0 = regional to 3 = village."""
        owner = self.owners[level]
        return None if owner is None else owner.code

    def owners_json(self) -> dict[str, dict[str, str] | None]:
        """Return `owners` of the interface."""
        return owners_json(self.owners)

    def ownership_json(self) -> dict[str, Json]:
        """Return `ownership` of the interface: how the owners were found."""
        value: dict[str, Json] = {"rule": self.rule, "generation": self.generation}
        if self.shares is not None:
            by = "length" if shapely.get_dimensions(self.geometry) == 1 else "area"
            value |= shares_json(self.shares, by, self.emergencies) | {"confirm": bool(self.confirm)}
        if self.question is not None:
            value["question"] = self.question.as_json()
        if self.defect is not None:
            value["defect"] = self.defect
        if self.derived:
            value["derived"] = list(self.derived)
        if self.distance_m is not None:
            value |= {"distance_m": round(self.distance_m), "bearing_deg": round(self.bearing_deg or 0.0, 1)}
        return value


@dataclass(frozen=True, slots=True)
class Clock:
    """From which event to which event the response is timed, as it was in force at the report (R17)."""

    policy: str
    start: str
    stop: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An open case near in place, time and kind at the report (R23)."""

    id: str
    number: int
    type: str
    status: str
    distance_m: int
    age_s: int

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Decision:
    """Which team was recommended, and all that it was made from (R11).

    `event_id` is the event that keeps it. `versions`: of grids, roads, closures, law, roster and clocks. `inputs`: the
    record of `dispatch.recommend_and_record`, in an order of a named team too.
    """

    event_id: UUID
    recommendation: Recommendation
    versions: Mapping[str, Json]
    inputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Correction:
    """The last correction of a case: of its `place`, or of its `owner`, whom a person named.

    The note of the event has the reason.
    """

    kind: str
    by: str
    at: datetime
    event_id: UUID

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {"kind": self.kind, "by": self.by, "at": self.at.isoformat(), "event_id": str(self.event_id)}


@dataclass(frozen=True, slots=True)
class Engagement:
    """A team's time on a case; stamps are aware, None = not stamped (yet).

    travel_s, response_s: seconds as predicted when it was sent, None = unknown. `engaging` False: a routine case on
    the team's work list, which does not take the team off the street. `preempted_from`: the drill that the team left
    for this case; `preempted_by`: the case that took it from this drill (R16).
    """

    id: UUID
    team_id: UUID
    slot: str
    lead: bool
    engaging: bool
    travel_s: float | None
    response_s: float | None
    since: datetime
    until: datetime | None = None
    acknowledged_at: datetime | None = None
    en_route_at: datetime | None = None
    on_scene_at: datetime | None = None
    outcome: Outcome | None = None
    preempted_from: UUID | None = None
    preempted_by: UUID | None = None

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.until is None

    @property
    def outside_slots(self) -> bool:
        """Whether a person sent the team outside the slots of the law, with a reason (R7)."""
        return self.slot.startswith(f"{OUTSIDE} ")


_MICROSECOND = timedelta(microseconds=1)
STAMPS = ("until", "acknowledged_at", "en_route_at", "on_scene_at")
"""The stamps that a team's step can set."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """When a case reached each status; None = not (yet)."""

    accepted_at: datetime | None = None
    assigned_at: datetime | None = None
    handled_at: datetime | None = None
    feedback_at: datetime | None = None
    archived_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def last_end(self) -> datetime | None:
        """When its work was ended the last time: by feedback, archive or cancel; None = never."""
        ends = (self.feedback_at, self.archived_at, self.cancelled_at)
        return max((at for at in ends if at is not None), default=None)


CLOCKS = tuple(Clocks.__slots__)


@dataclass(frozen=True, slots=True)
class Case:
    """A case after its last event.

    `reported_at` counts for the clock; `triggered_at` is the database's time of the report. `type` is a response
    plan's, or `matter` where a row of the catalogue was reported instead (`matter`: its key). `target_s` None for a
    routine case. `decision`: of the report, or of the last `correction`. `engagements` in the order of their beginning,
    the lead first.
    """

    district: str
    id: UUID
    number: int
    type: str
    type_name: str
    urgency: Urgency
    place: Place
    target_s: int | None
    clock: Clock
    decision: Decision
    reported_at: datetime
    triggered_at: datetime
    matter: str | None = None
    drill: bool = False
    synthetic: bool = False
    source: str | None = None
    external_ref: str | None = None
    duplicates: tuple[Duplicate, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    correction: Correction | None = None
    status: Status = Status.TRIGGERED
    clocks: Clocks = field(default_factory=Clocks)
    engagements: tuple[Engagement, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it is neither archived nor cancelled."""
        return self.status not in CLOSED

    @property
    def live(self) -> tuple[Engagement, ...]:
        """The engagements that have not ended."""
        return tuple(each for each in self.engagements if each.live)

    def next_moment(self, now: datetime) -> datetime:
        """Return the time of the next event: `now`, but after every time of the case, where the clock was set back."""
        clocks = (getattr(self.clocks, name) for name in CLOCKS)
        stamps = (getattr(each, name) for each in self.engagements for name in ("since", *STAMPS))
        corrected = None if self.correction is None else self.correction.at
        last: datetime = max(at for at in (self.triggered_at, corrected, *clocks, *stamps) if at is not None)
        return max(now, last + _MICROSECOND)

    @property
    def lead_wanted(self) -> bool:
        """Whether it waits for a lead (R14): teams were ordered, none leads, and no lead has done the work.

        The lead declined, left, or was never found; or the case was reopened.
        """
        if self.status not in {Status.ASSIGNED, Status.HANDLING}:
            return False
        leads = [each for each in self.engagements if each.lead]
        if any(each.live for each in leads):
            return False
        ended = self.clocks.last_end  # before a case is reopened its work was done; now it is to be done again
        cleared = [each.until for each in leads if each.outcome is Outcome.CLEARED and each.until is not None]
        return not any(ended is None or until > ended for until in cleared)

    @property
    def waiting(self) -> bool:
        """Whether it is in the waiting list: no team is on it, or it waits for a lead."""
        if self.status in {Status.TRIGGERED, Status.ACCEPTED}:
            return not self.live
        return self.lead_wanted

    def engagement(self, engagement_id: UUID) -> Engagement:
        """Return an engagement by its id; raises KeyError for one that the case does not have."""
        found = next((each for each in self.engagements if each.id == engagement_id), None)
        if found is None:
            raise KeyError(engagement_id)
        return found

    def with_engagement(self, changed: Engagement) -> Case:
        """Return the case with one engagement replaced by its id."""
        return replace(self, engagements=tuple(changed if e.id == changed.id else e for e in self.engagements))


def in_order(engagements: tuple[Engagement, ...]) -> tuple[Engagement, ...]:
    """Return engagements in the order of their beginning, the lead first."""
    return tuple(sorted(engagements, key=lambda each: (each.since, not each.lead, each.id)))

"""From a report to a case: the place and its class, what dispatch must know, and the case itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from gridsvc.cases.model import Case, Clock, Place, Unknown
from gridsvc.dispatch import CaseFacts
from gridsvc.errors import InvalidInput
from gridsvc.grids.levels import LEVEL_KEYS, Level
from gridsvc.grids.ownership import Rule
from gridsvc.law import ResponseClass, Urgency
from gridsvc.times import in_future

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from shapely.geometry.base import BaseGeometry

    from gridsvc.cases.model import AddressMatch, Decision, Duplicate
    from gridsvc.grids.ownership import Ownership, Share
    from gridsvc.json_types import Json
    from gridsvc.law import ClockPolicy, ResponseClassMapping, ResponsePlan

OLDEST_REPORT = timedelta(days=366)
CLOCK_AHEAD_ALLOWED = timedelta(days=1)
"""How far ahead a reporter's clock may be before it is wrong; up to that the report is taken as of now."""

NO_OWNERS = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Location:
    """A place in WGS-84; `radius_m` = how uncertain it is; `extent` = the line or area that it stands for.

    `address`: how it was found from an address, None where it was given otherwise.
    """

    lon: float
    lat: float
    radius_m: float | None = None
    extent: BaseGeometry | None = None
    address: AddressMatch | None = None

    @property
    def grid(self) -> str | None:
        """The code of the grid that is the whole of what is known of the place; None for a point, line or area."""
        return None if self.address is None else self.address.grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report of an incident, as a caller sends it.

    Exactly one of `type` and `matter` (a row of the catalogue), and exactly one of lon and lat, `address`, `extent`;
    lon, lat and `extent` are degrees in `datum`, longitude first.
    """

    type: str | None = None
    matter: str | None = None
    lon: float | None = None
    lat: float | None = None
    datum: str = "WGS-84"
    radius_m: float | None = None
    address: str | None = None
    extent: BaseGeometry | None = None
    description: str | None = None
    reporter: dict[str, Json] | None = None
    reported_at: datetime | None = None
    source: str | None = None
    external_ref: str | None = None
    subject: str | None = None
    site: str | None = None
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Classes:
    """How a place gets its response class: the mapping in force, and the codes of the townships' seats."""

    mapping: ResponseClassMapping
    seat_codes: Mapping[str, str | None]

    def of(self, village_code: str | None, township: str | None) -> ResponseClass:
        """Return urban or rural by the village's code, else by its township's seat (R15)."""
        return self.mapping.class_of(village_code, None if township is None else self.seat_codes.get(township))


def place_in(location: Location, ownership: Ownership, classes: Classes) -> Place:
    """Return the place of a case inside a district: its owners, its class, the townships that it touches (R3, R15)."""
    shares = ownership.shares if location.extent is not None or location.grid is not None else None
    inside = [share for share in shares or () if any(share.owners)]
    touched = [share.owners[Level.TOWNSHIP - 1] for share in inside]
    townships = list(dict.fromkeys(owner.code for owner in touched if owner is not None))
    own = ownership.owner(Level.TOWNSHIP)
    if own is not None:
        townships = [own.code]
    return Place(
        lon=location.lon,
        lat=location.lat,
        owners=ownership.owners,
        rule=ownership.rule.key,
        generation=ownership.generation,
        response_class=_class_of(ownership, own.code if own is not None else None, inside, classes),
        owned_level=_owned_level(ownership),
        townships=tuple(townships),
        radius_m=location.radius_m,
        geometry=location.extent,
        shares=ownership.shares,
        confirm=ownership.confirm,
        question=ownership.question,
        defect=ownership.defect,
        derived=ownership.derived,
        address=location.address,
        emergencies=ownership.emergencies,
    )


def place_beside(
    location: Location, classes: Classes, *, generation: int | None, beside: tuple[float, float] | None = None
) -> Place:
    """Return the place of a case that no grid holds: outside (`beside`: metres and degrees to a district), or a gap."""
    return Place(
        lon=location.lon,
        lat=location.lat,
        owners=NO_OWNERS,
        rule=(Rule.GAP if beside is None else Rule.OUTSIDE).key,
        generation=generation,
        response_class=classes.of(None, None),
        owned_level=None,
        radius_m=location.radius_m,
        geometry=location.extent,
        distance_m=None if beside is None else beside[0],
        bearing_deg=None if beside is None else beside[1],
        address=location.address,
    )


def _class_of(ownership: Ownership, township: str | None, inside: Sequence[Share], classes: Classes) -> ResponseClass:
    """Return the class of the owner; of a line or area the strictest that it touches."""
    if not inside:
        return classes.of(ownership.urban_rural_code, township)
    owners = [share.owners[Level.TOWNSHIP - 1] for share in inside]
    found = {
        classes.of(share.urban_rural_code, None if owner is None else owner.code)
        for share, owner in zip(inside, owners, strict=True)
    }
    return ResponseClass.URBAN if ResponseClass.URBAN in found else ResponseClass.RURAL


def _owned_level(ownership: Ownership) -> str | None:
    """Return the finest level that holds the whole place.

    None where it is not known (a hole in the finer grids, which makes no case a regional one); `district` for a line
    or area that no single grid holds.
    """
    if ownership.rule is Rule.DISTRICT:
        return "district"
    if ownership.rule is Rule.GAP:
        return None
    held = [key for key, owner in zip(LEVEL_KEYS, ownership.owners, strict=True) if owner is not None]
    return held[-1] if held else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the sending of teams is: the alarm, the slots that are held (slot: team id), teams not to be sent."""

    alarm: int = 1
    held: Mapping[str, str] | None = None
    excluded: frozenset[str] = frozenset()


def facts_of(
    place: Place,
    plan_type: str,
    matter: str | None,
    local_time: datetime,
    *,
    drill: bool,
    standing: Standing | None = None,
) -> CaseFacts:
    """Return what dispatch must know of a case; `local_time` is aware, in the district's time zone."""
    standing = standing or Standing()
    regional, township, area, village = (place.code(level) for level in range(4))
    return CaseFacts(
        type=plan_type,
        matter=matter,
        local_time=local_time,
        response_class=place.response_class,
        regional=regional,
        township=township,
        area=area,
        village=village,
        owned_level=place.owned_level,
        townships=place.townships if township is None else (),
        alarm=standing.alarm,
        held=standing.held or {},
        excluded=standing.excluded,
        drill=drill,
    )


def reported_at_of(at: datetime | None, now: datetime, urgency: Urgency) -> tuple[datetime, tuple[Unknown, ...]]:
    """Return when an incident was reported, and what could not be known of it.

    A wrong clock refuses no emergency (R10): the report is then as of now, and the event keeps both clocks.

    Raises
    ------
    InvalidInput
        For a routine case with a time in the future or over a year ago.
    """
    if at is None:
        return now, ()
    ahead, old = at > now + CLOCK_AHEAD_ALLOWED, at < now - OLDEST_REPORT
    if not (ahead or old):
        return min(at, now), ()
    if urgency is Urgency.EMERGENCY:
        return now, (Unknown("reported_at", "wrong-clock"),)
    if ahead:
        raise in_future("reported_at", at, now)
    raise InvalidInput(
        f"`reported_at` {at.isoformat()} is over a year old. Load history with `gridsvc load`.",
        kind="time-too-early",
        field="reported_at",
        at=at.isoformat(),
    )


@dataclass(frozen=True, slots=True)
class Identity:
    """What a new case is known by: its id, number and district, and the database's time of the report.

    `synthetic`: of a made-up district.
    """

    district: str
    id: UUID
    number: int
    synthetic: bool
    now: datetime


def new_case(
    report: Report,
    identity: Identity,
    place: Place,
    decision: Decision,
    *,
    plan: ResponsePlan,
    policy: ClockPolicy,
    duplicates: tuple[Duplicate, ...] = (),
    unknown: tuple[Unknown, ...] = (),
) -> Case:
    """Return the case that a report makes."""
    recommendation = decision.recommendation
    reported_at, clock_unknown = reported_at_of(report.reported_at, identity.now, recommendation.urgency)
    return Case(
        district=identity.district,
        id=identity.id,
        number=identity.number,
        type=plan.type,
        type_name=plan.name,
        urgency=recommendation.urgency,
        place=place,
        target_s=recommendation.target_s,
        clock=Clock(recommendation.clock_policy, policy.start_event, policy.stop_event),
        decision=decision,
        reported_at=reported_at,
        triggered_at=identity.now,
        matter=report.matter,
        drill=report.drill,
        synthetic=identity.synthetic,
        source=report.source,
        external_ref=report.external_ref,
        duplicates=duplicates,
        unknown=(*unknown, *clock_unknown),
    )

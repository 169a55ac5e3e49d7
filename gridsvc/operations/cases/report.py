"""A report becomes a case: decided in memory, written with its event and its answer in one transaction (R10, R19)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import distance_m, metres_per_degree
from gridsvc.db import teams
from gridsvc.db.cases import incidents, personal, reports
from gridsvc.db.evidence import events
from gridsvc.db.session.connection import whole_district
from gridsvc.db.session.idempotency import KeptAnswer
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import InvalidInput, NotFound, Unavailable
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.cases import recommend as recommending
from gridsvc.operations.cases.redaction import sieve
from gridsvc.operations.places.locate import Location, Place, location_of, place
from gridsvc.operations.runtime.districts import list_views, view_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection

    from gridsvc.db.cases.incidents import NearCase
    from gridsvc.db.session.idempotency import RequestKey
    from gridsvc.operations.cases.recommend import Choice
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import TeamState

DUPLICATE_WITHIN_M = 300.0
DUPLICATE_WITHIN = timedelta(hours=2)
_DUPLICATES_NAMED = 5
KEPT_ONLY = frozenset({"id", "number", "status", "assignments", "recommendation_id"})
"""What only the answer has whose case is kept."""

_OLDEST_REPORT = timedelta(days=366)
_FASTEST_CLOCK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What a caller says of an incident. Exactly one of lon and lat, address, extent; lon, lat in `datum`."""

    type: str
    lon: float | None = None
    lat: float | None = None
    datum: str = "WGS-84"
    radius_m: float | None = None
    address: str | None = None
    extent: BaseGeometry | None = None
    description: str | None = None
    reporter: dict[str, Any] | None = None
    reported_at: datetime | None = None
    source: str | None = None
    external_ref: str | None = None
    subject: str | None = None
    site: str | None = None
    drill: bool = False


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case before it is written: its row, its event's id and data, the answer; `personal`: what was said, apart."""

    id: UUID
    event_id: UUID
    row: dict[str, Any]
    event: dict[str, Any]
    answer: dict[str, Any]
    personal: dict[str, Any] | None = None


def report_incident(service: Service, report: Report, *, actor: str, request: RequestKey | None = None) -> KeptAnswer:
    """Make a case of a report and return the answer (201 and its bytes); a retry gets the bytes of the first.

    Raises
    ------
    InvalidInput
        For a type, place or time that cannot be meant; nothing is written.
    Unavailable
        When the database is away; nothing is written.
    """

    def work(connection: Connection) -> KeptAnswer:
        views = list_views(service, connection)
        placed = place(views, locate_report(connection, views, report))
        code = placed.view.code
        ground = reports.begin_report(connection, code, request)
        if ground.kept is not None:
            return ground.kept
        versions = ground.versions
        if versions.generation != placed.view.versions.generation:
            views = [view_at(service, connection, versions) if v.code == code else v for v in views]
            placed = place(views, placed.location)
        view = view_at(service, connection, versions)
        placed = Place(placed.location, view, placed.ownership, placed.distance_m, placed.bearing_deg)
        near = _near(connection, placed, report, versions.now)
        with whole_district(connection):
            states = dict(teams.list_states(connection, code, versions.now))
        new = decide(service, placed, report, states, versions.now, number=ground.number, near=near)
        details, shown = _text(new.answer), _shown(service, connection, new)
        answer = KeptAnswer(201, (details if shown is new.answer else _text(shown)).encode())
        event = events.event_row(code, "report", actor=actor, at=versions.now, data=new.event, incident_id=new.id,
                                 client_at=report.reported_at, event_id=new.event_id)  # fmt: skip
        reports.write_report(connection, new.row, details, event, said=new.personal, request=request, answer=answer)
        return answer

    return service.database.run(work)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def recommend(service: Service, report: Report) -> dict[str, Any]:
    """Return the answer that a report would get now; nothing is written.

    With the database away it is answered from memory: then it has `degraded` and the age of what it was made from.
    """
    try:
        return _recommend(service, report)
    except Unavailable as away:
        from gridsvc.operations.cases import offline

        return offline.recommend(service, report, away)


def _recommend(service: Service, report: Report) -> dict[str, Any]:
    with service.database.transaction() as connection:
        views = list_views(service, connection)
        placed = place(views, locate_report(connection, views, report))
        now = placed.view.versions.now
        near = _near(connection, placed, report, now)
        with whole_district(connection):
            states = dict(teams.list_states(connection, placed.view.code, now))
        service.remember("states", placed.view.code, states)
        new = decide(service, placed, report, states, now, number=0, near=near)
        if not in_scope(service, new):
            raise beyond_scope()
        told = sieve(connection).case(new.answer)
    return {key: value for key, value in told.items() if key not in KEPT_ONLY}


def beyond_scope() -> NotFound:
    """Return the refusal of a place beyond the caller's grid."""
    return NotFound("This place lies outside what your key is for.", kind="outside-scope")


def in_scope(service: Service, new: NewCase) -> bool:
    """Whether a case that is about to be made lies in what the caller may see."""
    return service.caller.scope.holds_chain({key: new.row[key] for key in LEVEL_KEYS})


def _shown(service: Service, connection: Connection, new: NewCase) -> dict[str, Any]:
    """Return the answer to a report.

    A place beyond the caller's grid is taken all the same (R10): he is told no more than that, the case is its owner's.
    """
    if in_scope(service, new):
        return sieve(connection).case(new.answer)
    nobody: dict[str, Any] = {"lead": None, "members": [], "unfilled": [], "considered": [], "lead_response_s": None,
              "full_team_response_s": None, "meets_target": False}  # fmt: skip
    own = ("id", "number", "district", "type", "type_name", "status", "waiting", "location", "urgency", "clock_policy",
           "reported_at", "triggered_at", "source", "external_ref", "drill", "synthetic", "assignments")  # fmt: skip
    return {key: new.answer[key] for key in own} | {
        "owners": dict.fromkeys(LEVEL_KEYS),
        "ownership": {"rule": "outside-scope", "generation": new.answer["versions"]["generation"]},
        "response_class": None,
        "target_s": None,
        "handler": None,
        "possible_duplicates": [],
        "recommendation": nobody,
        "versions": {"generation": new.answer["versions"]["generation"]},
    }


def decide(
    service: Service,
    placed: Place,
    report: Report,
    states: Mapping[str, TeamState],
    now: datetime,
    *,
    number: int,
    near: list[NearCase],
) -> NewCase:
    """Decide everything about a new case in memory: owners, class, target, handler, team, duplicates."""
    view = placed.view
    plan = recommending.law_of(view).plans.get(report.type)
    reported_at = _reported_at(report.reported_at, now)
    facts = recommending.case_facts(view, report.type, placed.ownership, now)
    location = placed.location
    choice = recommending.choose(service, view, facts, states, location.lon, location.lat)
    return _new_case(placed, report, choice, plan.name, now, reported_at, number=number, near=near)


def _new_case(
    placed: Place,
    report: Report,
    choice: Choice,
    type_name: str,
    now: datetime,
    reported_at: datetime,
    *,
    number: int,
    near: list[NearCase],
) -> NewCase:
    view, location, recommendation = placed.view, placed.location, choice.recommendation
    owners = placed.ownership.owners if placed.ownership else (None, None, None, None)
    versions = view.versions.as_json() | {"roster": recommending.law_of(view).roster_digest}
    told = recommendation.as_json()
    handler = told.pop("handler", None)
    case_id, event_id = uuid7(), uuid7(now)
    answer: dict[str, Any] = {
        "id": str(case_id),
        "number": number,
        "district": view.code,
        "type": report.type,
        "type_name": type_name,
        "status": "triggered",
        "waiting": True,
        "location": _location_json(location),
        "owners": _owners_json(placed),
        "ownership": placed.ownership_json(),
        "urgency": str(recommendation.urgency),
        "response_class": str(recommendation.response_class),
        "target_s": recommendation.target_s,
        "clock_policy": recommendation.clock_policy,
        "handler": handler,
        "possible_duplicates": [_duplicate_json(case, location, now) for case in near],
        "recommendation": told,
        "recommendation_id": str(event_id),  # the event that keeps it
        "reported_at": reported_at.isoformat(),
        "triggered_at": now.isoformat(),
        "source": report.source,
        "external_ref": report.external_ref,
        "drill": report.drill,
        "synthetic": view.district.synthetic,
        "assignments": [],
        "versions": versions,
    }
    codes = [None if owner is None else owner.code for owner in owners]
    row = {
        "district": view.code, "id": case_id, "number": number, "type": report.type,
        "urgency": answer["urgency"], "response_class": answer["response_class"], "target_s": answer["target_s"],
        "clock_policy": answer["clock_policy"], "status": "triggered", "waiting": True, "drill": report.drill,
        "geom": teams.point(location.lon, location.lat),
        "extent": None if location.extent is None else f"SRID=4326;{location.extent.wkt}",
        "radius_m": location.radius_m, "regional": codes[0], "township": codes[1], "area": codes[2],
        "village": codes[3], "rule": placed.rule, "generation": view.versions.generation,
        "handler": None if handler is None else handler["team_id"], "source": report.source,
        "external_ref": report.external_ref, "details": answer, "versions": versions, "reported_at": reported_at,
        "triggered_at": now,
    }  # fmt: skip
    event: dict[str, Any] = {"answer": answer, "inputs": choice.inputs}
    said = {name: getattr(report, name) for name in personal.FIELDS}
    apart = personal.personal_row(view.code, case_id, said)
    if apart is not None:
        event["said"] = apart.digests
    return NewCase(case_id, event_id, row, event, answer, None if apart is None else apart.row)


def locate_report(connection: Connection, views: list[DistrictView], report: Report) -> Location:
    """Return where a report lies, in WGS-84, from exactly one of location, address and geometry."""
    given = [report.lon is not None, report.address is not None, report.extent is not None]
    if sum(given) != 1:
        raise InvalidInput(
            "Say where it is in exactly one way: `location` {lon, lat}, `address`, or `geometry`.", kind="one-place"
        )
    if report.address is not None:
        from gridsvc.db.grids.addresses import get_address

        found = get_address(connection, report.address)
        return Location(found.lon, found.lat, found.radius_m)
    if report.extent is not None:
        from gridsvc.operations.places.extents import middle_of

        return middle_of(views, report.extent, report.datum)
    assert report.lon is not None
    if report.lat is None:
        raise InvalidInput("`location` has a longitude but no latitude. Send both.")
    return location_of(views, report.lon, report.lat, report.datum, report.radius_m)


def _reported_at(told: datetime | None, now: datetime) -> datetime:
    if told is None:
        return now
    # A located emergency is never refused (R10), also where a telephone's clock is an hour off; the event keeps both.
    if told > now + _FASTEST_CLOCK:
        raise InvalidInput(f"`reported_at` {told.isoformat()} lies in the future. Set the clock, or leave it out.")
    if told < now - _OLDEST_REPORT:
        raise InvalidInput(f"`reported_at` {told.isoformat()} is over a year old. Load history with `gridsvc load`.")
    return min(told, now)


def _near(connection: Connection, placed: Place, report: Report, now: datetime) -> list[NearCase]:
    """Open cases near in place, time and kind (R23): of the same field, within 300 m and two hours."""
    plans = recommending.law_of(placed.view).plans
    field = plans.get(report.type).field
    kinds = [plan.type for plan in plans.plans.values() if plan.field == field]
    at = placed.location
    east_m, north_m = metres_per_degree(at.lat)
    reach_m = DUPLICATE_WITHIN_M + (at.radius_m or 0.0)
    dx, dy = reach_m / max(east_m, 1.0), reach_m / north_m
    box = (at.lon - dx, at.lat - dy, at.lon + dx, at.lat + dy)
    found = incidents.list_near(connection, placed.view.code, box, kinds, now - DUPLICATE_WITHIN, 4 * _DUPLICATES_NAMED)
    close = [case for case in found if distance_m(at.lon, at.lat, case.lon, case.lat) <= reach_m]
    return close[:_DUPLICATES_NAMED]


def _duplicate_json(case: NearCase, at: Location, now: datetime) -> dict[str, Any]:
    return {
        "id": str(case.id),
        "number": case.number,
        "type": case.type,
        "status": case.status,
        "distance_m": round(distance_m(at.lon, at.lat, case.lon, case.lat)),
        "age_s": round((now - case.triggered_at).total_seconds()),
    }


def _location_json(location: Location) -> dict[str, Any]:
    told: dict[str, Any] = {"lon": location.lon, "lat": location.lat}
    if location.radius_m:
        told["radius_m"] = location.radius_m
    return told


def _owners_json(placed: Place) -> dict[str, Any]:
    if placed.ownership is None:
        return {"regional": None, "township": None, "area": None, "village": None}
    return placed.ownership.owners_json()

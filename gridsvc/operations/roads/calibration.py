"""Calibrate travel times from recorded trips: read, route, fit, evaluate, and put in force or refuse."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from gridsvc.access.scopes import Right
from gridsvc.coordinates import distance_m
from gridsvc.db.evidence.documents import put_document
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import get_versions, set_version
from gridsvc.db.roads.trips import list_imported_trips, list_trips
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import Conflict, NotFound
from gridsvc.operations.cases import recommend
from gridsvc.operations.law.imports import only_district
from gridsvc.operations.roads.mapped import find_calibration
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.districts import view_at
from gridsvc.roads.calibration.factors import Trips
from gridsvc.roads.calibration.fit import calibrate as judge
from gridsvc.roads.calibration.fit import score_since
from gridsvc.roads.calibration.model import GROUPS, seconds_by_group
from gridsvc.roads.search.class_times import find_class_milliseconds
from gridsvc.roads.search.snapping import snap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.roads.trips import RecordedTrip
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.calibration.fit import Verdict
    from gridsvc.roads.network.network import RoadNetwork

LONGEST_TRIP = timedelta(hours=2)
FASTEST_KPH = 150.0
"""Between the ends of a trip in a straight line: faster than a vehicle, so a stamp is wrong."""
LEAST_NETWORK_S = 5.0
"""A team that was at its case already did not drive."""
BACK_HOME = timedelta(minutes=30)
"""A team whose last case ended later than this before it left may not have been at its station."""

LEFT_OUT = {
    "drill": "a drill",
    "no-stamp": "en route or on scene was not stamped",
    "not-positive": "on scene was stamped no later than en route",
    "too-long": "it took over two hours",
    "too-fast": "faster than 150 km/h in a straight line",
    "overlap": "the team was on another case at the same time, so that a stamp is wrong",
    "team-unknown": "an imported team whose name no team of this district has, or two have",
    "start-unknown": "the team came from another case, and no position of that time is stored",
    "no-way": "no road leads from where it started to the case",
    "no-distance": "it started where the case was",
}
"""Why a recorded trip is not fitted."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The usable trips, the reasons why others are left out, and where the trips start."""

    trips: Trips
    left_out: dict[str, int]
    starts: dict[str, int]
    span: tuple[datetime, datetime] | None


def calibrate(
    service: Service,
    district: str | None = None,
    *,
    actor: str,
    since: datetime | None = None,
    until: datetime | None = None,
    imported: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Fit travel times to the recorded trips of a district and put the result in force if it is better.

    `imported`: also to those of other systems that were loaded, as far as their team is one of the district by its name
    and their place is in the district.

    Returns what was read and left out, the errors beside those of the network alone, and `in_force`: whether the
    calibration was put in force. Where it is refused, what was in force stays; `before_since` and `uncalibrated_since`
    say what it and the network alone were worth on the trips after its own, None where those are fewer than 20.

    Raises
    ------
    Conflict
        When no roads or no law are loaded.
    """
    service.caller.need(Right.LOAD)

    def read(connection: Connection) -> tuple[DistrictView, list[RecordedTrip]]:
        code = only_district(connection, district)
        view = view_at(service, connection, get_versions(connection, code))
        with whole_district(connection):
            trips = list_trips(connection, code, since, until)
            return view, trips + (list_imported_trips(connection, code, since, until) if imported else [])

    view, recorded = service.database.run(read)
    if view.network is None:
        raise Conflict(
            f"District {view.code} has no roads. Load them: `gridsvc load roads FILE`.",
            kind="no-roads-loaded",
            district=view.code,
        )
    gathered = gather(service, view, view.network, recorded, progress)
    about: dict[str, Any] = {"network": view.versions.network, "left_out": gathered.left_out, "starts": gathered.starts}
    if gathered.span is not None:
        about |= {"since": gathered.span[0].isoformat(), "until": gathered.span[1].isoformat()}
    verdict = judge(gathered.trips, about)
    since_then = None if view.calibration is None else score_since(view.calibration, gathered.trips)
    in_force = verdict.calibration is not None and not dry_run
    before = view.versions.calibration
    if in_force:
        before = service.database.run(lambda connection: _put(connection, view.code, verdict, actor))
    made = verdict.calibration
    return {
        "district": view.code,
        "recorded": len(recorded),
        "recorded_imported": sum(trip.imported for trip in recorded),
        **about,
        **verdict.as_json(),
        "dry_run": dry_run,
        "in_force": in_force,
        "before": before,
        "before_since": None if since_then is None else asdict(since_then[0]),
        "uncalibrated_since": None if since_then is None else asdict(since_then[1]),
        "factors": None if made is None else dict(made.factors),
        "start_s": None if made is None else made.start_s,
        "hours": None if made is None else {name: list(row) for name, row in made.hours.items()},
        "level": "uncalibrated" if made is None else made.level,
    }


def get_calibration(service: Service, district: str | None = None) -> dict[str, Any]:
    """Return the calibration in force of a district as JSON values: its document, with district and version.

    Raises NotFound where there is none.
    """
    with service.database.transaction() as connection:
        code = only_district(connection, district)
        versions = get_versions(connection, code)
        made = find_calibration(service, connection, code, versions.calibration)
    if made is None:
        raise NotFound(
            f"District {code} has no calibration. `gridsvc roads calibrate` makes one.",
            kind="no-calibration",
            district=code,
        )
    document: dict[str, Any] = json.loads(made.document())
    return {"district": code, "version": made.version} | document


def withdraw(service: Service, district: str | None = None, *, actor: str) -> dict[str, Any]:
    """Take the calibration out of force; it stays stored for the cases that were decided with it.

    Raises NotFound where there is none.
    """
    service.caller.need(Right.LOAD)

    def work(connection: Connection) -> dict[str, Any]:
        code = only_district(connection, district)
        versions = get_versions(connection, code, lock="update")
        if versions.calibration is None:
            raise NotFound(f"District {code} has no calibration in force.", kind="no-calibration", district=code)
        set_version(connection, code, calibration=None)
        data = {"before": versions.calibration, "after": None}
        append_event(connection, code, "calibration", actor=actor, at=versions.now, data=data)
        return {"district": code, "before": versions.calibration}

    return service.database.run(work)


def _put(connection: Connection, code: str, verdict: Verdict, actor: str) -> str | None:
    """Store the calibration, put it in force with its event, and return the one that was in force before."""
    made = verdict.calibration
    assert made is not None
    versions = get_versions(connection, code, lock="update")
    put_document(connection, code, "calibration", made.document(), source=actor)
    set_version(connection, code, calibration=made.version)
    data = {"before": versions.calibration, "after": made.version, "level": made.level, "trips": verdict.trips}
    append_event(connection, code, "calibration", actor=actor, at=versions.now, data=data)
    return versions.calibration


def gather(
    service: Service,
    view: DistrictView,
    network: RoadNetwork,
    recorded: Sequence[RecordedTrip],
    progress: Callable[[int, int], None] | None = None,
) -> Gathered:
    """Select the usable trips and route each under the closures of its time, as far as they are stored."""
    law = recommend.law_of(view)
    stations = {team.id: (team.lon, team.lat) for team in law.prepared.teams}
    zone = ZoneInfo(view.district.time_zone)
    left_out: Counter[str] = Counter()
    starts: Counter[str] = Counter()
    rows: list[tuple[list[float], int, bool, float, int, float]] = []
    moments: list[datetime] = []
    cases: dict[object, int] = {}
    for n, trip in enumerate(recorded):
        if progress is not None and n % 100 == 0:
            progress(n, len(recorded))
        start = _start(trip, stations)
        why = why_left_out(trip, start)
        if why is not None:
            left_out[why] += 1
            continue
        assert start is not None
        assert trip.en_route_at is not None
        assert trip.on_scene_at is not None
        then = replace(view, versions=replace(view.versions, now=trip.en_route_at))
        weights = weights_now(service, then, network, "emergency")
        way = find_class_milliseconds(network, snap(network, *start), snap(network, trip.lon, trip.lat), weights)
        if way is None or way[0] < LEAST_NETWORK_S * 1000:
            left_out["no-way" if way is None else "no-distance"] += 1
            continue
        by_group = seconds_by_group(way[1].tolist(), way[0])
        starts[_start_word(trip)] += 1
        moments.append(trip.en_route_at)
        rows.append(
            (
                [by_group.get(group, 0.0) for group in GROUPS],
                trip.en_route_at.astimezone(zone).hour,
                trip.response_class == "urban",
                (trip.on_scene_at - trip.en_route_at).total_seconds(),
                cases.setdefault(trip.incident_id, len(cases)),
                trip.en_route_at.timestamp(),
            )
        )
    if progress is not None:
        progress(len(recorded), len(recorded))
    trips = Trips(
        GROUPS,
        np.array([row[0] for row in rows], float).reshape(-1, len(GROUPS)),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], bool),
        np.array([row[3] for row in rows], float),
        np.array([row[4] for row in rows], np.int64),
        np.array([row[5] for row in rows], float),
    )
    span = (min(moments), max(moments)) if moments else None
    return Gathered(
        trips, {why: left_out[why] for why in LEFT_OUT if left_out[why]}, dict(sorted(starts.items())), span
    )


def _start(trip: RecordedTrip, stations: dict[str, tuple[float, float]]) -> tuple[float, float] | None:
    """Return where a team started: its position at that time, else its station unless it came from another case."""
    if trip.start_lon is not None and trip.start_lat is not None:
        return trip.start_lon, trip.start_lat
    left, cleared = trip.en_route_at, trip.earlier_until
    if left is not None and cleared is not None and left - cleared < BACK_HOME:
        return None
    return stations.get(str(trip.team_id))


def _start_word(trip: RecordedTrip) -> str:
    if trip.imported:
        return "imported-station"
    return "station" if trip.start_lon is None else "position"


def why_left_out(trip: RecordedTrip, start: tuple[float, float] | None) -> str | None:
    """Return a key of LEFT_OUT, or None for a trip whose stamps are usable."""
    if trip.drill:
        return "drill"
    if trip.team_id is None:
        return "team-unknown"
    if trip.en_route_at is None or trip.on_scene_at is None:
        return "no-stamp"
    took = trip.on_scene_at - trip.en_route_at
    if took <= timedelta(0):
        return "not-positive"
    if took > LONGEST_TRIP:
        return "too-long"
    if trip.earlier_until is not None and trip.earlier_until > trip.en_route_at:
        return "overlap"
    if trip.next_since is not None and trip.next_since < trip.on_scene_at:
        return "overlap"
    if start is None:
        return "start-unknown"
    if distance_m(*start, trip.lon, trip.lat) > FASTEST_KPH / 3.6 * took.total_seconds():
        return "too-fast"
    return None

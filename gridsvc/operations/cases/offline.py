"""With the database away: whose is it, how far, who would go, from what this process saw last (R22).

Every such answer says `degraded: true` and the age of what it was made from, in seconds. Nothing is written. Who is
limited to a grid is answered as ever, but for teams that are on a case of his grid: among those considered he is shown
his own alone, since which others are there cannot be asked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import check_lonlats
from gridsvc.operations.cases import report as reporting
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.cases.redaction import sieve_from_memory
from gridsvc.operations.places.locate import bounds_of, location_of, place
from gridsvc.operations.roads import travel_times as travel
from gridsvc.operations.roads.weights import weights_now

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gridsvc.errors import Unavailable
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.cases.report import Report
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service


def told(age_s: float | None) -> dict[str, Any]:
    """Return what an answer says of its being from memory; nothing where it is not (None)."""
    return {} if age_s is None else {"degraded": True, "age_s": round(age_s, 1)}


def indexes(service: Service, away: Unavailable, district: str | None = None) -> tuple[list[OwnershipIndex], float]:
    """Return the ownership indexes seen last and the age of the oldest; raises `away` where none was seen."""
    found = {code: pair for code, pair in service.recall("index").items() if _seen(service, code, district)}
    if not found:
        known, age_s = views(service, away, district)
        found = {view.code: (age_s, view.index) for view in known if view.index is not None}
    if not found:
        raise away
    return [index for _, index in found.values()], max(age_s for age_s, _ in found.values())


def views(service: Service, away: Unavailable, district: str | None = None) -> tuple[list[DistrictView], float]:
    """Return the districts as seen last, their clocks moved on, and the age of the oldest; else raises `away`."""
    found = {code: pair for code, pair in service.recall("view").items() if _seen(service, code, district)}
    if not found:
        raise away
    moved = [
        replace(view, versions=replace(view.versions, now=view.versions.now + timedelta(seconds=age_s)))
        for age_s, view in found.values()
    ]
    return moved, max(age_s for age_s, _ in found.values())


def _seen(service: Service, code: str, district: str | None) -> bool:
    scope = service.caller.scope
    return district in {None, code} and scope.holds_district(code)


def recommend(service: Service, report: Report, away: Unavailable) -> dict[str, Any]:
    """Recommend from memory: teams as they were last, possible duplicates unknown.

    Raises `away` for an address, which only the database knows.
    """
    known, age_s = views(service, away)
    if report.address is not None or (report.lon is None and report.extent is None):
        raise away
    if report.extent is not None:
        from gridsvc.operations.places.extents import middle_of

        location = middle_of(known, report.extent, report.datum)
    else:
        assert report.lon is not None
        location = location_of(known, report.lon, report.lat or 0.0, report.datum, report.radius_m)
    placed = place(known, location)
    states_age_s, states = service.recall("states").get(placed.view.code, (age_s, {}))
    if not states:
        raise away
    now = placed.view.versions.now
    new = reporting.decide(service, placed, report, states, now, number=0, near=[])
    if not reporting.in_scope(service, new):
        raise reporting.beyond_scope()
    sifted = sieve_from_memory(service.caller.scope, law_of(placed.view).prepared.teams).case(new.answer)
    answer = {key: value for key, value in sifted.items() if key not in reporting.KEPT_ONLY}
    return answer | told(max(age_s, states_age_s))


def travel_times(
    service: Service,
    away: Unavailable,
    origins: NDArray[np.float64],
    destinations: NDArray[np.float64],
    *,
    profile: str,
    district: str | None,
) -> tuple[NDArray[np.float64], float]:
    """Return seconds from every origin to every destination by the roads seen last, and their age; inf = no way."""
    from gridsvc.roads.search.search import matrix
    from gridsvc.roads.search.snapping import snap

    known, age_s = views(service, away, district)
    for places in (origins, destinations):
        check_lonlats(places[:, 0], places[:, 1], near=bounds_of(known))
    view, network = travel.roads_near(known, float(origins[0, 0]), float(origins[0, 1]))
    weights = weights_now(service, view, network, profile)
    here, there = (snap(network, places[:, 0], places[:, 1]) for places in (origins, destinations))
    return matrix(network, here, there, weights), age_s

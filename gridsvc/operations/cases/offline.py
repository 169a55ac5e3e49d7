"""Owners, travel times and recommendations without the database, from the last state that this process read (R22).

Every such answer has `degraded: true` and the age of its data in seconds. Nothing is written. A caller whose scope is a
grid gets the usual answer, with one difference: the teams considered are those of the grid alone, because the database
cannot say which others are on a case there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from gridsvc.coordinates import check_lonlats
from gridsvc.operations.roads import travel_times as travel
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.layout import Districts
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gridsvc.errors import Unavailable
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service


def degraded(age_s: float | None) -> dict[str, Json]:
    """Return the marks of an answer from memory; none where the answer is live (None)."""
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
    seen, age_s = views(service, away, district)
    known = Districts.of(seen)
    for places in (origins, destinations):
        check_lonlats(places[:, 0], places[:, 1], near=known.bounds)
    view, network = travel.roads_near(seen, float(origins[0, 0]), float(origins[0, 1]))
    weights = weights_now(service, view, network, profile)
    here, there = (snap(network, places[:, 0], places[:, 1]) for places in (origins, destinations))
    return matrix(network, here, there, weights), age_s

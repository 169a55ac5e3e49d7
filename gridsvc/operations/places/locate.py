"""Where a case lies: which district, whose, and how surely (R1 to R3, R10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import Datum, check_lonlat, to_wgs84
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.grids.ownership import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from gridsvc.coordinates import Bounds
    from gridsvc.grids.ownership import Ownership
    from gridsvc.operations.runtime.districts import DistrictView

TAKEN_WITHIN_M = 20_000
"""A report this close beside the districts is taken and waits for hand-over; farther it is likely a wrong place."""

LARGEST_RADIUS_M = 100_000


@dataclass(frozen=True, slots=True)
class Location:
    """A place in WGS-84; `radius_m` = how uncertain it is; `extent` = the line or area that it stands for."""

    lon: float
    lat: float
    radius_m: float | None = None
    extent: BaseGeometry | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A location with its owners. ownership None: beside the districts (`distance_m`, `bearing_deg`) or no grids."""

    location: Location
    view: DistrictView
    ownership: Ownership | None
    distance_m: float | None = None
    bearing_deg: float | None = None

    @property
    def rule(self) -> str:
        """The rule by which the owners were found: `outside` beside the districts, `gap` where no grids are loaded."""
        if self.ownership is not None:
            return self.ownership.rule.key
        return Rule.GAP.key if self.distance_m is None else Rule.OUTSIDE.key

    def ownership_json(self) -> dict[str, Any]:
        """Return `ownership` of the interface."""
        if self.ownership is not None:
            told = self.ownership.as_json()
            return {key: value for key, value in told.items() if key not in {"owners", "district"}}
        answer: dict[str, Any] = {"rule": self.rule, "generation": self.view.versions.generation}
        if self.distance_m is not None:
            answer |= {"distance_m": round(self.distance_m), "bearing_deg": round(self.bearing_deg or 0.0, 1)}
        return answer


def bounds_of(views: Sequence[DistrictView]) -> Bounds | None:
    """Return the box round all districts, for recognising swapped coordinates."""
    from gridsvc.coordinates import Bounds

    boxes = [view.index.bounds for view in views if view.index is not None]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def location_of(
    views: Sequence[DistrictView], lon: float, lat: float, datum: str = "WGS-84", radius_m: float | None = None
) -> Location:
    """Return a place as given, in WGS-84; refuses what cannot be meant (R20)."""
    told = Datum.from_name(datum)
    check_lonlat(lon, lat, near=bounds_of(views))
    if radius_m is not None and not 0 <= radius_m <= LARGEST_RADIUS_M:
        raise InvalidInput(f"`radius_m` is {radius_m}; give metres between 0 and {LARGEST_RADIUS_M}.")
    lon, lat = to_wgs84(lon, lat, told)
    return Location(lon, lat, radius_m or None)


def place(views: Sequence[DistrictView], location: Location) -> Place:
    """Find the district and the owners of a place.

    Raises
    ------
    NotFound
        When no district is loaded.
    InvalidInput
        Farther than TAKEN_WITHIN_M from every district: a likely wrong coordinate.
    """
    if not views:
        raise NotFound("No district is loaded. Load grids and roads, or run `gridsvc demo`.", kind="no-district")
    with_grids = [view for view in views if view.index is not None]
    for view in with_grids:
        ownership = _ownership(view, location)
        if ownership.rule is not Rule.OUTSIDE:
            return Place(location, view, ownership)
    for view in views:
        if view.index is None and view.network is not None and _within(view.network.bounds, location):
            return Place(location, view, None)
    if not with_grids:
        return Place(location, views[0], None)
    distances = [(view.index.distance(location.lon, location.lat), view) for view in with_grids if view.index]
    (distance_m, bearing_deg), view = min(distances, key=lambda pair: pair[0][0])
    if distance_m > TAKEN_WITHIN_M:
        raise InvalidInput(
            f"Longitude {location.lon:.6f}, latitude {location.lat:.6f} lies {distance_m / 1000:.0f} km outside "
            f"{view.district.name}: a likely wrong coordinate. Check the numbers, their order and the datum.",
            kind="outside",
            distance_m=round(distance_m),
            bearing_deg=round(bearing_deg, 1),
        )
    return Place(location, view, None, distance_m, bearing_deg)


def _ownership(view: DistrictView, location: Location) -> Ownership:
    assert view.index is not None
    if location.extent is not None:
        return view.index.of_geometry(location.extent)
    if location.radius_m:
        return view.index.shares(location.lon, location.lat, location.radius_m)
    return view.index.locate(location.lon, location.lat)


def _within(bounds: tuple[float, float, float, float], location: Location) -> bool:
    west, south, east, north = bounds
    return west <= location.lon <= east and south <= location.lat <= north

"""The place of a case: district, owners, and how certain they are (R1 to R3, R10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.cases.decide import Location, place_beside, place_in
from gridsvc.coordinates import Bounds, Datum, check_lonlat, to_wgs84
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.grids.ownership import Rule
from gridsvc.operations.cases.recommend import classes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.cases.model import Place
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.grids.ownership import Ownership
    from gridsvc.operations.runtime.districts import DistrictView

TAKEN_WITHIN_M = 20_000
"""A report this close beside the districts is taken and waits for hand-over; farther it is likely a wrong place."""

LARGEST_RADIUS_M = 100_000


@dataclass(frozen=True, slots=True)
class Placement:
    """A location with its district and owners.

    ownership None: outside the districts (`beside`: metres and degrees to the nearest), or no grids are loaded.
    """

    location: Location
    view: DistrictView
    ownership: Ownership | None
    beside: tuple[float, float] | None = None

    def place(self) -> Place:
        """Return the place of a case here; Conflict where the district has no run cards and clocks."""
        classes = classes_of(self.view)
        if self.ownership is not None:
            return place_in(self.location, self.ownership, classes)
        return place_beside(self.location, classes, generation=self.view.versions.generation, beside=self.beside)


def bounds_of(views: Sequence[DistrictView]) -> Bounds | None:
    """Return the box round all districts, for recognising swapped coordinates."""
    boxes = [view.index.bounds for view in views if view.index is not None]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def location_of(
    views: Sequence[DistrictView], lon: float, lat: float, datum: str = "WGS-84", radius_m: float | None = None
) -> Location:
    """Return a place in WGS-84; refuses coordinates that are not usable (R20)."""
    system = Datum.from_name(datum)
    check_lonlat(lon, lat, near=bounds_of(views))
    if radius_m is not None and not 0 <= radius_m <= LARGEST_RADIUS_M:
        raise InvalidInput(
            f"`radius_m` is {radius_m}; give metres between 0 and {LARGEST_RADIUS_M}.",
            radius_m=radius_m,
            most=LARGEST_RADIUS_M,
        )
    lon, lat = to_wgs84(lon, lat, system)
    return Location(lon, lat, radius_m or None)


def locate_in(views: Sequence[DistrictView], location: Location) -> Placement:
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
    with_grids = [(view.index, view) for view in views if view.index is not None]
    for index, view in with_grids:
        ownership = _ownership(index, location)
        if ownership.rule is not Rule.OUTSIDE:
            return Placement(location, view, ownership)
    for view in views:
        if view.index is None and view.network is not None and _within(view.network.bounds, location):
            return Placement(location, view, None)
    if not with_grids:
        return Placement(location, views[0], None)
    distances = [(index.distance(location.lon, location.lat), view) for index, view in with_grids]
    (distance_m, bearing_deg), view = min(distances, key=lambda pair: pair[0][0])
    if distance_m > TAKEN_WITHIN_M:
        raise InvalidInput(
            f"Longitude {location.lon:.6f}, latitude {location.lat:.6f} is {distance_m / 1000:.0f} km outside "
            f"{view.district.name}: a likely wrong coordinate. Check the numbers, their order and the datum.",
            kind="outside",
            lon=round(location.lon, 6),
            lat=round(location.lat, 6),
            district=view.district.name,
            distance_m=round(distance_m),
            bearing_deg=round(bearing_deg, 1),
        )
    return Placement(location, view, None, (distance_m, bearing_deg))


def _ownership(index: OwnershipIndex, location: Location) -> Ownership:
    if location.extent is not None:
        return index.of_geometry(location.extent)
    if location.radius_m:
        return index.shares(location.lon, location.lat, location.radius_m)
    return index.locate(location.lon, location.lat)


def _within(bounds: tuple[float, float, float, float], location: Location) -> bool:
    west, south, east, north = bounds
    return west <= location.lon <= east and south <= location.lat <= north

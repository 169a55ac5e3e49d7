"""The place of a case: district, owners, and how certain they are (R1 to R3, R10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely

from gridsvc.cases.decide import Location, place_beside, place_in
from gridsvc.coordinates import Datum, check_lonlat, metres_per_degree, to_wgs84
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.grids.ownership import Rule
from gridsvc.operations.cases.recommend import classes_of
from gridsvc.operations.places.questions import with_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from gridsvc.cases.model import Place
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.grids.ownership import Ownership
    from gridsvc.operations.places.questions import Around
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.layout import Districts
    from gridsvc.roads.network.network import RoadNetwork

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


def location_of(
    districts: Districts, lon: float, lat: float, datum: str = "WGS-84", radius_m: float | None = None
) -> Location:
    """Return a place in WGS-84; refuses coordinates that are not usable (R20)."""
    system = Datum.from_name(datum)
    check_lonlat(lon, lat, near=districts.bounds)
    if radius_m is not None and not 0 <= radius_m <= LARGEST_RADIUS_M:
        raise InvalidInput(
            f"`radius_m` is {radius_m}; give metres between 0 and {LARGEST_RADIUS_M}.",
            radius_m=radius_m,
            most=LARGEST_RADIUS_M,
        )
    lon, lat = to_wgs84(lon, lat, system)
    return Location(lon, lat, radius_m or None)


def locate_in(districts: Districts, location: Location, around: Around | None = None) -> Placement:
    """Find the district and the owners of a place; of districts that overlap, the lowest code has it.

    `around`: for the question that goes with an uncertain place.

    Raises
    ------
    NotFound
        When no district is loaded.
    InvalidInput
        Farther than TAKEN_WITHIN_M from every district: a likely wrong coordinate.
    """
    views = districts.touching(_area(location))
    owned = _owned_in(views, location, around)
    if owned is not None:
        return owned
    for view in views:
        if view.index is None and view.network is not None and _within(view.network.bounds, location):
            return Placement(location, view, None)
    nearest = _nearest(districts, location.lon, location.lat)
    if nearest is None:
        loaded = districts.view_all()
        if not loaded:
            raise NotFound("No district is loaded. Load grids and roads, or run `gridsvc demo`.", kind="no-district")
        return Placement(location, loaded[0], None)
    distance_m, bearing_deg, view = nearest
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


def _owned_in(views: Sequence[DistrictView], location: Location, around: Around | None) -> Placement | None:
    """Return a place in the first district that holds it, else in the first on whose outer border it lies."""
    rim: Placement | None = None
    for view in views:
        if view.index is not None:
            ownership = _ownership(view.index, view.network, location, around)
            if ownership.rim:
                rim = rim or Placement(location, view, ownership)
            elif ownership.rule is not Rule.OUTSIDE:
                return Placement(location, view, ownership)
    return rim


def _nearest(districts: Districts, lon: float, lat: float) -> tuple[float, float, DistrictView] | None:
    """Return metres, bearing and district of the nearest grids; None where no grids are loaded."""
    nearest: tuple[float, float, DistrictView] | None = None
    for at_least_m, view in districts.nearest(lon, lat):
        if nearest is not None and nearest[0] <= at_least_m:
            break
        if view.index is not None:
            distance_m, bearing_deg = view.index.distance(lon, lat)
            if nearest is None or distance_m < nearest[0]:
                nearest = distance_m, bearing_deg, view
    return nearest


def _area(location: Location) -> BaseGeometry:
    """Return what the owners of a place are decided from: its line or area, a box round its radius, or the point."""
    if location.extent is not None:
        return location.extent
    if not location.radius_m:
        return shapely.Point(location.lon, location.lat)
    east_m, north_m = metres_per_degree(location.lat)
    dx, dy = location.radius_m / max(east_m, 1.0), location.radius_m / north_m
    return shapely.box(location.lon - dx, location.lat - dy, location.lon + dx, location.lat + dy)


def _ownership(
    index: OwnershipIndex, network: RoadNetwork | None, location: Location, around: Around | None
) -> Ownership:
    if location.extent is not None:
        return index.of_geometry(location.extent)
    if location.grid is not None and location.grid in index.grids.codes:
        return index.of_geometry(index.repaired(index.grids.codes.index(location.grid)))
    if location.radius_m:
        found = index.shares(location.lon, location.lat, location.radius_m)
        return with_shares(index, network, found, (location.lon, location.lat, location.radius_m), around)
    return index.locate(location.lon, location.lat)


def _within(bounds: tuple[float, float, float, float], location: Location) -> bool:
    west, south, east, north = bounds
    return west <= location.lon <= east and south <= location.lat <= north

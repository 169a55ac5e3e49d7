"""Two townships on paper with Chinese names, a road between them, and what their gazetteer is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import shapely
from shapely.geometry import LineString, box

from gridsvc.db.grids.addresses import Address
from gridsvc.db.places.learned import LearnedName
from gridsvc.db.places.sources import NamedRoad
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Grid, Level
from gridsvc.operations.places.entries import Sources
from gridsvc.places.features import NamedFeature

DISTRICT = "330703"
XIAOSHUN, FUCUN = "330703101000", "330703102000"
MIDDLE = 119.65
"""The border of the two townships: 孝顺镇 is west of it, 傅村镇 east."""


def grids() -> list[Grid]:
    """孝顺镇 with 浦口村 and 低田村, 傅村镇 with 桥头村; the villages have the shape of strips."""

    def strip(code: str, name: str, level: Level, parent: str | None, west: float, east: float) -> Grid:
        return Grid(code, name, level, parent, box(west, 29.0, east, 29.2), urban_rural_code="220")

    return [
        strip("R1", "东部区域", Level.REGIONAL, None, 119.60, 119.70),
        strip(XIAOSHUN, "孝顺镇", Level.TOWNSHIP, "R1", 119.60, MIDDLE),
        strip(FUCUN, "傅村镇", Level.TOWNSHIP, "R1", MIDDLE, 119.70),
        strip("A1", "孝顺一片区", Level.AREA, XIAOSHUN, 119.60, MIDDLE),
        strip("A2", "傅村一片区", Level.AREA, FUCUN, MIDDLE, 119.70),
        strip("V1", "浦口村委会", Level.VILLAGE, "A1", 119.60, 119.63),
        strip("V2", "低田村委会", Level.VILLAGE, "A1", 119.63, MIDDLE),
        strip("V3", "桥头村委会", Level.VILLAGE, "A2", MIDDLE, 119.70),
    ]


def addresses() -> list[Address]:
    """A house, a hamlet, and the seat of a township."""
    return [
        Address("孝顺镇站前路12号", "house", 119.61, 29.10, 20.0, "houses.csv", {"street": "站前路", "house": "12号"}),
        Address("石塘坞", "hamlet", 119.66, 29.05, 800.0, "places.csv"),
        Address("孝顺镇", "town", 119.64, 29.15, 800.0, "places.csv"),
    ]


def line(name: str, kind: str, *points: tuple[float, float]) -> NamedFeature:
    """Return a river or railway through some points."""
    return NamedFeature(name, kind, LineString(points))


def spot(name: str, lon: float, lat: float = 29.1, kind: str = "place") -> NamedFeature:
    """Return a named point with a radius of 60 m."""
    return NamedFeature(name, kind, shapely.Point(lon, lat), 60.0)


def road(name: str, *points: tuple[float, float]) -> NamedRoad:
    """Return an edge of a named road."""
    return NamedRoad(name, shapely.to_wkb(LineString(points)))


def learned(
    name: str, by: str, lon: float, lat: float = 29.1, *, number: int = 1, radius_m: float = 0.0
) -> LearnedName:
    """Return what one person confirmed of the place of one case."""
    made = UUID(int=number)
    return LearnedName(DISTRICT, made, name, made, by, datetime(2026, 3, 1, tzinfo=UTC), lon, lat, radius_m)


def sources(**more: object) -> Sources:
    """Return the sources of the district on paper."""
    return Sources(DISTRICT, OwnershipIndex.build(DISTRICT, 1, grids()), addresses(), **more)  # type: ignore[arg-type]

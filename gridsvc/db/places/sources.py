"""Named roads and stations of a district, for its gazetteer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection


class NamedRoad(NamedTuple):
    """A stretch of a named road between two junctions, as WKB in degrees WGS-84."""

    name: str
    wkb: bytes


class NamedPoint(NamedTuple):
    """A named place, WGS-84 degrees."""

    name: str
    lon: float
    lat: float


_ROADS = text(
    "select name, st_asbinary(geom) from road_edge "
    "where district = :d and network = :n and name is not null and name <> '' order by edge"
)
_STATIONS = text("select name, st_x(geom), st_y(geom) from station where district = :d and not derived order by id")


def list_named_roads(connection: Connection, district: str, network: str) -> list[NamedRoad]:
    """Return the named edges of a network."""
    return [NamedRoad(name, bytes(wkb)) for name, wkb in connection.execute(_ROADS, {"d": district, "n": network})]


def list_named_stations(connection: Connection, district: str) -> list[NamedPoint]:
    """Return the stations that a source has; those that a demo made up are no landmarks."""
    return [NamedPoint(*row) for row in connection.execute(_STATIONS, {"d": district})]

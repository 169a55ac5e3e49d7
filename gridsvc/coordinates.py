"""Longitude and latitude: four datums in use in China, refusals of impossible values, and local metres.

WGS-84 is what the program works in. CGCS2000 (EPSG:4490) differs from it by less than a metre (both follow ITRF; the
plates have moved about 0.7 m since CGCS2000's epoch) and is taken as it. GCJ-02 is the obfuscated datum that Chinese
map services must use, about 500 m off; BD-09 is Baidu's second shift on top of it. Neither is published: the formulas
are those that map clients have long used, and the inverse is found by iteration, to 1e-9 degrees.
"""

from __future__ import annotations

import math
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the IUGG."""

WGS84_A_M = 6_378_137.0
WGS84_F = 1 / 298.257223563
_E2 = WGS84_F * (2 - WGS84_F)
_E = math.sqrt(_E2)

# The ellipsoid of Krassowsky and its eccentricity, as the GCJ-02 formulas use them.
_GCJ_A_M = 6_378_245.0
_GCJ_E2 = 0.00669342162296594323
_BD_TURN = math.pi * 3000 / 180
# The shift is defined for mainland China; outside this box map services apply none.
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)


class Datum(Enum):
    """What a pair of longitude and latitude refers to."""

    WGS84 = "WGS-84"
    CGCS2000 = "CGCS2000"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"

    @classmethod
    def from_name(cls, name: str) -> Datum:
        """Read `WGS-84`, `EPSG:4326`, `EPSG:4490`, `gcj02`, ... whatever the case and punctuation.

        Raises
        ------
        InvalidInput
            For a name that is no datum of longitude and latitude; the known ones are listed.
        """
        found = find_datum(name)
        if found is None:
            raise InvalidInput(
                f"{name!r} is no datum that gridsvc knows. Use WGS-84, CGCS2000, GCJ-02 or BD-09.",
                kind="unknown-datum",
                datum=name,
                known=[str(datum) for datum in cls],
            )
        return found

    @property
    def option(self) -> str:
        """Its name as commands take it: `gcj02`."""
        return self.value.lower().replace("-", "")

    @property
    def candidates(self) -> tuple[Datum, ...]:
        """Itself first, then the datums that coordinates declared as this one may really be of."""
        same = Datum.WGS84 if self is Datum.CGCS2000 else self
        return (self, *(each for each in (Datum.WGS84, Datum.GCJ02, Datum.BD09) if each is not same))


_DATUM_NAMES = {
    "wgs84": Datum.WGS84,
    "epsg4326": Datum.WGS84,
    "4326": Datum.WGS84,
    "ogccrs84": Datum.WGS84,
    "crs84": Datum.WGS84,
    "urnogcdefcrsogc13crs84": Datum.WGS84,
    "epsg4979": Datum.WGS84,
    "cgcs2000": Datum.CGCS2000,
    "epsg4490": Datum.CGCS2000,
    "4490": Datum.CGCS2000,
    "epsg4480": Datum.CGCS2000,
    "gcj02": Datum.GCJ02,
    "bd09": Datum.BD09,
    "bd09ll": Datum.BD09,
}


@lru_cache(maxsize=16)
def find_datum(name: str) -> Datum | None:
    """Return the datum of a name, or None where it names something else (a projected system, say)."""
    return _DATUM_NAMES.get("".join(letter for letter in name.lower() if letter.isalnum()))


class Bounds(NamedTuple):
    """A box in degrees, WGS-84."""

    west: float
    south: float
    east: float
    north: float

    def contains(self, lon: float, lat: float, *, margin_deg: float = 0.0) -> bool:
        return (self.west - margin_deg <= lon <= self.east + margin_deg) and (
            self.south - margin_deg <= lat <= self.north + margin_deg
        )


# ---------------------------------------------------------------------------------------------------------- refusals


def check_lonlat(lon: float, lat: float, *, near: Bounds | None = None) -> None:
    """Refuse a position that cannot be meant.

    Parameters
    ----------
    lon, lat
        Degrees.
    near
        Bounds of the loaded districts: a pair that is far from them as given but within them when swapped is
        refused as swapped, though both numbers are in range.

    Raises
    ------
    InvalidInput
        With the likely cure; its kind is not-finite, swapped or out-of-range.
    """
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise InvalidInput(
            f"Longitude {lon!r} and latitude {lat!r}: not finite numbers. Send decimal degrees.",
            kind="not-finite",
            lon=float(lon),
            lat=float(lat),
        )
    if abs(lon) > 180 or abs(lat) > 90:
        if abs(lon) <= 90 and abs(lat) <= 180:
            raise _swapped(lon, lat)
        raise InvalidInput(
            f"Longitude {lon!r} and latitude {lat!r} are out of range: longitude is within -180 to 180 degrees, "
            "latitude within -90 to 90. Check that the values are degrees, not metres of a projection.",
            kind="out-of-range",
            lon=float(lon),
            lat=float(lat),
        )
    if near is not None and not near.contains(lon, lat, margin_deg=1) and near.contains(lat, lon, margin_deg=0.1):
        raise _swapped(lon, lat)


def _swapped(lon: float, lat: float) -> InvalidInput:
    return InvalidInput(
        f"Longitude {lon!r} and latitude {lat!r} look swapped: send longitude first, "
        f"as longitude {lat!r} and latitude {lon!r}.",
        kind="swapped",
        lon=float(lon),
        lat=float(lat),
    )


def check_lonlats(lon: Floats, lat: Floats, *, near: Bounds | None = None) -> None:
    """Refuse arrays of positions as `check_lonlat` does one; the message names the first bad row, counted from 1."""
    if lon.shape != lat.shape or lon.ndim != 1:
        raise InvalidInput(
            f"{lon.size} longitudes and {lat.size} latitudes: send one latitude for each longitude.",
            lon=lon.size,
            lat=lat.size,
        )
    bad = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    if near is not None and not bad.any():
        bad = swapped(lon, lat, near)
    if bad.any():
        row = int(np.argmax(bad))
        try:
            check_lonlat(float(lon[row]), float(lat[row]), near=near)
        except InvalidInput as refusal:
            raise InvalidInput(f"Row {row + 1}: {refusal.detail}", kind=refusal.kind, row=row + 1) from None


def swapped(lon: Floats, lat: Floats, near: Bounds) -> NDArray[np.bool_]:
    """Return which positions (n,) are more than a degree from `near` as given, and in it with both numbers swapped."""
    west, south, east, north = near
    far = (lon < west - 1) | (lon > east + 1) | (lat < south - 1) | (lat > north + 1)
    found: NDArray[np.bool_] = far & (lat >= west) & (lat <= east) & (lon >= south) & (lon <= north)
    return found


# ------------------------------------------------------------------------------------------------------------ datums

Degrees = TypeVar("Degrees", float, "NDArray[np.float64]")


def to_wgs84(lon: Degrees, lat: Degrees, datum: Datum) -> tuple[Degrees, Degrees]:
    """Convert degrees of a datum to WGS-84; scalars give scalars, arrays give arrays."""
    if datum in {Datum.WGS84, Datum.CGCS2000}:
        return lon, lat
    if datum is Datum.BD09:
        lon, lat = _inverse(_gcj02_to_bd09, lon, lat)
    return _like(lon, *_gcj02_to_wgs84(np.asarray(lon, float), np.asarray(lat, float)))


def from_wgs84(lon: Degrees, lat: Degrees, datum: Datum) -> tuple[Degrees, Degrees]:
    """Convert WGS-84 degrees to a datum."""
    if datum in {Datum.WGS84, Datum.CGCS2000}:
        return lon, lat
    lon, lat = _like(lon, *_wgs84_to_gcj02(np.asarray(lon, float), np.asarray(lat, float)))
    if datum is Datum.BD09:
        lon, lat = _like(lon, *_gcj02_to_bd09(np.asarray(lon, float), np.asarray(lat, float)))
    return lon, lat


def _in_box(lon: Floats, lat: Floats, margin_deg: float = 0.0) -> NDArray[np.bool_]:
    west, south, east, north = _CHINA
    inside: NDArray[np.bool_] = (lon >= west - margin_deg) & (lon <= east + margin_deg)
    return inside & (lat >= south - margin_deg) & (lat <= north + margin_deg)


def _wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    inside = _in_box(lon, lat)
    there_lon, there_lat = _shifted(np.where(inside, lon, 105.0), np.where(inside, lat, 35.0))
    return np.where(inside, there_lon, lon), np.where(inside, there_lat, lat)


def _gcj02_to_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return the place within the box that is shifted to each one; where there is none, the place itself.

    The shift ends at the box, so a place within some 700 m outside its border may be shifted from within or not at all:
    it is taken as shifted.
    """
    may_be = _in_box(lon, lat, margin_deg=0.02)
    found_lon, found_lat = _inverse(_shifted, np.where(may_be, lon, 105.0), np.where(may_be, lat, 35.0))
    # of a place on the border itself the last bit may be lost
    known = may_be & _in_box(found_lon, found_lat, margin_deg=1e-9)
    return np.where(known, found_lon, lon), np.where(known, found_lat, lat)


def _shifted(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (wave + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi / 3 * y)) * 2 / 3
    north += (160 * np.sin(np.pi / 12 * y) + 320 * np.sin(np.pi / 30 * y)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (wave + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi / 3 * x)) * 2 / 3
    east += (150 * np.sin(np.pi / 12 * x) + 300 * np.sin(np.pi / 30 * x)) * 2 / 3
    phi = np.radians(lat)
    magic = 1 - _GCJ_E2 * np.sin(phi) ** 2
    shift_lat = north / np.radians(_GCJ_A_M * (1 - _GCJ_E2) / (magic * np.sqrt(magic)))
    shift_lon = east / np.radians(_GCJ_A_M / np.sqrt(magic) * np.cos(phi))
    return lon + shift_lon, lat + shift_lat


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _inverse(
    forward: Callable[[Floats, Floats], tuple[Floats, Floats]], lon: Degrees, lat: Degrees
) -> tuple[Degrees, Degrees]:
    """Find what the forward transform sends to (lon, lat), by fixed-point iteration: each round gains 4 digits."""
    wanted_lon, wanted_lat = np.asarray(lon, float), np.asarray(lat, float)
    found_lon, found_lat = wanted_lon, wanted_lat
    for _ in range(12):
        there_lon, there_lat = forward(found_lon, found_lat)
        miss_lon, miss_lat = wanted_lon - there_lon, wanted_lat - there_lat
        found_lon, found_lat = found_lon + miss_lon, found_lat + miss_lat
        if np.all(np.maximum(np.abs(miss_lon), np.abs(miss_lat)) < 1e-12):
            break
    return _like(lon, found_lon, found_lat)


def _like(given: Degrees, lon: Floats, lat: Floats) -> tuple[Degrees, Degrees]:
    """Return scalars where scalars were given, else arrays."""
    if isinstance(given, float):
        return float(lon), float(lat)
    return lon, lat


# ------------------------------------------------------------------------------------------------ distances and areas


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return metres per degree of longitude and of latitude at a latitude, on the WGS-84 ellipsoid."""
    phi = math.radians(lat)
    w2 = 1 - _E2 * math.sin(phi) ** 2
    across = WGS84_A_M * math.cos(phi) / math.sqrt(w2)
    along = WGS84_A_M * (1 - _E2) / (w2 * math.sqrt(w2))
    return math.radians(across), math.radians(along)


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the great-circle distance in metres (haversine; within 0.5 % of the ellipsoid)."""
    phi, other_phi = math.radians(lat), math.radians(other_lat)
    a = (
        math.sin((other_phi - phi) / 2) ** 2
        + math.cos(phi) * math.cos(other_phi) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


def bearing_deg(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the initial bearing from the first place to the other, degrees clockwise from north, 0 to 360."""
    phi, other_phi = math.radians(lat), math.radians(other_lat)
    turn = math.radians(other_lon - lon)
    y = math.sin(turn) * math.cos(other_phi)
    x = math.cos(phi) * math.sin(other_phi) - math.sin(phi) * math.cos(other_phi) * math.cos(turn)
    return math.degrees(math.atan2(y, x)) % 360


def shift_words(east_m: float, north_m: float) -> str:
    """Return a shift in words, such as `462 m east and 309 m south`."""
    east = f"{abs(east_m):.0f} m {'east' if east_m >= 0 else 'west'}"
    return f"{east} and {abs(north_m):.0f} m {'north' if north_m >= 0 else 'south'}"


class LocalMetres:
    """A plane of metres round one place; 0.1 % true within about 50 km of it."""

    __slots__ = ("lat", "lon", "x_m_per_deg", "y_m_per_deg")

    def __init__(self, lon: float, lat: float) -> None:
        self.lon, self.lat = lon, lat
        self.x_m_per_deg, self.y_m_per_deg = metres_per_degree(lat)

    def to_metres(self, lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
        return (lon - self.lon) * self.x_m_per_deg, (lat - self.lat) * self.y_m_per_deg

    def to_lonlat(self, x_m: Degrees, y_m: Degrees) -> tuple[Degrees, Degrees]:
        return x_m / self.x_m_per_deg + self.lon, y_m / self.y_m_per_deg + self.lat


def equal_area_m(lonlat: Floats) -> Floats:
    """Project (n, 2) degrees to metres of Lambert's cylindrical equal-area projection of the WGS-84 ellipsoid.

    Areas are exact for edges that are straight in it; for edges of some kilometres straight in lon/lat the difference
    is below one part in a million (Snyder, Map Projections: a Working Manual, 1987, eq. 3-12 and 10-14).
    """
    sine = np.sin(np.radians(lonlat[:, 1]))
    q = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    return np.column_stack([WGS84_A_M * np.radians(lonlat[:, 0]), WGS84_A_M * q / 2])

"""What the coordinates of a file refer to: declared by the file or the caller, never assumed; else what is likely."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import Bounds, Datum, bearing_deg, distance_m, find_datum, to_wgs84
from gridsvc.errors import InvalidInput, UndeclaredDatum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pyproj import CRS, Transformer

    Degrees = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_UNPUBLISHED = {"4214", "4555", "4610"}
"""EPSG codes of Beijing 1954, New Beijing and Xian 1980; what PROJ knows of them holds offshore and in Ordos only."""
_SHIFT_M = 10.0
"""How well the shift between a datum and WGS-84 must be known."""

# CGCS2000 / Gauss-Kruger by central meridian: first EPSG codes without and with the number of the zone, first meridian
_GAUSS_KRUGER = {3: (4534, 4513, 75, 21), 6: (4502, 4491, 75, 11)}
_NEAR_DEG = 0.3
FARTHEST_M = 20_000.0
"""A file whose nearest place is farther than this from the district is of another place."""
_COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
_LARGEST_DEG = 400.0
"""No longitude or latitude is larger: such numbers are metres."""


def reference(path: Path, declared: str | None, crs: str | None) -> tuple[str, Datum, Degrees]:
    """Return what the coordinates refer to, the datum of their degrees, and what turns (n, 2) of them into WGS-84.

    Parameters
    ----------
    declared
        What the file says, None where it says nothing.
    crs
        What the caller says; it wins.

    Raises
    ------
    UndeclaredDatum
        When neither says it.
    InvalidInput
        For a reference system that is not known, or whose shift to WGS-84 is not public.
    """
    if crs is None:
        if declared is None:
            raise UndeclaredDatum(
                f"{path} does not say what its coordinates refer to, and 500 m hang on it. Say it by --crs: EPSG:4490 "
                "(CGCS2000, surveyed in China), EPSG:4326, GCJ-02 (Amap, Tencent), BD-09 (Baidu), or the EPSG code "
                "of a projection.",
                retry=[["--crs", each] for each in ("EPSG:4490", "GCJ-02", "BD-09")],
            )
        crs = declared
    datum = find_datum(crs)
    if datum is not None:
        return datum.value, datum, lambda c: np.column_stack(to_wgs84(c[:, 0].copy(), c[:, 1].copy(), datum))
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        system = CRS.from_user_input(crs)
    except CRSError:
        raise InvalidInput(
            f"{crs!r} is no reference system that is known. Use EPSG:4326, EPSG:4490, GCJ-02, BD-09 or an EPSG code.",
            kind="unknown-datum",
            retry=[["--crs", each] for each in ("EPSG:4490", "GCJ-02", "BD-09")],
        ) from None
    found = find_datum(":".join(system.to_authority() or ("", "")))
    if found is not None:
        return found.value, found, lambda c: c
    transformer = _transformer(system)
    return system.name, Datum.WGS84, lambda c: np.column_stack(transformer.transform(c[:, 0], c[:, 1]))


def check_degrees(path: Path, flat: NDArray[np.float64], read: str, near: Bounds | None) -> None:
    """Refuse coordinates that are metres but were called degrees, with the projection that is likely."""
    finite = flat[np.isfinite(flat).all(axis=1)]
    off = ~((np.abs(finite[:, 0]) <= 180) & (np.abs(finite[:, 1]) <= 90))
    if not off.any():
        return
    x, y = finite[np.argmax(off)]
    if abs(x) <= 90 and abs(y) <= 180:
        raise InvalidInput(
            f"{path}: ({x}, {y}) are no degrees of {read}. They look swapped: write longitude before latitude.",
            kind="out-of-range",
        )
    likely = likely_projections(finite, near)
    cure = "They look like metres of a projection: name it by --crs, for example EPSG:4549."
    if likely:
        where = "lies on the district" if near is not None else "has this number of the zone"
        cure = f"They look like metres of a projection: EPSG:{likely[0]} ({_name(likely[0])}) {where}."
    raise InvalidInput(
        f"{path}: ({x:.10g}, {y:.10g}) are no degrees of {read}. {cure}",
        kind="out-of-range",
        retry=[["--crs", f"EPSG:{code}"] for code in likely or [4549]],
    )


def check_place(path: Path, flat: NDArray[np.float64], degrees: NDArray[np.float64], near: Bounds | None) -> None:
    """Refuse a file that lies far from its district, with the reference systems in which it would not.

    Parameters
    ----------
    flat, degrees
        Coordinates (n, 2) as they are in the file, and the same in WGS-84.
    near
        A box round the district; without it nothing is refused.

    Raises
    ------
    InvalidInput
        With distance and direction.
    """
    if near is None or not len(degrees):
        return
    (west, south), (east, north) = degrees.min(axis=0), degrees.max(axis=0)
    lon, lat = float(west + east) / 2, float(south + north) / 2
    to_lon, to_lat = min(max(lon, near.west), near.east), min(max(lat, near.south), near.north)
    away_m = distance_m(to_lon, to_lat, float(np.clip(to_lon, west, east)), float(np.clip(to_lat, south, north)))
    if away_m <= FARTHEST_M:
        return
    angle = bearing_deg((near.west + near.east) / 2, (near.south + near.north) / 2, lon, lat)
    likely = [f"EPSG:{code}" for code in likely_projections(flat, near)] if are_metres(flat) else []
    if near.contains(*np.median(flat, axis=0), margin_deg=_NEAR_DEG):
        likely = ["EPSG:4490", "GCJ-02"]
    cure = (
        f"As {likely[0]} it lies on it." if likely else "Give its reference system by --crs, or the right --district."
    )
    raise InvalidInput(
        f"{path} lies {away_m / 1000:.0f} km {_COMPASS[round(angle / 45) % 8]} of the district: it is of another "
        f"place, or of another reference system than declared. {cure}",
        kind="far-from-district",
        retry=[["--crs", each] for each in likely],
    )


def are_metres(flat: NDArray[np.float64]) -> bool:
    """Whether coordinates (n, 2) are too large for degrees."""
    finite = flat[np.isfinite(flat).all(axis=1)]
    return len(finite) > 0 and bool((np.abs(finite) > _LARGEST_DEG).any(axis=1).mean() > 0.5)


def refuse_metres(path: Path, flat: NDArray[np.float64], near: Bounds | None) -> UndeclaredDatum:
    """Return the refusal of a projected file that does not name its projection, with the one that is likely."""
    likely = likely_projections(flat[np.isfinite(flat).all(axis=1)], near)
    if not likely:
        return UndeclaredDatum(
            f"{path} has metres of a projection and does not say of which. Ask the office that exported it, and name "
            "it by --crs, for example EPSG:4549.",
            retry=[["--crs", "EPSG:4549"]],
        )
    where = "lies on the district" if near is not None else "has this number of the zone"
    return UndeclaredDatum(
        f"{path} has metres of a projection and does not say of which. EPSG:{likely[0]} ({_name(likely[0])}) {where}.",
        retry=[["--crs", f"EPSG:{code}"] for code in likely],
    )


def likely_projections(flat: NDArray[np.float64], near: Bounds | None) -> list[int]:
    """Return EPSG codes of projections in which coordinates (n, 2) in metres lie near a box, the nearest first.

    Without a box only the number of the zone before the easting says it.
    """
    from pyproj import Transformer

    x, y = np.median(flat, axis=0)
    if near is None:
        zone = int(x // 1_000_000)
        if 25 <= zone <= 45:
            return [4513 + zone - 25]
        return [4491 + zone - 13] if 13 <= zone <= 23 else []
    centre = ((near.west + near.east) / 2, (near.south + near.north) / 2)
    codes = list(_codes(*centre))
    found: list[tuple[float, int]] = []
    for code in codes:
        lon, lat = Transformer.from_crs(code, 4326, always_xy=True).transform(x, y)
        if np.isfinite(lon) and near.contains(lon, lat, margin_deg=_NEAR_DEG):
            # equal to a metre in 3 and 6 degrees of one meridian: the earlier, of 3 degrees, is the usual one
            found.append((round(float(np.hypot(lon - centre[0], lat - centre[1])), 3), code))
    return [code for _, code in sorted(found, key=lambda each: (each[0], codes.index(each[1])))][:2]


def _codes(lon: float, lat: float) -> Iterator[int]:
    """Yield EPSG codes of the projections that are usual at a place, the most usual first."""
    for width, (without, with_zone, first, count) in _GAUSS_KRUGER.items():
        middle = round((lon - first) / width)
        for n in range(max(middle - 1, 0), min(middle + 2, count)):
            yield from (without + n, with_zone + n)
    yield (32600 if lat >= 0 else 32700) + int((lon + 180) // 6) + 1
    yield 3857


def _name(code: int) -> str:
    from pyproj import CRS

    return str(CRS.from_epsg(code).name)


def _is_unpublished(geodetic: CRS | None) -> bool:
    return geodetic is not None and (geodetic.to_authority(min_confidence=20) or ("", ""))[1] in _UNPUBLISHED


def _transformer(system: CRS) -> Transformer:
    """Return what turns a reference system into WGS-84; refuses one whose shift nobody published.

    Without parameters PROJ would take the degrees of Xian 1980 or Beijing 1954 as they are: 100 m off, and silent.
    """
    from pyproj import Transformer
    from pyproj.transformer import TransformerGroup

    geodetic = system.geodetic_crs
    if geodetic is not None and find_datum(":".join(geodetic.to_authority() or ("", ""))) is not None:
        return Transformer.from_crs(system, 4326, always_xy=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the best grid is not here: the next best is measured below
        known = (
            []
            if _is_unpublished(geodetic)
            else [t for t in TransformerGroup(system, 4326, always_xy=True).transformers if 0 <= t.accuracy <= _SHIFT_M]
        )
    if not known:
        raise InvalidInput(
            f"{system.name} lies tens of metres from WGS-84, by parameters that are not public. Have the file "
            "converted to CGCS2000 (EPSG:4490) by the office that surveyed it.",
            kind="unknown-datum",
        )
    return known[0]


def declares_crs(path: Path) -> bool:
    """Say whether a GeoJSON file has the `crs` member, which stands before or after the features."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
        file.seek(max(path.stat().st_size - (1 << 16), 0))
        tail = file.read()
    return any(re.search(rb'"crs"\s*:\s*\{', part) for part in (head, tail))

"""What a GeoDataFrame must be before it is used, and the longitudes and latitudes that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from gridsvc.errors import InvalidInput, UndeclaredDatum

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

WGS84 = 4326
_SHOWN = 3


def check_frame(frame: object, what: str, kinds: Collection[str]) -> gpd.GeoDataFrame:
    """Return a table of geometries that can be used.

    Parameters
    ----------
    what
        The name of the argument, for messages.
    kinds
        Geometry types that are accepted.

    Raises
    ------
    UndeclaredDatum
        Without a coordinate reference system.
    InvalidInput
        For another type, no rows, a missing or empty geometry, another kind of geometry, or a coordinate that is not
        finite.
    """
    if isinstance(frame, gpd.GeoSeries):
        frame = frame.to_frame("geometry").set_geometry("geometry")
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InvalidInput(
            f"{what} is a {type(frame).__name__}. Give a GeoDataFrame: gpd.GeoDataFrame(table, "
            "geometry=gpd.points_from_xy(table.lon, table.lat), crs=4326)."
        )
    if not len(frame):
        raise InvalidInput(f"{what} has no rows. Check the file or the filter that it comes from.")
    if frame.crs is None:
        raise UndeclaredDatum(
            f"{what} does not say what its coordinates refer to. Set it: {what}.set_crs(4326) for longitude and "
            "latitude WGS-84, 4490 for CGCS2000, 4549 for its projection at 120 degrees."
        )
    shapes = np.asarray(frame.geometry.values, dtype=object)
    missing = np.asarray(shapely.is_missing(shapes)) | np.asarray(shapely.is_empty(shapes))
    _refuse_rows(frame, missing, what, "no geometry", f"Leave them out: {what}[~{what}.geometry.is_empty].")
    found = sorted(set(frame.geom_type) - set(kinds))
    if found:
        raise InvalidInput(f"{what} has geometries of the kind {', '.join(found)}. Give {' or '.join(kinds)}.")
    coordinates, row = shapely.get_coordinates(shapes, return_index=True)
    bad = np.zeros(len(frame), bool)
    bad[row[~np.isfinite(coordinates).all(axis=1)]] = True
    _refuse_rows(frame, bad, what, "a coordinate that is not a finite number", "Correct them or leave them out.")
    return frame


def lonlat_of(points: gpd.GeoDataFrame, what: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitudes and latitudes WGS-84, (n,) degrees each, of points in any reference system.

    Raises
    ------
    InvalidInput
        Where they are in no range of degrees: a wrong reference system, or swapped coordinates.
    """
    series = points.geometry.to_crs(WGS84)
    lon, lat = series.x.to_numpy(np.float64), series.y.to_numpy(np.float64)
    bad = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    _refuse_rows(
        points, bad, what, f"a place that is nowhere on earth in {points.crs.to_string()[:40]}",
        "Check the reference system, and whether x and y are swapped.",
    )  # fmt: skip
    return lon, lat


def _refuse_rows(frame: gpd.GeoDataFrame, bad: NDArray[np.bool_], what: str, fault: str, cure: str) -> None:
    if bad.any():
        labels = ", ".join(str(label) for label in frame.index[bad][:_SHOWN])
        more = "" if bad.sum() <= _SHOWN else " ..."
        raise InvalidInput(f"{int(bad.sum())} rows of {what} have {fault} (index {labels}{more}). {cure}")

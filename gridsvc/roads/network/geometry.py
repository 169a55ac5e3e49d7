"""Lengths on the ellipsoid, the order of memory, and the cells that find a road near a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.kernels.cells_kernel import empty_rings, fill_cells
from gridsvc.roads.network.network import DEGREE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EQUATOR_M = 6_378_137.0
ECCENTRICITY_2 = 0.006_694_379_990_14
"""WGS-84."""

CELL_M = (40.0, 1000.0)
"""Least and greatest side of a cell."""


def metres_per_degree(lat: NDArray[np.float64] | float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres of one degree eastward and northward at a latitude, on the ellipsoid WGS-84."""
    sine = np.sin(np.radians(lat))
    root = np.sqrt(1.0 - ECCENTRICITY_2 * sine * sine)
    east = np.radians(1.0) * EQUATOR_M / root * np.cos(np.radians(lat))
    north = np.radians(1.0) * EQUATOR_M * (1.0 - ECCENTRICITY_2) / root**3
    return east, north


def distance_m(
    lon1: NDArray[np.float64], lat1: NDArray[np.float64], lon2: NDArray[np.float64], lat2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length of the lines between places at most some tens of kilometres from each other (error below 1e-5 of it)."""
    east, north = metres_per_degree((lat1 + lat2) / 2)
    return np.hypot((lon2 - lon1) * east, (lat2 - lat1) * north)


def hilbert(lon: NDArray[Any], lat: NDArray[Any], bits: int = 16) -> NDArray[np.int64]:
    """Place of each point on a Hilbert curve over their bounding square (Hilbert 1891)."""
    side = 1 << bits
    x, y = (_scaled(values, side) for values in (lon, lat))
    place = np.zeros(len(x), np.int64)
    step = side >> 1
    while step:
        right, upper = (x & step) > 0, (y & step) > 0
        place += step * step * ((3 * right) ^ upper)
        flip = right & ~upper
        x, y = np.where(flip, side - 1 - x, x), np.where(flip, side - 1 - y, y)
        x, y = np.where(~upper, y, x), np.where(~upper, x, y)
        step >>= 1
    return place


def _scaled(values: NDArray[Any], side: int) -> NDArray[np.int64]:
    low = int(values.min())
    span = max(int(values.max()) - low, 1)
    return (values.astype(np.int64) - low) * (side - 1) // span


def cell_index(
    lon: NDArray[np.int32], lat: NDArray[np.int32], layers: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Sort segments (named by their first vertex) into the cells that they pass, one layer of cells a group of them.

    Returns
    -------
    frame
        west, south, width and height of a cell in degrees, columns, rows.
    cell_first, cell_segment
        Segments of layer k in cell c (row by row from the south-west):
        cell_segment[cell_first[k, c] : cell_first[k, c + 1]].
    cell_empty
        So many rings of cells round cell c, itself being the first, have no segment at all.
    """
    west, east = int(lon.min()) * DEGREE, int(lon.max()) * DEGREE
    south, north = int(lat.min()) * DEGREE, int(lat.max()) * DEGREE
    per_lon, per_lat = metres_per_degree((south + north) / 2)
    area = max((east - west) * float(per_lon), 1.0) * max((north - south) * float(per_lat), 1.0)
    side_m = float(np.clip(np.sqrt(area / max(len(layers[0]), 1)), *CELL_M))
    width, height = side_m / float(per_lon), side_m / float(per_lat)
    columns, rows = int((east - west) / width) + 1, int((north - south) / height) + 1
    frame = np.array([west, south, width, height, columns, rows], np.float64)
    firsts, segments, empty, before = [], [], [], 0
    for layer in layers:
        first, segment = fill_cells(lon, lat, layer, frame)
        empty.append(empty_rings(first, columns, rows))
        firsts.append(first + np.int32(before))
        segments.append(segment)
        before += len(segment)
    return frame, np.stack(firsts), np.concatenate(segments), np.stack(empty)

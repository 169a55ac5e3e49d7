"""Where a network ends: what is near its rim may be reached by roads, or from stations, that it does not hold.

The land of a network is its junctions, dilated and eroded by GAP_M (closing; Serra 1982, Image analysis and
mathematical morphology), with holes filled: gaps between roads belong to it, the country beyond the last ones does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from gridsvc.roads.network.geometry import metres_per_degree
from gridsvc.roads.network.network import DEGREE
from gridsvc.roads.search.search import seconds_from
from gridsvc.roads.search.snapping import Snaps, snap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.weights import Weights

GAP_M = 5_000.0
"""Land without a junction up to twice as wide, between roads of the network, is no end of it."""

CELL_M = 250.0
MOST_CELLS = 1_000
"""Cells along a side; a wider network has coarser ones."""

WANTED_M = 20_000.0
"""So far roads must reach beyond a district: a quarter of an hour at 80 km/h."""


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """The end of a network: `inward_m` (rows, columns) metres from each cell to the nearest beyond the rim, 0 = beyond.

    `west`, `south`, `cell_east`, `cell_north`: the frame in degrees. `junctions` (r,): those in the outermost cells.
    """

    inward_m: NDArray[np.float64]
    west: float
    south: float
    cell_east: float
    cell_north: float
    junctions: NDArray[np.int64]

    def margin_m(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Metres from places (n,) in degrees to where the network ends, to a cell; 0 = beyond its end."""
        row = np.floor((lat - self.south) / self.cell_north)
        column = np.floor((lon - self.west) / self.cell_east)
        rows, columns = self.inward_m.shape
        known = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        result = np.zeros(len(lon))
        result[known] = self.inward_m[row[known].astype(np.int64), column[known].astype(np.int64)]
        return result


def rim_of(network: RoadNetwork) -> Rim:
    """Find where a network ends."""
    lon, lat = network.junction_lon * DEGREE, network.junction_lat * DEGREE
    east_m, north_m = (float(v) for v in metres_per_degree(float(lat.mean())))
    span_m = max(float(np.ptp(lon)) * east_m, float(np.ptp(lat)) * north_m)
    cell_m = max(CELL_M, span_m / MOST_CELLS)
    cell_east, cell_north = cell_m / east_m, cell_m / north_m
    pad = int(np.ceil(GAP_M / cell_m)) + 2
    west, south = float(lon.min()) - pad * cell_east, float(lat.min()) - pad * cell_north
    column = ((lon - west) / cell_east).astype(np.int64)
    row = ((lat - south) / cell_north).astype(np.int64)
    empty = np.ones((int(row.max()) + pad + 1, int(column.max()) + pad + 1), bool)
    empty[row, column] = False
    near = ndimage.distance_transform_edt(empty) * cell_m <= GAP_M
    # beyond the frame nothing is near
    land = ndimage.distance_transform_edt(np.pad(near, 1))[1:-1, 1:-1] * cell_m > GAP_M
    land = ndimage.binary_fill_holes(land | ~empty)
    inward = ndimage.distance_transform_edt(land)
    outermost = inward[row, column] < 2.0
    return Rim(inward * cell_m, west, south, cell_east, cell_north, np.flatnonzero(outermost))


def seconds_from_rim(
    network: RoadNetwork, rim: Rim, places: Snaps, profile: str | Weights = "emergency"
) -> NDArray[np.float64]:
    """Seconds from the nearest end of the network to each place, (places,): who comes from beyond is not sooner.

    inf = no way from any end.
    """
    ends = snap(
        network,
        network.junction_lon[rim.junctions] * DEGREE,
        network.junction_lat[rim.junctions] * DEGREE,
        any_level=True,
    )
    anywhere = Snaps(
        ends.lon[:1], ends.lat[:1], np.array([0, len(ends.edge)], np.int32), ends.edge, ends.fraction, ends.offroad_m
    )
    return seconds_from(network, anywhere, places, profile)

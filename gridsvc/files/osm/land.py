"""The land of a road file as cells: what lies between its roads, and the walks over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from gridsvc.coordinates import metres_per_degree
from gridsvc.roads.network.nearby import segment_starts
from gridsvc.roads.network.network import DEGREE
from gridsvc.roads.network.rim import rim_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """The last step of the shortest walk to each cell (n,) that is reached: from `before`; `far` steps in all."""

    cell: NDArray[np.int64]
    before: NDArray[np.int64]
    far: NDArray[np.int64]

    def rounds(self) -> Iterator[NDArray[np.int64]]:
        """Yield the steps in order: those of one round start at cells of the one before."""
        order = np.argsort(self.far, kind="stable")
        ends = np.flatnonzero(np.diff(self.far[order])) + 1
        yield from np.split(order, ends) if len(order) else ()


@dataclass(frozen=True, slots=True, eq=False)
class Land:
    """Cells between the roads of a network: their middles (n, 2) in degrees, and which are side by side (p, 2)."""

    middles: NDArray[np.float64]
    beside: NDArray[np.int64]
    cell_km2: float

    @classmethod
    def of(cls, network: RoadNetwork) -> Land:
        """Return the land within the rim of a network."""
        rim = rim_of(network)
        is_land = rim.inward_m > 0
        row, column = np.nonzero(is_land)
        number = np.full(is_land.shape, -1, np.int64)
        number[row, column] = np.arange(len(row))
        pairs = [
            np.stack([first, second], axis=-1)[(first >= 0) & (second >= 0)]
            for first, second in ((number[:, :-1], number[:, 1:]), (number[:-1], number[1:]))
        ]
        lat = rim.south + (row + 0.5) * rim.cell_north
        east_m, north_m = metres_per_degree(float(lat.mean()))
        return cls(
            np.column_stack([rim.west + (column + 0.5) * rim.cell_east, lat]),
            np.concatenate(pairs),
            float(rim.cell_east * east_m * rim.cell_north * north_m / 1e6),
        )

    def nearest(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the cell with the nearest middle of each place (n, 2)."""
        return np.asarray(cKDTree(self.middles).query(places)[1], np.int64)

    def walks_from(self, known: NDArray[np.int64]) -> Walks:
        """Return the shortest walks from any of some cells to each other cell that can be reached."""
        count = len(self.middles)
        one, other = self.beside.T
        graph = csr_matrix((np.ones(len(one)), (one, other)), shape=(count, count))
        far, before, _ = dijkstra(
            graph, directed=False, indices=known, unweighted=True, min_only=True, return_predecessors=True
        )
        cell = np.flatnonzero(np.isfinite(far) & (far > 0))
        return Walks(cell, before[cell].astype(np.int64), far[cell].astype(np.int64))


def segments_of(network: RoadNetwork) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles (n, 2), in degrees, of the straight pieces of all roads, and their km."""
    start = segment_starts(network)
    corners = np.column_stack([network.vertex_lon, network.vertex_lat]) * DEGREE
    return (corners[start] + corners[start + 1]) / 2, (network.vertex_m[start + 1] - network.vertex_m[start]) / 1000

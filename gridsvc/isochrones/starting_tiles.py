"""The tiles in which a search begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.isochrones.lattice import Lattice
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

BESIDE = 100
"""Places so close to a border, in 1e-7 degrees, count to both tiles: their points on the road are rounded."""


def starting_tiles(network: RoadNetwork, lattice: Lattice, place: Snaps) -> NDArray[np.int64]:
    """Find the tiles of a place's points on the road and of the ends of their edges."""
    xs: list[float] = []
    ys: list[float] = []
    for e, f in zip(place.edge.tolist(), place.fraction.tolist(), strict=True):
        a, b = int(network.edge_first_vertex[e]), int(network.edge_first_vertex[e + 1])
        metres = f * float(network.edge_length_m[e])
        i = min(max(a + int(np.searchsorted(network.vertex_m[a:b], metres)) - 1, a), b - 2)
        begin, end = float(network.vertex_m[i]), float(network.vertex_m[i + 1])
        share = (metres - begin) / (end - begin) if end > begin else 0.0
        for values, to in ((network.vertex_lon, xs), (network.vertex_lat, ys)):
            here, there = int(values[i]), int(values[i + 1])
            to += [here + share * (there - here), int(values[a]), int(values[b - 1])]
    numbers: set[int] = set()
    for x, y in zip(xs, ys, strict=True):
        for d in (-BESIDE, BESIDE):
            column = int((x + d - lattice.west) // lattice.width)
            numbers |= {
                int((y + u - lattice.south) // lattice.height) * lattice.columns + column for u in (-BESIDE, BESIDE)
            }
    return np.array(sorted(numbers), np.int64)

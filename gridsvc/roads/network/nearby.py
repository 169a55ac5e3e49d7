"""Roads near a place: the edges of a box, and the streets with a name, for a person who asks for the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import metres_per_degree
from gridsvc.roads.network.network import DEGREE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork


@dataclass(frozen=True, slots=True, eq=False)
class NamedRoad:
    """The pieces of one street near a place.

    rank: number of its widest class in `speeds.CLASSES`, 0 = motorway. segments: (n, 4) ax, ay, bx, by in degrees.
    """

    name: str
    rank: int
    segments: NDArray[np.float64]


def edges_in_box(network: RoadNetwork, west: float, south: float, east: float, north: float) -> NDArray[np.int32]:
    """Return the edges that pass a cell of the box, in order."""
    segments = _segments_in_box(network, west, south, east, north)
    return np.unique(network.segment_edge[segments]).astype(np.int32)


def segment_starts(network: RoadNetwork) -> NDArray[np.int64]:
    """Return the vertices that a straight piece of road starts at, each to the vertex after it: (n,), in order."""
    is_start = np.ones(len(network.vertex_lon), bool)
    is_start[network.edge_first_vertex[1 : network.edge_count] - 1] = False
    is_start[-1:] = False
    return np.flatnonzero(is_start)


def list_named_roads(network: RoadNetwork, lon: float, lat: float, reach_m: float) -> list[NamedRoad]:
    """Return the roads with a name in the cells within `reach_m` of a place, in the order of their names."""
    east_m, north_m = metres_per_degree(lat)
    dx, dy = reach_m / max(east_m, 1.0), reach_m / north_m
    segments = np.unique(_segments_in_box(network, lon - dx, lat - dy, lon + dx, lat + dy)).astype(np.int64)
    edges = network.segment_edge[segments]
    number = network.edge_name[edges]
    named = number >= 0
    segments, edges, number = segments[named], edges[named], number[named]
    ends = np.column_stack(
        [
            network.vertex_lon[segments],
            network.vertex_lat[segments],
            network.vertex_lon[segments + 1],
            network.vertex_lat[segments + 1],
        ]
    )
    found = []
    for each in np.unique(number).tolist():
        own = number == each
        rank = int(network.edge_class[edges[own]].min())
        found.append(NamedRoad(network.names[each], rank, ends[own] * DEGREE))
    return sorted(found, key=lambda road: road.name)


def _segments_in_box(network: RoadNetwork, west: float, south: float, east: float, north: float) -> NDArray[np.int32]:
    frame = network.cell_frame
    columns, rows = int(frame[4]), int(frame[5])
    left, right = (int(np.floor((x - frame[0]) / frame[2])) for x in (west, east))
    low, high = (int(np.floor((y - frame[1]) / frame[3])) for y in (south, north))
    if right < 0 or high < 0 or left >= columns or low >= rows:
        return np.empty(0, np.int32)
    left, right, low, high = max(left, 0), min(right, columns - 1), max(low, 0), min(high, rows - 1)
    first = network.cell_first[0]
    # the cells of a row are stored side by side
    pieces = [
        network.cell_segment[first[row * columns + left] : first[row * columns + right + 1]]
        for row in range(low, high + 1)
    ]
    return np.concatenate(pieces)

"""The points on roads that become corners of the mesh. The same road has the same points whichever tile asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.network.network import CLOSED, DEGREE, PROFILES
from gridsvc.roads.network.speeds import CLASS_NUMBER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.isochrones.lattice import Lattice
    from gridsvc.roads.network.network import RoadNetwork

STEP_M = 50.0
"""Distance between points on a straight road, at most."""

END_M = 2.0
"""The points just inside the ends of one-way streets."""


@dataclass(frozen=True, slots=True, eq=False)
class RoadPoints:
    """Points in the order of their edges: edge, fraction along it, place in 1e-7 degrees."""

    edge: NDArray[np.int64]
    fraction: NDArray[np.float64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]

    def taken(self, which: NDArray[Any]) -> RoadPoints:
        """Return some of the points."""
        return RoadPoints(self.edge[which], self.fraction[which], self.x[which], self.y[which])

    def with_between(self, at: NDArray[np.int64], share: NDArray[np.float64]) -> RoadPoints:
        """Return the points with another after each of `at`, so far on the way to the next."""

        def between(values: NDArray[Any]) -> NDArray[np.float64]:
            result: NDArray[np.float64] = values[at] + share * (values[at + 1] - values[at])
            return result

        fraction = between(self.fraction)
        x, y = (np.rint(between(values)).astype(np.int64) for values in (self.x, self.y))
        return RoadPoints(
            np.insert(self.edge, at + 1, self.edge[at]),
            np.insert(self.fraction, at + 1, fraction),
            np.insert(self.x, at + 1, x),
            np.insert(self.y, at + 1, y),
        )


def road_points(network: RoadNetwork, profile: str, lattice: Lattice, box: tuple[int, int, int, int]) -> RoadPoints:
    """Lay points on every road of a profile that comes into a box (west, south, east, north in 1e-7 degrees).

    Every vertex is one, long stretches are divided, and a road has a point where it crosses the lattice.
    """
    edges = _edges_in(network, box)
    sides = network.slot_ms[PROFILES.index(profile)].reshape(-1, 2)[edges] != CLOSED
    opened = sides.any(axis=1) & (network.edge_class[edges] != CLASS_NUMBER["gate"])
    points = _vertices(network, edges[opened])
    points = _divided(network, points)
    points = _with_ends(network, points, np.repeat(~sides[opened].all(axis=1), _counts(points.edge)))
    points = _with_crossings(points, points.x, lattice.west, lattice.width)
    return _with_crossings(points, points.y, lattice.south, lattice.height)


def _edges_in(network: RoadNetwork, box: tuple[int, int, int, int]) -> NDArray[np.int64]:
    """Find the edges whose cells of the snapping index meet the box."""
    west, south, width, height = (float(v) for v in network.cell_frame[:4])
    columns, rows = int(network.cell_frame[4]), int(network.cell_frame[5])
    left, right = (int((v * DEGREE - west) // width) + d for v, d in ((box[0], -1), (box[2], 1)))
    low, high = (int((v * DEGREE - south) // height) + d for v, d in ((box[1], -1), (box[3], 1)))
    left, right, low, high = max(left, 0), min(right, columns - 1), max(low, 0), min(high, rows - 1)
    if left > right or low > high:
        return np.empty(0, np.int64)
    first = network.cell_first[0]
    row = np.arange(low, high + 1) * columns
    found = [network.cell_segment[a:b] for a, b in zip(first[row + left], first[row + right + 1], strict=True)]
    return np.unique(network.segment_edge[np.concatenate(found)]).astype(np.int64)


def _counts(edge: NDArray[np.int64]) -> NDArray[np.int64]:
    """Points of each edge."""
    begins = np.flatnonzero(np.append(True, edge[1:] != edge[:-1])) if len(edge) else np.empty(0, np.int64)
    return np.diff(np.append(begins, len(edge)))


def _vertices(network: RoadNetwork, edges: NDArray[np.int64]) -> RoadPoints:
    first, after = network.edge_first_vertex[edges], network.edge_first_vertex[edges + 1]
    counts = (after - first).astype(np.int64)
    ends = np.cumsum(counts)
    vertex = np.repeat(first - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
    edge = np.repeat(edges, counts)
    length = network.edge_length_m[edge]
    fraction = np.divide(network.vertex_m[vertex], length, out=np.zeros(len(vertex)), where=length > 0)
    x, y = network.vertex_lon[vertex].astype(np.int64), network.vertex_lat[vertex].astype(np.int64)
    return RoadPoints(edge, np.clip(fraction, 0.0, 1.0), x, y)


def _gaps_m(network: RoadNetwork, points: RoadPoints) -> NDArray[np.float64]:
    """Metres from each point but the last to the next on its edge; 0 at the end of one."""
    same = points.edge[:-1] == points.edge[1:]
    return np.where(same, np.diff(points.fraction) * network.edge_length_m[points.edge[:-1]], 0.0)


def _divided(network: RoadNetwork, points: RoadPoints) -> RoadPoints:
    pieces = np.maximum(np.ceil(_gaps_m(network, points) / STEP_M).astype(np.int64), 1)
    at = np.repeat(np.arange(len(pieces)), pieces - 1)
    step = np.arange(len(at)) - np.repeat(np.cumsum(pieces - 1) - (pieces - 1), pieces - 1) + 1
    return points.with_between(at, step / pieces[at])


def _with_ends(network: RoadNetwork, points: RoadPoints, one_way: NDArray[np.bool_]) -> RoadPoints:
    """Add a point just inside both ends of one-way streets: there the time jumps, since nobody turns back."""
    if not len(points.edge):
        return points
    gap = _gaps_m(network, points)
    change = points.edge[:-1] != points.edge[1:]
    first, last = np.append(True, change), np.append(change, True)
    wide = np.flatnonzero(one_way[:-1] & (gap > 3 * END_M))
    begins, finishes = wide[first[wide]], wide[last[wide + 1]]
    at = np.concatenate([begins, finishes])
    share = np.concatenate([END_M / gap[begins], 1.0 - END_M / gap[finishes]])
    order = np.lexsort((share, at))
    return points.with_between(at[order], share[order])


def _with_crossings(points: RoadPoints, along: NDArray[np.int64], origin: int, step: int) -> RoadPoints:
    """Add a point where a road crosses a line of the lattice; stretches are too short to cross two."""
    a, b = along[:-1] - origin, along[1:] - origin
    low, high = np.minimum(a, b), np.maximum(a, b)
    line = (low // step + 1) * step
    at = np.flatnonzero((line < high) & (points.edge[:-1] == points.edge[1:]))
    # rint of a number this close to the line is the line itself
    return points.with_between(at, (line[at] - a[at]) / (b[at] - a[at]))

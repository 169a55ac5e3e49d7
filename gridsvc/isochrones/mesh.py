"""Triangles over the road: every point of every road is a corner, and the open ground beside the roads has corners too.

A service area is the part of this mesh where the time is within the budget. Since each point of the road's line is a
corner, the area cuts every road where the budget ends; since all areas come from one mesh, a smaller budget's area
lies inside a larger one's, and none crosses itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import Delaunay

from gridsvc.roads.container import pack, unpack
from gridsvc.roads.geometry import hilbert, metres_per_degree
from gridsvc.roads.network import CLOSED, DEGREE, PROFILES
from gridsvc.roads.speeds import CLASS_NUMBER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network import RoadNetwork

MAGIC = b"gsMESH3\n"

STEP_M = 50.0
"""Corners on a straight road are at most so far apart."""

SHORTEST_M = 4.0
ROUNDS = 6
"""Stretches of road are halved down to this, at most so many times."""

END_M = 2.0
"""The corners just inside the ends of one-way streets."""

BUFFER_M = 25.0
"""So far the area reaches beside a road where there is open ground."""

GROUND_STEP_M = 60.0
GROUND_M = (40.0, 130.0)
"""Spacing of the corners on open ground, and how far from the nearest road they lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Corners (n,) in degrees and metres about `origin`; triangles (t, 3) and, opposite each corner, the neighbour.

    The corners of edge e on the road are corner_edge_first[e] .. corner_edge_first[e + 1] of `corner` with their
    `fraction` along the edge. Edges that the profile never uses have none.
    """

    profile: str
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    triangle: NDArray[np.int32]
    neighbour: NDArray[np.int32]
    corner_edge_first: NDArray[np.int32]
    corner: NDArray[np.int32]
    fraction: NDArray[np.float64]

    def to_bytes(self) -> bytes:
        """Write the mesh; `open` maps it again."""
        return pack({name: getattr(self, name) for name in ARRAYS}, {"profile": self.profile}, magic=MAGIC)

    @classmethod
    def open(cls, buffer: bytes | memoryview) -> Mesh:
        """Read a mesh without copying it. Raises InvalidInput for anything else."""
        read, rest, _ = unpack(buffer, magic=MAGIC)
        arrays: dict[str, Any] = {name: read[name] for name in ARRAYS}
        return cls(profile=rest["profile"], **arrays)


ARRAYS = tuple(name for name in Mesh.__slots__ if name != "profile")


def build_mesh(network: RoadNetwork, profile: str) -> Mesh:
    """Triangulate the roads of a profile (Delaunay), some seconds for 30,000 arcs.

    Stretches of road that are no side of a triangle, because another road runs close by, are halved until they are,
    so that no area leaks across a road or cuts off a piece of one. Where a bridge crosses, that never ends; there it
    stops at SHORTEST_M.
    """
    row = PROFILES.index(profile)
    sides = network.slot_ms[row].reshape(-1, 2) != CLOSED
    opened = sides.any(axis=1) & (network.edge_class != CLASS_NUMBER["gate"])
    edge, fraction, lon, lat = _on_roads(network, np.flatnonzero(opened))
    edge, fraction, lon, lat = _with_ends(network, ~sides.all(axis=1), edge, fraction, lon, lat)
    middle = float(np.mean(lat)) if len(lat) else 0.0
    east, north = (float(v) for v in metres_per_degree(middle))
    ground = None
    for round_ in range(ROUNDS):
        places = np.column_stack([np.rint(lon / DEGREE), np.rint(lat / DEGREE)]).astype(np.int64)
        unique, corner = np.unique(places, axis=0, return_inverse=True)
        corner = corner.reshape(-1)
        x, y = (unique[:, k].astype(np.float64) * (DEGREE * scale) for k, scale in enumerate((east, north)))
        if ground is None:
            ground = np.column_stack([np.concatenate(pair) for pair in zip(_ground(x, y), _frame(x, y), strict=True)])
        x, y = np.concatenate([x, ground[:, 0]]), np.concatenate([y, ground[:, 1]])
        # Qhull works better near the origin
        triangles = Delaunay(np.column_stack([x - x.mean(), y - y.mean()]))
        broken = _broken(edge, corner, triangles.simplices, x, y)
        if not len(broken) or round_ == ROUNDS - 1:
            break
        half = np.stack([broken, broken + 1])
        edge = np.insert(edge, broken + 1, edge[broken])
        fraction = np.insert(fraction, broken + 1, fraction[half].mean(axis=0))
        lon = np.insert(lon, broken + 1, lon[half].mean(axis=0))
        lat = np.insert(lat, broken + 1, lat[half].mean(axis=0))
    order, new_corner = _along_the_curve(x, y)
    inner = x[triangles.simplices].mean(axis=1), y[triangles.simplices].mean(axis=1)
    turn, new_triangle = _along_the_curve(*inner)
    neighbours = triangles.neighbors[turn]
    return Mesh(
        profile=profile, lon=x[order] / east, lat=y[order] / north, x_m=x[order], y_m=y[order],
        triangle=new_corner[triangles.simplices[turn]],
        neighbour=np.where(neighbours < 0, np.int32(-1), new_triangle[neighbours]),
        corner_edge_first=np.searchsorted(edge, np.arange(network.edge_count + 1)).astype(np.int32),
        corner=new_corner[corner], fraction=fraction,
    )  # fmt: skip


def _along_the_curve(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Order places along a Hilbert curve, so that neighbours lie near in memory; and the new number of each."""
    decimetres = (np.rint((values - values.min()) * 10).astype(np.int64) for values in (x, y))
    order = np.argsort(hilbert(*decimetres), kind="stable")
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    return order, number


Roads = tuple["NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]
"""Points on roads in the order of their edges: edge, fraction, lon, lat."""


def _with_ends(
    network: RoadNetwork, one_way: NDArray[np.bool_], edge: NDArray[np.int64], fraction: NDArray[np.float64],
    lon: NDArray[np.float64], lat: NDArray[np.float64],
) -> Roads:  # fmt: skip
    """Add a point just inside both ends of one-way streets: there the time jumps, since nobody turns back."""
    metres = fraction * network.edge_length_m[edge]
    same = edge[:-1] == edge[1:]
    gap = np.where(same, np.diff(metres), 0.0)
    wide = np.flatnonzero(one_way[edge[:-1]] & (gap > 3 * END_M))
    first, last = np.append(True, ~same), np.append(~same, True)
    begins, finishes = wide[first[wide]], wide[last[wide + 1]]
    at = np.concatenate([begins, finishes])
    share = np.concatenate([END_M / gap[begins], 1.0 - END_M / gap[finishes]])

    def added(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.insert(values, at + 1, values[at] + share * (values[at + 1] - values[at]))

    return np.insert(edge, at + 1, edge[at]), added(fraction), added(lon), added(lat)


def _broken(
    edge: NDArray[np.int64], corner: NDArray[np.int64], triangle: NDArray[np.int32], x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.int64]:  # fmt: skip
    """Find the stretches of road (by their first corner) that are no side of a triangle and still long enough."""
    n = np.int64(len(x))
    sides = [np.sort(triangle[:, [k, (k + 1) % 3]].astype(np.int64), axis=1) for k in range(3)]
    known = np.unique(np.concatenate([side[:, 0] * n + side[:, 1] for side in sides]))
    a, b = corner[:-1], corner[1:]
    wanted = np.minimum(a, b) * n + np.maximum(a, b)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    there = (known[at] == wanted) | (a == b) | (edge[:-1] != edge[1:])
    return np.flatnonzero(~there & (np.hypot(x[a] - x[b], y[a] - y[b]) > SHORTEST_M))


def _on_roads(network: RoadNetwork, edges: NDArray[np.int64]) -> Roads:
    """Every vertex of the edges, and points between those that are far apart; edge, fraction, lon, lat in order."""
    first, after = network.edge_first_vertex[edges], network.edge_first_vertex[edges + 1]
    counts = (after - first).astype(np.int64)
    ends = np.cumsum(counts)
    vertex = np.repeat(first - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
    edge = np.repeat(edges, counts)
    last = np.zeros(len(vertex), bool)
    last[ends - 1] = True
    metres = network.vertex_m[vertex]
    gap = np.append(np.diff(metres), 0.0)
    gap[last] = 0.0
    pieces = np.maximum(np.ceil(gap / STEP_M).astype(np.int64), 1)
    at = np.repeat(np.arange(len(vertex)), pieces)
    share = (np.arange(len(at)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / np.repeat(pieces, pieces)
    to = np.minimum(at + 1, len(vertex) - 1)
    lon, lat = network.vertex_lon[vertex] * DEGREE, network.vertex_lat[vertex] * DEGREE
    length = network.edge_length_m[edge[at]]
    along = metres[at] + share * np.repeat(gap, pieces)
    fraction = np.divide(along, length, out=np.zeros(len(at)), where=length > 0)
    share_or_none = np.where(share > 0, share, 0.0)
    return (
        edge[at],
        np.clip(fraction, 0.0, 1.0),
        lon[at] + share_or_none * (lon[to] - lon[at]),
        lat[at] + share_or_none * (lat[to] - lat[at]),
    )


def _ground(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lay a lattice over the open ground beside the roads."""
    from scipy.spatial import cKDTree

    rows = GROUND_STEP_M * np.sqrt(3) / 2
    near = np.unique(np.column_stack([x // (2 * GROUND_M[1]), y // (2 * GROUND_M[1])]).astype(np.int64), axis=0)
    beside = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    blocks = np.unique((near[:, None] + beside).reshape(-1, 2), axis=0)
    lattice = []
    side = 2 * GROUND_M[1]
    per_block = int(np.ceil(side / GROUND_STEP_M)) + 1, int(np.ceil(side / rows)) + 1
    for i in range(per_block[0]):
        for j in range(per_block[1]):
            row = np.ceil(blocks[:, 1] * side / rows).astype(np.int64) + j
            shift = 0.5 * GROUND_STEP_M * (row % 2)
            column = np.ceil((blocks[:, 0] * side - shift) / GROUND_STEP_M).astype(np.int64) + i
            gx, gy = column * GROUND_STEP_M + shift, row * rows
            inside = (gx < (blocks[:, 0] + 1) * side) & (gy < (blocks[:, 1] + 1) * side)
            lattice.append(np.column_stack([gx, gy])[inside])
    points = np.concatenate(lattice)
    away, _ = cKDTree(np.column_stack([x, y])).query(points, distance_upper_bound=GROUND_M[1])
    kept = points[(away >= GROUND_M[0]) & (away <= GROUND_M[1])]
    return kept[:, 0], kept[:, 1]


def _frame(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Surround everything, so that no area touches the rim of the mesh."""
    west, east, south, north = x.min() - 2000, x.max() + 2000, y.min() - 2000, y.max() + 2000
    return np.array([west, east, east, west]), np.array([south, south, north, north])

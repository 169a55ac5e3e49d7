"""One tile of the mesh: every point of every road in it is a corner, and the open ground beside the roads has some too.

A tile depends on the roads and its number alone. Along its border are the corners of the rectangle, points on open
ground at fixed places, and every road that crosses; its neighbour finds the same ones, and both have the stretches
between them as sides of triangles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.isochrones.kernels.arguments import RoadPieces
from gridsvc.isochrones.kernels.ground_kernel import open_ground
from gridsvc.isochrones.kernels.triangulation_kernel import triangulate
from gridsvc.isochrones.road_points import RoadPoints, road_points
from gridsvc.numba_types import read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.isochrones.lattice import Lattice
    from gridsvc.roads.network.network import RoadNetwork

GROUND_STEP_M = 60.0
GROUND_M = (40.0, 130.0)
"""Spacing of the corners on open ground, and how far from the nearest road they are."""

MARGIN_M = 150.0
"""Roads so far outside a tile say with it which points of its border are open ground."""

WHOLE = 1 << 30
"""A fraction of an edge as a whole number."""

SECTIONS = (
    "corner_lon",
    "corner_lat",
    "triangle",
    "neighbour",
    "edge",
    "edge_ends",
    "edge_first",
    "edge_corner",
    "edge_fraction",
    "side_first",
    "side_triangle",
    "rim_corner",
    "rim_sides",
)
"""What a tile holds, one after another in one row of int32; it begins with the offset of each.

corner_lon, corner_lat (corners,) 1e-7 degrees; triangle (t, 3) counter-clockwise; neighbour (t, 3) twice the triangle
opposite each corner, plus 1 where the side between is road; -1 - i = beyond the border, at i of side_triangle.
edge (e,) sorted; edge_ends (e, 4) the nodes at which its two slots end and begin, -1 = none, or several begin it;
the corners of edge[i] with their fractions (of WHOLE) are edge_first[i] .. edge_first[i + 1].
side_triangle[side_first[s] : side_first[s + 1]] are along side s, in the order of the coordinate; rim_corner are the
corners on roads that are on the border, rim_sides the sides as bits.
"""

SOUTH, EAST, NORTH, WEST = range(4)


def build_tile(network: RoadNetwork, profile: str, lattice: Lattice, number: int) -> NDArray[np.int32]:
    """Triangulate one tile; some milliseconds."""
    west, south = lattice.corner(number)
    width, height = lattice.width, lattice.height
    x_m, y_m = (float(v) for v in lattice.metres()[number // lattice.columns])
    far_x, far_y = int(MARGIN_M / x_m), int(MARGIN_M / y_m)
    points = road_points(
        network, profile, lattice, (west - far_x, south - far_y, west + width + far_x, south + height + far_y)
    )
    points = RoadPoints(points.edge, points.fraction, points.x - west, points.y - south)
    near = points.taken(_within(points, -far_x, -far_y, width + far_x, height + far_y))
    ground_x, ground_y = open_ground(near.x, near.y, width, height, (x_m, y_m), (GROUND_STEP_M, *GROUND_M))
    border_x, border_y = _border(near, lattice, south)
    kept = _within(points, 0, 0, width, height)
    inner = points.taken(kept)
    # the given corners first, then open ground, then the roads: the first of those alike is taken
    x = np.concatenate([border_x, ground_x, inner.x])
    y = np.concatenate([border_y, ground_y, inner.y])
    _, first, alike = np.unique(x * (height + 1) + y, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    corner = rank[alike.reshape(-1)][len(border_x) + len(ground_x) :]
    before = np.flatnonzero((np.diff(np.flatnonzero(kept)) == 1) & (inner.edge[:-1] == inner.edge[1:]))
    pieces = RoadPieces(
        read_only(corner[before]),
        read_only(corner[before + 1]),
        read_only(inner.edge[before]),
        read_only(inner.fraction[before]),
        read_only(inner.fraction[before + 1]),
    )
    triangle, neighbour, fixed, all_x, all_y, more_corner, more_edge, more_fraction = triangulate(
        x[first[order]], y[first[order]], x_m, y_m, pieces
    )
    edge = np.concatenate([inner.edge, more_edge])
    fraction = np.concatenate([inner.fraction, more_fraction])
    corner = np.concatenate([corner, more_corner])
    along = np.lexsort((fraction, edge))
    edge, fraction, corner = edge[along], fraction[along], corner[along]
    edges, edge_first = np.unique(edge, return_index=True)
    triangle, neighbour, fixed = _along_the_roads(triangle, neighbour, fixed)
    side_first, side_triangle = _sides(triangle, neighbour, all_x, all_y, width, height)
    rim_corner, rim_sides = _rim(corner, all_x, all_y, width, height)
    return packed(
        {
            "corner_lon": all_x + west,
            "corner_lat": all_y + south,
            "triangle": triangle,
            "neighbour": 2 * neighbour + fixed,
            "edge": edges,
            "edge_ends": _ends(network, edges),
            "edge_first": np.append(edge_first, len(edge)),
            "edge_corner": corner,
            "edge_fraction": np.rint(fraction * WHOLE),
            "side_first": side_first,
            "side_triangle": side_triangle,
            "rim_corner": rim_corner,
            "rim_sides": rim_sides,
        }
    )


def packed(parts: dict[str, NDArray[Any]]) -> NDArray[np.int32]:
    """Put the sections of a tile in one row."""
    sizes = [parts[name].size for name in SECTIONS]
    begins = np.cumsum([len(SECTIONS) + 1, *sizes])
    return np.concatenate([begins, *(parts[name].reshape(-1) for name in SECTIONS)]).astype(np.int32)


def section(tile: NDArray[np.int32], name: str) -> NDArray[np.int32]:
    """Return one section of a tile."""
    k = SECTIONS.index(name)
    return tile[tile[k] : tile[k + 1]]


def _within(points: RoadPoints, west: int, south: int, east: int, north: int) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (points.x >= west) & (points.x <= east) & (points.y >= south) & (points.y <= north)
    return inside


def _border(near: RoadPoints, lattice: Lattice, south: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the corners of the rectangle, then points on its sides that are on open ground near a road.

    Distances along a side are measured at its own latitude, so that both its neighbours take the same points.
    """
    width, height = lattice.width, lattice.height
    xs, ys = [np.array([0, width, width, 0])], [np.array([0, 0, height, height])]
    middle = south + height / 2
    for line, length, lat in ((0, width, south), (height, width, south + height)):
        at = _open_places(near.x, near.y - line, length, lattice.metres_at(lat))
        xs.append(at)
        ys.append(np.full(len(at), line))
    for line, length in ((0, height), (width, height)):
        at = _open_places(near.y, near.x - line, length, lattice.metres_at(middle)[::-1])
        xs.append(np.full(len(at), line))
        ys.append(at)
    return np.concatenate(xs), np.concatenate(ys)


def _open_places(
    along: NDArray[np.int64], beside: NDArray[np.int64], length: int, metres: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return places on a side of so many units, given the road points near it; `metres`: of a unit along and beside."""
    pieces = max(round(length * metres[0] / GROUND_STEP_M), 1)
    at: NDArray[np.int64] = np.arange(1, pieces) * length // pieces
    close = np.abs(beside) * metres[1] <= GROUND_M[1]
    if not close.any():
        return at[:0]
    distance_m = np.hypot((at[:, None] - along[close]) * metres[0], beside[close] * metres[1])
    away = distance_m.min(axis=1)
    open_: NDArray[np.int64] = at[(away >= GROUND_M[0]) & (away <= GROUND_M[1])]
    return open_


def _ends(network: RoadNetwork, edges: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the nodes at which the two slots of each edge end, and where they begin if only one arc runs over them."""
    slot = 2 * edges[:, None] + (0, 1)
    arcs = network.slot_first[slot + 1] - network.slot_first[slot]
    arc = network.slot_arc[np.minimum(network.slot_first[slot], len(network.slot_arc) - 1)]
    plain = (arcs == 1) & ~network.arc_forbidden[arc]
    return np.hstack([np.where(arcs > 0, network.arc_head[arc], -1), np.where(plain, network.arc_tail[arc], -1)])


def _along_the_roads(
    triangle: NDArray[np.int32], neighbour: NDArray[np.int32], fixed: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Put the triangles in the order of the roads at them, so that neighbours are near in memory."""
    order = np.argsort(triangle.max(axis=1), kind="stable")
    number = np.empty(len(order) + 1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    # the last one stands for no neighbour
    number[-1] = -1
    return triangle[order], number[neighbour[order]], fixed[order]


def _sides(
    triangle: NDArray[np.int32],
    neighbour: NDArray[np.int32],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    width: int,
    height: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the triangles along each side of the tile, and write their places in that list as neighbours: -1, -2 ...

    Southern and northern side from west to east, eastern and western from south to north.
    """
    t, k = np.nonzero(neighbour < 0)
    p, q = triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3]
    side = np.select(
        [(y[p] == 0) & (y[q] == 0), (x[p] == width) & (x[q] == width), (y[p] == height) & (y[q] == height)],
        [SOUTH, EAST, NORTH],
        WEST,
    )
    at = np.where((side == SOUTH) | (side == NORTH), np.minimum(x[p], x[q]), np.minimum(y[p], y[q]))
    order = np.lexsort((at, side))
    neighbour[t[order], k[order]] = -1 - np.arange(len(order))
    return np.searchsorted(side[order], np.arange(5)), t[order]


def _rim(
    corner: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], width: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the corners on roads that are on the border, and on which sides (bits in the order of the sides)."""
    corners = np.unique(corner)
    at_x, at_y = x[corners], y[corners]
    sides = (at_y == 0) << SOUTH | (at_x == width) << EAST | (at_y == height) << NORTH | (at_x == 0) << WEST
    return corners[sides > 0], sides[sides > 0]

"""The compiled part of snapping: rings of cells outward from the place until nothing nearer can come."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numba.types import boolean

from gridsvc.numba_types import borrowed, float64, i4, int64, read_f8
from gridsvc.roads.kernels.arguments import Candidates, candidates, snap_index
from gridsvc.roads.kernels.ellipsoid_kernel import metres_per_degree_at

MOST = 4
"""Candidates kept of each search: over all roads, and where the nearest is only for an emergency, over the others."""

ENDS_M = 0.05
"""A place so near to the end of an edge is at the junction."""

BOTH_SIDES_M = 30.0
"""A second road counts up to twice as far away as the nearest, and at most so many metres farther: the carriageways
of a divided road, the streets at a corner."""


ON_IT_M = 15.0
"""A place so near to the middle of a motorway or a bridge is on it, farther away beside or below it: four lanes of
3.75 m (JTG D20, 6.2.1), or three and a hard shoulder."""

COVERED = 3
"""As `speeds.COVERED`: no place on the surface is in a tunnel, however near."""


@njit(nogil=True, inline="always")
def _out_of_reach(level, square_m):
    """Say whether a road of this level, so far away (squared), is none to a place on the surface."""
    return level != 0 and (level == COVERED or square_m > ON_IT_M * ON_IT_M)


@njit(nogil=True, inline="always")
def _keep(edges, metres, alongs, n, edge, away, along):
    """Keep an edge among the nearest, once, at its nearest point; equal distances by edge. Returns how many."""
    for c in range(n):
        if edges[c] == edge:
            if metres[c] <= away:
                return n
            for later in range(c, n - 1):
                edges[later], metres[later], alongs[later] = edges[later + 1], metres[later + 1], alongs[later + 1]
            n -= 1
            break
    at = n
    while at > 0 and (metres[at - 1] > away or (metres[at - 1] == away and edges[at - 1] > edge)):
        at -= 1
    if at < MOST:
        n = min(n + 1, MOST)
        for later in range(n - 1, at, -1):
            edges[later], metres[later], alongs[later] = edges[later - 1], metres[later - 1], alongs[later - 1]
        edges[at], metres[at], alongs[at] = edge, away, along
    return n


@njit(nogil=True, inline="always")
def _along_segment(index, s, at_lon, at_lat, per_lon, per_lat):
    """Return the square of the metres between a place and segment s, and the metres along the edge to that point."""
    dx = (index.vertex_lon[s + 1] - index.vertex_lon[s]) * per_lon
    dy = (index.vertex_lat[s + 1] - index.vertex_lat[s]) * per_lat
    px = (at_lon - index.vertex_lon[s]) * per_lon
    py = (at_lat - index.vertex_lat[s]) * per_lat
    square = dx * dx + dy * dy
    t = 0.0
    if square > 0.0:
        t = min(max((px * dx + py * dy) / square, 0.0), 1.0)
    px -= t * dx
    py -= t * dy
    return px * px + py * py, index.vertex_m[s] + t * (index.vertex_m[s + 1] - index.vertex_m[s])


@njit(int64(int64, boolean, float64, float64, float64, snap_index, candidates), cache=True, nogil=True)
def _nearest(layer, surface, lon, lat, farthest_m, index, found):
    """Find the nearest edges of one layer of the index (0 = all, 1 = open to everybody); returns how many.

    surface: only roads that a place on the surface is at.
    """
    index, found = borrowed(index), borrowed(found)
    frame, cell_first, segment_edge = index.cell_frame, index.cell_first, index.segment_edge
    edges, alongs, metres = found.edge, found.along, found.offroad_m
    columns, rows = int(frame[4]), int(frame[5])
    east, north = metres_per_degree_at(lat)
    x, y = (lon - frame[0]) / frame[2], (lat - frame[1]) / frame[3]
    column, row = math.floor(x), math.floor(y)
    ring = max(0, -column, column - columns + 1, -row, row - rows + 1)
    if ring == 0:
        ring = index.cell_empty[layer, row * columns + column]
    per_lon, per_lat = 1e-7 * east, 1e-7 * north
    at_lon, at_lat = lon * 1e7, lat * 1e7
    n = 0
    limit = np.inf
    while True:
        for j in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
            step = 1 if ring == 0 or j == row - ring or j == row + ring else 2 * ring
            for i in range(column - ring, column + ring + 1, step):
                if i < 0 or i >= columns:
                    continue
                cell = j * columns + i
                for at in range(cell_first[layer, cell], cell_first[layer, cell + 1]):
                    s = index.cell_segment[at]
                    away, along = _along_segment(index, s, at_lon, at_lat, per_lon, per_lat)
                    if away <= limit * limit and not (surface and _out_of_reach(index.segment_level[s], away)):
                        n = _keep(edges, metres, alongs, n, segment_edge[s], math.sqrt(away), along)
                        limit = metres[0] + min(metres[0], BOTH_SIDES_M) + ENDS_M
        side_x = min(x - (column - ring), column + ring + 1 - x) * frame[2] * east
        side = min(side_x, min(y - (row - ring), row + ring + 1 - y) * frame[3] * north)
        covered = column - ring <= 0 and column + ring >= columns - 1 and row - ring <= 0 and row + ring >= rows - 1
        if side > min(limit, farthest_m) or covered:
            break
        ring += 1
    while n > 0 and metres[n - 1] > min(limit, farthest_m):
        n -= 1
    return n


@njit(nogil=True, inline="always")
def _fraction(along, length):
    """Return metres along an edge as a fraction of it; 0 or 1 near its ends."""
    if along < ENDS_M:
        return 0.0
    if length - along < ENDS_M:
        return 1.0
    return along / length


@njit(int64(read_f8, read_f8, float64, snap_index, i4, candidates), cache=True, nogil=True)
def snap_places(lon, lat, farthest_m, index, first, out):
    """Write the candidates of each place, the nearest first, `along` as a fraction; returns how many there are."""
    index, out = borrowed(index), borrowed(out)
    out_edge, out_fraction, out_m, profile_ms = out.edge, out.along, out.offroad_m, index.profile_ms
    found = Candidates(np.empty(MOST, np.int32), np.empty(MOST, np.float64), np.empty(MOST, np.float64))
    edges = found.edge
    total = 0
    first[0] = 0
    for p in range(len(lon)):
        start = total
        for layer in range(2):
            n = _nearest(layer, True, lon[p], lat[p], farthest_m, index, found)
            if n == 0 and layer == 0:
                # no road but tunnels and motorways far and wide
                n = _nearest(layer, False, lon[p], lat[p], farthest_m, index, found)
            for c in range(n):
                edge, metres = edges[c], found.offroad_m[c]
                known = False
                for k in range(start, total):
                    known = known or out_edge[k] == edge
                if known:
                    continue
                k = total
                while k > start and out_m[k - 1] > metres:
                    out_edge[k], out_fraction[k], out_m[k] = out_edge[k - 1], out_fraction[k - 1], out_m[k - 1]
                    k -= 1
                out_edge[k], out_fraction[k], out_m[k] = (
                    edge,
                    _fraction(found.along[c], index.edge_length_m[edge]),
                    metres,
                )
                total += 1
            if n == 0 or profile_ms[0, 2 * edges[0]] != 0xFFFFFFFF or profile_ms[0, 2 * edges[0] + 1] != 0xFFFFFFFF:
                break
        first[p + 1] = total
    return total

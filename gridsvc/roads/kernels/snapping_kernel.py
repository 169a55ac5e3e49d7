"""The compiled part of snapping: rings of cells outward from the place until nothing nearer can come."""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gridsvc.roads.kernels.ellipsoid_kernel import metres_per_degree_at
from gridsvc.roads.kernels.signatures import (  # fmt: skip
    f8,
    float64,
    i4,
    int64,
    read_f8,
    read_i4,
    read_i4_2d,
    read_u4_2d,
)

MOST = 4
"""Candidates kept of each search: over all roads, and where the nearest is only for an emergency, over the others."""

ENDS_M = 0.05
"""A place so near to the end of an edge is at the junction."""

BOTH_SIDES_M = 30.0
"""A second road counts up to twice as far away as the nearest, and at most so many metres farther: the carriageways
of a divided road, the streets at a corner."""


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


@njit(
    int64(int64, float64, float64, float64, read_f8, read_i4_2d, read_i4, read_i4_2d, read_i4, read_i4, read_i4,
          read_f8, i4, f8, f8),
    cache=True,
    nogil=True,
)  # fmt: skip
def _nearest(
    layer, lon, lat, farthest_m, frame, cell_first, cell_segment, cell_empty, segment_edge, vertex_lon, vertex_lat,
    vertex_m, edges, metres, alongs,
):  # fmt: skip
    """Find the nearest edges of one layer of the index (0 = all, 1 = open to anybody); returns how many."""
    columns, rows = int(frame[4]), int(frame[5])
    east, north = metres_per_degree_at(lat)
    x, y = (lon - frame[0]) / frame[2], (lat - frame[1]) / frame[3]
    column, row = math.floor(x), math.floor(y)
    ring = max(0, -column, column - columns + 1, -row, row - rows + 1)
    if ring == 0:
        ring = cell_empty[layer, row * columns + column]
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
                    s = cell_segment[at]
                    dx = (vertex_lon[s + 1] - vertex_lon[s]) * per_lon
                    dy = (vertex_lat[s + 1] - vertex_lat[s]) * per_lat
                    px = (at_lon - vertex_lon[s]) * per_lon
                    py = (at_lat - vertex_lat[s]) * per_lat
                    square = dx * dx + dy * dy
                    t = 0.0
                    if square > 0.0:
                        t = min(max((px * dx + py * dy) / square, 0.0), 1.0)
                    px -= t * dx
                    py -= t * dy
                    away = px * px + py * py
                    if away <= limit * limit:
                        along = vertex_m[s] + t * (vertex_m[s + 1] - vertex_m[s])
                        n = _keep(edges, metres, alongs, n, segment_edge[s], math.sqrt(away), along)
                        limit = metres[0] + min(metres[0], BOTH_SIDES_M) + ENDS_M
        side = min(min(x - (column - ring), column + ring + 1 - x) * frame[2] * east,
                   min(y - (row - ring), row + ring + 1 - y) * frame[3] * north)  # fmt: skip
        covered = column - ring <= 0 and column + ring >= columns - 1 and row - ring <= 0 and row + ring >= rows - 1
        if side > min(limit, farthest_m) or covered:
            break
        ring += 1
    while n > 0 and metres[n - 1] > min(limit, farthest_m):
        n -= 1
    return n


@njit(
    int64(read_f8, read_f8, float64, read_f8, read_i4_2d, read_i4, read_i4_2d, read_i4, read_i4, read_i4, read_f8,
          read_f8, read_u4_2d, i4, i4, f8, f8),
    cache=True,
    nogil=True,
)  # fmt: skip
def snap_places(
    lon, lat, farthest_m, frame, cell_first, cell_segment, cell_empty, segment_edge, vertex_lon, vertex_lat, vertex_m,
    edge_length_m, slot_ms, first, out_edge, out_fraction, out_m,
):  # fmt: skip
    """Write the candidates of each place, the nearest first; returns how many there are."""
    edges = np.empty(MOST, np.int32)
    metres = np.empty(MOST, np.float64)
    alongs = np.empty(MOST, np.float64)
    total = 0
    first[0] = 0
    for p in range(len(lon)):
        begun = total
        for layer in range(2):
            n = _nearest(layer, lon[p], lat[p], farthest_m, frame, cell_first, cell_segment, cell_empty, segment_edge,
                         vertex_lon, vertex_lat, vertex_m, edges, metres, alongs)  # fmt: skip
            for c in range(n):
                edge, along, length = edges[c], alongs[c], edge_length_m[edges[c]]
                known = False
                for k in range(begun, total):
                    known = known or out_edge[k] == edge
                if known:
                    continue
                fraction = along / length if length > 0.0 else 0.0
                if along < ENDS_M:
                    fraction = 0.0
                elif length - along < ENDS_M:
                    fraction = 1.0
                k = total
                while k > begun and out_m[k - 1] > metres[c]:
                    out_edge[k], out_fraction[k], out_m[k] = out_edge[k - 1], out_fraction[k - 1], out_m[k - 1]
                    k -= 1
                out_edge[k], out_fraction[k], out_m[k] = edge, fraction, metres[c]
                total += 1
            if n == 0 or slot_ms[0, 2 * edges[0]] != 0xFFFFFFFF or slot_ms[0, 2 * edges[0] + 1] != 0xFFFFFFFF:
                break
        first[p + 1] = total
    return total

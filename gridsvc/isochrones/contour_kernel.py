"""The compiled part of service areas: times at the corners of the mesh, and the lines where the budget ends."""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment"

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from gridsvc.roads.signatures import (
    f8,
    float64,
    i4,
    i8,
    int64,
    read_f8,
    read_i4,
    read_i4_2d,
    read_u4,
    read_u4_2d,
    void,
)  # fmt: skip

SHUT = 0xFFFFFFFF
FARTHEST_MS = 2**31 - 1


@njit(
    void(types.boolean, read_i4, int64, read_u4, read_u4_2d, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4,
         read_f8, read_i4, read_f8, read_f8, i4),
    cache=True,
    nogil=True,
)  # fmt: skip
def corner_times(
    backward, node_ms, limit, slot_ms, out_arcs, slot_first, slot_arc, arc_tail, arc_head, corner_edge_first, corner,
    fraction, place_edge, place_fraction, place_m, told,
):  # fmt: skip
    """Write the milliseconds of every corner on a road (told = 2^31 - 1 before), from the reached ends of its edge."""
    for e in range(len(corner_edge_first) - 1):
        if corner_edge_first[e] == corner_edge_first[e + 1]:
            continue
        for side in range(2):
            slot = 2 * e + side
            whole = np.int64(slot_ms[slot])
            if whole == SHUT:
                continue
            begun = np.int64(FARTHEST_MS)
            if backward:
                if slot_first[slot] < slot_first[slot + 1]:
                    begun = np.int64(node_ms[arc_head[slot_arc[slot_first[slot]]]])
            else:
                for at in range(slot_first[slot], slot_first[slot + 1]):
                    arc = slot_arc[at]
                    ms = np.int64(out_arcs[arc, 1])
                    if ms != SHUT:
                        begun = min(begun, np.int64(node_ms[arc_tail[arc]]) + ms - whole)
            if begun > limit:
                continue
            for c in range(corner_edge_first[e], corner_edge_first[e + 1]):
                passed = np.int64((fraction[c] if side == 0 else 1.0 - fraction[c]) * whole + 0.5)
                ms = begun + (whole - passed if backward else passed)
                told[corner[c]] = min(told[corner[c]], ms)
    for i in range(len(place_edge)):
        e, f = place_edge[i], place_fraction[i]
        walk = np.int64(place_m[i] * 720.0 + 0.5)
        for c in range(corner_edge_first[e], corner_edge_first[e + 1]):
            a, b = (fraction[c], f) if backward else (f, fraction[c])
            forward, against = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
            ms = np.int64(FARTHEST_MS)
            if forward != SHUT and a <= b:
                ms = walk + np.int64(b * forward + 0.5) - np.int64(a * forward + 0.5)
            if against != SHUT and a >= b:
                ms = min(ms, walk + np.int64((1.0 - b) * against + 0.5) - np.int64((1.0 - a) * against + 0.5))
            told[corner[c]] = min(told[corner[c]], ms)


@njit(
    types.Tuple((f8, f8, i8))(read_i4, int64, read_i4_2d, read_i4_2d, read_f8, read_f8, read_f8, read_f8, float64),
    cache=True,
    nogil=True,
)
def trace(time, budget, triangle, neighbour, lon, lat, x_m, y_m, buffer_m):
    """Trace the closed lines round all corners within the budget, the inside to the left.

    Returns longitudes, latitudes and where each ring begins (its last point joins its first; the end comes last).
    """
    n = len(triangle)
    inside = time <= budget
    mixed = np.zeros(n, np.int8)
    crossings = 0
    for t in range(n):
        count = np.int64(inside[triangle[t, 0]]) + np.int64(inside[triangle[t, 1]]) + np.int64(inside[triangle[t, 2]])
        if 0 < count < 3:
            mixed[t] = 1
            crossings += 1
    ring_lon, ring_lat = np.empty(crossings), np.empty(crossings)
    first = np.empty(crossings + 1, np.int64)
    rings = 0
    at = 0
    for start in range(n):
        if mixed[start] != 1:
            continue
        first[rings] = at
        rings += 1
        t = start
        while mixed[t] == 1:
            mixed[t] = 2
            # leave by the side that has its inside end after its outside end, counter-clockwise: inside stays left
            p, q, r = triangle[t, 0], triangle[t, 1], triangle[t, 2]
            if inside[r] and not inside[q]:
                leave, a, b = 0, q, r
            elif inside[p] and not inside[r]:
                leave, a, b = 1, r, p
            else:
                leave, a, b = 2, p, q
            near, far = np.int64(time[b]), np.int64(time[a])
            if far == FARTHEST_MS:
                length = math.hypot(x_m[a] - x_m[b], y_m[a] - y_m[b])
                share = min(buffer_m / length if length > 0.0 else 0.5, 0.5)
            else:
                share = min(max((budget - near + 0.5) / (far - near), 0.02), 0.98)
            ring_lon[at] = lon[b] + share * (lon[a] - lon[b])
            ring_lat[at] = lat[b] + share * (lat[a] - lat[b])
            at += 1
            t = neighbour[t, leave]
    first[rings] = at
    return ring_lon[:at].copy(), ring_lat[:at].copy(), first[: rings + 1].copy()


@njit(nogil=True)
def _encloses(x, y, a, b, px, py):
    """Say whether ring a..b goes round a point (crossings of a ray)."""
    odd = False
    j = b - 1
    for i in range(a, b):
        if (y[i] > py) != (y[j] > py) and px < (x[j] - x[i]) * (py - y[i]) / (y[j] - y[i]) + x[i]:
            odd = not odd
        j = i
    return odd


@njit(i8(read_f8, read_f8, types.Array(types.int64, 1, "C", readonly=True)), cache=True, nogil=True)
def owners_of_rings(x, y, first):
    """Say of each ring which outer ring it belongs to: itself, or for a hole the smallest outer one round it."""
    n = len(first) - 1
    area = np.zeros(n)
    box = np.empty((n, 4))
    for r in range(n):
        a, b = first[r], first[r + 1]
        box[r, 0], box[r, 1], box[r, 2], box[r, 3] = x[a], y[a], x[a], y[a]
        for i in range(a, b):
            j = i + 1 if i + 1 < b else a
            # about the first point, to lose no digits
            area[r] += (x[i] - x[a]) * (y[j] - y[a]) - (x[j] - x[a]) * (y[i] - y[a])
            box[r, 0], box[r, 1] = min(box[r, 0], x[i]), min(box[r, 1], y[i])
            box[r, 2], box[r, 3] = max(box[r, 2], x[i]), max(box[r, 3], y[i])
    owner = np.arange(n)
    outer = np.flatnonzero(area > 0.0)
    outer = outer[np.argsort(area[outer])]
    for hole in range(n):
        if area[hole] > 0.0:
            continue
        px, py = x[first[hole]], y[first[hole]]
        last = -1
        for r in outer:
            if px < box[r, 0] or py < box[r, 1] or px > box[r, 2] or py > box[r, 3]:
                continue
            # the smallest ring round it; it lies in the last that can be, without a look, since it lies in one
            if last >= 0 and _encloses(x, y, first[last], first[last + 1], px, py):
                break
            last = int(r)
        owner[hole] = last if last >= 0 else hole
    return owner

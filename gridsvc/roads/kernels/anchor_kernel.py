"""Where searches begin and end for places in the middle of edges: entries (node, milliseconds, place).

A place on an edge departs to the edge's ends by what is left of each direction, and is arrived at from them by what
has passed; at the very end of an edge it is at the junction itself. A road that is closed to the vehicle is walked.
"""

# ruff: noqa: ANN001, ANN201  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gridsvc.roads.kernels.ellipsoid_kernel import metres_per_degree_at
from gridsvc.roads.kernels.signatures import i4, i8, int64, read_f8, read_i4, read_u4, read_u4_2d

SHUT = 0xFFFFFFFF
FARTHEST_MS = 2**31 - 1
WALK_MS_PER_M = 720.0
"""5 km/h, as `snapping.WALKING_KPH`."""


@njit(
    int64(read_i4, read_i4, read_f8, read_f8, read_u4, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_f8,
          i4, i8, i4),
    cache=True,
    nogil=True,
)  # fmt: skip
def departures(
    first, edge, fraction, offroad_m, slot_ms, slot_first, slot_arc, arc_head, junction_first, edge_from, edge_to,
    edge_length_m, node, ms, place,
):  # fmt: skip
    """Write the entries of places as origins (at most 4 a candidate); returns how many."""
    n = 0
    for p in range(len(first) - 1):
        for c in range(first[p], first[p + 1]):
            e, f = edge[c], fraction[c]
            at_end = f == 0.0 or f == 1.0  # noqa: PLR1714  a set would be built each time
            walk = np.int64(offroad_m[c] * WALK_MS_PER_M + 0.5)
            shut = True
            for side in range(2):
                slot = 2 * e + side
                whole = np.int64(slot_ms[slot])
                if whole == SHUT or slot_first[slot] == slot_first[slot + 1]:
                    continue
                shut = False
                if at_end:
                    # the junction's own entry does better
                    continue
                passed = np.int64((f if side == 0 else 1.0 - f) * whole + 0.5)
                node[n] = arc_head[slot_arc[slot_first[slot]]]
                ms[n] = walk + whole - passed
                place[n] = p
                n += 1
            if f == 0.0 or shut:
                node[n] = junction_first[edge_from[e]]
                ms[n] = walk + np.int64(f * edge_length_m[e] * WALK_MS_PER_M + 0.5)
                place[n] = p
                n += 1
            if f == 1.0 or shut:
                node[n] = junction_first[edge_to[e]]
                ms[n] = walk + np.int64((1.0 - f) * edge_length_m[e] * WALK_MS_PER_M + 0.5)
                place[n] = p
                n += 1
    return n


@njit(
    int64(read_i4, read_i4, read_f8, read_f8, read_u4, read_u4_2d, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4,
          read_f8, i4, i8, i4),
    cache=True,
    nogil=True,
)  # fmt: skip
def arrivals(
    first, edge, fraction, offroad_m, slot_ms, out_arcs, slot_first, slot_arc, arc_tail, junction_first, edge_from,
    edge_to, edge_length_m, node, ms, place,
):  # fmt: skip
    """Write the entries of places as destinations, where there is room; returns how many there are."""
    n = 0
    room = len(node)
    for p in range(len(first) - 1):
        for c in range(first[p], first[p + 1]):
            e, f = edge[c], fraction[c]
            at_end = f == 0.0 or f == 1.0  # noqa: PLR1714  a set would be built each time
            walk = np.int64(offroad_m[c] * WALK_MS_PER_M + 0.5)
            shut = True
            for side in range(2):
                slot = 2 * e + side
                whole = np.int64(slot_ms[slot])
                if whole == SHUT:
                    continue
                passed = np.int64((f if side == 0 else 1.0 - f) * whole + 0.5)
                for at in range(slot_first[slot], slot_first[slot + 1]):
                    arc = slot_arc[at]
                    arc_ms = np.int64(out_arcs[arc, 1])
                    if arc_ms == SHUT:
                        continue
                    shut = False
                    if at_end:
                        continue
                    if n < room:
                        node[n] = arc_tail[arc]
                        # what a forbidden turn into the edge adds comes before it
                        ms[n] = walk + passed + arc_ms - whole
                        place[n] = p
                    n += 1
            for end in range(2):
                if (f == 0.0 and end == 0) or (f == 1.0 and end == 1) or shut:
                    junction = edge_from[e] if end == 0 else edge_to[e]
                    along = f if end == 0 else 1.0 - f
                    for v in range(junction_first[junction], junction_first[junction + 1]):
                        if n < room:
                            node[n] = v
                            ms[n] = walk + np.int64(along * edge_length_m[e] * WALK_MS_PER_M + 0.5)
                            place[n] = p
                        n += 1
    return n


@njit(
    int64(read_f8, read_f8, read_i4, read_i4, read_f8, read_f8, int64, read_f8, read_f8, read_i4, read_i4, read_f8,
          read_f8, int64, read_u4, read_f8),
    cache=True,
    nogil=True,
)  # fmt: skip
def same_edge(
    lon1, lat1, first1, edge1, fraction1, offroad1_m, a, lon2, lat2, first2, edge2, fraction2, offroad2_m, b, slot_ms,
    edge_length_m,
):  # fmt: skip
    """Milliseconds from place a to place b where they share an edge, along it; 2^31 - 1 where they do not.

    Those who are nearer to each other than to the road walk straight.
    """
    best = np.int64(FARTHEST_MS)
    for i in range(first1[a], first1[a + 1]):
        for j in range(first2[b], first2[b + 1]):
            e = edge1[i]
            if e != edge2[j]:
                continue
            f, g = fraction1[i], fraction2[j]
            walk = np.int64(offroad1_m[i] * WALK_MS_PER_M + 0.5) + np.int64(offroad2_m[j] * WALK_MS_PER_M + 0.5)
            best = min(best, walk + np.int64(abs(f - g) * edge_length_m[e] * WALK_MS_PER_M + 0.5))
            forward, backward = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
            if forward != SHUT and f <= g:
                best = min(best, walk + np.int64(g * forward + 0.5) - np.int64(f * forward + 0.5))
            if backward != SHUT and f >= g:
                best = min(best, walk + np.int64((1.0 - g) * backward + 0.5) - np.int64((1.0 - f) * backward + 0.5))
            east, north = metres_per_degree_at(lat1[a])
            straight = math.hypot((lon1[a] - lon2[b]) * east, (lat1[a] - lat2[b]) * north)
            if straight <= offroad1_m[i] + offroad2_m[j]:
                best = min(best, np.int64(straight * WALK_MS_PER_M + 0.5))
    return best

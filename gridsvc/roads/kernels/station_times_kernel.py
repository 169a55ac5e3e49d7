"""The compiled part of `posts`: how far the posts reach up the hierarchy, and where a place's own path meets them."""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.anchor_kernel import arrivals, same_edge
from gridsvc.roads.kernels.hierarchy_kernel import FAR, climb_from
from gridsvc.roads.kernels.signatures import (
    float64,
    i4,
    i8,
    int64,
    read_f8,
    read_i4,
    read_i4_2d,
    read_u4,
    read_u4_2d,
    u4,
)
from gridsvc.roads.kernels.snapping_kernel import snap_places

NO_WAY = 2**31 - 1


@njit(types.Tuple((i4, i4, u4))(read_i4, read_i4, read_u4, read_i4, read_i4, read_u4, int64), cache=True, nogil=True)
def spread(first, head, up, entry_first, node, ms, depth):
    """Return, CSR over the hierarchy's nodes, which posts reach a node from below and in how many milliseconds."""
    n = len(first) - 1
    posts = len(entry_first) - 1
    distance = np.full(n, FAR, np.uint32)
    path = np.empty(n, np.int32)
    at_node, post, found = (
        np.empty(posts * depth, np.int32),
        np.empty(posts * depth, np.int32),
        np.empty(posts * depth, np.uint32),
    )
    total = 0
    for p in range(posts):
        count = climb_from(first, head, up, node, ms, entry_first[p], entry_first[p + 1], distance, path)
        for i in range(count):
            v = path[i]
            if distance[v] < FAR:
                if total == len(at_node):
                    grown = 2 * total + depth
                    larger, larger_post, larger_found = (
                        np.empty(grown, np.int32),
                        np.empty(grown, np.int32),
                        np.empty(grown, np.uint32),
                    )
                    larger[:total], larger_post[:total], larger_found[:total] = at_node, post, found
                    at_node, post, found = larger, larger_post, larger_found
                at_node[total], post[total], found[total] = v, p, distance[v]
                total += 1
            distance[v] = FAR
    reach_first = np.zeros(n + 1, np.int32)
    for i in range(total):
        reach_first[at_node[i] + 1] += 1
    for v in range(n):
        reach_first[v + 1] += reach_first[v]
    fill = reach_first[:-1].copy()
    reach_post, reach_ms = np.empty(total, np.int32), np.empty(total, np.uint32)
    for i in range(total):
        k = fill[at_node[i]]
        fill[at_node[i]] += 1
        reach_post[k], reach_ms[k] = post[i], found[i]
    return reach_first, reach_post, reach_ms


@njit(types.Tuple((i4, i4, u4))(read_i4, read_i4, read_u4, int64), cache=True, nogil=True)
def fronts(reach_first, reach_post, reach_ms, most):
    """Return of each node the posts that are there first, at most so many: CSR, by milliseconds, then by number."""
    n = len(reach_first) - 1
    front_first = np.zeros(n + 1, np.int32)
    for v in range(n):
        front_first[v + 1] = front_first[v] + min(reach_first[v + 1] - reach_first[v], most)
    front_post, front_ms = np.empty(front_first[n], np.int32), np.empty(front_first[n], np.uint32)
    for v in range(n):
        begun, count = front_first[v], 0
        for k in range(reach_first[v], reach_first[v + 1]):
            ms = reach_ms[k]
            if count == most and front_ms[begun + most - 1] <= ms:
                continue
            at = begun + min(count, most - 1)
            while at > begun and front_ms[at - 1] > ms:
                front_post[at], front_ms[at] = front_post[at - 1], front_ms[at - 1]
                at -= 1
            front_post[at], front_ms[at] = reach_post[k], ms
            count = min(count + 1, most)
    return front_first, front_post, front_ms


@njit(nogil=True, inline="always")
def _noted(met, meetings, p):
    """Append a post; a post may be noted twice."""
    if meetings == len(met):
        larger = np.empty(2 * meetings, np.int32)
        larger[:meetings] = met
        met = larger
    met[meetings] = p
    return met, meetings + 1


@njit(
    int64(
        float64, float64, float64,
        read_f8, read_i4_2d, read_i4, read_i4_2d, read_i4, read_i4, read_i4, read_f8, read_f8, read_u4_2d,
        read_u4, read_u4_2d, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4,
        read_i4, read_i4, read_i4, read_u4, read_i4, read_i4, read_u4,
        read_f8, read_f8, read_i4, read_i4, read_f8, read_f8, read_i4, read_i4,
        u4, i4, i8, int64, i8,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def from_posts(
    place_lon, place_lat, farthest_m,
    frame, cell_first, cell_segment, cell_empty, segment_edge, vertex_lon, vertex_lat, vertex_m, edge_length_m,
    profile_ms,
    slot_ms, out_arcs, slot_first, slot_arc, arc_tail, junction_first, edge_from, edge_to,
    rank, first, head, down, reach_first, reach_post, reach_ms,
    post_lon, post_lat, post_first, post_edge, post_fraction, post_m, by_edge, post_of,
    distance, path, best, wanted, nearest,
):  # fmt: skip
    """Snap one place and write into `best` the milliseconds to it from every post; 2^31 - 1 = no way.

    wanted > 0: only the posts that are first there, quickest first, are written to `nearest`, each followed by its
    milliseconds; returns how many. `best` is then 2^31 - 1 everywhere before and after, and of each node's posts the
    `wanted` first are enough (`fronts`): whoever comes later by way of a node has that many before him.
    """
    lon, lat = np.full(1, place_lon), np.full(1, place_lat)
    place_first, edge = np.empty(2, np.int32), np.empty(8, np.int32)
    fraction, away = np.empty(8), np.empty(8)
    n = snap_places(lon, lat, farthest_m, frame, cell_first, cell_segment, cell_empty, segment_edge, vertex_lon,
                    vertex_lat, vertex_m, edge_length_m, profile_ms, place_first, edge, fraction, away)  # fmt: skip
    edge, fraction, away = edge[:n], fraction[:n], away[:n]
    if wanted == 0:
        best[:] = NO_WAY
    met = np.empty(64, np.int32)
    meetings = 0
    # only posts on one of the place's own edges can come along it
    for c in range(n):
        low, high = 0, len(by_edge)
        while low < high:
            middle = (low + high) // 2
            if post_edge[by_edge[middle]] < edge[c]:
                low = middle + 1
            else:
                high = middle
        while low < len(by_edge) and post_edge[by_edge[low]] == edge[c]:
            p = post_of[by_edge[low]]
            if best[p] == NO_WAY:
                met, meetings = _noted(met, meetings, p)
            best[p] = same_edge(post_lon, post_lat, post_first, post_edge, post_fraction, post_m, p, lon, lat,
                                place_first, edge, fraction, away, 0, slot_ms, edge_length_m)  # fmt: skip
            low += 1
    room = 64
    while True:
        node, ms, place = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
        count = arrivals(place_first, edge, fraction, away, slot_ms, out_arcs, slot_first, slot_arc, arc_tail,
                         junction_first, edge_from, edge_to, edge_length_m, node, ms, place)  # fmt: skip
        if count <= room:
            break
        room = count
    short = np.empty(count, np.uint32)
    for e in range(count):
        node[e] = rank[node[e]]
        short[e] = min(ms[e], np.int64(FAR))
    steps = climb_from(first, head, down, node, short, 0, count, distance, path)
    for i in range(steps):
        v = path[i]
        d = np.int64(distance[v])
        distance[v] = FAR
        if d >= FAR:
            continue
        if wanted == 0:
            for k in range(reach_first[v], reach_first[v + 1]):
                total = d + reach_ms[k]
                best[reach_post[k]] = min(best[reach_post[k]], total)
            continue
        for k in range(reach_first[v], min(reach_first[v + 1], reach_first[v] + wanted)):
            p, total = reach_post[k], d + reach_ms[k]
            if best[p] == NO_WAY:
                met, meetings = _noted(met, meetings, p)
            best[p] = min(best[p], total)
    count = 0
    for i in range(meetings if wanted > 0 else 0):
        p = met[i]
        ms_of = best[p]
        best[p] = NO_WAY
        if ms_of == NO_WAY or (
            count == wanted and (ms_of, np.int64(p)) > (nearest[2 * count - 1], nearest[2 * count - 2])
        ):
            continue
        at = min(count, wanted - 1)
        while at > 0 and (nearest[2 * at - 1], nearest[2 * at - 2]) > (ms_of, np.int64(p)):
            nearest[2 * at], nearest[2 * at + 1] = nearest[2 * at - 2], nearest[2 * at - 1]
            at -= 1
        nearest[2 * at], nearest[2 * at + 1] = p, ms_of
        count = min(count + 1, wanted)
    return count

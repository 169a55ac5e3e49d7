"""The compiled part of `station_times`: stations up the hierarchy, and the place whose path meets them."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import borrowed, float64, frozen, i4, i8, int64, u4
from gridsvc.roads.kernels.anchor_kernel import arrivals, same_edge
from gridsvc.roads.kernels.arguments import (
    Candidates,
    Entries,
    SnappedPlaces,
    climb_space,
    place_entries,
    reach,
    station_index,
    upward,
)
from gridsvc.roads.kernels.hierarchy_kernel import FAR, climb_from
from gridsvc.roads.kernels.snapping_kernel import snap_places

NO_WAY = 2**31 - 1


@njit(types.Tuple((i4, i4, u4))(upward, place_entries, int64), cache=True, nogil=True)
def spread(graph, entries, depth):
    """Return, CSR over the hierarchy's nodes, which stations reach a node from below and in how many milliseconds."""
    graph, entries = borrowed(graph), borrowed(entries)
    n = len(graph.first) - 1
    stations = len(entries.first) - 1
    distance = np.full(n, FAR, np.uint32)
    path = np.empty(n, np.int32)
    room = stations * depth
    at_node, station, found = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.uint32)
    total = 0
    for p in range(stations):
        begin, end = entries.first[p], entries.first[p + 1]
        count = climb_from(graph, entries.node, entries.ms, begin, end, distance, path)
        for i in range(count):
            v = path[i]
            if distance[v] < FAR:
                if total == len(at_node):
                    more = np.empty(total + depth, np.int32)
                    at_node, station = np.append(at_node, more), np.append(station, more)
                    found = np.append(found, np.empty(total + depth, np.uint32))
                at_node[total], station[total], found[total] = v, p, distance[v]
                total += 1
            distance[v] = FAR
    reach_first = np.zeros(n + 1, np.int32)
    for i in range(total):
        reach_first[at_node[i] + 1] += 1
    for v in range(n):
        reach_first[v + 1] += reach_first[v]
    fill = reach_first[:-1].copy()
    reach_station, reach_ms = np.empty(total, np.int32), np.empty(total, np.uint32)
    for i in range(total):
        k = fill[at_node[i]]
        fill[at_node[i]] += 1
        reach_station[k], reach_ms[k] = station[i], found[i]
    return reach_first, reach_station, reach_ms


@njit(types.Tuple((i4, i4, u4))(reach, int64), cache=True, nogil=True)
def fronts(below, most):
    """Return of each node the stations that are first there, at most so many: CSR, by milliseconds, then by number."""
    reach_first, reach_station, reach_ms = below.first, below.station, below.ms
    n = len(reach_first) - 1
    front_first = np.zeros(n + 1, np.int32)
    for v in range(n):
        front_first[v + 1] = front_first[v] + min(reach_first[v + 1] - reach_first[v], most)
    front_station, front_ms = np.empty(front_first[n], np.int32), np.empty(front_first[n], np.uint32)
    for v in range(n):
        start, count = front_first[v], 0
        for k in range(reach_first[v], reach_first[v + 1]):
            ms = reach_ms[k]
            if count == most and front_ms[start + most - 1] <= ms:
                continue
            at = start + min(count, most - 1)
            while at > start and front_ms[at - 1] > ms:
                front_station[at], front_ms[at] = front_station[at - 1], front_ms[at - 1]
                at -= 1
            front_station[at], front_ms[at] = reach_station[k], ms
            count = min(count + 1, most)
    return front_first, front_station, front_ms


@njit(nogil=True, inline="always")
def _note(met, meetings, p):
    """Append a station; a station may be noted twice."""
    if meetings == len(met):
        met = np.append(met, np.empty(meetings, np.int32))
    met[meetings] = p
    return met, meetings + 1


@njit(nogil=True)
def _snap(lon, lat, farthest_m, roads):
    """Snap one place."""
    place_lon, place_lat = np.full(1, lon), np.full(1, lat)
    first = np.empty(2, np.int32)
    out = Candidates(np.empty(8, np.int32), np.empty(8), np.empty(8))
    n = snap_places(place_lon, place_lat, farthest_m, roads, first, out)
    return SnappedPlaces(
        frozen(place_lon),
        frozen(place_lat),
        frozen(first),
        frozen(out.edge[:n]),
        frozen(out.along[:n]),
        frozen(out.offroad_m[:n]),
    )


@njit(nogil=True)
def _from_same_edges(place, index, best, met):
    """Write the ways along the place's own edges: only stations on one of them can come so. Returns who was met."""
    by_edge, station_of, station_edge = index.by_edge, index.station_of, index.places.edge
    meetings = 0
    for c in range(len(place.edge)):
        edge = place.edge[c]
        low, high = 0, len(by_edge)
        while low < high:
            middle = (low + high) // 2
            if station_edge[by_edge[middle]] < edge:
                low = middle + 1
            else:
                high = middle
        while low < len(by_edge) and station_edge[by_edge[low]] == edge:
            p = station_of[by_edge[low]]
            if best[p] == NO_WAY:
                met, meetings = _note(met, meetings, p)
            best[p] = same_edge(index.places, p, place, 0, index.costs.slot_ms, index.ends.edge_length_m)
            low += 1
    return met, meetings


@njit(nogil=True)
def _entries_above(place, index):
    """Return the ranks and milliseconds from which a place is reached."""
    room = 64
    while True:
        found = Entries(np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32))
        count = arrivals(place, index.costs, index.ends, found)
        if count <= room:
            break
        room = count
    node, ms, rank = found.node, found.ms, index.rank
    short = np.empty(count, np.uint32)
    for e in range(count):
        node[e] = rank[node[e]]
        short[e] = min(ms[e], np.int64(FAR))
    return node, short


@njit(nogil=True)
def _first_of(met, meetings, best, wanted, nearest):
    """Write the first `wanted` of the stations met, quickest first, and reset `best`; returns how many."""
    count = 0
    for i in range(meetings):
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


@njit(
    int64(float64, float64, float64, station_index, reach, climb_space, int64, i8),
    cache=True,
    nogil=True,
)
def from_stations(lon, lat, farthest_m, index, below, space, wanted, nearest):
    """Snap one place and write into space.best the milliseconds to it from every station; 2^31 - 1 = no way.

    wanted > 0: only the stations that are first there, quickest first, are written to `nearest`, each followed by its
    milliseconds; returns how many. `best` is then 2^31 - 1 everywhere before and after, and the `wanted` first stations
    of each node are enough (`fronts`): a station that comes later by way of a node has that many before it.
    """
    index, below, space = borrowed(index), borrowed(below), borrowed(space)
    distance, path, best = space.distance, space.path, space.best
    reach_first, reach_station, reach_ms = below.first, below.station, below.ms
    place = _snap(lon, lat, farthest_m, index.roads)
    if wanted == 0:
        best[:] = NO_WAY
    met, meetings = _from_same_edges(place, index, best, np.empty(64, np.int32))
    node, ms = _entries_above(place, index)
    steps = climb_from(index.climb, node, ms, 0, len(ms), distance, path)
    for i in range(steps):
        v = path[i]
        d = np.int64(distance[v])
        distance[v] = FAR
        if d >= FAR:
            continue
        if wanted == 0:
            for k in range(reach_first[v], reach_first[v + 1]):
                total = d + reach_ms[k]
                best[reach_station[k]] = min(best[reach_station[k]], total)
            continue
        for k in range(reach_first[v], min(reach_first[v + 1], reach_first[v] + wanted)):
            p, total = reach_station[k], d + reach_ms[k]
            if best[p] == NO_WAY:
                met, meetings = _note(met, meetings, p)
            best[p] = min(best[p], total)
    return _first_of(met, meetings, best, wanted, nearest) if wanted > 0 else 0

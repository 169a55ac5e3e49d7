"""One place and many: the whole query in one compiled call."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import borrowed, frozen, i4, i8, int64, void
from gridsvc.roads.kernels.anchor_kernel import arrivals, departures, same_edge
from gridsvc.roads.kernels.arguments import (
    Entries,
    Seeds,
    Targets,
    arc_costs,
    direction,
    edge_ends,
    search_space,
    snapped_places,
)
from gridsvc.roads.kernels.search_kernel import search

FARTHEST_MS = 2**31 - 1

stop = types.UniTuple(int64, 2)
"""Milliseconds beyond which a search does not go, and how many targets are enough (0 = all)."""


@njit(nogil=True)
def _room(n):
    return Entries(np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, np.int32))


@njit(nogil=True)
def _all_departures(places, costs, ends):
    found = _room(4 * len(places.edge))
    n = departures(places, costs.slot_ms, ends, found)
    return Entries(found.node[:n], found.ms[:n], found.place[:n])


@njit(nogil=True)
def _all_arrivals(places, costs, ends):
    room = 8 * len(places.edge)
    while True:
        found = _room(room)
        n = arrivals(places, costs, ends, found)
        if n <= room:
            return Entries(found.node[:n], found.ms[:n], found.place[:n])
        room = n


@njit(nogil=True)
def _sort_few(node, ms):
    """Sort entries by milliseconds, in place, by insertion: there are few of them."""
    for i in range(1, len(ms)):
        v, d = node[i], ms[i]
        j = i
        while j > 0 and ms[j - 1] > d:
            node[j], ms[j] = node[j - 1], ms[j - 1]
            j -= 1
        node[j], ms[j] = v, d


@njit(
    void(direction, arc_costs, edge_ends, snapped_places, snapped_places, search_space, stop, i8),
    cache=True,
    nogil=True,
)
def between(roads, costs, ends, many, one, space, until, best):
    """Write the milliseconds from each of the many to the one (roads.backward), or from the one to each of the many."""
    roads, costs, ends = borrowed(roads), borrowed(costs), borrowed(ends)
    many, one, space = borrowed(many), borrowed(one), borrowed(space)
    backward = roads.backward
    for p in range(len(best)):
        if backward:
            best[p] = same_edge(many, p, one, 0, costs.slot_ms, ends.edge_length_m)
        else:
            best[p] = same_edge(one, 0, many, p, costs.slot_ms, ends.edge_length_m)
    origins, destinations = (many, one) if backward else (one, many)
    leaving, coming = _all_departures(origins, costs, ends), _all_arrivals(destinations, costs, ends)
    begin, sought = (coming, leaving) if backward else (leaving, coming)
    _sort_few(begin.node, begin.ms)
    n = len(sought.node)
    target_of = space.target_of
    following = np.empty(n, np.int32)
    for i in range(n):
        following[i] = target_of[sought.node[i]]
        target_of[sought.node[i]] = i
    limit, wanted = until
    search(
        roads,
        space,
        Seeds(frozen(begin.node), frozen(begin.ms)),
        limit,
        wanted,
        Targets(frozen(following), frozen(sought.place), frozen(sought.ms)),
        best,
    )
    for i in range(n):
        target_of[sought.node[i]] = -1
    for p in range(len(best)):
        if best[p] > limit:
            best[p] = FARTHEST_MS


@njit(void(direction, arc_costs, edge_ends, snapped_places, search_space, int64, i4), cache=True, nogil=True)
def flood(roads, costs, ends, places, space, limit, result):
    """Write the milliseconds of every node to the places (roads.backward) or from them, the nearest place counting."""
    roads, costs, ends = borrowed(roads), borrowed(costs), borrowed(ends)
    places, space = borrowed(places), borrowed(space)
    begin = _all_arrivals(places, costs, ends) if roads.backward else _all_departures(places, costs, ends)
    order = np.argsort(begin.ms)
    none, none_ms = np.empty(0, np.int32), np.empty(0, np.int64)
    search(
        roads,
        space,
        Seeds(frozen(begin.node[order]), frozen(begin.ms[order])),
        limit,
        0,
        Targets(frozen(none), frozen(none), frozen(none_ms)),
        none_ms,
    )
    state, stamp = space.state, space.stamp
    for v in range(len(result)):
        result[v] = state[v, 0] if state[v, 1] == stamp else FARTHEST_MS

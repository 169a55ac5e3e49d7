"""Entries: where a search enters the network from a place in the middle of an edge, and where it leaves to one.

A place on an edge departs to the ends of the edge after what remains of each direction, and is reached from them after
what has passed. At the very end of an edge the place is at the junction itself.

Beside the road the two ends differ. From an origin the vehicle itself drives to the nearest road that it may use, as
out of a yard; at the destination the team leaves it and walks. Where all roads of an origin are closed to the vehicle
it gets out along them at walking pace; a closed road of a destination is walked.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gridsvc.numba_types import borrowed, int64, read_f8, read_u4
from gridsvc.roads.kernels.arguments import arc_costs, edge_ends, entries, snapped_places
from gridsvc.roads.kernels.ellipsoid_kernel import metres_per_degree_at

SHUT = 0xFFFFFFFF
FARTHEST_MS = 2**31 - 1
WALK_MS_PER_M = 720.0
"""5 km/h, as `snapping.WALKING_KPH`."""

EXIT_MS_PER_M = 240.0
"""15 km/h, as `snapping.EXIT_KPH`."""


@njit(nogil=True, inline="always")
def walk_ms(metres):
    """Return the milliseconds of a walk."""
    return np.int64(metres * WALK_MS_PER_M + 0.5)


@njit(nogil=True, inline="always")
def exit_ms(metres):
    """Return the milliseconds of a drive beside the road."""
    return np.int64(metres * EXIT_MS_PER_M + 0.5)


@njit(nogil=True, inline="always")
def share_ms(share, whole):
    """Return the milliseconds of a share of an edge that takes `whole` milliseconds."""
    return np.int64(share * whole + 0.5)


@njit(nogil=True, inline="always")
def _put(node, ms, place, n, entry_node, entry_ms, p):
    """Write an entry where there is room; returns how many entries there are."""
    if n < len(node):
        node[n], ms[n], place[n] = entry_node, entry_ms, p
    return n + 1


@njit(nogil=True, inline="always")
def is_shut(slot_ms, slot_first, e):
    """Say whether no vehicle may use an edge in either direction."""
    for slot in (2 * e, 2 * e + 1):  # noqa: SIM110  no generators in a kernel
        if slot_ms[slot] != SHUT and slot_first[slot] != slot_first[slot + 1]:
            return False
    return True


@njit(nogil=True, inline="always")
def is_shut_in(places, p, slot_ms, slot_first):
    """Say whether a place has no road that a vehicle may use."""
    for c in range(places.first[p], places.first[p + 1]):  # noqa: SIM110  as above
        if not is_shut(slot_ms, slot_first, places.edge[c]):
            return False
    return True


@njit(int64(snapped_places, read_u4, edge_ends, entries), cache=True, nogil=True)
def departures(places, slot_ms, ends, found):
    """Write the entries of places as origins, at most 4 for each candidate; returns how many there are."""
    places, ends, found = borrowed(places), borrowed(ends), borrowed(found)
    slot_first, slot_arc, arc_head = ends.slot_first, ends.slot_arc, ends.arc_head
    node, ms, place = found.node, found.ms, found.place
    n = 0
    for p in range(len(places.first) - 1):
        shut_in = is_shut_in(places, p, slot_ms, slot_first)
        for c in range(places.first[p], places.first[p + 1]):
            e, f = places.edge[c], places.fraction[c]
            at_end = f == 0.0 or f == 1.0  # noqa: PLR1714  a set would be built each time
            leg = exit_ms(places.offroad_m[c])
            shut = True
            for side in range(2):
                slot = 2 * e + side
                whole = np.int64(slot_ms[slot])
                if whole == SHUT or slot_first[slot] == slot_first[slot + 1]:
                    continue
                shut = False
                if not at_end:
                    # at an end, the entry of the junction is better
                    passed = share_ms(f if side == 0 else 1.0 - f, whole)
                    head = arc_head[slot_arc[slot_first[slot]]]
                    n = _put(node, ms, place, n, head, leg + whole - passed, p)
            if shut and not shut_in:
                continue
            length_m = ends.edge_length_m[e]
            if f == 0.0 or shut:
                junction = ends.junction_first[ends.edge_from[e]]
                n = _put(node, ms, place, n, junction, leg + walk_ms(f * length_m), p)
            if f == 1.0 or shut:
                junction = ends.junction_first[ends.edge_to[e]]
                n = _put(node, ms, place, n, junction, leg + walk_ms((1.0 - f) * length_m), p)
    return n


@njit(nogil=True)
def _arrivals_by_arcs(costs, ends, found, n, e, f, p, walk):
    """Write the entries by the arcs that run over an edge; returns how many there are, and whether none is open."""
    node, ms, place = found.node, found.ms, found.place
    at_end = f == 0.0 or f == 1.0  # noqa: PLR1714  a set would be built each time
    shut = True
    for side in range(2):
        slot = 2 * e + side
        whole = np.int64(costs.slot_ms[slot])
        if whole == SHUT:
            continue
        passed = share_ms(f if side == 0 else 1.0 - f, whole)
        for at in range(ends.slot_first[slot], ends.slot_first[slot + 1]):
            arc = ends.slot_arc[at]
            arc_ms = np.int64(costs.out_arcs[arc, 1])
            if arc_ms == SHUT:
                continue
            shut = False
            if not at_end:
                # what a forbidden turn into the edge adds comes before the edge
                n = _put(node, ms, place, n, ends.arc_tail[arc], walk + passed + arc_ms - whole, p)
    return n, shut


@njit(int64(snapped_places, arc_costs, edge_ends, entries), cache=True, nogil=True)
def arrivals(places, costs, ends, found):
    """Write the entries of places as destinations, where there is room; returns how many there are."""
    places, costs, ends, found = borrowed(places), borrowed(costs), borrowed(ends), borrowed(found)
    node, ms, place = found.node, found.ms, found.place
    n = 0
    for p in range(len(places.first) - 1):
        for c in range(places.first[p], places.first[p + 1]):
            e, f = places.edge[c], places.fraction[c]
            walk = walk_ms(places.offroad_m[c])
            n, shut = _arrivals_by_arcs(costs, ends, found, n, e, f, p, walk)
            for end in range(2):
                if (f == 0.0 and end == 0) or (f == 1.0 and end == 1) or shut:
                    junction = ends.edge_from[e] if end == 0 else ends.edge_to[e]
                    along = f if end == 0 else 1.0 - f
                    on_foot = walk + walk_ms(along * ends.edge_length_m[e])
                    for v in range(ends.junction_first[junction], ends.junction_first[junction + 1]):
                        n = _put(node, ms, place, n, v, on_foot, p)
    return n


@njit(int64(snapped_places, int64, snapped_places, int64, read_u4, read_f8), cache=True, nogil=True)
def same_edge(origins, a, destinations, b, slot_ms, edge_length_m):
    """Milliseconds from origin a to destination b along an edge that both are on; 2^31 - 1 where they share none.

    Places that are nearer to each other than to the road are joined by a straight walk.
    """
    origins, destinations = borrowed(origins), borrowed(destinations)
    best = np.int64(FARTHEST_MS)
    for i in range(origins.first[a], origins.first[a + 1]):
        for j in range(destinations.first[b], destinations.first[b + 1]):
            e = origins.edge[i]
            if e != destinations.edge[j]:
                continue
            f, g = origins.fraction[i], destinations.fraction[j]
            beside = exit_ms(origins.offroad_m[i]) + walk_ms(destinations.offroad_m[j])
            best = min(best, beside + walk_ms(abs(f - g) * edge_length_m[e]))
            forward, backward = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
            if forward != SHUT and f <= g:
                best = min(best, beside + share_ms(g, forward) - share_ms(f, forward))
            if backward != SHUT and f >= g:
                best = min(best, beside + share_ms(1.0 - g, backward) - share_ms(1.0 - f, backward))
            east, north = metres_per_degree_at(origins.lat[a])
            x, y = (origins.lon[a] - destinations.lon[b]) * east, (origins.lat[a] - destinations.lat[b]) * north
            straight = math.hypot(x, y)
            if straight <= origins.offroad_m[i] + destinations.offroad_m[j]:
                best = min(best, walk_ms(straight))
    return best

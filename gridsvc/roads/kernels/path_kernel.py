"""How long the quickest way spends on each class of road, read from the distances that a search has left behind."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.numba_types import borrowed, i8, int64
from gridsvc.roads.kernels.anchor_kernel import SHUT, exit_ms, is_shut_in, share_ms, walk_ms
from gridsvc.roads.kernels.arguments import arc_classes, arc_costs, edge_ends, labels, snapped_places


@njit(nogil=True)
def _along_one_edge(slot_ms, edge_class, origin, destination, best, class_ms):
    """Add the drive between two places on one edge; returns whether that is the way that takes `best`."""
    for i in range(len(origin.edge)):
        for j in range(len(destination.edge)):
            e = origin.edge[i]
            if e != destination.edge[j]:
                continue
            f, g = origin.fraction[i], destination.fraction[j]
            beside = exit_ms(origin.offroad_m[i]) + walk_ms(destination.offroad_m[j])
            ahead, back = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
            if ahead != SHUT and f <= g:
                driven = share_ms(g, ahead) - share_ms(f, ahead)
                if beside + driven == best:
                    class_ms[edge_class[e]] += driven
                    return True
            if back != SHUT and f >= g:
                driven = share_ms(1.0 - g, back) - share_ms(1.0 - f, back)
                if beside + driven == best:
                    class_ms[edge_class[e]] += driven
                    return True
    return False


@njit(nogil=True)
def _way_out(slot_ms, ends, origin, left, best):
    """Find the first node of the way, as `anchor_kernel.departures`: node (-1 = none), edge driven, milliseconds."""
    state, stamp = left.state, left.stamp
    shut_in = is_shut_in(origin, 0, slot_ms, ends.slot_first)
    for c in range(len(origin.edge)):
        e, f = origin.edge[c], origin.fraction[c]
        leg = exit_ms(origin.offroad_m[c])
        shut = True
        for side in range(2):
            slot = 2 * e + side
            whole = np.int64(slot_ms[slot])
            if whole == SHUT or ends.slot_first[slot] == ends.slot_first[slot + 1]:
                continue
            shut = False
            driven = whole - share_ms(f if side == 0 else 1.0 - f, whole)
            node = ends.arc_head[ends.slot_arc[ends.slot_first[slot]]]
            if state[node, 1] == stamp and leg + driven + state[node, 0] == best:
                return node, e, driven
        if shut and not shut_in:
            continue
        for side in range(2):
            at_end = f == 0.0 if side == 0 else f == 1.0
            if not (at_end or shut):
                continue
            node = ends.junction_first[ends.edge_from[e] if side == 0 else ends.edge_to[e]]
            out = leg + walk_ms((f if side == 0 else 1.0 - f) * ends.edge_length_m[e])
            if state[node, 1] == stamp and out + state[node, 0] == best:
                return node, e, np.int64(0)
    return np.int32(-1), np.int32(0), np.int64(0)


@njit(nogil=True)
def _way_in(costs, ends, destination, v, d):
    """Find the edge by which node v leads to the destination in d milliseconds, as `anchor_kernel.arrivals`.

    Returns the edge (-1 = none) and the milliseconds driven on it.
    """
    for c in range(len(destination.edge)):
        e, f = destination.edge[c], destination.fraction[c]
        walk = walk_ms(destination.offroad_m[c])
        shut = True
        for side in range(2):
            slot = 2 * e + side
            whole = np.int64(costs.slot_ms[slot])
            if whole == SHUT:
                continue
            driven = share_ms(f if side == 0 else 1.0 - f, whole)
            for at in range(ends.slot_first[slot], ends.slot_first[slot + 1]):
                ms = np.int64(costs.out_arcs[ends.slot_arc[at], 1])
                if ms == SHUT:
                    continue
                shut = False
                if ends.arc_tail[ends.slot_arc[at]] == v and walk + driven + ms - whole == d:
                    return e, driven
        for side in range(2):
            at_end = f == 0.0 if side == 0 else f == 1.0
            if not (at_end or shut):
                continue
            junction = ends.edge_from[e] if side == 0 else ends.edge_to[e]
            on_foot = walk + walk_ms((f if side == 0 else 1.0 - f) * ends.edge_length_m[e])
            if ends.junction_first[junction] <= v < ends.junction_first[junction + 1] and on_foot == d:
                return e, np.int64(0)
    return np.int32(-1), np.int64(0)


@njit(nogil=True)
def _next_arc(out_first, out_arcs, left, v):
    """Find the longest arc of v that is on a quickest way to the destination and leads to no node seen; -1 = none."""
    state, seen, stamp = left.state, left.seen, left.stamp
    d = np.int64(state[v, 0])
    onward, longest = -1, np.int64(-1)
    for a in range(out_first[v], out_first[v + 1]):
        ms, u = np.int64(out_arcs[a, 1]), out_arcs[a, 0]
        if ms == SHUT or ms <= longest or seen[u] != -1 or state[u, 1] != stamp or state[u, 0] + ms != d:
            continue
        onward, longest = a, ms
    return onward


@njit(
    int64(arc_costs, edge_ends, arc_classes, snapped_places, snapped_places, labels, int64, i8),
    cache=True,
    nogil=True,
)
def spent(costs, ends, classes, origin, destination, left, best, class_ms):
    """Add up the milliseconds driven on each class from one place to another, `best` in all.

    `left.state` as a backward search from the destination left it. What the sum lacks of `best` is beside the road, or
    lost in a forbidden turn. Returns -1 where the way was not found.
    """
    costs, ends, classes, left = borrowed(costs), borrowed(ends), borrowed(classes), borrowed(left)
    origin, destination = borrowed(origin), borrowed(destination)
    slot_ms, edge_class, seen = costs.slot_ms, classes.edge_class, left.seen
    if _along_one_edge(slot_ms, edge_class, origin, destination, best, class_ms):
        return 0
    v, edge, driven = _way_out(slot_ms, ends, origin, left, best)
    if v == -1:
        return -1
    class_ms[edge_class[edge]] += driven
    passed = np.empty(len(seen), np.int32)
    n = 0
    outcome = -1
    while n < len(passed):
        edge, driven = _way_in(costs, ends, destination, v, np.int64(left.state[v, 0]))
        if edge != -1:
            class_ms[edge_class[edge]] += driven
            outcome = 0
            break
        seen[v] = 1
        passed[n] = v
        n += 1
        onward = _next_arc(classes.out_first, costs.out_arcs, left, v)
        if onward == -1:
            break
        slot = classes.arc_slot[onward]
        class_ms[edge_class[slot >> 1]] += np.int64(slot_ms[slot])
        v = np.int32(costs.out_arcs[onward, 0])
    for i in range(n):
        seen[passed[i]] = -1
    return outcome

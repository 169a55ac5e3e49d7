"""How long the quickest way spends on each class of road, read from the distances that a search has left behind."""

# ruff: noqa: ANN001, ANN201  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.signatures import i4, i4_2d, i8, int64, read_f8, read_i4, read_u4, read_u4_2d

SHUT = 0xFFFFFFFF
WALK_MS_PER_M = 720.0

read_u1 = types.Array(types.uint8, 1, "C", readonly=True)


@njit(
    int64(read_i4, read_u4_2d, read_i4, read_u4, read_i4, read_i4, read_i4, read_i4,
          read_i4, read_i4, read_i4, read_f8, read_u1,
          read_i4, read_f8, read_f8, read_i4, read_f8, read_f8,
          i4_2d, i4, int64, int64, i8),
    cache=True,
    nogil=True,
)  # fmt: skip
def spent(
    out_first, out_arcs, arc_slot, slot_ms, slot_first, slot_arc, arc_tail, arc_head,
    junction_first, edge_from, edge_to, edge_length_m, edge_class,
    from_edge, from_fraction, from_m, to_edge, to_fraction, to_m,
    state, seen, stamp, best, class_ms,
):  # fmt: skip
    """Add up the milliseconds driven on each class from one place to another, `best` in all.

    `state` as a backward search from the destination left it; `seen` is -1 throughout, and is again at the end. What
    the sum lacks of `best` is walked, or lost in a forbidden turn. Returns -1 where the way was not found.
    """
    # both on one road, with nothing between
    for i in range(len(from_edge)):
        for j in range(len(to_edge)):
            e = from_edge[i]
            if e != to_edge[j]:
                continue
            f, g = from_fraction[i], to_fraction[j]
            walk = np.int64(from_m[i] * WALK_MS_PER_M + 0.5) + np.int64(to_m[j] * WALK_MS_PER_M + 0.5)
            ahead, back = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
            if ahead != SHUT and f <= g:
                driven = np.int64(g * ahead + 0.5) - np.int64(f * ahead + 0.5)
                if walk + driven == best:
                    class_ms[edge_class[e]] += driven
                    return 0
            if back != SHUT and f >= g:
                driven = np.int64((1.0 - g) * back + 0.5) - np.int64((1.0 - f) * back + 0.5)
                if walk + driven == best:
                    class_ms[edge_class[e]] += driven
                    return 0
    # the way out: as anchor_kernel.departures
    v, out_class, out_driven = -1, 0, np.int64(0)
    for c in range(len(from_edge)):
        e, f = from_edge[c], from_fraction[c]
        walk = np.int64(from_m[c] * WALK_MS_PER_M + 0.5)
        shut = True
        for side in range(2):
            slot = 2 * e + side
            whole = np.int64(slot_ms[slot])
            if whole == SHUT or slot_first[slot] == slot_first[slot + 1]:
                continue
            shut = False
            driven = whole - np.int64((f if side == 0 else 1.0 - f) * whole + 0.5)
            node = arc_head[slot_arc[slot_first[slot]]]
            if v == -1 and state[node, 1] == stamp and walk + driven + state[node, 0] == best:
                v, out_class, out_driven = node, edge_class[e], driven
        for side in range(2):
            at_end = f == 0.0 if side == 0 else f == 1.0
            if not (at_end or shut):
                continue
            node = junction_first[edge_from[e] if side == 0 else edge_to[e]]
            along = f if side == 0 else 1.0 - f
            on_foot = walk + np.int64(along * edge_length_m[e] * WALK_MS_PER_M + 0.5)
            if v == -1 and state[node, 1] == stamp and on_foot + state[node, 0] == best:
                v, out_driven = node, np.int64(0)
    if v == -1:
        return -1
    class_ms[out_class] += out_driven
    passed = np.empty(len(state), np.int32)
    n = 0
    outcome = -1
    while n < len(passed):
        d = np.int64(state[v, 0])
        # the way in: as anchor_kernel.arrivals
        there = False
        for c in range(len(to_edge)):
            e, f = to_edge[c], to_fraction[c]
            walk = np.int64(to_m[c] * WALK_MS_PER_M + 0.5)
            shut = True
            for side in range(2):
                slot = 2 * e + side
                whole = np.int64(slot_ms[slot])
                if whole == SHUT:
                    continue
                driven = np.int64((f if side == 0 else 1.0 - f) * whole + 0.5)
                for at in range(slot_first[slot], slot_first[slot + 1]):
                    ms = np.int64(out_arcs[slot_arc[at], 1])
                    if ms == SHUT:
                        continue
                    shut = False
                    if not there and arc_tail[slot_arc[at]] == v and walk + driven + ms - whole == d:
                        class_ms[edge_class[e]] += driven
                        there = True
            for side in range(2):
                at_end = f == 0.0 if side == 0 else f == 1.0
                if there or not (at_end or shut):
                    continue
                junction = edge_from[e] if side == 0 else edge_to[e]
                along = f if side == 0 else 1.0 - f
                on_foot = walk + np.int64(along * edge_length_m[e] * WALK_MS_PER_M + 0.5)
                if junction_first[junction] <= v < junction_first[junction + 1] and on_foot == d:
                    there = True
        if there:
            outcome = 0
            break
        seen[v] = 1
        passed[n] = v
        n += 1
        # an arc that loses no time; streets without length never lead back
        onward, longest = -1, np.int64(-1)
        for a in range(out_first[v], out_first[v + 1]):
            ms, u = np.int64(out_arcs[a, 1]), out_arcs[a, 0]
            if ms == SHUT or ms <= longest or seen[u] != -1 or state[u, 1] != stamp or state[u, 0] + ms != d:
                continue
            onward, longest = a, ms
        if onward == -1:
            break
        slot = arc_slot[onward]
        class_ms[edge_class[slot >> 1]] += np.int64(slot_ms[slot])
        v = out_arcs[onward, 0]
    for i in range(n):
        seen[passed[i]] = -1
    return outcome

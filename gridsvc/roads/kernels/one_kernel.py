"""One place and many: the whole query in one compiled call."""

# ruff: noqa: ANN001, ANN201  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.anchor_kernel import arrivals, departures, same_edge
from gridsvc.roads.kernels.search_kernel import search
from gridsvc.roads.kernels.signatures import i4, i4_2d, i8, int64, read_f8, read_i4, read_u4, read_u4_2d, void

FARTHEST_MS = 2**31 - 1


@njit(
    void(types.boolean, read_i4, read_u4_2d, read_u4_2d, read_u4, read_i4, read_i4, read_i4, read_i4,
         read_i4, read_i4, read_i4, read_f8,
         read_f8, read_f8, read_i4, read_i4, read_f8, read_f8,
         read_f8, read_f8, read_i4, read_i4, read_f8, read_f8,
         i4_2d, i4, i4, int64, int64, int64, int64, i8),
    cache=True,
    nogil=True,
)  # fmt: skip
def between(
    backward, search_first, search_arcs, out_arcs, slot_ms, slot_first, slot_arc, arc_tail, arc_head,
    junction_first, edge_from, edge_to, edge_length_m,
    many_lon, many_lat, many_first, many_edge, many_fraction, many_m,
    one_lon, one_lat, one_first, one_edge, one_fraction, one_m,
    state, wheel, target_of, stamp, shift, limit, wanted, best,
):  # fmt: skip
    """Write the milliseconds from each of the many to the one (backward), or from the one to each (forward)."""
    for p in range(len(best)):
        if backward:
            best[p] = same_edge(many_lon, many_lat, many_first, many_edge, many_fraction, many_m, p,
                                one_lon, one_lat, one_first, one_edge, one_fraction, one_m, 0, slot_ms,
                                edge_length_m)  # fmt: skip
        else:
            best[p] = same_edge(one_lon, one_lat, one_first, one_edge, one_fraction, one_m, 0,
                                many_lon, many_lat, many_first, many_edge, many_fraction, many_m, p, slot_ms,
                                edge_length_m)  # fmt: skip
    ways_in, ways_out = (one_first, many_first) if backward else (many_first, one_first)
    in_edge, out_edge = (one_edge, many_edge) if backward else (many_edge, one_edge)
    in_fraction, out_fraction = (one_fraction, many_fraction) if backward else (many_fraction, one_fraction)
    in_m, out_m = (one_m, many_m) if backward else (many_m, one_m)
    room = 4 * len(out_edge)
    from_node, from_ms, from_place = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
    n_from = departures(ways_out, out_edge, out_fraction, out_m, slot_ms, slot_first, slot_arc, arc_head,
                        junction_first, edge_from, edge_to, edge_length_m, from_node, from_ms, from_place)  # fmt: skip
    room = 8 * len(in_edge)
    while True:
        to_node, to_ms, to_place = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
        n_to = arrivals(ways_in, in_edge, in_fraction, in_m, slot_ms, out_arcs, slot_first, slot_arc, arc_tail,
                        junction_first, edge_from, edge_to, edge_length_m, to_node, to_ms, to_place)  # fmt: skip
        if n_to <= room:
            break
        room = n_to
    if backward:
        seed_node, seed_ms = to_node[:n_to], to_ms[:n_to]
        node, ms, place, n = from_node, from_ms, from_place, n_from
    else:
        seed_node, seed_ms = from_node[:n_from], from_ms[:n_from]
        node, ms, place, n = to_node, to_ms, to_place, n_to
    # few seeds: sort them where they are
    for i in range(1, len(seed_ms)):
        v, d = seed_node[i], seed_ms[i]
        j = i
        while j > 0 and seed_ms[j - 1] > d:
            seed_node[j], seed_ms[j] = seed_node[j - 1], seed_ms[j - 1]
            j -= 1
        seed_node[j], seed_ms[j] = v, d
    following = np.empty(n, np.int32)
    for i in range(n):
        following[i] = target_of[node[i]]
        target_of[node[i]] = i
    search(search_first, search_arcs, shift, state, wheel, stamp, seed_node, seed_ms, limit, wanted, target_of,
           following, place, ms, best)  # fmt: skip
    for i in range(n):
        target_of[node[i]] = -1
    for p in range(len(best)):
        if best[p] > limit:
            best[p] = FARTHEST_MS


@njit(
    void(types.boolean, read_i4, read_u4_2d, read_u4_2d, read_u4, read_i4, read_i4, read_i4, read_i4,
         read_i4, read_i4, read_i4, read_f8,
         read_i4, read_i4, read_f8, read_f8,
         i4_2d, i4, i4, int64, int64, int64, i4),
    cache=True,
    nogil=True,
)  # fmt: skip
def flood(
    backward, search_first, search_arcs, out_arcs, slot_ms, slot_first, slot_arc, arc_tail, arc_head,
    junction_first, edge_from, edge_to, edge_length_m,
    place_first, place_edge, place_fraction, place_m, state, wheel, target_of, stamp, shift, limit, told,
):  # fmt: skip
    """Write the milliseconds of every node to the places (backward) or from them (forward), whichever is nearest."""
    if backward:
        none = np.empty(0, np.int32)
        n = arrivals(place_first, place_edge, place_fraction, place_m, slot_ms, out_arcs, slot_first, slot_arc,
                     arc_tail, junction_first, edge_from, edge_to, edge_length_m, none, np.empty(0, np.int64),
                     none)  # fmt: skip
    else:
        n = 4 * len(place_edge)
    node, ms, place = np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, np.int32)
    if backward:
        arrivals(place_first, place_edge, place_fraction, place_m, slot_ms, out_arcs, slot_first, slot_arc, arc_tail,
                 junction_first, edge_from, edge_to, edge_length_m, node, ms, place)  # fmt: skip
    else:
        n = departures(place_first, place_edge, place_fraction, place_m, slot_ms, slot_first, slot_arc, arc_head,
                       junction_first, edge_from, edge_to, edge_length_m, node, ms, place)  # fmt: skip
    order = np.argsort(ms[:n])
    none = np.empty(0, np.int32)
    search(search_first, search_arcs, shift, state, wheel, stamp, node[:n][order], ms[:n][order], limit, 0, target_of,
           none, none, np.empty(0, np.int64), np.empty(0, np.int64))  # fmt: skip
    for v in range(len(told)):
        told[v] = state[v, 0] if state[v, 1] == stamp else FARTHEST_MS

"""Compiled loops of the customisable contraction hierarchy (CCH): contraction, customisation, upward search."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import borrowed, i4, i4_2d, int64, read_f8, read_i4, read_u4, u4, void
from gridsvc.roads.kernels.anchor_kernel import same_edge
from gridsvc.roads.kernels.arguments import snapped_places, upward

FAR = np.uint32(0x3FFFFFFF)
"""Unreachable: 12.4 days in milliseconds. The sum of two still fits in 32 bits."""


@njit(types.Tuple((i4, i4))(read_i4, read_i4), cache=True, nogil=True)
def contract(first, neighbour):
    """Contract nodes in the order of their numbers; return the upward graph as CSR (first, head), heads ascending.

    In the elimination tree the parent of a node is its lowest upper neighbour. The upper neighbours of a node are those
    it has in the input, and those of its children (Dibbelt, Strasser, Wagner 2016, section 3).
    """
    n = len(first) - 1
    up_first = np.zeros(n + 1, np.int32)
    up_head = np.empty(4 * len(neighbour) + n, np.int32)
    # the children of each node as a linked list: the first child, and the next sibling
    child_first = np.full(n, -1, np.int32)
    sibling = np.full(n, -1, np.int32)
    seen = np.full(n, -1, np.int32)  # seen[w] == v: w is already an upper neighbour of v
    at = 0
    for v in range(n):
        start = at
        need = first[v + 1] - first[v]
        child = child_first[v]
        while child != -1:
            need += up_first[child + 1] - up_first[child]
            child = sibling[child]
        if at + need > len(up_head):
            larger = np.empty(2 * (at + need), np.int32)
            larger[:at] = up_head[:at]
            up_head = larger
        seen[v] = v
        for a in range(first[v], first[v + 1]):
            w = neighbour[a]
            if w > v and seen[w] != v:
                seen[w] = v
                up_head[at] = w
                at += 1
        child = child_first[v]
        while child != -1:
            for a in range(up_first[child], up_first[child + 1]):
                w = up_head[a]
                if seen[w] != v:
                    seen[w] = v
                    up_head[at] = w
                    at += 1
            child = sibling[child]
        up_head[start:at] = np.sort(up_head[start:at])
        up_first[v + 1] = at
        if at > start:
            parent = up_head[start]
            sibling[v] = child_first[parent]
            child_first[parent] = v
    return up_first, up_head[:at].copy()


@njit(void(read_i4, read_i4, u4, u4), cache=True, nogil=True)
def customise(first, head, up, down):
    """Lower the weights until no arc is slower than a path over a lower node (basic customisation, section 4).

    up[a] is the time in milliseconds from the lower to the upper end of arc a, down[a] that of the other direction.
    """
    n = len(first) - 1
    arc_to = np.empty(n, np.int32)  # the arc from x to each of its upper neighbours
    for v in range(n):
        low, high = first[v], first[v + 1]
        for i in range(low, high):
            x = head[i]
            for b in range(first[x], first[x + 1]):
                arc_to[head[b]] = b
            from_x, to_x = down[i], up[i]
            if from_x >= FAR and to_x >= FAR:
                continue
            for j in range(i + 1, high):
                b = arc_to[head[j]]
                up[b] = min(up[b], np.uint32(from_x + up[j]))
                down[b] = min(down[b], np.uint32(down[j] + to_x))


@njit(int64(upward, read_i4, read_u4, int64, int64, u4, i4), cache=True, nogil=True)
def climb_from(graph, node, ms, begin, end, distance, path):
    """Search upward from the entries begin to end - 1: the nodes node[e], reached after ms[e].

    Writes these nodes and all their ancestors to `path`, ascending, and their times in milliseconds to `distance`;
    returns the length of the path. `distance` (nodes,) must be FAR everywhere; the caller resets it along the path.
    """
    graph = borrowed(graph)
    first, head, up = graph.first, graph.head, graph.ms
    # Each entry has a walker, which is at the next node of its way to the root. Walkers that meet become one.
    walker = np.empty(end - begin, np.int32)
    walkers = 0
    for e in range(begin, end):
        if ms[e] < FAR:
            distance[node[e]] = min(distance[node[e]], ms[e])
            walker[walkers] = node[e]
            walkers += 1
    count = 0
    while walkers > 0:
        v = walker[0]
        for k in range(1, walkers):
            v = min(v, walker[k])
        path[count] = v
        count += 1
        low, high = first[v], first[v + 1]
        k, one_went_on = 0, low == high  # one walker goes on to the parent; at the root none does
        while k < walkers:
            if walker[k] != v:
                k += 1
            elif one_went_on:
                walkers -= 1
                walker[k] = walker[walkers]
            else:
                walker[k] = head[low]
                one_went_on = True
                k += 1
        d = distance[v]
        for a in range(low, high):
            u = np.uint32(head[a])
            distance[u] = min(distance[u], np.uint32(d + up[a]))
    return count


@njit(void(snapped_places, snapped_places, read_u4, read_f8, i4_2d), cache=True, nogil=True)
def same_edges(origins, destinations, slot_ms, edge_length_m, result):
    """Lower result[a, b] to the time along one edge, for each origin and destination that are on the same edge."""
    origins, destinations = borrowed(origins), borrowed(destinations)
    swapped = len(origins.edge) > len(destinations.edge)
    few_first, few = (destinations.first, destinations.edge) if swapped else (origins.first, origins.edge)
    many_first, many = (origins.first, origins.edge) if swapped else (destinations.first, destinations.edge)
    # for each edge a linked list of the candidates of the smaller side: 1 + the last one, 1 + the one before; 0: none
    last = np.zeros(len(edge_length_m), np.int32)
    previous, place = np.empty(len(few), np.int32), np.empty(len(few), np.int32)
    for p in range(len(few_first) - 1):
        for c in range(few_first[p], few_first[p + 1]):
            previous[c], place[c] = last[few[c]], p
            last[few[c]] = c + 1
    for q in range(len(many_first) - 1):
        for c in range(many_first[q], many_first[q + 1]):
            at = last[many[c]]
            while at != 0:
                a, b = (q, place[at - 1]) if swapped else (place[at - 1], q)
                ms = same_edge(origins, a, destinations, b, slot_ms, edge_length_m)
                result[a, b] = min(result[a, b], ms)
                at = previous[at - 1]


@njit(types.Tuple((i4, i4, u4))(read_i4, read_i4, read_u4), cache=True, nogil=True)
def fastest_entries(first, node, ms):
    """Return the entries of each place with every node once, at its least milliseconds."""
    places = len(first) - 1
    kept_first = np.zeros(places + 1, np.int32)
    kept_node, kept_ms = np.empty(len(node), np.int32), np.empty(len(node), np.uint32)
    at = 0
    for p in range(places):
        start = at
        for e in range(first[p], first[p + 1]):
            known = -1
            for k in range(start, at):
                if kept_node[k] == node[e]:
                    known = k
                    break
            if known == -1:
                kept_node[at], kept_ms[at] = node[e], ms[e]
                at += 1
            elif ms[e] < kept_ms[known]:
                kept_ms[known] = ms[e]
        kept_first[p + 1] = at
    return kept_first, kept_node[:at].copy(), kept_ms[:at].copy()

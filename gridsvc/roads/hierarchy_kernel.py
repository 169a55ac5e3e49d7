"""The compiled part of the hierarchy: contraction, customisation, and sweeps over many places at once."""

# ruff: noqa: ANN001, ANN201  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.roads.anchor_kernel import same_edge
from gridsvc.roads.signatures import i4, int64, read_f8, read_i4, read_i8, read_u4, u4, u4_2d, void

FAR = np.uint32(0x3FFFFFFF)
"""12.4 days in milliseconds; the sum of two still fits, so that nothing wraps round."""

NO_WAY = np.uint32(2**31 - 1)

TILE = 64

LANES = 16
"""Places swept together: their distances at one node fill one cache line."""


@njit(types.Tuple((i4, i4))(read_i4, read_i4), cache=True, nogil=True)
def contract(first, neighbour):
    """Contract nodes in the order of their numbers; returns the upward graph, CSR with sorted heads.

    The neighbours above of a node are those it had, and those of every lower node whose lowest one it is
    (elimination tree; Dibbelt, Strasser, Wagner 2016, section 3).
    """
    n = len(first) - 1
    up_first = np.zeros(n + 1, np.int32)
    up_head = np.empty(4 * len(neighbour) + n, np.int32)
    # children of a node: those whose lowest upper neighbour it is
    child_first = np.full(n, -1, np.int32)
    sibling = np.full(n, -1, np.int32)
    seen = np.full(n, -1, np.int32)
    at = 0
    for v in range(n):
        begun = at
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
        up_head[begun:at] = np.sort(up_head[begun:at])
        up_first[v + 1] = at
        if at > begun:
            parent = up_head[begun]
            sibling[v] = child_first[parent]
            child_first[parent] = v
    return up_first, up_head[:at].copy()


@njit(void(read_i4, read_i4, u4, u4), cache=True, nogil=True)
def customise(first, head, up, down):
    """Lower the weights of the upward graph until no path over a lower node is shorter (section 4: basic).

    up[a] is the milliseconds from the lower to the upper end of arc a, down[a] from the upper to the lower.
    """
    n = len(first) - 1
    place = np.empty(n, np.int32)
    for v in range(n):
        low, high = first[v], first[v + 1]
        for i in range(low, high):
            x = head[i]
            for b in range(first[x], first[x + 1]):
                place[head[b]] = b
            from_x, to_x = down[i], up[i]
            if from_x >= FAR and to_x >= FAR:
                continue
            for j in range(i + 1, high):
                b = place[head[j]]
                up[b] = min(up[b], np.uint32(from_x + up[j]))
                down[b] = min(down[b], np.uint32(down[j] + to_x))


@njit(void(read_i4, read_i4, read_u4, u4_2d, i4, int64), cache=True, nogil=True)
def climb(first, head, up, lanes, active, count):
    """Carry distances upward from `active` nodes (ascending, closed under parents), all lanes at once."""
    for k in range(count):
        v = active[k]
        for a in range(first[v], first[v + 1]):
            w, u = up[a], head[a]
            if w < FAR:
                for lane in range(LANES):
                    # the cast keeps the sum at 32 bits, eight lanes an instruction
                    lanes[u, lane] = min(lanes[u, lane], np.uint32(lanes[v, lane] + w))


@njit(void(read_i4, read_i4, read_u4, u4_2d, read_i4), cache=True, nogil=True)
def descend(first, head, down, lanes, wanted):
    """Carry distances downward to `wanted` nodes (descending, closed under upper neighbours), all lanes at once.

    PHAST (Delling, Goldberg, Nowatzyk, Werneck 2011), restricted to what the targets need (RPHAST).
    """
    for k in range(len(wanted)):
        v = wanted[k]
        for a in range(first[v], first[v + 1]):
            w, u = down[a], head[a]
            if w < FAR:
                for lane in range(LANES):
                    lanes[v, lane] = min(lanes[v, lane], np.uint32(lanes[u, lane] + w))


@njit(
    void(read_i4, read_i4, read_u4, read_u4, read_i4, read_i4, read_u4, read_i4, read_i4, read_u4, read_i4,
         u4_2d),
    cache=True,
    nogil=True,
)  # fmt: skip
def sweep(first, head, up, down, source_first, source_node, source_ms, target_first, target_node, target_ms, wanted,
          told):  # fmt: skip
    """Write told[source, target]: milliseconds by the hierarchy, LANES sources at a time; 2^31 - 1 = no way.

    Entries of source s: source_node, source_ms [source_first[s] : source_first[s + 1]], nodes by rank; the same for
    targets. `wanted`: every node above a target, descending.
    """
    n = len(first) - 1
    sources = len(source_first) - 1
    targets = len(target_first) - 1
    lanes = np.empty((n, LANES), np.uint32)
    on_path = np.zeros(n, np.bool_)
    active = np.empty(n, np.int32)
    tile = np.empty((TILE, LANES), np.uint32)
    for begin in range(0, sources, LANES):
        count = min(LANES, sources - begin)
        lanes[:, :] = FAR
        on_path[:] = False
        for lane in range(count):
            s = begin + lane
            for e in range(source_first[s], source_first[s + 1]):
                v = source_node[e]
                if source_ms[e] < FAR:
                    lanes[v, lane] = min(lanes[v, lane], source_ms[e])
                    # up to the root, or to where another path was
                    while not on_path[v]:
                        on_path[v] = True
                        if first[v] == first[v + 1]:
                            break
                        v = head[first[v]]
        climbing = 0
        for v in range(n):
            if on_path[v]:
                active[climbing] = v
                climbing += 1
        climb(first, head, up, lanes, active, climbing)
        descend(first, head, down, lanes, wanted)
        # a tile of targets at a time: read by lanes, written by sources
        for low in range(0, targets, TILE):
            high = min(low + TILE, targets)
            for t in range(low, high):
                row = t - low
                for lane in range(LANES):
                    tile[row, lane] = FAR
                for e in range(target_first[t], target_first[t + 1]):
                    v, ms = target_node[e], target_ms[e]
                    for lane in range(LANES):
                        tile[row, lane] = min(tile[row, lane], np.uint32(lanes[v, lane] + ms))
            for t in range(low, high):
                for lane in range(count):
                    ms = tile[t - low, lane]
                    told[begin + lane, t] = ms if ms < FAR else NO_WAY


@njit(i4(read_i4, read_i4, read_i4), cache=True, nogil=True)
def above(first, head, nodes):
    """Return the nodes given (in any order, also twice) and all above them, the uppermost first."""
    n = len(first) - 1
    mark = np.zeros(n, np.bool_)
    for v in nodes:
        mark[v] = True
    count = 0
    for v in range(n):
        if mark[v]:
            count += 1
            for a in range(first[v], first[v + 1]):
                mark[head[a]] = True
    told = np.empty(count, np.int32)
    for v in range(n):
        if mark[v]:
            count -= 1
            told[count] = v
    return told


@njit(
    void(read_f8, read_f8, read_i4, read_i4, read_f8, read_f8, read_f8, read_f8, read_i4, read_i4, read_f8, read_f8,
         read_i8, read_i4, read_u4, read_f8, types.int32[:, ::1]),
    cache=True,
    nogil=True,
)  # fmt: skip
def same_edges(lon1, lat1, first1, edge1, fraction1, m1, lon2, lat2, first2, edge2, fraction2, m2, by_edge, place2,
               slot_ms, edge_length_m, told):  # fmt: skip
    """Write told[a, b] for the pairs that share an edge. by_edge sorts edge2; place2 says whose candidate each is."""
    n = len(by_edge)
    for a in range(len(first1) - 1):
        for c in range(first1[a], first1[a + 1]):
            e = edge1[c]
            low, high = 0, n
            while low < high:
                middle = (low + high) // 2
                if edge2[by_edge[middle]] < e:
                    low = middle + 1
                else:
                    high = middle
            while low < n and edge2[by_edge[low]] == e:
                b = place2[by_edge[low]]
                ms = same_edge(lon1, lat1, first1, edge1, fraction1, m1, a, lon2, lat2, first2, edge2, fraction2, m2, b,
                               slot_ms, edge_length_m)  # fmt: skip
                told[a, b] = min(told[a, b], ms)
                low += 1


@njit(types.Tuple((i4, i4, u4))(read_i4, read_i4, read_u4), cache=True, nogil=True)
def distinct(first, node, ms):
    """Keep the least milliseconds of each place at each node."""
    places = len(first) - 1
    kept_first = np.zeros(places + 1, np.int32)
    kept_node, kept_ms = np.empty(len(node), np.int32), np.empty(len(node), np.uint32)
    at = 0
    for p in range(places):
        begun = at
        for e in range(first[p], first[p + 1]):
            known = -1
            for k in range(begun, at):
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

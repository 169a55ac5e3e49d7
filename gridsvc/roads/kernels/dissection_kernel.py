"""The compiled part of nested dissection: smallest cuts by flow, and the ranks of the nodes."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.numba_types import i4, read_i4, read_i8_2d

LEAF = 3
"""Sets of so few nodes are not cut any more."""

TIED = 4
"""One in so many nodes is tied at each end."""

SOURCE, SINK = -2, -3
"""Instead of an arc in `parent_arc`: nodes at which flow begins and ends."""


@njit(nogil=True)
def _find_way(graph, order, tied, group, parent_arc, queue, flow):
    """Search a way for one unit of flow, breadth first; returns the node at which it ends, -1 = none."""
    first, neighbour, _ = graph
    n = len(order)
    mine = group[order[0]]
    for i in range(n):
        parent_arc[order[i]] = -1
    for i in range(n - tied, n):
        parent_arc[order[i]] = SINK
    tail = 0
    for i in range(tied):
        parent_arc[order[i]] = SOURCE
        queue[tail] = order[i]
        tail += 1
    head = 0
    while head < tail:
        v = queue[head]
        head += 1
        for a in range(first[v], first[v + 1]):
            w = neighbour[a]
            if group[w] != mine or flow[a] == 1:
                continue
            if parent_arc[w] == SINK:
                parent_arc[w] = a
                return w
            if parent_arc[w] == -1:
                parent_arc[w] = a
                queue[tail] = w
                tail += 1
    return -1


@njit(nogil=True)
def _flow_between(graph, order, group, parent_arc, queue, flow):
    """Push units of flow from the first to the last quarter of `order` until none fits; returns how many did.

    group[v] is the same for all nodes of the set. Afterwards parent_arc[v] != -1 marks the source's side of the cut.
    """
    first, neighbour, opposite = graph
    n = len(order)
    tied = max(n // TIED, 1)
    for i in range(n):
        for a in range(first[order[i]], first[order[i] + 1]):
            flow[a] = 0
    size = 0
    while True:
        w = _find_way(graph, order, tied, group, parent_arc, queue, flow)
        if w == -1:
            break
        size += 1
        while parent_arc[w] != SOURCE:
            a = parent_arc[w]
            flow[a] += 1
            flow[opposite[a]] -= 1
            w = neighbour[opposite[a]]
    for i in range(n - tied, n):
        if parent_arc[order[i]] == SINK:
            parent_arc[order[i]] = -1
    return size


@njit(nogil=True)
def _smallest_cut(graph, mine, keys, group, space, near):
    """Cut a set along each of the directions `keys`; near[v] says which side of the smallest cut a node is on."""
    parent_arc, queue, flow = space
    least = np.int64(1) << 40
    for k in range(keys.shape[0]):
        order = mine[np.argsort(keys[k][mine])]
        found = _flow_between(graph, order, group, parent_arc, queue, flow)
        if found < least:
            least = found
            for v in mine:
                near[v] = parent_arc[v] != -1


@njit(nogil=True, inline="always")
def _is_cut(first, neighbour, group, near, v):
    """Say whether an arc of v leads to the other side of its set."""
    for at in range(first[v], first[v + 1]):
        w = neighbour[at]
        if group[w] == group[v] and near[w] != near[v]:
            return True
    return False


@njit(nogil=True)
def _sides(graph, mine, group, near, side):
    """Write the side of each node: 0, 1, or 2 for the ends of cut arcs on the side with fewer; returns their counts."""
    first, neighbour, _ = graph
    ends = np.zeros(2, np.int64)
    for v in mine:
        if _is_cut(first, neighbour, group, near, v):
            ends[1 if near[v] else 0] += 1
    from_near = ends[1] <= ends[0]
    count = np.zeros(3, np.int64)
    for v in mine:
        if near[v] == from_near and _is_cut(first, neighbour, group, near, v):
            side[v] = 2
        else:
            side[v] = 0 if near[v] else 1
        count[side[v]] += 1
    return count


@njit(i4(read_i4, read_i4, read_i4, read_i8_2d), cache=True, nogil=True)
def dissect(first, neighbour, opposite, keys):
    """Return ranks: the separator of every set last, then its sides, cut again until they are LEAF nodes or less."""
    n = len(first) - 1
    rank = np.full(n, -1, np.int32)
    group = np.zeros(n, np.int32)
    graph = first, neighbour, opposite
    side = np.empty(n, np.int32)
    space = side, np.empty(n, np.int32), np.zeros(len(neighbour), np.int8)
    near = np.empty(n, np.bool_)
    nodes = np.arange(n).astype(np.int32)
    groups = 1
    # sets still to be cut: pieces of `nodes`, which each cut rearranges, and the rank below which theirs are
    waiting = [(0, n, n)]
    while len(waiting) > 0:
        a, b, high = waiting.pop()
        if b - a <= LEAF:
            for i in range(a, b):
                high -= 1
                rank[nodes[i]] = high
            continue
        mine = nodes[a:b].copy()
        _smallest_cut(graph, mine, keys, group, space, near)
        count = _sides(graph, mine, group, near, side)
        at = np.array([a, a + count[0]])
        for v in mine:
            s = side[v]
            if s == 2:
                high -= 1
                rank[v] = high
                group[v] = -1
            else:
                nodes[at[s]] = v
                at[s] += 1
                group[v] = groups + s
        groups += 2
        middle = a + count[0]
        if count[0]:
            waiting.append((a, middle, high))
        if count[1]:
            waiting.append((middle, middle + count[1], high - count[0]))
    return rank

"""Customisation after a few arcs have changed: only what depends on them is computed again.

Dibbelt, Strasser, Wagner 2016, section 7.4 (partial updates): from the lowest node upward, an arc that became quicker
lowers the arcs over it; where an arc became slower, the arcs that took their time from it are computed again.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import borrowed, i4, int64, read_i4, void
from gridsvc.roads.kernels.arguments import below, known_ways, out_arcs, topology, two_ways
from gridsvc.roads.kernels.hierarchy_kernel import FAR

LOST = np.uint8(2)
"""State of an arc: the way that its time came from has become slower."""

LOWERED = np.uint8(1)
"""State of an arc: its time has changed."""


@njit(types.Tuple((i4, i4, i4))(read_i4, read_i4), cache=True, nogil=True)
def downward(first, head):
    """Return the upward graph by its heads: CSR, the arcs to each node and the lower ends of these, ascending."""
    n = len(first) - 1
    below_first = np.zeros(n + 1, np.int32)
    for x in head:
        below_first[x + 1] += 1
    for v in range(n):
        below_first[v + 1] += below_first[v]
    fill = below_first[:-1].copy()
    below_arc, below_node = np.empty(len(head), np.int32), np.empty(len(head), np.int32)
    for v in range(n):
        for a in range(first[v], first[v + 1]):
            at = fill[head[a]]
            fill[head[a]] += 1
            below_arc[at], below_node[at] = a, v
    return below_first, below_arc, below_node


@njit(nogil=True, inline="always")
def _find(head, low, high, node):
    """Return the arc among low..high that leads to the node; it is there."""
    while low < high:
        middle = (low + high) // 2
        if head[middle] < node:
            low = middle + 1
        else:
            high = middle
    return low


@njit(void(topology, below, out_arcs, int64, int64, two_ways), cache=True, nogil=True)
def _recompute(graph, under, roads, x, a, ways):
    """Compute arc a of node x: from the network's own arcs, then from every way over a lower node."""
    graph, under, roads, ways = borrowed(graph), borrowed(under), borrowed(roads), borrowed(ways)
    first, head, up, down = graph.first, graph.head, ways.up, ways.down
    node_of, out_first, arcs = under.node_of, roads.first, roads.arcs
    below_first, below_arc, below_node = under.first, under.arc, under.node
    y = head[a]
    low, high = np.uint32(node_of[x]), np.uint32(node_of[y])
    least_up, least_down = np.int64(FAR), np.int64(FAR)
    for arc in range(out_first[low], out_first[low + 1]):
        if arcs[arc, 0] == high:
            least_up = min(least_up, np.int64(arcs[arc, 1]))
    for arc in range(out_first[high], out_first[high + 1]):
        if arcs[arc, 0] == low:
            least_down = min(least_down, np.int64(arcs[arc, 1]))
    for at in range(below_first[x], below_first[x + 1]):
        to_x, v = below_arc[at], below_node[at]
        to_y = to_x + 1
        end = first[v + 1]
        while to_y < end and head[to_y] < y:
            to_y += 1
        if to_y < end and head[to_y] == y:
            least_up = min(least_up, np.int64(down[to_x]) + np.int64(up[to_y]))
            least_down = min(least_down, np.int64(down[to_y]) + np.int64(up[to_x]))
    up[a], down[a] = least_up, least_down


@njit(nogil=True)
def _nodes_above(graph, start, state):
    """Mark the arcs `start` as LOST; return their lower ends and all nodes above these, ascending."""
    first, head = graph.first, graph.head
    on_path = np.zeros(len(first) - 1, np.bool_)
    path = np.empty(len(first) - 1, np.int32)
    count = 0
    for a in start:
        state[a] = LOST
        v = np.searchsorted(first, a, side="right") - 1
        while not on_path[v]:
            on_path[v] = True
            path[count] = v
            count += 1
            if first[v] == first[v + 1]:
                break
            v = head[first[v]]
    return np.sort(path[:count])


@njit(nogil=True, inline="always")
def _pass_on(before, now, known, new, state, b):
    """Apply a way over a lower node to arc b: it lowers the arc, or the arc loses what its time rested on."""
    if now < new[b]:
        new[b] = now
        state[b] |= LOWERED
    elif now > before and before == known[b]:
        state[b] |= LOST


@njit(i4(topology, below, out_arcs, read_i4, known_ways, two_ways), cache=True, nogil=True)
def customise_again(graph, under, roads, start, known, ways):
    """Bring `ways`, a copy of `known`, to the new milliseconds of the network's arcs in `roads`.

    start: the upward arcs over network arcs that differ. Returns the lower ends of the upward arcs whose milliseconds
    changed, ascending.
    """
    graph, under, roads, ways = borrowed(graph), borrowed(under), borrowed(roads), borrowed(ways)
    known = borrowed(known)
    first, head, up, down = graph.first, graph.head, ways.up, ways.down
    known_up, known_down = known.up, known.down
    state = np.zeros(len(head), np.uint8)
    path = _nodes_above(graph, start, state)
    changed = np.empty(len(path), np.int32)
    total = 0
    for x in path:
        low, high = first[x], first[x + 1]
        differs = False
        for a in range(low, high):
            if state[a] & LOST:
                _recompute(graph, under, roads, x, a, ways)
            if up[a] == known_up[a] and down[a] == known_down[a]:
                state[a] = 0
            else:
                state[a] = LOWERED
                differs = True
        if not differs:
            continue
        changed[total] = x
        total += 1
        for i in range(low, high):
            if state[i] == 0:
                continue
            for j in range(low, high):
                if j == i or (j < i and state[j] != 0):
                    continue
                near, far = (i, j) if i < j else (j, i)
                b = _find(head, first[head[near]], first[head[near] + 1], head[far])
                _pass_on(known_down[near] + known_up[far], down[near] + up[far], known_up, up, state, b)
                _pass_on(known_down[far] + known_up[near], down[far] + up[near], known_down, down, state, b)
    return changed[:total]

"""Customisation after a few arcs have changed: only what rests on them is worked out again.

Dibbelt, Strasser, Wagner 2016, section 7.4 (partial updates): nodes from the lowest upward; an arc that became quicker
lowers the arcs over it, one that became slower has those worked out again that owed their time to it.
"""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.hierarchy_kernel import FAR
from gridsvc.roads.kernels.signatures import i4, int64, read_i4, read_u4, read_u4_2d, u4, void

LOST = np.uint8(2)
"""What an arc's time rested on has become slower."""

LOWERED = np.uint8(1)


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


@njit(
    void(read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_u4_2d, int64, int64, u4, u4),
    cache=True,
    nogil=True,
)
def _again(first, head, below_first, below_arc, below_node, node_of, out_first, out_arcs, x, a, up, down):
    """Work out arc a of node x: the network's own arcs, then every way over a lower node."""
    y = head[a]
    low, high = np.uint32(node_of[x]), np.uint32(node_of[y])
    least_up, least_down = np.int64(FAR), np.int64(FAR)
    for arc in range(out_first[low], out_first[low + 1]):
        if out_arcs[arc, 0] == high:
            least_up = min(least_up, np.int64(out_arcs[arc, 1]))
    for arc in range(out_first[high], out_first[high + 1]):
        if out_arcs[arc, 0] == low:
            least_down = min(least_down, np.int64(out_arcs[arc, 1]))
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


@njit(
    i4(read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_u4_2d, read_i4, read_u4, read_u4, u4, u4),
    cache=True,
    nogil=True,
)  # fmt: skip
def customise_again(
    first, head, below_first, below_arc, below_node, node_of, out_first, out_arcs, begun, known_up, known_down,
    up, down,
):  # fmt: skip
    """Bring `up` and `down`, copies of the known ones, to the new milliseconds of `out_arcs`.

    begun: the upward arcs over network arcs that differ. Returns the lower ends of the upward arcs that came out
    otherwise, ascending.
    """
    n = len(first) - 1
    state = np.zeros(len(head), np.uint8)
    on_path = np.zeros(n, np.bool_)
    path = np.empty(n, np.int32)
    count = 0
    for a in begun:
        state[a] = LOST
        v = np.searchsorted(first, a, side="right") - 1
        while not on_path[v]:
            on_path[v] = True
            path[count] = v
            count += 1
            if first[v] == first[v + 1]:
                break
            v = head[first[v]]
    path = np.sort(path[:count])
    changed = np.empty(count, np.int32)
    total = 0
    for x in path:
        low, high = first[x], first[x + 1]
        differs = False
        for a in range(low, high):
            if state[a] & LOST:
                _again(first, head, below_first, below_arc, below_node, node_of, out_first, out_arcs, x, a, up, down)
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
                now, before = down[near] + up[far], known_down[near] + known_up[far]
                if now < up[b]:
                    up[b] = now
                    state[b] |= LOWERED
                elif now > before and before == known_up[b]:
                    state[b] |= LOST
                now, before = down[far] + up[near], known_down[far] + known_up[near]
                if now < down[b]:
                    down[b] = now
                    state[b] |= LOWERED
                elif now > before and before == known_down[b]:
                    state[b] |= LOST
    return changed[:total]

"""The order of a customisable contraction: nested dissection by inertial flow.

A set of nodes is cut in two by few arcs: along each of four directions, the first and last quarter of the nodes are
tied together and the smallest cut between them is taken (Schild and Sommer 2015, On balanced separators in road
networks). The ends of the cut on its smaller side come last in the order, the two sides before, each cut again.
It depends on the topology alone, so it is worked out once a network.
"""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types
from scipy.sparse import csr_matrix

from gridsvc.roads.kernels.signatures import i4, int64, read_i4

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

LEAF = 3
"""Sets of so few nodes are not cut any more."""

TIED = 4
"""One in so many nodes is tied at each end."""


def order_of(network: RoadNetwork) -> NDArray[np.int32]:
    """Return the rank of every node, (nodes,): 0 is contracted first."""
    n = network.node_count
    arcs = csr_matrix((np.ones(network.arc_count, np.int8), (network.arc_tail, network.arc_head)), shape=(n, n))
    both = (arcs + arcs.T).tocsr()
    both.setdiag(0)
    both.eliminate_zeros()
    both.sort_indices()
    first, neighbour = both.indptr.astype(np.int32), both.indices.astype(np.int32)
    junction = np.repeat(np.arange(len(network.junction_lon)), np.diff(network.junction_first))
    lat = network.junction_lat[junction].astype(np.int64)
    shrink = float(np.cos(np.radians(network.junction_lat.mean() * 1e-7)))
    lon = (network.junction_lon[junction] * shrink).astype(np.int64)
    keys = np.stack([lon, lat, lon + lat, lon - lat])
    rank: NDArray[np.int32] = dissect(first, neighbour, _opposite(first, neighbour), keys)
    return rank


def _opposite(first: NDArray[np.int32], neighbour: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the arc that leads back for each arc of a symmetric CSR graph with sorted neighbours."""
    tail = np.repeat(np.arange(len(first) - 1), np.diff(first))
    return np.lexsort((tail, neighbour)).astype(np.int32)


@njit(
    int64(read_i4, read_i4, read_i4, read_i4, i4, i4, i4, types.int8[::1]),
    cache=True,
    nogil=True,
)
def _flow_between(first, neighbour, opposite, order, group, parent_arc, queue, flow):
    """Push units of flow from the first to the last quarter of `order` until none fits; returns how many did.

    group[v] is the same for all nodes of the set. Afterwards parent_arc[v] != -1 tells the source's side of the cut.
    """
    n = len(order)
    tied = max(n // TIED, 1)
    mine = group[order[0]]
    for i in range(n):
        for a in range(first[order[i]], first[order[i] + 1]):
            flow[a] = 0
    size = 0
    while True:
        for i in range(n):
            parent_arc[order[i]] = -1
        for i in range(n - tied, n):
            parent_arc[order[i]] = -3
        tail = 0
        for i in range(tied):
            parent_arc[order[i]] = -2
            queue[tail] = order[i]
            tail += 1
        head = 0
        met = -1
        while head < tail and met == -1:
            v = queue[head]
            head += 1
            for a in range(first[v], first[v + 1]):
                w = neighbour[a]
                if group[w] != mine or flow[a] == 1:
                    continue
                if parent_arc[w] == -3:
                    parent_arc[w] = a
                    met = w
                    break
                if parent_arc[w] == -1:
                    parent_arc[w] = a
                    queue[tail] = w
                    tail += 1
        if met == -1:
            break
        size += 1
        w = met
        while parent_arc[w] != -2:
            a = parent_arc[w]
            flow[a] += 1
            flow[opposite[a]] -= 1
            w = neighbour[opposite[a]]
    for i in range(n - tied, n):
        if parent_arc[order[i]] == -3:
            parent_arc[order[i]] = -1
    return size


@njit(i4(read_i4, read_i4, read_i4, types.Array(types.int64, 2, "C", readonly=True)), cache=True, nogil=True)
def dissect(first, neighbour, opposite, keys):
    """Return ranks: the separator of every set last, then its sides, cut again until they are LEAF nodes or less."""
    n = len(first) - 1
    rank = np.full(n, -1, np.int32)
    group = np.zeros(n, np.int32)
    parent_arc = np.empty(n, np.int32)
    queue = np.empty(n, np.int32)
    flow = np.zeros(len(neighbour), np.int8)
    near = np.empty(n, np.bool_)
    # sets still to be cut, as pieces of one array that each cut rearranges
    nodes = np.arange(n).astype(np.int32)
    begin, end, number = [0], [n], [0]
    groups = 1
    # a set's ranks are the `size` ones below `upto`
    upto = [n]
    while len(begin) > 0:
        a, b, g, high = begin.pop(), end.pop(), number.pop(), upto.pop()
        size = b - a
        if size <= LEAF:
            for i in range(a, b):
                high -= 1
                rank[nodes[i]] = high
            continue
        mine = nodes[a:b].copy()
        least = np.int64(1) << 40
        for k in range(keys.shape[0]):
            order = mine[np.argsort(keys[k][mine])]
            found = _flow_between(first, neighbour, opposite, order, group, parent_arc, queue, flow)
            if found < least:
                least = found
                for v in mine:
                    near[v] = parent_arc[v] != -1
        # the ends of cut arcs, on the side that has fewer of them
        ends = np.zeros(2, np.int64)
        for v in mine:
            for at in range(first[v], first[v + 1]):
                w = neighbour[at]
                if group[w] == g and near[w] != near[v]:
                    ends[1 if near[v] else 0] += 1
                    break
        from_near = ends[1] <= ends[0]
        left, right, middle = 0, 0, 0
        for v in mine:
            cut = False
            if near[v] == from_near:
                for at in range(first[v], first[v + 1]):
                    w = neighbour[at]
                    if group[w] == g and near[w] != near[v]:
                        cut = True
                        break
            if cut:
                parent_arc[v] = 2
                middle += 1
            elif near[v]:
                parent_arc[v] = 0
                left += 1
            else:
                parent_arc[v] = 1
                right += 1
        at_left, at_right = a, a + left
        groups += 2
        for v in mine:
            if parent_arc[v] == 2:
                high -= 1
                rank[v] = high
                group[v] = -1
            elif parent_arc[v] == 0:
                nodes[at_left] = v
                at_left += 1
                group[v] = groups - 2
            else:
                nodes[at_right] = v
                at_right += 1
                group[v] = groups - 1
        if left:
            begin.append(a)
            end.append(a + left)
            number.append(groups - 2)
            upto.append(high)
        if right:
            begin.append(a + left)
            end.append(a + left + right)
            number.append(groups - 1)
            upto.append(high - left)
    return rank

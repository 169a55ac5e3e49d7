"""Sweeps over the hierarchy: from 16 places up to the root, and from there down to all that is asked for at once.

PHAST (Delling, Goldberg, Nowatzyk, Werneck 2011), restricted to what the targets need (RPHAST; Delling, Goldberg,
Werneck 2011): the nodes above a target are numbered from the root down, and of their arcs only those that can be
driven are laid out, one behind the other in the order of the sweep.
"""

# ruff: noqa: ANN001, ANN201  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, unreachable"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.hierarchy_kernel import FAR, climb_from
from gridsvc.roads.kernels.lanes import LANES, fill_row, least_row, relax_row, turn_tile
from gridsvc.roads.kernels.signatures import i4, read_i4, read_u4, read_u4_2d, u4_2d, void

NO_WAY = np.uint32(2**31 - 1)


@njit(types.Tuple((i4, i4))(read_i4, read_i4, read_i4), cache=True, nogil=True)
def rows_above(first, head, nodes):
    """Give nodes (in any order, also twice) and all above them their rows, the uppermost 0.

    Returns the row of each node, -1 where it has none, and the node of each row.
    """
    n = len(first) - 1
    row = np.full(n, -1, np.int32)
    count = 0
    for node in nodes:
        v = node
        # the neighbours above are all on the path of parents
        while row[v] == -1:
            row[v] = 0
            count += 1
            if first[v] == first[v + 1]:
                break
            v = head[first[v]]
    wanted = np.empty(count, np.int32)
    at = 0
    for v in range(n - 1, -1, -1):
        if row[v] == 0:
            row[v] = at
            wanted[at] = v
            at += 1
    return row, wanted


@njit(types.Tuple((i4, u4_2d))(read_i4, read_i4, read_u4, read_i4, read_i4), cache=True, nogil=True)
def lay_out(first, head, down, row, wanted):
    """Return of each row its arcs from above that can be driven: CSR, and pairs of (row above, milliseconds)."""
    rows = len(wanted)
    arcs = 0
    for r in range(rows):
        arcs += first[wanted[r] + 1] - first[wanted[r]]
    row_first = np.empty(rows + 1, np.int32)
    pairs = np.empty((arcs, 2), np.uint32)
    at = 0
    row_first[0] = 0
    for r in range(rows):
        v = wanted[r]
        for a in range(first[v], first[v + 1]):
            pairs[at, 0], pairs[at, 1] = row[head[a]], down[a]
            at += down[a] < FAR
        row_first[r + 1] = at
    return row_first, pairs[:at]


@njit(
    void(read_i4, read_i4, read_u4, read_i4, read_i4, read_u4, read_i4, read_i4, read_u4_2d, read_i4, read_u4_2d,
         types.uint32, types.boolean, u4_2d),
    cache=True,
    nogil=True,
)  # fmt: skip
def sweep(first, head, up, source_first, source_node, source_ms, row, row_first, pairs, target_first, target_pairs,
          limit, by_target, told):  # fmt: skip
    """Write the milliseconds from each source to each target; more than `limit` (less than FAR) is 2^31 - 1.

    told is (sources, targets), `by_target` (targets, sources). Entries of source s: source_node, source_ms
    [source_first[s] : source_first[s + 1]], nodes of the hierarchy; of targets: pairs of (row, milliseconds).
    """
    n, rows = len(first) - 1, len(row_first) - 1
    sources, targets = len(source_first) - 1, len(target_first) - 1
    table = np.empty((rows, LANES), np.uint32)
    begun = np.zeros(rows, np.bool_)
    distance = np.full(n, FAR, np.uint32)
    path = np.empty(n, np.int32)
    tile = np.empty((LANES, LANES), np.uint32)
    for begin in range(0, sources, LANES):
        count = min(LANES, sources - begin)
        for lane in range(count):
            s = begin + lane
            steps = climb_from(
                first, head, up, source_node, source_ms, source_first[s], source_first[s + 1], distance, path
            )
            for i in range(steps):
                v = path[i]
                r = row[v]
                if r >= 0:
                    if not begun[r]:
                        begun[r] = True
                        fill_row(table, r, FAR)
                    table[r, lane] = min(distance[v], FAR)
                distance[v] = FAR
        for r in range(rows):
            relax_row(table, pairs, r, row_first[r], row_first[r + 1], np.uint32(0) if begun[r] else FAR)
            begun[r] = False
        for low in range(0, targets, LANES):
            high = min(low + LANES, targets)
            if by_target and count == LANES:
                for t in range(low, high):
                    least_row(table, target_pairs, target_first[t], target_first[t + 1], limit, NO_WAY, told,
                              t * sources + begin)  # fmt: skip
                continue
            for t in range(low, high):
                least_row(table, target_pairs, target_first[t], target_first[t + 1], limit, NO_WAY, tile,
                          (t - low) * LANES)  # fmt: skip
            if by_target:
                for t in range(low, high):
                    for lane in range(count):
                        told[t, begin + lane] = tile[t - low, lane]
            elif count == LANES and high - low == LANES:
                turn_tile(tile, told, begin, low)
            else:
                for lane in range(count):
                    for t in range(low, high):
                        told[begin + lane, t] = tile[t - low, lane]

"""Sweeps over the hierarchy: from 16 places up to the root, and from there down to all targets at once.

PHAST (Delling, Goldberg, Nowatzyk, Werneck 2011), restricted to what the targets need (RPHAST; Delling, Goldberg,
Werneck 2011): the nodes above a target are numbered from the root down, and the arcs of these nodes that can be driven
are stored in the order of the sweep.
"""

# mypy: disable-error-code="call-arg, unreachable"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import borrowed, i4, read_i4, read_u4, u4_2d, void
from gridsvc.roads.kernels.arguments import place_entries, sweep_rows, sweep_targets, upward
from gridsvc.roads.kernels.hierarchy_kernel import FAR, climb_from
from gridsvc.roads.kernels.lanes import LANES, fill_row, least_row, relax_row, turn_tile

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


@njit(nogil=True)
def _climb(graph, sources, s, row, table, lane, filled, space):
    """Write the distances from source s into its lane of the table; rows not filled before are FAR."""
    distance, path = space
    steps = climb_from(graph, sources.node, sources.ms, sources.first[s], sources.first[s + 1], distance, path)
    for i in range(steps):
        v = path[i]
        r = row[v]
        if r >= 0:
            if not filled[r]:
                filled[r] = True
                fill_row(table, r, FAR)
            table[r, lane] = min(distance[v], FAR)
        distance[v] = FAR


@njit(nogil=True)
def _write_tile(tile, result, begin, count, low, high, by_target):
    """Copy the tile, (targets, lanes), to its place in the result."""
    if by_target:
        for t in range(low, high):
            for lane in range(count):
                result[t, begin + lane] = tile[t - low, lane]
    elif count == LANES and high - low == LANES:
        turn_tile(tile, result, begin, low)
    else:
        for lane in range(count):
            for t in range(low, high):
                result[begin + lane, t] = tile[t - low, lane]


@njit(
    void(upward, place_entries, sweep_rows, sweep_targets, types.uint32, types.boolean, u4_2d),
    cache=True,
    nogil=True,
)
def sweep(graph, sources, rows_of, targets, limit, by_target, result):
    """Write the milliseconds from each source to each target; more than `limit` (less than FAR) is 2^31 - 1.

    result is (sources, targets), `by_target` (targets, sources). The sources enter at nodes of the hierarchy.
    """
    graph, sources, rows_of, targets = borrowed(graph), borrowed(sources), borrowed(rows_of), borrowed(targets)
    row, row_first, pairs = rows_of.row, rows_of.first, rows_of.pairs
    target_first, target_pairs = targets.first, targets.pairs
    n, rows = len(graph.first) - 1, len(row_first) - 1
    source_count, target_count = len(sources.first) - 1, len(target_first) - 1
    table = np.empty((rows, LANES), np.uint32)
    filled = np.zeros(rows, np.bool_)
    space = np.full(n, FAR, np.uint32), np.empty(n, np.int32)
    tile = np.empty((LANES, LANES), np.uint32)
    cap = limit, NO_WAY
    for begin in range(0, source_count, LANES):
        count = min(LANES, source_count - begin)
        for lane in range(count):
            _climb(graph, sources, begin + lane, row, table, lane, filled, space)
        for r in range(rows):
            relax_row(table, pairs, r, row_first[r], row_first[r + 1], np.uint32(0) if filled[r] else FAR)
            filled[r] = False
        for low in range(0, target_count, LANES):
            high = min(low + LANES, target_count)
            if by_target and count == LANES:
                for t in range(low, high):
                    at = t * source_count + begin
                    least_row(table, target_pairs, (target_first[t], target_first[t + 1]), cap, result, at)
                continue
            for t in range(low, high):
                at = (t - low) * LANES
                least_row(table, target_pairs, (target_first[t], target_first[t + 1]), cap, tile, at)
            _write_tile(tile, result, begin, count, low, high, by_target)

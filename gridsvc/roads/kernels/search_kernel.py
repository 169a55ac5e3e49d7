"""The compiled searches: Dijkstra on buckets, forward or backward, from places in the middle of edges.

Distances are milliseconds. The queue is a wheel of buckets of equal width (Dial 1969; Denardo and Fox 1979): nodes of
one bucket are taken in any order and again when they improve, so widths above the shortest arc stay exact. Each node
is in at most one bucket, in a doubly linked list through the workspace: no memory is taken during a search.

Workspace of one thread: `state` (nodes, 4) int32 = distance, number of the search that set it, next and previous node
in its bucket (-1 none, -2 not queued); `wheel` (BUCKETS,) the first node of each bucket; `target_of` (nodes,) -1.
"""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.roads.kernels.signatures import i4, i4_2d, i8, int64, read_i4, read_i8, read_u4_2d

BUCKETS = 2048
FARTHEST_MS = 2**31 - 1
"""24.8 days: sums beyond it are unreachable."""


@njit(nogil=True, inline="always")
def _link(state, wheel, v, slot):
    after = wheel[slot]
    state[v, 2] = after
    state[v, 3] = -1
    if after != -1:
        state[after, 3] = v
    wheel[slot] = v


@njit(nogil=True, inline="always")
def _unlink(state, wheel, v, slot):
    after, before = state[v, 2], state[v, 3]
    if before == -1:
        wheel[slot] = after
    else:
        state[before, 2] = after
    if after != -1:
        state[after, 3] = before


@njit(
    int64(read_i4, read_u4_2d, int64, i4_2d, i4, int64, read_i4, read_i8, int64, int64,
          i4, read_i4, read_i4, read_i8, i8),
    cache=True,
    nogil=True,
)  # fmt: skip
def search(
    first, arcs, shift, state, wheel, stamp, seed_node, seed_ms, limit, wanted,
    target_of, target_next, target, target_ms, best,
):  # fmt: skip
    """Search outward from the seeds.

    Parameters
    ----------
    first, arcs
        CSR of the direction searched: arcs (m, 2) = other node, milliseconds; 2^32 - 1 is never used.
    seed_node, seed_ms
        Where the search begins, in the order of seed_ms.
    limit
        Milliseconds beyond which nothing is looked for.
    wanted
        Stop when so many targets are known for certain; 0 = search everything within the limit.
    target_of, target_next, target, target_ms, best
        target_of[node] is the first entry at a node, target_next[entry] the next one there (-1 = none). An entry
        belongs to target target[entry] and lies target_ms[entry] beyond the node; best (targets,) receives the
        milliseconds of each target and keeps what it had where the search finds nothing less.
    """
    mask = BUCKETS - 1
    queued = 0
    seed = 0
    found = 0
    for t in range(len(best)):
        found += best[t] < FARTHEST_MS
    bucket = 0
    n_seeds = len(seed_node)
    while queued > 0 or seed < n_seeds:
        if queued == 0:
            bucket = seed_ms[seed] >> shift
        if bucket << shift > limit:
            break
        while seed < n_seeds and (seed_ms[seed] >> shift) <= bucket:
            v, d = seed_node[seed], seed_ms[seed]
            seed += 1
            if d > limit:
                continue
            if state[v, 1] != stamp:
                state[v, 1] = stamp
                state[v, 3] = -2
            elif d >= state[v, 0]:
                continue
            elif state[v, 3] != -2:
                # already waits in this bucket or a later one
                queued -= 1
                _unlink(state, wheel, v, (state[v, 0] >> shift) & mask)
            state[v, 0] = d
            _link(state, wheel, v, (d >> shift) & mask)
            queued += 1
        slot = bucket & mask
        while wheel[slot] != -1:
            v = wheel[slot]
            after = state[v, 2]
            wheel[slot] = after
            if after != -1:
                state[after, 3] = -1
            state[v, 3] = -2
            queued -= 1
            d = np.int64(state[v, 0])
            entry = target_of[v]
            while entry != -1:
                t = target[entry]
                ms = d + target_ms[entry]
                if ms < best[t]:
                    if best[t] == FARTHEST_MS:
                        found += 1
                    best[t] = ms
                entry = target_next[entry]
            for a in range(first[v], first[v + 1]):
                ms = np.int64(arcs[a, 1])
                if ms == 0xFFFFFFFF:
                    continue
                ms += d
                if ms > limit:
                    continue
                u = arcs[a, 0]
                if state[u, 1] != stamp:
                    state[u, 1] = stamp
                elif ms >= state[u, 0]:
                    continue
                elif state[u, 3] != -2:
                    old = (state[u, 0] >> shift) & mask
                    if old == (ms >> shift) & mask:
                        state[u, 0] = ms
                        continue
                    _unlink(state, wheel, u, old)
                    queued -= 1
                state[u, 0] = ms
                _link(state, wheel, u, (ms >> shift) & mask)
                queued += 1
        bucket += 1
        if found >= wanted > 0:
            certain = 0
            for t in range(len(best)):
                certain += best[t] <= bucket << shift
            if certain >= wanted:
                break
    # leave the wheel empty for the next search
    if queued > 0:
        wheel[:] = -1
    return found

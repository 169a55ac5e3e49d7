"""The compiled searches: Dijkstra on buckets, forward or backward, from places in the middle of edges.

Distances are milliseconds. The queue is a wheel of buckets of equal width (Dial 1969; Denardo and Fox 1979). Nodes of
one bucket are taken in any order, and again when they improve, so a bucket may be wider than the shortest arc and the
result stays exact. Each node is in at most one bucket, in a doubly linked list in the workspace: a search allocates no
memory.

Workspace of one thread: `state` (nodes, 4) int32 = distance, number of the search that set it, next and previous node
in its bucket (-1 none, -2 not queued); `wheel` (BUCKETS,) the first node of each bucket; `target_of` (nodes,) -1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.numba_types import borrowed, i8, int64
from gridsvc.roads.kernels.arguments import direction, search_space, seeds, targets

BUCKETS = 2048
MASK = BUCKETS - 1
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


@njit(nogil=True, inline="always")
def _take(state, wheel, slot):
    """Take the first node out of a bucket."""
    v = wheel[slot]
    after = state[v, 2]
    wheel[slot] = after
    if after != -1:
        state[after, 3] = -1
    state[v, 3] = -2
    return v


@njit(nogil=True, inline="always")
def _lower(state, wheel, stamp, shift, u, ms):
    """Queue a node with milliseconds if they are fewer than it has; returns how many nodes that adds to the queue."""
    added = 1
    if state[u, 1] != stamp:
        state[u, 1] = stamp
    elif ms >= state[u, 0]:
        return 0
    elif state[u, 3] != -2:
        old = (state[u, 0] >> shift) & MASK
        if old == (ms >> shift) & MASK:
            state[u, 0] = ms
            return 0
        _unlink(state, wheel, u, old)
        added = 0
    state[u, 0] = ms
    _link(state, wheel, u, (ms >> shift) & MASK)
    return added


@njit(nogil=True, inline="always")
def _note_targets(entry, d, following, target, target_ms, best):
    """Lower the milliseconds of the targets at a node; returns how many of them had none before."""
    found = 0
    while entry != -1:
        t = target[entry]
        ms = d + target_ms[entry]
        if ms < best[t]:
            if best[t] == FARTHEST_MS:
                found += 1
            best[t] = ms
        entry = following[entry]
    return found


@njit(nogil=True, inline="always")
def _count_up_to(best, limit):
    count = 0
    for t in range(len(best)):
        count += best[t] <= limit
    return count


@njit(int64(direction, search_space, seeds, int64, int64, targets, i8), cache=True, nogil=True)
def search(roads, space, begin, limit, wanted, sought, best):
    """Search outward from the seeds; returns how many targets are found.

    Parameters
    ----------
    roads
        The direction searched; arcs of 2^32 - 1 ms are never used.
    limit
        Milliseconds beyond which the search does not go.
    wanted
        Stop when the milliseconds of so many targets are certain; 0 = search everything within the limit.
    sought, best
        space.target_of[node] is the first entry of `sought` at a node, -1 = none. `best` (targets,) receives the
        milliseconds of each target and keeps what it had where the search finds nothing less.
    """
    roads, space, begin, sought = borrowed(roads), borrowed(space), borrowed(begin), borrowed(sought)
    first, arcs, shift = roads.first, roads.arcs, roads.shift
    state, wheel, target_of, stamp = space.state, space.wheel, space.target_of, space.stamp
    seed_node, seed_ms = begin.node, begin.ms
    following, target, target_ms = sought.following, sought.target, sought.ms
    queued = 0
    seed = 0
    found = _count_up_to(best, FARTHEST_MS - 1)
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
            if d <= limit:
                queued += _lower(state, wheel, stamp, shift, v, d)
        slot = bucket & MASK
        while wheel[slot] != -1:
            v = _take(state, wheel, slot)
            queued -= 1
            d = np.int64(state[v, 0])
            found += _note_targets(target_of[v], d, following, target, target_ms, best)
            for a in range(first[v], first[v + 1]):
                ms = np.int64(arcs[a, 1])
                if ms == 0xFFFFFFFF or ms + d > limit:
                    continue
                queued += _lower(state, wheel, stamp, shift, arcs[a, 0], ms + d)
        bucket += 1
        if found >= wanted > 0 and _count_up_to(best, bucket << shift) >= wanted:
            break
    # leave the wheel empty for the next search
    if queued > 0:
        wheel[:] = -1
    return found

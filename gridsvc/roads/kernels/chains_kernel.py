"""The compiled walk along chains of segments."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import b1, i8, int64, read_b1, read_i8


@njit(
    types.Tuple((i8, i8, i8, b1, int64))(read_i8, read_i8, read_i8, read_i8, read_b1),
    cache=True,
    nogil=True,
)
def walk_chains(u, v, order, incident_first, ends_edge):
    """Walk from each point that ends an edge to the next; returns the arrays of `chains.Chains` and how many edges."""
    m = len(u)
    n = len(ends_edge)
    first = np.zeros(m + 1, np.int64)
    point = np.empty(2 * m, np.int64)
    segment = np.empty(2 * m, np.int64)
    reverse = np.zeros(2 * m, np.bool_)
    used = np.zeros(m, np.bool_)
    edges = 0
    at = 0
    # the second round takes the rings that touch no junction: their first point becomes one
    for ring in range(2):
        for start in range(n):
            if not ends_edge[start] and ring == 0:
                continue
            for i in range(incident_first[start], incident_first[start + 1]):
                s = order[i] % m
                if used[s]:
                    continue
                here = start
                backward = order[i] >= m
                while True:
                    used[s] = True
                    point[at] = here
                    segment[at] = s
                    reverse[at] = backward
                    at += 1
                    here = u[s] if backward else v[s]
                    if ends_edge[here] or here == start:
                        break
                    one, two = order[incident_first[here]], order[incident_first[here] + 1]
                    onward = two if one % m == s else one
                    s = onward % m
                    backward = onward >= m
                point[at] = here
                segment[at] = -1
                at += 1
                edges += 1
                first[edges] = at
    return first, point, segment, reverse, edges

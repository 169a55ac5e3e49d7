"""Chains of points between junctions become edges: only where roads meet, end or change does a search need a node."""

# ruff: noqa: ANN001, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.signatures import b1, i8, int64, read_b1, read_i8

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Edges over points: edge e runs over point[first[e] : first[e + 1]] by the segments at the same places.

    `segment[i]` leads from point[i] to point[i + 1] (-1 at the last point of each edge), `against[i]` says that the
    edge runs along it from its v to its u.
    """

    first: NDArray[np.int64]
    point: NDArray[np.int64]
    segment: NDArray[np.int64]
    against: NDArray[np.bool_]


def chain(u: NDArray[np.int64], v: NDArray[np.int64], along: NDArray[np.int64], against: NDArray[np.int64],
          keep: NDArray[np.bool_]) -> Chains:  # fmt: skip
    """Join segments into edges.

    Parameters
    ----------
    u, v
        Points of each segment, (m,), numbers below len(keep).
    along, against
        Kind of road that a segment is when driven from u to v and from v to u; a chain never changes its kind.
    keep
        Points that must end an edge.
    """
    n, m = len(keep), len(u)
    ends = np.concatenate([u, v])
    order = np.argsort(ends, kind="stable")
    incident_first = np.searchsorted(ends[order], np.arange(n + 1))
    degree = np.diff(incident_first)
    two = np.flatnonzero(degree == 2)
    a, b = order[incident_first[two]], order[incident_first[two] + 1]
    # arriving by a, leaving by b: an incidence i < m is the segment's u end, i >= m its v end
    arriving = np.where(a < m, against[a % m], along[a % m])
    leaving = np.where(b < m, along[b % m], against[b % m])
    ends_edge = np.ones(n, bool)
    ends_edge[two] = keep[two] | (arriving != leaving) | (a % m == b % m)
    first, point, segment, reverse, count = _walk(u, v, order, incident_first, ends_edge)
    return Chains(first[: count + 1], point[: first[count]], segment[: first[count]], reverse[: first[count]])


@njit(
    types.Tuple((i8, i8, i8, b1, int64))(read_i8, read_i8, read_i8, read_i8, read_b1),
    cache=True,
    nogil=True,
)
def _walk(u, v, order, incident_first, ends_edge):
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

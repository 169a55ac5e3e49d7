"""Chains of points between junctions become edges: only where roads meet, end or change does a search need a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.kernels.chains_kernel import walk_chains

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


def chain(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    along: NDArray[np.int64],
    against: NDArray[np.int64],
    keep: NDArray[np.bool_],
) -> Chains:
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
    first, point, segment, reverse, count = walk_chains(u, v, order, incident_first, ends_edge)
    return Chains(first[: count + 1], point[: first[count]], segment[: first[count]], reverse[: first[count]])

"""The order of a customisable contraction: nested dissection by inertial flow.

A set of nodes is cut in two by few arcs: along each of four directions, the first and last quarter of the nodes are
tied together and the smallest cut between them is taken (Schild and Sommer 2015, On balanced separators in road
networks). The ends of the cut on its smaller side come last in the order, the two sides before, each cut again.
It depends on the topology alone, so it is worked out once a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from gridsvc.roads.kernels.dissection_kernel import dissect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork


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

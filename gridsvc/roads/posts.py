"""Many posts asked again and again: who of the teams is first at a place, all of them in one short look.

The posts' own paths up the hierarchy are worked out once (Knopp et al. 2007, Computing many-to-many shortest paths
using highway hierarchies: buckets); a query climbs from the place alone and meets them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.matrices import customised_for, departures_of, find_hierarchy
from gridsvc.roads.search import FARTHEST_MS
from gridsvc.roads.snapping import FARTHEST_M
from gridsvc.roads.weights import Weights, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.hierarchy import Customised, Hierarchy
    from gridsvc.roads.network import RoadNetwork
    from gridsvc.roads.snapping import Snaps

DEPTH = 96
"""Expected length of a path up the hierarchy; more is made room for."""

MANY = 300
"""Fewer posts are sorted whole."""

FAR = np.uint32(0x3FFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Posts:
    """Places from which teams start, under some weights; immutable, for many threads.

    At node v of the hierarchy, posts reach_post[reach_first[v] : reach_first[v + 1]] arrive from below after reach_ms.
    The candidates of the posts in the order of their edges are `by_edge`, and `post_of` says whose each one is.
    """

    network: RoadNetwork
    weights: Weights
    places: Snaps
    hierarchy: Hierarchy
    customised: Customised
    reach_first: NDArray[np.int32]
    reach_post: NDArray[np.int32]
    reach_ms: NDArray[np.uint32]
    by_edge: NDArray[np.int32]
    post_of: NDArray[np.int32]

    def milliseconds_to(self, lon: float, lat: float) -> NDArray[np.int64]:
        """Return the milliseconds from every post to a place, (posts,); 2^31 - 1 = no way there."""
        from gridsvc.roads.posts_kernel import from_posts

        network, weights, places, above = self.network, self.weights, self.places, self.hierarchy
        distance, path = _scratch(network.node_count)
        best = np.empty(len(places), np.int64)
        from_posts(
            np.array([lon]), np.array([lat]), FARTHEST_M,
            network.cell_frame, network.cell_first, network.cell_segment, network.cell_empty, network.segment_edge,
            network.vertex_lon, network.vertex_lat, network.vertex_m, network.edge_length_m, network.slot_ms,
            weights.slot_ms, weights.out_arcs, network.slot_first, network.slot_arc, network.arc_tail,
            network.junction_first, network.edge_from, network.edge_to,
            above.rank, above.first, above.head, self.customised.down, self.reach_first, self.reach_post, self.reach_ms,
            places.lon, places.lat, places.first, places.edge, places.fraction, places.offroad_m,
            self.by_edge, self.post_of, distance, path, best,
        )  # fmt: skip
        return best

    def nearest_to(self, lon: float, lat: float, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the k posts that are first at a place, and their seconds; fewer where fewer can come."""
        ms = self.milliseconds_to(lon, lat)
        if k < len(ms) > MANY:
            # of those that come together at the k-th place, the first in the list
            near = np.flatnonzero(ms <= np.partition(ms, k - 1)[k - 1])
            order = near[np.argsort(ms[near], kind="stable")[:k]]
        else:
            order = ms.argsort(kind="stable")[:k]
        order = order[ms[order] < FARTHEST_MS]
        return order, ms[order] / 1000.0


def post(network: RoadNetwork, places: Snaps, profile: str | Weights = "emergency") -> Posts | None:
    """Prepare posts; None where the network has no hierarchy (`matrices.find_hierarchy`)."""
    from gridsvc.roads.posts_kernel import spread

    weights = weights_of(network, profile)
    hierarchy = find_hierarchy(network)
    if hierarchy is None:
        return None
    customised = customised_for(network, hierarchy, weights)
    first, node, ms = departures_of(network, weights, places)
    reach_first, reach_post, reach_ms = spread(
        hierarchy.first, hierarchy.head, customised.up, first, hierarchy.rank[node], ms, DEPTH
    )
    by_edge = np.argsort(places.edge, kind="stable").astype(np.int32)
    post_of = np.repeat(np.arange(len(places), dtype=np.int32), np.diff(places.first))
    return Posts(network, weights, places, hierarchy, customised, reach_first, reach_post, reach_ms, by_edge, post_of)


_of_thread = threading.local()


def _scratch(nodes: int) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return this thread's arrays for a network of so many nodes: distances, all FAR between queries, and a path."""
    known: tuple[NDArray[np.uint32], NDArray[np.int32]] | None = getattr(_of_thread, "arrays", None)
    if known is None or len(known[0]) != nodes:
        known = np.full(nodes, FAR, np.uint32), np.empty(nodes, np.int32)
        _of_thread.arrays = known
    return known

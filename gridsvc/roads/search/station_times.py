"""Many posts asked again and again: who of the teams is first at a place, all of them in one short look.

The posts' own paths up the hierarchy are worked out once (Knopp et al. 2007, Computing many-to-many shortest paths
using highway hierarchies: buckets); a query climbs from the place alone and meets them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.kernels.station_times_kernel import from_posts, fronts, spread
from gridsvc.roads.search.matrices import customised_for, departures_of, find_hierarchy
from gridsvc.roads.search.search import FARTHEST_MS
from gridsvc.roads.search.snapping import FARTHEST_M
from gridsvc.roads.search.weights import Weights, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.hierarchy import Customised, Hierarchy
    from gridsvc.roads.search.snapping import Snaps

DEPTH = 96
"""Expected length of a path up the hierarchy; more is made room for."""

FRONT = 16
"""Posts kept at a node for those who ask for the nearest k; who asks for more has all of them sorted."""

FAR = np.uint32(0x3FFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Posts:
    """Places from which teams start, under some weights; immutable, for many threads.

    At node v of the hierarchy, posts reach_post[reach_first[v] : reach_first[v + 1]] arrive from below after reach_ms;
    front_... are the FRONT first of them, quickest first. The candidates of the posts in the order of their edges are
    `by_edge`, and `post_of` says whose each one is. What every query hands to the kernel is kept ready.
    """

    network: RoadNetwork
    weights: Weights
    places: Snaps
    hierarchy: Hierarchy
    customised: Customised
    reach_first: NDArray[np.int32]
    reach_post: NDArray[np.int32]
    reach_ms: NDArray[np.uint32]
    front_first: NDArray[np.int32]
    front_post: NDArray[np.int32]
    front_ms: NDArray[np.uint32]
    by_edge: NDArray[np.int32]
    post_of: NDArray[np.int32]

    before: tuple[Any, ...] = field(init=False, repr=False)
    after: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        network, weights, places, above = self.network, self.weights, self.places, self.hierarchy
        before = (
            FARTHEST_M,
            network.cell_frame, network.cell_first, network.cell_segment, network.cell_empty, network.segment_edge,
            network.vertex_lon, network.vertex_lat, network.vertex_m, network.edge_length_m, network.slot_ms,
            weights.slot_ms, weights.out_arcs, network.slot_first, network.slot_arc, network.arc_tail,
            network.junction_first, network.edge_from, network.edge_to,
            above.rank, above.first, above.head, self.customised.down,
        )  # fmt: skip
        after = (
            places.lon, places.lat, places.first, places.edge, places.fraction, places.offroad_m,
            self.by_edge, self.post_of,
        )  # fmt: skip
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "after", after)

    def milliseconds_to(self, lon: float, lat: float) -> NDArray[np.int64]:
        """Return the milliseconds from every post to a place, (posts,); 2^31 - 1 = no way there."""
        best = np.empty(len(self.places), np.int64)
        scratch = _scratch(self.network.node_count, 0)
        _ask(
            lon, lat, *self.before, self.reach_first, self.reach_post, self.reach_ms, *self.after,
            scratch[0], scratch[1], best, 0, _NOTHING,
        )  # fmt: skip
        return best

    def nearest_to(self, lon: float, lat: float, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the k posts that are first at a place, and their seconds; fewer where fewer can come.

        Of those that come together at the k-th place, the first in the list.
        """
        if not 0 < k <= FRONT:
            ms = self.milliseconds_to(lon, lat)
            order = ms.argsort(kind="stable")[:k]
            order = order[ms[order] < FARTHEST_MS]
            return order, ms[order] / 1000.0
        nearest = np.empty(2 * k, np.int64)
        found: int = _ask(
            lon, lat, *self.before, self.front_first, self.front_post, self.front_ms, *self.after,
            *_scratch(self.network.node_count, len(self.places)), k, nearest,
        )  # fmt: skip
        return nearest[: 2 * found : 2], nearest[1 : 2 * found : 2] / 1000.0


def post(network: RoadNetwork, places: Snaps, profile: str | Weights = "emergency") -> Posts | None:
    """Prepare posts; None where the network has no hierarchy (`matrices.find_hierarchy`)."""
    weights = weights_of(network, profile)
    hierarchy = find_hierarchy(network)
    if hierarchy is None:
        return None
    customised = customised_for(network, hierarchy, weights)
    first, node, ms = departures_of(network, weights, places)
    reach_first, reach_post, reach_ms = spread(
        hierarchy.first, hierarchy.head, customised.up, first, hierarchy.rank[node], ms, DEPTH
    )
    front_first, front_post, front_ms = fronts(reach_first, reach_post, reach_ms, FRONT)
    by_edge = np.argsort(places.edge, kind="stable").astype(np.int32)
    post_of = np.repeat(np.arange(len(places), dtype=np.int32), np.diff(places.first))
    return Posts(
        network, weights, places, hierarchy, customised, reach_first, reach_post, reach_ms,
        front_first, front_post, front_ms, by_edge, post_of,
    )  # fmt: skip


_ask: Any = from_posts
_of_thread = threading.local()
_NOTHING = np.empty(0, np.int64)


def _scratch(nodes: int, posts: int) -> tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int64]]:
    """Return this thread's arrays: distances of nodes, all FAR between queries, a path, and milliseconds of posts."""
    known: tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int64]] | None
    known = getattr(_of_thread, "arrays", None)
    if known is None or len(known[0]) != nodes or len(known[2]) < posts:
        known = np.full(nodes, FAR, np.uint32), np.empty(nodes, np.int32), np.full(posts, FARTHEST_MS, np.int64)
        _of_thread.arrays = known
    return known

"""Times from many stations, asked for again and again: which team is first at a place, in one short query.

The paths of the stations up the hierarchy are computed once (Knopp et al. 2007, Computing many-to-many shortest paths
using highway hierarchies: buckets). A query climbs from the place alone and meets them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.numba_types import read_only
from gridsvc.roads.kernels.arguments import ClimbSpace, PlaceEntries, Reach, StationIndex, Upward
from gridsvc.roads.kernels.station_times_kernel import from_stations, fronts, spread
from gridsvc.roads.search.kernel_arguments import arc_costs_of, edge_ends_of, snap_index_of
from gridsvc.roads.search.matrices import customised_for, departures_of, find_hierarchy
from gridsvc.roads.search.search import FARTHEST_MS
from gridsvc.roads.search.snapping import FARTHEST_M
from gridsvc.roads.search.weights import Weights, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

DEPTH = 96
"""Expected length of a path up the hierarchy; longer paths get more room."""

FRONT = 16
"""Stations kept at each node for queries of the nearest k; a query for more of them sorts all stations."""

FAR = np.uint32(0x3FFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class StationTimes:
    """Prepared times from stations to any place, under some weights; immutable, for many threads.

    `reach` are the stations that arrive at each node of the hierarchy from below, `front` the FRONT first of them,
    quickest first. `index` is what every query hands to the kernel.
    """

    network: RoadNetwork
    weights: Weights
    places: Snaps
    index: StationIndex
    reach: Reach
    front: Reach

    def milliseconds_to(self, lon: float, lat: float) -> NDArray[np.int64]:
        """Return the milliseconds from every station to a place, (stations,); 2^31 - 1 = no way there."""
        kept = _space(self.network.node_count, 0)
        best = np.empty(len(self.places), np.int64)
        space = ClimbSpace(kept.distance, kept.path, best)
        from_stations(lon, lat, FARTHEST_M, self.index, self.reach, space, 0, _NOTHING)
        return best

    def nearest_to(self, lon: float, lat: float, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the numbers and seconds of the k stations that are first at a place; fewer where fewer can come.

        Where several come equally late at the k-th place, the first in the list counts.
        """
        if not 0 < k <= FRONT:
            ms = self.milliseconds_to(lon, lat)
            order = ms.argsort(kind="stable")[:k]
            order = order[ms[order] < FARTHEST_MS]
            return order, ms[order] / 1000.0
        nearest = np.empty(2 * k, np.int64)
        space = _space(self.network.node_count, len(self.places))
        found: int = from_stations(lon, lat, FARTHEST_M, self.index, self.front, space, k, nearest)
        return nearest[: 2 * found : 2], nearest[1 : 2 * found : 2] / 1000.0


def prepare_station_times(
    network: RoadNetwork, places: Snaps, profile: str | Weights = "emergency"
) -> StationTimes | None:
    """Prepare times from stations; None where the network has no hierarchy (`matrices.find_hierarchy`)."""
    weights = weights_of(network, profile)
    hierarchy = find_hierarchy(network)
    if hierarchy is None:
        return None
    customised = customised_for(network, hierarchy, weights)
    entries = departures_of(network, weights, places)
    first, head = read_only(hierarchy.first), read_only(hierarchy.head)
    at_rank = PlaceEntries(read_only(entries.first), read_only(hierarchy.rank[entries.node]), read_only(entries.ms))
    reach = Reach(*map(read_only, spread(Upward(first, head, read_only(customised.up)), at_rank, DEPTH)))
    front = Reach(*map(read_only, fronts(reach, FRONT)))
    station_of = np.repeat(np.arange(len(places), dtype=np.int32), np.diff(places.first))
    index = StationIndex(
        snap_index_of(network),
        edge_ends_of(network),
        arc_costs_of(weights),
        read_only(hierarchy.rank),
        Upward(first, head, read_only(customised.down)),
        places.for_kernels(),
        read_only(np.argsort(places.edge, kind="stable").astype(np.int32)),
        read_only(station_of),
    )
    return StationTimes(network, weights, places, index, reach, front)


_of_thread = threading.local()
_NOTHING = np.empty(0, np.int64)


def _space(nodes: int, stations: int) -> ClimbSpace:
    """Return the arrays of this thread."""
    known: ClimbSpace | None = getattr(_of_thread, "space", None)
    if known is None or len(known.distance) != nodes or len(known.best) < stations:
        far = np.full(nodes, FAR, np.uint32)
        known = ClimbSpace(far, np.empty(nodes, np.int32), np.full(stations, FARTHEST_MS, np.int64))
        _of_thread.space = known
    return known

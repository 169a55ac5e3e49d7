"""Matrices of travel times: by the hierarchy, or by one search a row where that is quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.hierarchy import FAR, Customised, Hierarchy, build_hierarchy, customised
from gridsvc.roads.search import FARTHEST_MS, milliseconds_one_place, place
from gridsvc.roads.weights import Weights, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network import RoadNetwork
    from gridsvc.roads.snapping import Snaps

FEWEST_ROWS = 4
"""Below so many rows a search each is quicker than to customise for them."""

UNASKED_NODES = 200_000
"""Networks up to this size get their hierarchy at the first matrix; larger ones when somebody builds it."""

KEPT_WEIGHTS = 4


def matrix_milliseconds(
    network: RoadNetwork, origins: Snaps, destinations: Snaps, profile: str | Weights = "emergency"
) -> NDArray[np.int32]:
    """Time from every origin to every destination, (origins, destinations) int32; 2^31 - 1 = no way there."""
    weights = weights_of(network, profile)
    hierarchy = None
    if min(len(origins), len(destinations)) >= FEWEST_ROWS:
        hierarchy = find_hierarchy(network)
    if hierarchy is None:
        return by_searches(network, origins, destinations, weights)
    return by_hierarchy(network, customised_for(network, hierarchy, weights), hierarchy, origins, destinations)


def find_hierarchy(network: RoadNetwork) -> Hierarchy | None:
    """Return the network's hierarchy, building it where the network is small enough to do so unasked."""
    known = network.kept.get("hierarchy")
    if isinstance(known, Hierarchy):
        return known
    if network.node_count > UNASKED_NODES:
        return None
    return keep_hierarchy(network, build_hierarchy(network))


def keep_hierarchy(network: RoadNetwork, hierarchy: Hierarchy) -> Hierarchy:
    """Let a network have a hierarchy that was built or mapped elsewhere."""
    network.kept["hierarchy"] = hierarchy
    return hierarchy


def customised_for(network: RoadNetwork, hierarchy: Hierarchy, weights: Weights) -> Customised:
    """Return the hierarchy under some weights; the last few are kept."""
    known = network.kept.setdefault("customised", {})
    assert isinstance(known, dict)
    found = known.get(weights.version)
    if isinstance(found, Customised) and found.weights is weights:
        return found
    made = customised(hierarchy, weights)
    while len(known) >= KEPT_WEIGHTS:
        known.pop(next(iter(known)), None)
    known[weights.version] = made
    return made


def by_searches(network: RoadNetwork, origins: Snaps, destinations: Snaps, weights: Weights) -> NDArray[np.int32]:
    """Fill the matrix by one search for each place of the smaller side."""
    told = np.empty((len(origins), len(destinations)), np.int32)
    if len(origins) <= len(destinations):
        for i in range(len(origins)):
            told[i] = milliseconds_one_place(network, destinations, place(origins, i), weights, backward=False)
    else:
        for j in range(len(destinations)):
            told[:, j] = milliseconds_one_place(network, origins, place(destinations, j), weights, backward=True)
    return told


def by_hierarchy(
    network: RoadNetwork, weighted: Customised, hierarchy: Hierarchy, origins: Snaps, destinations: Snaps
) -> NDArray[np.int32]:
    """Fill the matrix by sweeps from the smaller side: up from its places, down to those of the other."""
    from gridsvc.roads.hierarchy_kernel import above, same_edges, sweep

    weights = weighted.weights
    backward = len(origins) > len(destinations)
    few, many = (destinations, origins) if backward else (origins, destinations)
    leaving, coming = departures_of(network, weights, origins), arrivals_of(network, weights, destinations)
    (few_first, few_node, few_ms), (many_first, many_node, many_ms) = (
        (coming, leaving) if backward else (leaving, coming)
    )
    up, down = (weighted.down, weighted.up) if backward else (weighted.up, weighted.down)
    few_rank, many_rank = hierarchy.rank[few_node], hierarchy.rank[many_node]
    told = np.full((len(few), len(many)), FARTHEST_MS, np.int32)
    wanted = above(hierarchy.first, hierarchy.head, many_rank)
    sweep(
        hierarchy.first, hierarchy.head, up, down, few_first, few_rank, few_ms, many_first, many_rank, many_ms, wanted,
        told.view(np.uint32),
    )  # fmt: skip
    told = np.ascontiguousarray(told.T) if backward else told
    place_of = np.repeat(np.arange(len(destinations), dtype=np.int32), np.diff(destinations.first))
    same_edges(
        origins.lon, origins.lat, origins.first, origins.edge, origins.fraction, origins.offroad_m,
        destinations.lon, destinations.lat, destinations.first, destinations.edge, destinations.fraction,
        destinations.offroad_m, np.argsort(destinations.edge, kind="stable"), place_of, weights.slot_ms,
        network.edge_length_m, told,
    )  # fmt: skip
    return told


Entries = tuple["NDArray[np.int32]", "NDArray[np.int32]", "NDArray[np.uint32]"]
"""Of each place p, entries first[p] .. first[p + 1]: node and milliseconds."""


def departures_of(network: RoadNetwork, weights: Weights, snaps: Snaps) -> Entries:
    from gridsvc.roads.anchor_kernel import departures

    room = 4 * len(snaps.edge)
    node, ms, place_of = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
    n = departures(
        snaps.first, snaps.edge, snaps.fraction, snaps.offroad_m, weights.slot_ms, network.slot_first, network.slot_arc,
        network.arc_head, network.junction_first, network.edge_from, network.edge_to, network.edge_length_m,
        node, ms, place_of,
    )  # fmt: skip
    return _entries(len(snaps), node[:n], ms[:n], place_of[:n])


def arrivals_of(network: RoadNetwork, weights: Weights, snaps: Snaps) -> Entries:
    from gridsvc.roads.anchor_kernel import arrivals

    room = 6 * len(snaps.edge)
    while True:
        node, ms, place_of = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
        n = arrivals(
            snaps.first, snaps.edge, snaps.fraction, snaps.offroad_m, weights.slot_ms, weights.out_arcs,
            network.slot_first, network.slot_arc, network.arc_tail, network.junction_first, network.edge_from,
            network.edge_to, network.edge_length_m, node, ms, place_of,
        )  # fmt: skip
        if n <= room:
            return _entries(len(snaps), node[:n], ms[:n], place_of[:n])
        room = n


def _entries(places: int, node: NDArray[np.int32], ms: NDArray[np.int64], place_of: NDArray[np.int32]) -> Entries:
    """Sort entries by place; the quickest of those of one place at one node is enough."""
    from gridsvc.roads.hierarchy_kernel import distinct

    first = np.searchsorted(place_of, np.arange(places + 1)).astype(np.int32)
    kept: Entries = distinct(first, node, np.minimum(ms, FAR).astype(np.uint32))
    return kept

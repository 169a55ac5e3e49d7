"""Matrices of travel times: by the hierarchy, or by one search a row where that is quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.search.hierarchy import (
    FAR,
    Customised,
    Downward,
    Hierarchy,
    build_hierarchy,
    customised,
    customised_again,
    downward_of,
)
from gridsvc.roads.search.search import FARTHEST_MS, is_backward, milliseconds_one_place, node_milliseconds, place
from gridsvc.roads.search.weights import Weights, differing_arcs, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

FEWEST_ROWS = 4
"""Below so many rows a search each is quicker than to customise for them."""

UNASKED_NODES = 200_000
"""Networks up to this size get their hierarchy at the first matrix; larger ones when somebody builds it."""

KEPT_WEIGHTS = 6
"""Sets of weights whose hierarchy is kept: both profiles, and each under the closures of the moment and before."""

PARTLY = 20
"""Where more than one arc in so many differs, the hierarchy is customised whole."""

SWEPT_PER_SEARCHED = 12
"""Nodes that a sweep passes in the time in which a search settles one."""


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
    network.kept.pop("downward", None)
    network.kept.pop("customised", None)
    return hierarchy


def customised_for(network: RoadNetwork, hierarchy: Hierarchy, weights: Weights) -> Customised:
    """Return the hierarchy under some weights; the last few are kept, and those of the profiles themselves.

    Weights that were made from others are customised from the nearest that is known, where few arcs differ.
    """
    known = network.kept.setdefault("customised", {})
    assert isinstance(known, dict)
    found = known.get(weights.version)
    if isinstance(found, Customised) and found.weights is weights:
        return found
    if weights.base is not None:
        customised_for(network, hierarchy, weights.base)
    made = _from_the_nearest(network, hierarchy, list(known.values()), weights) or customised(hierarchy, weights)
    while len(known) >= KEPT_WEIGHTS:
        old = next(
            (version for version, kept in list(known.items()) if kept.weights.base is not None), next(iter(known))
        )
        known.pop(old, None)
    known[weights.version] = made
    return made


def _from_the_nearest(
    network: RoadNetwork, hierarchy: Hierarchy, known: list[Customised], weights: Weights
) -> Customised | None:
    """Customise partly, from those that differ least; None where a whole customisation is as quick."""
    fewest: NDArray[np.int32] | None = None
    nearest: Customised | None = None
    for one in known:
        arcs = differing_arcs(one.weights, weights)
        if arcs is not None and (fewest is None or len(arcs) < len(fewest)):
            fewest, nearest = arcs, one
    if fewest is None or nearest is None or len(fewest) * PARTLY > network.arc_count:
        return None
    below = network.kept.get("downward")
    if not isinstance(below, Downward):
        below = downward_of(hierarchy)
        network.kept["downward"] = below
    return customised_again(network, hierarchy, below, nearest, weights, fewest)


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
    from gridsvc.roads.kernels.hierarchy_kernel import same_edges

    weights = weighted.weights
    backward = len(origins) > len(destinations)
    leaving, coming = departures_of(network, weights, origins), arrivals_of(network, weights, destinations)
    few, many = (coming, leaving) if backward else (leaving, coming)
    told = np.empty((len(origins), len(destinations)), np.int32)
    _swept(hierarchy, weighted, few, many, told, backward=backward, by_target=backward)
    same_edges(
        origins.lon, origins.lat, origins.first, origins.edge, origins.fraction, origins.offroad_m,
        destinations.lon, destinations.lat, destinations.first, destinations.edge, destinations.fraction,
        destinations.offroad_m, weights.slot_ms, network.edge_length_m, told,
    )  # fmt: skip
    return told


def node_milliseconds_of_many(
    network: RoadNetwork, places: Snaps, direction: str, profile: str | Weights = "emergency",
    limit_s: float | None = None,
) -> NDArray[np.int32]:  # fmt: skip
    """Milliseconds between each place and every node, (places, nodes); 2^31 - 1 = beyond the limit or no way.

    direction as in `search.node_milliseconds`. The first place is searched, and how far that goes decides for the
    others: searches that end early cost less than a sweep over the whole network.
    """
    weights = weights_of(network, profile)
    backward = is_backward(direction)
    told = np.empty((len(places), network.node_count), np.int32)
    if not len(places):
        return told
    told[0] = node_milliseconds(network, place(places, 0), direction, weights, limit_s)
    reached = int(np.count_nonzero(told[0] < FARTHEST_MS))
    hierarchy = find_hierarchy(network) if len(places) > FEWEST_ROWS else None
    if hierarchy is None or reached * SWEPT_PER_SEARCHED < network.node_count:
        for i in range(1, len(places)):
            told[i] = node_milliseconds(network, place(places, i), direction, weights, limit_s)
        return told
    sources = (arrivals_of if backward else departures_of)(network, weights, places)
    n = network.node_count
    every = np.arange(n + 1, dtype=np.int32), np.arange(n, dtype=np.int32), np.zeros(n, np.uint32)
    limit = FAR - 1 if limit_s is None else min(int(limit_s * 1000), FAR - 1)
    weighted = customised_for(network, hierarchy, weights)
    _swept(hierarchy, weighted, sources, every, told, backward=backward, by_target=False, limit_ms=limit)
    return told


def _swept(
    hierarchy: Hierarchy, weighted: Customised, sources: Entries, targets: Entries, told: NDArray[np.int32], *,
    backward: bool, by_target: bool, limit_ms: int = FAR - 1,
) -> None:  # fmt: skip
    """Sweep from sources to targets into `told`; backward: the milliseconds from the targets to the sources."""
    from gridsvc.roads.kernels.sweep_kernel import lay_out, rows_above, sweep

    up, down = (weighted.down, weighted.up) if backward else (weighted.up, weighted.down)
    first, head = hierarchy.first, hierarchy.head
    (source_first, source_node, source_ms), (target_first, target_node, target_ms) = sources, targets
    at = hierarchy.rank[target_node]
    row, wanted = rows_above(first, head, at)
    row_first, pairs = lay_out(first, head, down, row, wanted)
    target_pairs = np.empty((len(at), 2), np.uint32)
    target_pairs[:, 0], target_pairs[:, 1] = row[at], target_ms
    sweep(
        first, head, up, source_first, hierarchy.rank[source_node], source_ms, row, row_first, pairs, target_first,
        target_pairs, limit_ms, by_target, told.view(np.uint32),
    )  # fmt: skip


Entries = tuple["NDArray[np.int32]", "NDArray[np.int32]", "NDArray[np.uint32]"]
"""Of each place p, entries first[p] .. first[p + 1]: node and milliseconds."""


def departures_of(network: RoadNetwork, weights: Weights, snaps: Snaps) -> Entries:
    from gridsvc.roads.kernels.anchor_kernel import departures

    room = 4 * len(snaps.edge)
    node, ms, place_of = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
    n = departures(
        snaps.first, snaps.edge, snaps.fraction, snaps.offroad_m, weights.slot_ms, network.slot_first, network.slot_arc,
        network.arc_head, network.junction_first, network.edge_from, network.edge_to, network.edge_length_m,
        node, ms, place_of,
    )  # fmt: skip
    return _entries(len(snaps), node[:n], ms[:n], place_of[:n])


def arrivals_of(network: RoadNetwork, weights: Weights, snaps: Snaps) -> Entries:
    from gridsvc.roads.kernels.anchor_kernel import arrivals

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
    from gridsvc.roads.kernels.hierarchy_kernel import distinct

    first = np.searchsorted(place_of, np.arange(places + 1)).astype(np.int32)
    kept: Entries = distinct(first, node, np.minimum(ms, FAR).astype(np.uint32))
    return kept

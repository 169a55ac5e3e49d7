"""Matrices of travel times: by the hierarchy, or by one search a row where that is quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.numba_types import read_only
from gridsvc.roads.kernels.anchor_kernel import arrivals, departures
from gridsvc.roads.kernels.arguments import Below, Entries, PlaceEntries, SweepRows, SweepTargets, Upward
from gridsvc.roads.kernels.hierarchy_kernel import fastest_entries, same_edges
from gridsvc.roads.kernels.sweep_kernel import lay_out, rows_above, sweep
from gridsvc.roads.search.hierarchy import (
    FAR,
    Customised,
    Hierarchy,
    build_hierarchy,
    customised,
    customised_again,
    downward_of,
)
from gridsvc.roads.search.kernel_arguments import arc_costs_of, edge_ends_of
from gridsvc.roads.search.search import FARTHEST_MS, as_seconds, is_backward, milliseconds_one_place, node_milliseconds
from gridsvc.roads.search.snapping import place
from gridsvc.roads.search.weights import Weights, differing_arcs, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

FEWEST_ROWS = 4
"""Below so many rows a search each is quicker than to customise for them."""

UNASKED_NODES = 200_000
"""Networks up to this size get their hierarchy at the first matrix, larger networks by `keep_hierarchy`."""

KEPT_WEIGHTS = 6
"""Sets of weights whose hierarchy is kept: both profiles, and each under the closures of the moment and before."""

PARTLY = 20
"""Where more than one arc in so many differs, the hierarchy is customised whole."""

SWEPT_PER_SEARCHED = 12
"""Nodes that a sweep passes in the time in which a search settles one."""


def matrix(
    network: RoadNetwork, origins: Snaps, destinations: Snaps, profile: str | Weights = "emergency"
) -> NDArray[np.float64]:
    """Time from every origin to every destination, (origins, destinations) seconds; inf = no way there."""
    return as_seconds(matrix_milliseconds(network, origins, destinations, profile))


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
    """Return the network's hierarchy, building it where the network is small enough (UNASKED_NODES)."""
    known = network.kept.get("hierarchy")
    if isinstance(known, Hierarchy):
        return known
    if network.node_count > UNASKED_NODES:
        return None
    return keep_hierarchy(network, build_hierarchy(network))


def keep_hierarchy(network: RoadNetwork, hierarchy: Hierarchy) -> Hierarchy:
    """Give a network a hierarchy that was built or mapped elsewhere."""
    network.kept["hierarchy"] = hierarchy
    network.kept.pop("downward", None)
    network.kept.pop("customised", None)
    return hierarchy


def customised_for(network: RoadNetwork, hierarchy: Hierarchy, weights: Weights) -> Customised:
    """Return the hierarchy under some weights; the cache holds the last few, and those of the profiles.

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
    if not isinstance(below, Below):
        below = downward_of(hierarchy)
        network.kept["downward"] = below
    return customised_again(network, hierarchy, below, nearest, weights, fewest)


def by_searches(network: RoadNetwork, origins: Snaps, destinations: Snaps, weights: Weights) -> NDArray[np.int32]:
    """Fill the matrix by one search for each place of the smaller side."""
    result = np.empty((len(origins), len(destinations)), np.int32)
    if len(origins) <= len(destinations):
        for i in range(len(origins)):
            result[i] = milliseconds_one_place(network, destinations, place(origins, i), weights, backward=False)
    else:
        for j in range(len(destinations)):
            result[:, j] = milliseconds_one_place(network, origins, place(destinations, j), weights, backward=True)
    return result


def by_hierarchy(
    network: RoadNetwork, weighted: Customised, hierarchy: Hierarchy, origins: Snaps, destinations: Snaps
) -> NDArray[np.int32]:
    """Fill the matrix by sweeps from the smaller side: up from its places, down to those of the other."""
    weights = weighted.weights
    backward = len(origins) > len(destinations)
    leaving, coming = departures_of(network, weights, origins), arrivals_of(network, weights, destinations)
    few, many = (coming, leaving) if backward else (leaving, coming)
    result = np.empty((len(origins), len(destinations)), np.int32)
    _swept(hierarchy, weighted, few, many, result, backward=backward, by_target=backward)
    same_edges(origins.for_kernels(), destinations.for_kernels(), weights.slot_ms, network.edge_length_m, result)
    return result


def node_milliseconds_of_many(
    network: RoadNetwork,
    places: Snaps,
    direction: str,
    profile: str | Weights = "emergency",
    limit_s: float | None = None,
) -> NDArray[np.int32]:
    """Milliseconds between each place and every node, (places, nodes); 2^31 - 1 = beyond the limit or no way.

    direction as in `search.node_milliseconds`. The first place is searched, and how far that goes decides for the
    others: searches that end early cost less than a sweep over the whole network.
    """
    weights = weights_of(network, profile)
    backward = is_backward(direction)
    result = np.empty((len(places), network.node_count), np.int32)
    if not len(places):
        return result
    result[0] = node_milliseconds(network, place(places, 0), direction, weights, limit_s)
    reached = int(np.count_nonzero(result[0] < FARTHEST_MS))
    hierarchy = find_hierarchy(network) if len(places) > FEWEST_ROWS else None
    if hierarchy is None or reached * SWEPT_PER_SEARCHED < network.node_count:
        for i in range(1, len(places)):
            result[i] = node_milliseconds(network, place(places, i), direction, weights, limit_s)
        return result
    sources = (arrivals_of if backward else departures_of)(network, weights, places)
    n = network.node_count
    every = PlaceEntries(np.arange(n + 1, dtype=np.int32), np.arange(n, dtype=np.int32), np.zeros(n, np.uint32))
    limit = FAR - 1 if limit_s is None else min(int(limit_s * 1000), FAR - 1)
    weighted = customised_for(network, hierarchy, weights)
    _swept(hierarchy, weighted, sources, every, result, backward=backward, by_target=False, limit_ms=limit)
    return result


def _swept(
    hierarchy: Hierarchy,
    weighted: Customised,
    sources: PlaceEntries,
    targets: PlaceEntries,
    result: NDArray[np.int32],
    *,
    backward: bool,
    by_target: bool,
    limit_ms: int = FAR - 1,
) -> None:
    """Sweep from sources to targets into `result`; backward: the milliseconds from the targets to the sources."""
    up, down = (weighted.down, weighted.up) if backward else (weighted.up, weighted.down)
    first, head = hierarchy.first, hierarchy.head
    at = hierarchy.rank[targets.node]
    row, wanted = rows_above(first, head, at)
    row_first, pairs = lay_out(first, head, down, row, wanted)
    target_pairs = np.empty((len(at), 2), np.uint32)
    target_pairs[:, 0], target_pairs[:, 1] = row[at], targets.ms
    sweep(
        Upward(read_only(first), read_only(head), read_only(up)),
        PlaceEntries(read_only(sources.first), read_only(hierarchy.rank[sources.node]), read_only(sources.ms)),
        SweepRows(read_only(row), read_only(row_first), read_only(pairs)),
        SweepTargets(read_only(targets.first), read_only(target_pairs)),
        limit_ms,
        by_target,
        result.view(np.uint32),
    )


def departures_of(network: RoadNetwork, weights: Weights, snaps: Snaps) -> PlaceEntries:
    """Return where places as origins enter the network."""
    found = _room(4 * len(snaps.edge))
    n = departures(snaps.for_kernels(), weights.slot_ms, edge_ends_of(network), found)
    return _by_place(len(snaps), found, n)


def arrivals_of(network: RoadNetwork, weights: Weights, snaps: Snaps) -> PlaceEntries:
    """Return where the network is left to places as destinations."""
    room = 6 * len(snaps.edge)
    while True:
        found = _room(room)
        n = arrivals(snaps.for_kernels(), arc_costs_of(weights), edge_ends_of(network), found)
        if n <= room:
            return _by_place(len(snaps), found, n)
        room = n


def _room(n: int) -> Entries:
    return Entries(np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, np.int32))


def _by_place(places: int, found: Entries, n: int) -> PlaceEntries:
    """Sort the first n entries by place; the quickest entry of one place at one node is enough."""
    first = np.searchsorted(found.place[:n], np.arange(places + 1)).astype(np.int32)
    return PlaceEntries(*fastest_entries(first, found.node[:n], np.minimum(found.ms[:n], FAR).astype(np.uint32)))

"""The demo checks its travel times: networkx computes the same ones over a graph built from the arcs alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from pyproj import Geod

from gridsvc.roads.network.network import CLOSED, PROFILES
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import EXIT_KPH, WALKING_KPH, snap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

_ELLIPSOID = Geod(ellps="WGS84")
_ORIGINS, _DESTINATIONS = 10, 20
_TOLERANCE_S = 0.02
"""Each part of a way is rounded to a millisecond; a way has a handful of parts."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many travel times were compared, how many agree, and the largest difference in seconds."""

    compared: int
    agree: int
    largest_s: float
    unreachable: int


def compare_with_networkx(
    network: RoadNetwork, lon: NDArray[np.float64], lat: NDArray[np.float64], profile: str = "emergency"
) -> Agreement:
    """Compare the times between the first places and the last ones: 10 x 20 of them, from the middle of edges.

    lon, lat: (n,) degrees, at least 30 places.
    """
    origins = snap(network, lon[:_ORIGINS], lat[:_ORIGINS])
    ends = snap(network, lon[-_DESTINATIONS:], lat[-_DESTINATIONS:])
    ours = matrix(network, origins, ends, profile)
    graph = _graph(network, profile)
    row = PROFILES.index(profile)
    slot_ms, extra_ms = network.slot_ms[row], int(network.forbidden_turn_ms[row])
    for place in range(len(ends)):
        _join_end(graph, network, slot_ms, extra_ms, ends, place)
    theirs = np.full(ours.shape, np.inf)
    for place in range(len(origins)):
        _join_origin(graph, network, slot_ms, origins, ends, place)
        found = nx.single_source_dijkstra_path_length(graph, f"origin {place}", weight="ms")
        for end in range(len(ends)):
            theirs[place, end] = found.get(f"end {end}", np.inf) / 1000
    both = np.isfinite(ours) & np.isfinite(theirs)
    away = np.abs(ours[both] - theirs[both])
    agree = int((away <= _TOLERANCE_S).sum()) + int((np.isinf(ours) & np.isinf(theirs)).sum())
    return Agreement(ours.size, agree, float(away.max(initial=0.0)), int(np.isinf(ours).sum()))


def _graph(network: RoadNetwork, profile: str) -> nx.DiGraph[Any]:
    """Return every usable arc as an edge with `ms`; of parallel arcs the quickest."""
    row = PROFILES.index(profile)
    ms = network.slot_ms[row][network.arc_slot].astype(np.int64)
    usable = ms != CLOSED
    extra = int(network.forbidden_turn_ms[row])
    if extra == CLOSED:
        usable &= ~network.arc_forbidden
    else:
        ms = ms + np.where(network.arc_forbidden, extra, 0)
    order = np.flatnonzero(usable)
    order = order[np.argsort(-ms[order], kind="stable")]
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_nodes_from(range(network.node_count))
    graph.add_weighted_edges_from(
        zip(network.arc_tail[order].tolist(), network.arc_head[order].tolist(), ms[order].tolist(), strict=True),
        weight="ms",
    )
    return graph


def _walk_ms(metres: float) -> float:
    return metres / (WALKING_KPH / 3.6) * 1000


def _exit_ms(metres: float) -> float:
    return metres / (EXIT_KPH / 3.6) * 1000


def _quicker(graph: nx.DiGraph[Any], tail: int | str, head: int | str, ms: float) -> None:
    if not graph.has_edge(tail, head) or graph[tail][head]["ms"] > ms:
        graph.add_edge(tail, head, ms=ms)


def _is_shut(network: RoadNetwork, slot_ms: NDArray[np.uint32], edge: int) -> bool:
    """Say whether no vehicle may use the edge in either direction: then it is walked."""
    return all(
        slot_ms[slot] == CLOSED or network.slot_first[slot] == network.slot_first[slot + 1]
        for slot in (2 * edge, 2 * edge + 1)
    )


def _candidates(snaps: Snaps, place: int) -> list[tuple[int, float, float]]:
    """Return the edges of a place: number, fraction, metres beside it."""
    rows = range(int(snaps.first[place]), int(snaps.first[place + 1]))
    return [(int(snaps.edge[r]), float(snaps.fraction[r]), float(snaps.offroad_m[r])) for r in rows]


def _join_origin(
    graph: nx.DiGraph[Any], network: RoadNetwork, slot_ms: NDArray[np.uint32], origins: Snaps, ends: Snaps, place: int
) -> None:
    """Join an origin to the ends of its edges, and to the destinations on the same edge ahead of it."""
    name = f"origin {place}"
    shut_in = all(_is_shut(network, slot_ms, edge) for edge, _, _ in _candidates(origins, place))
    for edge, fraction, offroad_m in _candidates(origins, place):
        leg = _exit_ms(offroad_m)
        shut = _is_shut(network, slot_ms, edge)
        for slot, left in ((2 * edge, 1 - fraction), (2 * edge + 1, fraction)):
            arcs = network.slot_arc[network.slot_first[slot] : network.slot_first[slot + 1]]
            if slot_ms[slot] != CLOSED and len(arcs):
                _quicker(graph, name, int(network.arc_head[arcs[0]]), leg + left * float(slot_ms[slot]))
        for end, junction in ((0.0, network.edge_from[edge]), (1.0, network.edge_to[edge])):
            if shut_in or (fraction == end and not shut):
                along = _walk_ms(abs(fraction - end) * float(network.edge_length_m[edge]))
                _quicker(graph, name, int(network.junction_first[junction]), leg + along)
        for number in range(len(ends)):
            for other, there, there_m in _candidates(ends, number):
                if other == edge:
                    on_foot = _on_foot_ms(network, origins, place, ends, number, edge, abs(there - fraction))
                    driven = _along_edge_ms(slot_ms, edge, fraction, there)
                    ms = min(leg + min(on_foot[0], driven) + _walk_ms(there_m), on_foot[1])
                    _quicker(graph, name, f"end {number}", ms)


def _along_edge_ms(slot_ms: NDArray[np.uint32], edge: int, begin: float, end: float) -> float:
    """Return the drive from one fraction of an edge to another; infinite where that direction is closed."""
    ways = ((2 * edge, end - begin), (2 * edge + 1, begin - end))
    return min(
        (ahead * float(slot_ms[slot]) for slot, ahead in ways if ahead >= 0 and slot_ms[slot] != CLOSED),
        default=np.inf,
    )


def _on_foot_ms(
    network: RoadNetwork, origins: Snaps, place: int, ends: Snaps, number: int, edge: int, share: float
) -> tuple[float, float]:
    """Return the walk along a common edge, and the straight one of those nearer to each other than to the road."""
    straight_m: float = _ELLIPSOID.inv(origins.lon[place], origins.lat[place], ends.lon[number], ends.lat[number])[2]
    both = (*_candidates(origins, place), *_candidates(ends, number))
    to_road_m = sum(away for other, _, away in both if other == edge)
    straight_ms = _walk_ms(straight_m) if straight_m <= to_road_m else np.inf
    return _walk_ms(share * float(network.edge_length_m[edge])), straight_ms


def _join_end(
    graph: nx.DiGraph[Any], network: RoadNetwork, slot_ms: NDArray[np.uint32], extra_ms: int, ends: Snaps, place: int
) -> None:
    """Join the tails of the arcs of a destination's edges to it, a forbidden turn into the edge included."""
    name = f"end {place}"
    for edge, fraction, offroad_m in _candidates(ends, place):
        walk = _walk_ms(offroad_m)
        shut = _is_shut(network, slot_ms, edge)
        for slot, passed in ((2 * edge, fraction), (2 * edge + 1, 1 - fraction)):
            if slot_ms[slot] == CLOSED:
                continue
            for arc in network.slot_arc[network.slot_first[slot] : network.slot_first[slot + 1]]:
                forbidden = bool(network.arc_forbidden[arc])
                if forbidden and extra_ms == CLOSED:
                    continue
                ms = (extra_ms if forbidden else 0) + passed * float(slot_ms[slot]) + walk
                _quicker(graph, int(network.arc_tail[arc]), name, ms)
        for end, junction in ((0.0, network.edge_from[edge]), (1.0, network.edge_to[edge])):
            if shut or fraction == end:
                along = _walk_ms(abs(fraction - end) * float(network.edge_length_m[edge]))
                for node in range(int(network.junction_first[junction]), int(network.junction_first[junction + 1])):
                    _quicker(graph, node, name, walk + along)

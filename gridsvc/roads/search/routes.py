"""The route itself: the edges of the quickest way and its line, for the dispatcher's map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.kernels.anchor_kernel import EXIT_MS_PER_M, WALK_MS_PER_M
from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.search.search import node_milliseconds, seconds_to
from gridsvc.roads.search.weights import Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

Stretch = tuple[int, float, float]
"""An edge, and the fractions of it at which the route comes in and goes out."""


@dataclass(frozen=True, slots=True)
class Route:
    """The quickest way: its seconds (legs beside the road included), its metres on the road and its line.

    line: (lon, lat) pairs along the road from where the origin meets it to where the destination does; empty where
    the two are nearest on foot. edges: the numbers of the edges, in order.
    """

    seconds: float
    length_m: float
    line: tuple[tuple[float, float], ...]
    edges: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """One way of leaving (or entering) the road network at a place: a node, milliseconds and the stretch between."""

    node: int
    ms: int
    stretch: Stretch | None


def route(
    network: RoadNetwork, origin: Snaps, destination: Snaps, profile: str | Weights = "emergency"
) -> Route | None:
    """Find the quickest way from the one origin to the one destination; None = no way there."""
    if len(origin) != 1 or len(destination) != 1:
        raise InvalidInput("A route has one origin and one destination.")
    weights = weights_of(network, profile)
    whole = float(seconds_to(network, origin, destination, weights)[0])
    if whole == np.inf:
        return None
    whole_ms = round(whole * 1000)
    to_go = node_milliseconds(network, destination, "to", weights, whole)
    begin = min(_departures(network, weights, origin), key=lambda end: end.ms + int(to_go[end.node]), default=None)
    if begin is None or begin.ms + int(to_go[begin.node]) > whole_ms:
        return _beside(network, weights, origin, destination, whole)
    stretches = [begin.stretch] if begin.stretch else []
    arrivals: dict[int, _End] = {}
    for end in _arrivals(network, weights, destination):
        if end.node not in arrivals or end.ms < arrivals[end.node].ms:
            arrivals[end.node] = end
    node, seen = begin.node, {begin.node}
    while not (node in arrivals and arrivals[node].ms == to_go[node]):
        arc = _onward(network, weights, to_go, node, seen)
        slot = int(network.arc_slot[arc])
        stretches.append((slot >> 1, 0.0, 1.0) if slot % 2 == 0 else (slot >> 1, 1.0, 0.0))
        node = int(network.arc_head[arc])
        seen.add(node)
    last = arrivals[node].stretch
    return _drawn(network, [*stretches, last] if last else stretches, whole)


def _onward(network: RoadNetwork, weights: Weights, to_go: NDArray[np.int32], node: int, seen: set[int]) -> int:
    """Choose the arc that loses no time; streets of no length never lead back."""
    for arc in range(int(network.out_first[node]), int(network.out_first[node + 1])):
        head, ms = int(weights.out_arcs[arc, 0]), int(weights.out_arcs[arc, 1])
        if ms != CLOSED and head not in seen and int(to_go[head]) + ms == int(to_go[node]):
            return arc
    raise AssertionError(f"node {node} is on no quickest way")


def _candidates(snaps: Snaps, ms_per_m: float) -> Iterator[tuple[int, float, int]]:
    for c in range(int(snaps.first[0]), int(snaps.first[1])):
        yield int(snaps.edge[c]), float(snaps.fraction[c]), int(float(snaps.offroad_m[c]) * ms_per_m + 0.5)


def _is_shut(network: RoadNetwork, weights: Weights, edge: int) -> bool:
    """Say whether no vehicle may use an edge in either direction."""
    return all(
        weights.slot_ms[slot] == CLOSED or network.slot_first[slot] == network.slot_first[slot + 1]
        for slot in (2 * edge, 2 * edge + 1)
    )


def _departures(network: RoadNetwork, weights: Weights, place: Snaps) -> Iterator[_End]:
    """Yield what `anchor_kernel.departures` writes, with the stretches."""
    shut_in = all(_is_shut(network, weights, e) for e in place.edge.tolist())
    for e, f, leg in _candidates(place, EXIT_MS_PER_M):
        shut = _is_shut(network, weights, e)
        if shut and not shut_in:
            continue
        for side, passed in ((0, f), (1, 1.0 - f)):
            slot = 2 * e + side
            whole = int(weights.slot_ms[slot])
            if whole == CLOSED or network.slot_first[slot] == network.slot_first[slot + 1]:
                continue
            node = int(network.arc_head[network.slot_arc[network.slot_first[slot]]])
            yield _End(node, leg + whole - int(passed * whole + 0.5), (e, f, 1.0 - side))
        for junction, end in ((network.edge_from[e], 0.0), (network.edge_to[e], 1.0)):
            if f == end or shut:
                metres = abs(f - end) * float(network.edge_length_m[e])
                out = leg + int(metres * WALK_MS_PER_M + 0.5)
                yield _End(int(network.junction_first[junction]), out, None if f == end else (e, f, end))


def _arrivals(network: RoadNetwork, weights: Weights, place: Snaps) -> Iterator[_End]:
    """Yield what `anchor_kernel.arrivals` writes, with the stretches."""
    for e, f, walk in _candidates(place, WALK_MS_PER_M):
        shut = True
        for side, passed in ((0, f), (1, 1.0 - f)):
            slot = 2 * e + side
            whole = int(weights.slot_ms[slot])
            for arc in network.slot_arc[network.slot_first[slot] : network.slot_first[slot + 1]].tolist():
                ms = int(weights.out_arcs[arc, 1])
                if CLOSED in {whole, ms}:
                    continue
                shut = False
                yield _End(int(network.arc_tail[arc]), walk + int(passed * whole + 0.5) + ms - whole, (e, side, f))
        for junction, end in ((network.edge_from[e], 0.0), (network.edge_to[e], 1.0)):
            if f == end or shut:
                metres = abs(f - end) * float(network.edge_length_m[e])
                on_foot = walk + int(metres * WALK_MS_PER_M + 0.5)
                for node in range(int(network.junction_first[junction]), int(network.junction_first[junction + 1])):
                    yield _End(node, on_foot, None if f == end else (e, end, f))


def _beside(network: RoadNetwork, weights: Weights, origin: Snaps, destination: Snaps, whole: float) -> Route:
    """Draw the way along the one edge that both places are on, or nothing where they walk straight."""
    for e, f, leg in _candidates(origin, EXIT_MS_PER_M):
        for other, g, walk in _candidates(destination, WALK_MS_PER_M):
            if e != other:
                continue
            on_foot = int(abs(f - g) * float(network.edge_length_m[e]) * WALK_MS_PER_M + 0.5)
            ways = [on_foot]
            forward, backward = int(weights.slot_ms[2 * e]), int(weights.slot_ms[2 * e + 1])
            if forward != CLOSED and f <= g:
                ways.append(int(g * forward + 0.5) - int(f * forward + 0.5))
            if backward != CLOSED and f >= g:
                ways.append(int((1.0 - g) * backward + 0.5) - int((1.0 - f) * backward + 0.5))
            if leg + walk + min(ways) == round(whole * 1000):
                return _drawn(network, [(e, f, g)], whole)
    return Route(whole, 0.0, (), ())


def _drawn(network: RoadNetwork, stretches: list[Stretch], whole: float) -> Route:
    line: list[tuple[float, float]] = []
    length_m = 0.0
    for edge, f, g in stretches:
        length_m += abs(g - f) * float(network.edge_length_m[edge])
        points = _along(network, edge, f, g)
        line += points[1:] if line and line[-1] == points[0] else points
    return Route(whole, length_m, tuple(line), tuple(edge for edge, _, _ in stretches))


def _along(network: RoadNetwork, edge: int, f: float, g: float) -> list[tuple[float, float]]:
    """Return the polyline of an edge between two fractions, in the direction from f to g."""
    a, b = int(network.edge_first_vertex[edge]), int(network.edge_first_vertex[edge + 1])
    metres = network.vertex_m[a:b]
    lon, lat = network.vertex_lon[a:b] * DEGREE, network.vertex_lat[a:b] * DEGREE
    low, high = (share * float(network.edge_length_m[edge]) for share in sorted((f, g)))
    between = (metres > low) & (metres < high)
    along = np.concatenate([[low], metres[between], [high]])
    x, y = np.interp(along, metres, lon).round(7).tolist(), np.interp(along, metres, lat).round(7).tolist()
    points = list(zip(x, y, strict=True))
    return points if f <= g else points[::-1]

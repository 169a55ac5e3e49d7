"""The proof that comes with a service area: an independent walk decides for points on roads near its edge.

The walk is scipy's Dijkstra over the unsimplified graph, where every point of every road's line is a node, with
lengths on the sphere where the engine measures on the ellipsoid. It shares nothing with the engine's searches, snaps
or triangles except the network itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import csr_matrix, hstack, vstack
from scipy.sparse.csgraph import dijkstra

from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.network.speeds import CLASS_NUMBER

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon
    from shapely.geometry.base import BaseGeometry

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.weights import Weights

NEAR_EDGE_M = 300.0
POINTS = 1000
DRAWN = 8000
"""So many points are drawn from the roads about the area, and the first POINTS of those near its edge are taken."""

FEWEST = 100
TOLERANCE_S = 1.0
"""A point within a second of the budget is neither wrong inside nor outside: that is some ten metres of road."""

BESIDE_S_PER_M = {"to": 0.72, "from": 0.24}
"""Beside the road the team walks to a place at 5 km/h and drives away from one at 15 km/h."""

SPHERE_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of `points` on roads within 300 m of the area's edge, `wrong` are on the wrong side of it."""

    points: int
    wrong: int

    @property
    def share(self) -> float:
        """Wrong over points, 0 to 1."""
        return self.wrong / self.points if self.points else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """The unsimplified graph of some weights: the network's nodes first, then the inner points of each arc.

    Piece i leads from a[i] to b[i] in turn_s[i] + seconds[i]: a forbidden turn is paid whole where the piece begins,
    however little of it is driven. It is on edge[i] from one vertex to the next.
    """

    graph: csr_matrix
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    seconds: NDArray[np.float64]
    turn_s: NDArray[np.float64]
    edge: NDArray[np.int64]
    from_vertex: NDArray[np.int64]
    to_vertex: NDArray[np.int64]


def certify(
    network: RoadNetwork, weights: Weights, place: Snaps, area: MultiPolygon, budget_s: float, direction: str
) -> Certificate:
    """Test the area at points on roads near its edge."""
    walk = walk_of(network, weights)
    if not len(walk.a):
        # every road is closed: there is nothing to be wrong about
        return Certificate(0, 0)
    time = walk_from(network, walk, place, budget_s + 60.0, direction)
    lon, lat, seconds = _points_near_edge(network, walk, time, area, place, direction)
    decided = np.abs(seconds - budget_s) > TOLERANCE_S
    inside = shapely.contains_xy(area, lon, lat) if not area.is_empty else np.zeros(len(lon), bool)
    wrong = decided & (inside != (seconds <= budget_s))
    return Certificate(len(lon), int(wrong.sum()))


def walk_of(network: RoadNetwork, weights: Weights) -> Walk:
    """Return the walk's graph of these weights, kept with the network for the last weights asked for."""
    kept = network.kept.get("walk")
    if isinstance(kept, tuple) and kept[0] is weights:
        walk: Walk = kept[1]
        return walk
    walk = _build_walk(network, weights)
    network.kept["walk"] = (weights, walk)
    return walk


def _build_walk(network: RoadNetwork, weights: Weights) -> Walk:
    arc = np.flatnonzero(weights.out_arcs[:, 1] != CLOSED)
    slot = network.arc_slot[arc].astype(np.int64)
    edge, back = slot >> 1, (slot & 1).astype(bool)
    first = network.edge_first_vertex[edge].astype(np.int64)
    after = network.edge_first_vertex[edge + 1].astype(np.int64)
    pieces = after - first - 1
    ends = np.cumsum(pieces)
    at = np.repeat(np.arange(len(arc)), pieces)
    step = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - pieces, pieces)
    turned = back[at]
    from_vertex = np.where(turned, after[at] - 1 - step, first[at] + step)
    to_vertex = np.where(turned, from_vertex - 1, from_vertex + 1)
    inner = network.node_count + np.arange(len(at)) - at
    a = np.where(step == 0, network.arc_tail[arc[at]], inner - 1)
    b = np.where(step == pieces[at] - 1, network.arc_head[arc[at]], inner)
    metres = _sphere_m(network, from_vertex, to_vertex)
    whole = np.bincount(at, metres, minlength=len(arc))
    ms = weights.out_arcs[arc, 1].astype(np.float64)
    slot_ms = weights.slot_ms[slot].astype(np.float64)
    share = np.divide(metres, whole[at], out=np.ones(len(at)), where=whole[at] > 0)
    seconds = share * slot_ms[at] / 1000.0
    turn_s = np.where(step == 0, (ms - slot_ms)[at] / 1000.0, 0.0)
    whole_s = turn_s + seconds
    nodes = network.node_count + int((pieces - 1).sum())
    order = np.lexsort((whole_s, b, a))
    keep = np.ones(len(order), bool)
    keep[1:] = (a[order][1:] != a[order][:-1]) | (b[order][1:] != b[order][:-1])
    best = order[keep]
    graph = csr_matrix((np.maximum(whole_s[best], 1e-9), (a[best], b[best])), shape=(nodes, nodes))
    return Walk(graph, a, b, seconds, turn_s, edge[at], from_vertex, to_vertex)


def _sphere_m(network: RoadNetwork, v: NDArray[np.int64], w: NDArray[np.int64]) -> NDArray[np.float64]:
    lon1, lat1, lon2, lat2 = (
        np.radians(values * DEGREE)
        for values in (network.vertex_lon[v], network.vertex_lat[v], network.vertex_lon[w], network.vertex_lat[w])
    )
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    metres: NDArray[np.float64] = 2 * SPHERE_M * np.arcsin(np.sqrt(half))
    return metres


def walk_from(network: RoadNetwork, walk: Walk, place: Snaps, limit_s: float, direction: str) -> NDArray[np.float64]:
    """Seconds of every node of the walk from the place, or to it; inf beyond the limit.

    The place is a node of its own, tied to the pieces of road on which its candidates are.
    """
    nodes = walk.graph.shape[0]
    ends: dict[int, float] = {}

    def tie(node: int, seconds: float) -> None:
        ends[node] = min(ends.get(node, np.inf), seconds)

    shut_in = not np.isin(place.edge, walk.edge).any()
    for e, f, offroad_m in zip(place.edge.tolist(), place.fraction.tolist(), place.offroad_m.tolist(), strict=True):
        beside = offroad_m * BESIDE_S_PER_M[direction]
        metres = f * float(network.edge_length_m[e])
        found = np.flatnonzero(walk.edge == e)
        for i in found.tolist():
            low, high = sorted((network.vertex_m[walk.from_vertex[i]], network.vertex_m[walk.to_vertex[i]]))
            if not low <= metres <= high:
                continue
            share = (metres - network.vertex_m[walk.from_vertex[i]]) / max(high - low, 1e-9)
            share = min(abs(share), 1.0)
            if direction == "from":
                tie(int(walk.b[i]), beside + (1.0 - share) * walk.seconds[i])
            else:
                tie(int(walk.a[i]), beside + walk.turn_s[i] + share * walk.seconds[i])
        if direction == "from" and not len(found) and not shut_in:
            continue
        for junction, along in ((network.edge_from[e], f), (network.edge_to[e], 1.0 - f)):
            if along == 0.0 or not len(found):
                on_way = along * float(network.edge_length_m[e]) * BESIDE_S_PER_M["to"]
                a, b = network.junction_first[junction], network.junction_first[junction + 1]
                for node in range(a, a + 1 if direction == "from" else b):
                    tie(node, beside + on_way)
    links = walk.graph if direction == "from" else walk.graph.T.tocsr()
    start = csr_matrix(
        (np.maximum(list(ends.values()), 1e-9), (np.zeros(len(ends), int), list(ends))), shape=(1, nodes)
    )
    whole = vstack([hstack([links, csr_matrix((nodes, 1))]), hstack([start, csr_matrix((1, 1))])]).tocsr()
    time: NDArray[np.float64] = np.asarray(dijkstra(whole, indices=np.array([nodes]), limit=limit_s))
    return time[0, :nodes]


def _points_near_edge(
    network: RoadNetwork, walk: Walk, time: NDArray[np.float64], area: MultiPolygon, place: Snaps, direction: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Draw points on roads within 300 m of the edge; their places and the walk's seconds (inf = not reached)."""
    draw = np.random.default_rng(round(float(place.lon[0]) * 1e7) & 0xFFFFFFFF)
    # one directed piece of each stretch of road stands for it
    usable = np.flatnonzero((walk.from_vertex < walk.to_vertex) | ~_has_forward(walk))
    usable = usable[network.edge_class[walk.edge[usable]] != CLASS_NUMBER["gate"]]
    a, b = walk.from_vertex[usable], walk.to_vertex[usable]
    metres = np.abs(network.vertex_m[b] - network.vertex_m[a])
    lon, lat = network.vertex_lon * DEGREE, network.vertex_lat * DEGREE
    scale = float(np.cos(np.radians(place.lat[0])))
    degrees = NEAR_EDGE_M / 111_195.0
    rim: BaseGeometry
    if area.is_empty:
        rim = shapely.Point(float(place.lon[0]) * scale, float(place.lat[0]))
    else:
        rim = shapely.transform(area, lambda xy: xy * [scale, 1.0]).boundary
    shapely.prepare(rim)
    # pieces that may come near: their boxes meet the rim's, widened
    west, south, east, north = rim.bounds
    may = (np.maximum(lon[a], lon[b]) * scale >= west - degrees) & (
        np.minimum(lon[a], lon[b]) * scale <= east + degrees
    )
    may &= (np.maximum(lat[a], lat[b]) >= south - degrees) & (np.minimum(lat[a], lat[b]) <= north + degrees)
    weight = np.where(may, metres, 0.0)
    if not weight.sum() > 0:
        weight = metres if metres.sum() > 0 else np.ones(len(metres))
    piece = draw.choice(len(usable), DRAWN, p=weight / weight.sum())
    share = draw.random(DRAWN)
    x = lon[a[piece]] + share * (lon[b[piece]] - lon[a[piece]])
    y = lat[a[piece]] + share * (lat[b[piece]] - lat[a[piece]])
    near = np.flatnonzero(shapely.dwithin(rim, shapely.points(x * scale, y), degrees))[:POINTS]
    if len(near) < FEWEST:
        # hardly any road so near: the nearest points there are
        near = np.argsort(shapely.distance(rim, shapely.points(x * scale, y)), kind="stable")[:POINTS]
    chosen, share, lon, lat = usable[piece[near]], share[near], x[near], y[near]
    return lon, lat, _seconds_at(network, walk, time, chosen, share, place, direction)


def _has_forward(walk: Walk) -> NDArray[np.bool_]:
    forward = np.unique(walk.edge[walk.from_vertex < walk.to_vertex])
    return np.isin(walk.edge, forward)


def _seconds_at(
    network: RoadNetwork,
    walk: Walk,
    time: NDArray[np.float64],
    chosen: NDArray[np.int64],
    share: NDArray[np.float64],
    place: Snaps,
    direction: str,
) -> NDArray[np.float64]:
    """Seconds at points within pieces of road, by every piece that runs there, either way."""
    low = np.minimum(walk.from_vertex, walk.to_vertex)
    order = np.argsort(low, kind="stable")
    wanted = np.minimum(walk.from_vertex[chosen], walk.to_vertex[chosen])
    begin, end = np.searchsorted(low[order], wanted), np.searchsorted(low[order], wanted, side="right")
    seconds = np.full(len(chosen), np.inf)
    upward = np.where(walk.from_vertex[chosen] < walk.to_vertex[chosen], share, 1.0 - share)
    for k in range(int((end - begin).max())):
        piece = order[np.minimum(begin + k, end - 1)]
        along = np.where(walk.from_vertex[piece] < walk.to_vertex[piece], upward, 1.0 - upward)
        if direction == "from":
            result = time[walk.a[piece]] + walk.turn_s[piece] + along * walk.seconds[piece]
        else:
            result = time[walk.b[piece]] + (1.0 - along) * walk.seconds[piece]
        seconds = np.minimum(seconds, result)
        # the place itself may be on this piece
        for e, f, offroad_m in zip(place.edge.tolist(), place.fraction.tolist(), place.offroad_m.tolist(), strict=True):
            start, end_m = (network.vertex_m[v[piece]] for v in (walk.from_vertex, walk.to_vertex))
            there = (f * network.edge_length_m[e] - start) / np.where(end_m == start, 1.0, end_m - start)
            onward = along - there if direction == "from" else there - along
            on_piece = (walk.edge[piece] == e) & (there >= 0) & (there <= 1) & (onward >= 0)
            direct = offroad_m * BESIDE_S_PER_M[direction] + onward * walk.seconds[piece]
            seconds = np.where(on_piece, np.minimum(seconds, direct), seconds)
    return seconds

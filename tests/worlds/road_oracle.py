"""Travel times worked out by scipy over a graph that is written down place by place; none of the engine's searches.

Two graphs: `times_over_arcs` takes the network's nodes and arcs; `times_over_slots` takes only roads and forbidden
sequences, and walks over pairs (road driven last, how much of a forbidden sequence it ends).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gridsvc.coordinates import metres_per_degree
from gridsvc.roads.network.network import CLOSED, RoadNetwork

if TYPE_CHECKING:
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.weights import Weights

WALK_MS_PER_M, EXIT_MS_PER_M = 720.0, 240.0


def rounded(value: float) -> int:
    return math.floor(value + 0.5)


class Links:
    def __init__(self) -> None:
        self.tail: list[int] = []
        self.head: list[int] = []
        self.ms: list[int] = []

    def add(self, tail: int, head: int, ms: int) -> None:
        self.tail.append(int(tail))
        self.head.append(int(head))
        self.ms.append(int(ms))

    def seconds(self, nodes: int, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        tail, head, ms = (np.array(values, np.int64) for values in (self.tail, self.head, self.ms))
        order = np.lexsort((ms, head, tail))
        tail, head, ms = tail[order], head[order], ms[order]
        keep = np.ones(len(order), bool)
        keep[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
        # scipy takes a stored zero for no link: a tiny length instead, rounded away at the end
        graph = csr_matrix((np.maximum(ms[keep], 1e-7), (tail[keep], head[keep])), shape=(nodes, nodes))
        return np.round(dijkstra(graph, indices=sources)[:, targets]) / 1000.0


def times_over_arcs(network: RoadNetwork, weights: Weights, snaps: Snaps) -> np.ndarray:
    """Seconds between all places, (n, n); the diagonal is not meant."""
    n, places = network.node_count, len(snaps)
    links = Links()
    for arc in np.flatnonzero(weights.out_arcs[:, 1] != CLOSED):
        links.add(network.arc_tail[arc], network.arc_head[arc], weights.out_arcs[arc, 1])
    on_edge: dict[int, list[tuple[int, float, float]]] = {}
    for p in range(places):
        roads = [int(snaps.edge[c]) for c in range(snaps.first[p], snaps.first[p + 1])]
        shut_in = not any(may_drive(network, weights, 2 * e + side) for e in roads for side in (0, 1))
        for c in range(snaps.first[p], snaps.first[p + 1]):
            e, f, walk_m = int(snaps.edge[c]), float(snaps.fraction[c]), float(snaps.offroad_m[c])
            walk, leave = rounded(walk_m * WALK_MS_PER_M), rounded(walk_m * EXIT_MS_PER_M)
            length = float(network.edge_length_m[e])
            origin, destination = n + p, n + places + p
            drivable = False
            for side, passed in ((0, f), (1, 1.0 - f)):
                slot = 2 * e + side
                whole = int(weights.slot_ms[slot])
                arcs = network.slot_arc[network.slot_first[slot] : network.slot_first[slot + 1]]
                if whole == CLOSED or not len(arcs):
                    continue
                drivable = True
                links.add(origin, network.arc_head[arcs[0]], leave + whole - rounded(passed * whole))
                for arc in arcs:
                    ms = int(weights.out_arcs[arc, 1])
                    if ms != CLOSED:
                        links.add(network.arc_tail[arc], destination, walk + rounded(passed * whole) + ms - whole)
            for junction, share in ((network.edge_from[e], f), (network.edge_to[e], 1.0 - f)):
                if share == 0.0 or not drivable:
                    ms = walk + rounded(share * length * WALK_MS_PER_M)
                    nodes = range(network.junction_first[junction], network.junction_first[junction + 1])
                    if drivable or shut_in:
                        links.add(origin, nodes[0], leave + rounded(share * length * WALK_MS_PER_M))
                    for node in nodes:
                        links.add(node, destination, ms)
            on_edge.setdefault(e, []).append((p, f, walk_m))
    for e, there in on_edge.items():
        for a, f, walk_a in there:
            for b, g, walk_b in there:
                if a != b:
                    links.add(n + a, n + places + b, along(network, weights, snaps, e, (a, f, walk_a), (b, g, walk_b)))
    ends = np.arange(n, n + places)
    return links.seconds(n + 2 * places, ends, ends + places)


def may_drive(network: RoadNetwork, weights: Weights, slot: int) -> bool:
    return bool(weights.slot_ms[slot] != CLOSED and network.slot_first[slot] != network.slot_first[slot + 1])


def along(
    network: RoadNetwork,
    weights: Weights,
    snaps: Snaps,
    e: int,
    here: tuple[int, float, float],
    there: tuple[int, float, float],
) -> int:
    """Milliseconds between two places on one edge, without leaving it."""
    (a, f, walk_a), (b, g, walk_b) = here, there
    walk = rounded(walk_a * EXIT_MS_PER_M) + rounded(walk_b * WALK_MS_PER_M)
    ways = [walk + rounded(abs(f - g) * float(network.edge_length_m[e]) * WALK_MS_PER_M)]
    forward, backward = int(weights.slot_ms[2 * e]), int(weights.slot_ms[2 * e + 1])
    if forward != CLOSED and f <= g:
        ways.append(walk + rounded(g * forward) - rounded(f * forward))
    if backward != CLOSED and f >= g:
        ways.append(walk + rounded((1 - g) * backward) - rounded((1 - f) * backward))
    east, north = metres_per_degree(snaps.lat[a])
    straight = math.hypot((snaps.lon[a] - snaps.lon[b]) * east, (snaps.lat[a] - snaps.lat[b]) * north)
    if straight <= walk_a + walk_b:
        ways.append(rounded(straight * WALK_MS_PER_M))
    return min(ways)

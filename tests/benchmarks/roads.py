"""The road engine beside scipy, pyroutingkit and networkx: who is first, matrices, service areas, closures.

The roads are Heidelberg's (../shared/data); the larger networks are copies of it laid side by side and joined at
their borders. Program and peer by turns in one process, one thread each, the best of several rounds.
"""

from __future__ import annotations

import importlib.util
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gridsvc.files.osm_ways import read_survey
from gridsvc.isochrones import build_mesh, isochrones
from gridsvc.roads.building import build
from gridsvc.roads.closures import Closure, closed_edges, with_closures
from gridsvc.roads.hierarchy import build_hierarchy
from gridsvc.roads.matrices import keep_hierarchy, matrix_milliseconds
from gridsvc.roads.network import CLOSED, RoadNetwork
from gridsvc.roads.posts import post
from gridsvc.roads.search import milliseconds_one_place, node_milliseconds, place
from gridsvc.roads.snapping import Snaps, snap
from gridsvc.roads.weights import weights_of

if TYPE_CHECKING:
    from collections.abc import Callable

HEIDELBERG = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "osm" / "heidelberg.osm.pbf"
TILES = {"28k": 1, "1M": 6}
"""Copies along each side: 1 and 36 of them, 28 thousand and a million arcs that anybody may drive."""

CALLS, TEAMS = 300, 60
PROFILE = "normal"


def rows() -> list[dict[str, Any]]:
    """Return the figures; none where the roads are not there."""
    if not HEIDELBERG.is_file():
        return []
    told = []
    for size, tiles in TILES.items():
        town = _Town(tiles)
        told += [*_first_at_the_scene(town, size), *_matrix(town, size), *_closure(town, size)]
        if tiles == 1:
            told += _areas(town)
            told += _snapping(town)
    return told


class _Town:
    """A network of tiles with its peers' graphs, and the places that are asked about."""

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        self.network = tiled(HEIDELBERG, tiles)
        self.weights = weights_of(self.network, PROFILE)
        net = self.network
        opened = self.weights.out_arcs[:, 1] != CLOSED
        self.tail, self.head = net.arc_tail[opened], net.arc_head[opened]
        self.ms = self.weights.out_arcs[opened, 1]
        n = net.node_count
        order = np.lexsort((self.ms, self.head, self.tail))
        keep = np.ones(len(order), bool)
        keep[1:] = np.diff(self.tail[order]) + np.diff(self.head[order]) != 0
        keep[1:] |= self.tail[order][1:] != self.tail[order][:-1]
        best = order[keep]
        seconds = np.maximum(self.ms[best], 1) / 1000.0
        self.graph = csr_matrix((seconds, (self.tail[best], self.head[best])), shape=(n, n))
        self.backward = self.graph.T.tocsr()
        draw = np.random.default_rng(5)
        self.teams = self._places(draw, TEAMS * tiles * tiles)
        self.calls = self._places(draw, CALLS)

    def _places(self, draw: np.random.Generator, count: int) -> Snaps:
        """Places at junctions that anybody reaches, so that peers without snapping answer the same question."""
        net = self.network
        reached = np.unique(self.head)
        junction = np.searchsorted(net.junction_first, draw.choice(reached, count), side="right") - 1
        return snap(net, net.junction_lon[junction] * 1e-7, net.junction_lat[junction] * 1e-7)

    def nodes(self, places: Snaps) -> np.ndarray:
        """The node at which a place lies."""
        edge, end = places.edge[places.first[:-1]], places.fraction[places.first[:-1]]
        junction = np.where(end < 0.5, self.network.edge_from[edge], self.network.edge_to[edge])
        return self.network.junction_first[junction]


def tiled(file: Path, tiles: int) -> RoadNetwork:
    """Lay copies of an extract side by side, each joined to its neighbours by a street."""
    survey, speeds = read_survey(file)
    if tiles == 1:
        return build(survey, speeds, "heidelberg")
    width, height = np.ptp(survey.lon) + 0.002, np.ptp(survey.lat) + 0.002
    number = {int(p): i for i, p in enumerate(np.sort(survey.point))}
    dense = np.searchsorted(np.sort(survey.point), survey.point)
    known = np.isin(survey.way_point, survey.point)
    of_way = np.where(
        known, np.searchsorted(np.sort(survey.point), np.where(known, survey.way_point, survey.point[0])), -1
    )
    n, m = len(number), len(survey.way)
    inverse = np.argsort(dense)
    lon, lat = survey.lon[inverse], survey.lat[inverse]
    west, east, south, north = _outermost(build(survey, speeds), lon, lat)
    copies = [(i, j) for i in range(tiles) for j in range(tiles)]
    joins = []
    for i, j in copies:
        here = (i * tiles + j) * n
        if i + 1 < tiles:
            joins.append((here + east, here + tiles * n + west))
        if j + 1 < tiles:
            joins.append((here + north, here + n + south))
    way_first = [survey.way_first[:-1] + k * len(of_way) for k in range(len(copies))]
    from dataclasses import replace

    whole = replace(
        survey,
        point=np.arange(n * len(copies)),
        lon=np.concatenate([lon + i * width for i, _ in copies]),
        lat=np.concatenate([lat + j * height for _, j in copies]),
        signal=np.tile(survey.signal[inverse], len(copies)),
        way=np.arange(m * len(copies) + len(joins)),
        way_first=np.concatenate([*way_first, len(of_way) * len(copies) + 2 * np.arange(len(joins) + 1)]),
        way_point=np.concatenate(
            [*(np.where(of_way >= 0, of_way + k * n, -1) for k in range(len(copies))), np.array(joins).reshape(-1)]
        ),
        road_class=np.concatenate([np.tile(survey.road_class, len(copies)), np.full(len(joins), 6, np.uint8)]),
        kph=np.concatenate([np.tile(survey.kph, (len(copies), 1)), np.full((len(joins), 4), 50, np.float32)]),
        roundabout=np.concatenate([np.tile(survey.roundabout, len(copies)), np.zeros(len(joins), bool)]),
        name=np.full(m * len(copies) + len(joins), -1, np.int32),
        names=(),
        barriers={},
        restrictions=(),
    )
    return build(whole, speeds, f"{tiles * tiles} copies of heidelberg")


def _outermost(net: RoadNetwork, lon: np.ndarray, lat: np.ndarray) -> list[int]:
    """Find the points that are the junctions farthest west, east, south and north that are open to anybody."""
    opened = weights_of(net, PROFILE).out_arcs[:, 1] != CLOSED
    junction = np.searchsorted(net.junction_first, np.unique(net.arc_head[opened]), side="right") - 1
    x, y = net.junction_lon[junction] * 1e-7, net.junction_lat[junction] * 1e-7
    ends = (np.argmin(x), np.argmax(x), np.argmin(y), np.argmax(y))
    return [int(np.argmin(np.hypot(lon - x[k], lat - y[k]))) for k in ends]


def _best_s(*tasks: Callable[[], object], rounds: int = 5) -> list[float]:
    """Run the tasks by turns and return the least processor time of each."""
    best = [float("inf")] * len(tasks)
    for _ in range(rounds):
        for k, task in enumerate(tasks):
            begun = time.thread_time()
            task()
            best[k] = min(best[k], time.thread_time() - begun)
    return best


def _routingkit(town: _Town) -> Any:
    """Build pyroutingkit's hierarchy over the same arcs; None where it is not installed."""
    if importlib.util.find_spec("pyroutingkit") is None:
        return None
    import pyroutingkit

    net = town.network
    junction = np.repeat(np.arange(len(net.junction_lon)), np.diff(net.junction_first))
    topology = pyroutingkit.CCHTopology()
    lat, lon = (values[junction] * 1e-7 for values in (net.junction_lat, net.junction_lon))
    topology.build(
        town.tail.astype(np.uint32), town.head.astype(np.uint32), lat.astype(np.float32), lon.astype(np.float32),
        net.node_count,
    )  # fmt: skip
    metric = pyroutingkit.CCHMetric(topology)
    metric.customize(town.ms.astype(np.uint32))
    return metric


def _first_at_the_scene(town: _Town, size: str) -> list[dict[str, Any]]:
    net, weights = town.network, town.weights
    if town.tiles > 1:
        keep_hierarchy(net, build_hierarchy(net))
    posts = post(net, town.teams, weights)
    assert posts is not None
    lon, lat = town.calls.lon.tolist(), town.calls.lat.tolist()
    singles = [place(town.calls, i) for i in range(len(town.calls))]
    teams, calls = town.nodes(town.teams), town.nodes(town.calls)
    kit = _routingkit(town)

    def ours() -> None:
        for i in range(CALLS):
            posts.nearest_to(lon[i], lat[i], 5)

    fifth = np.array(
        [np.sort(milliseconds_one_place(net, town.teams, one, weights, backward=True))[4] / 1000 for one in singles]
    )
    some = range(0, CALLS, 10)

    def by_scipy() -> None:
        for i in some:
            told = dijkstra(town.backward, indices=calls[i], limit=fifth[i] + 0.01)[teams]
            np.argsort(told)[:5]

    def by_kit() -> None:
        for i in some:
            told = kit.distances_many_to_many(teams.astype(np.uint32), calls[i : i + 1].astype(np.uint32))
            np.argsort(np.array(told).reshape(-1))[:5]

    tasks = [ours, by_scipy, *([by_kit] if kit is not None else [])]
    told_s = _best_s(*tasks)
    value = 1e6 * told_s[0] / CALLS
    peers = {"scipy with limit": 1e6 * told_s[1] / len(some)}
    if kit is not None:
        peers["pyroutingkit"] = 1e6 * told_s[2] / len(some)
    limit = {"28k": 20.0, "1M": 80.0}[size]
    return [_row(f"snap + nearest 5 of {len(town.teams)} teams, {size} arcs", value, "us", peers, limit,
                 {"scipy with limit": 15.0, "pyroutingkit": 2.0})]  # fmt: skip


def _matrix(town: _Town, size: str) -> list[dict[str, Any]]:
    net, weights = town.network, town.weights
    draw = np.random.default_rng(8)
    origins, destinations = town._places(draw, 200), town._places(draw, 20_000)
    here, there = town.nodes(origins), town.nodes(destinations)
    kit = _routingkit(town)

    def by_scipy() -> None:
        dijkstra(town.graph, indices=here[:5])[:, there]

    def by_kit() -> None:
        kit.distances_many_to_many(here.astype(np.uint32), there.astype(np.uint32))

    matrix_milliseconds(net, origins, destinations, weights)
    ours_s, scipy_s = _best_s(lambda: matrix_milliseconds(net, origins, destinations, weights), by_scipy, rounds=4)
    peers = {"scipy (5 rows x 40)": 1e3 * scipy_s * 40}
    if kit is not None:
        peers["pyroutingkit"] = 1e3 * _best_s(by_kit, rounds=3)[0]
    limit = {"28k": 15.0, "1M": 200.0}[size]
    return [_row(f"matrix 200 x 20,000, {size} arcs", 1e3 * ours_s, "ms", peers, limit, {"pyroutingkit": 4.0})]


def _closure(town: _Town, size: str) -> list[dict[str, Any]]:
    net = town.network
    middle = shapely.Point(float(np.median(net.junction_lon)) * 1e-7, float(np.median(net.junction_lat)) * 1e-7)
    made = Closure("c", middle.buffer(0.004), 0.0, (PROFILE,), datetime(2026, 3, 1, tzinfo=UTC), None, "bench")
    with_closures(net, PROFILE, [(made, closed_edges(net, made.geometry))])

    def close() -> None:
        with_closures(net, PROFILE, [(made, closed_edges(net, made.geometry))])

    limit = {"28k": 1.0, "1M": 5.0}[size]
    value = 1e3 * _best_s(close, rounds=9)[0]
    return [_row(f"a closure until the next query, {size} arcs", value, "ms", {}, limit, {})]


def _areas(town: _Town) -> list[dict[str, Any]]:
    net, weights = town.network, town.weights
    mesh = build_mesh(net, PROFILE)
    singles = [place(town.calls, i) for i in range(20)]
    teams = [place(town.teams, i) for i in range(TEAMS)]

    def nodes() -> None:
        for one in singles:
            node_milliseconds(net, one, "to", weights, 900.0)

    def polygons() -> None:
        for one in singles:
            isochrones(net, one, [15], "to", weights, certified=False, mesh=mesh)

    def sixty() -> None:
        for one in teams:
            told = node_milliseconds(net, one, "from", weights, 900.0)
            np.flatnonzero(told <= 300_000)

    calls = town.nodes(town.calls)

    def by_scipy() -> None:
        for i in range(20):
            dijkstra(town.backward, indices=calls[i], limit=900.0)

    nodes_s, polygons_s, sixty_s, scipy_s = _best_s(nodes, polygons, sixty, by_scipy)
    proofs = [isochrones(net, one, [5, 15], "to", weights, mesh=mesh) for one in singles]
    worst = max(area.certificate.share for areas in proofs for area in areas if area.certificate is not None)
    scipy_ms = {"scipy with limit": 1e3 * scipy_s / 20}
    return [
        _row("15-min isochrone, node set, 28k arcs", 1e3 * nodes_s / 20, "ms", scipy_ms, 0.7, {}),
        _row("15-min isochrone, polygon, 28k arcs", 1e3 * polygons_s / 20, "ms", {}, 2.2, {}),
        _row("60 teams x {5, 15} min, node sets, 28k arcs", 1e3 * sixty_s, "ms", {}, 5.0, {}),
        _row("isochrone, certificate's error, worst of 40", 100 * worst, "%", {}, 0.5, {}),
    ]


def _snapping(town: _Town) -> list[dict[str, Any]]:
    net = town.network
    draw = np.random.default_rng(4)
    vertex = draw.integers(0, len(net.vertex_lon), 200_000)
    beside = draw.normal(0, 3e-4, (2, len(vertex)))
    lon, lat = net.vertex_lon[vertex] * 1e-7 + beside[0], net.vertex_lat[vertex] * 1e-7 + beside[1]
    value = 1e6 * _best_s(lambda: snap(net, lon, lat), rounds=3)[0] / len(vertex)
    return [_row("snapping, a point of many, 28k arcs", value, "us", {}, 5.0, {})]


def _row(
    name: str, value: float, unit: str, peers: dict[str, float], limit: float, wanted: dict[str, float]
) -> dict[str, Any]:
    """`wanted`: how many times faster than each peer it is to be; `ratio` is that of the fastest peer."""
    ratios = {peer: told / value for peer, told in peers.items()}
    met = value <= limit and all(ratios.get(peer, times) >= times for peer, times in wanted.items())
    target = "; ".join([f"<= {limit:g} {unit}", *(f">= {times:g}x {peer}" for peer, times in wanted.items())])
    return {
        "name": name, "value": value, "unit": unit, "peers": peers, "ratio": min(ratios.values(), default=None),
        "target": target, "met": bool(met),
    }  # fmt: skip

"""The road engine beside scipy, pyroutingkit, rustworkx, networkx and pandana: who is first, matrices, areas, closures.

The roads are Heidelberg's (../shared/data); the larger network is copies of it laid side by side and joined at their
borders. Program and peer by turns in one process, one thread each, the best of several rounds of processor time.
`roads_growth` asks the same of a third size, with memory, and draws charts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.csgraph import dijkstra

from gridsvc.isochrones import Mesh, isochrones
from gridsvc.roads.search.closures import Closure, closed_edges, with_closures
from gridsvc.roads.search.hierarchy import Hierarchy, build_hierarchy, customised
from gridsvc.roads.search.matrices import keep_hierarchy, matrix_milliseconds, node_milliseconds_of_many
from gridsvc.roads.search.search import milliseconds_one_place, node_milliseconds
from gridsvc.roads.search.snapping import place, snap
from gridsvc.roads.search.station_times import prepare_station_times
from tests.benchmarks.roads_peers import Networkx, Pandana, Peer, RoutingKit, Rustworkx, Scipy, peers_of
from tests.benchmarks.roads_town import CALLS, HEIDELBERG, PROFILE, SIZES, TEAMS, Town, best_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.roads.search.weights import Weights

PEERS: dict[str, tuple[type[Peer], ...]] = {
    "28k": (Scipy, RoutingKit, Rustworkx, Networkx, Pandana), "1M": (Scipy, RoutingKit),
}  # fmt: skip
LIMITS: dict[str, tuple[float, ...]] = {"28k": (20.0, 15.0, 1.0), "1M": (80.0, 200.0, 5.0)}
"""Wanted at most: microseconds of the nearest, milliseconds of the matrix and of a closure."""


def rows() -> list[dict[str, Any]]:
    """Return the figures; none where the roads are not there."""
    if not HEIDELBERG.is_file():
        return []
    result = []
    for size, kinds in PEERS.items():
        town = Town(SIZES[size])
        keep_hierarchy(town.network, build_hierarchy(town.network))
        peers = peers_of(town, *kinds)
        nearest_us, matrix_ms, closure_ms = LIMITS[size]
        result += [first_at_the_scene(town, peers, size, nearest_us), matrix(town, peers, size, matrix_ms)]
        result += closures(town, size, closure_ms)
        if size == "28k":
            result += _areas(town)
            result += _snapping(town)
    return result


def first_at_the_scene(town: Town, peers: list[Peer], size: str, limit: float | None = None) -> dict[str, Any]:
    """Snap a call and find the nearest 5 teams, prepared before."""
    net, weights = town.network, town.weights
    posts = prepare_station_times(net, town.teams, weights)
    assert posts is not None
    lon, lat = town.calls.lon.tolist(), town.calls.lat.tolist()
    some = list(range(0, CALLS, 10 if town.tiles == 1 else 60))
    fifth = {i: posts.nearest_to(lon[i], lat[i], 5)[1][-1] + 0.01 for i in some}
    # scipy by another way: a single search knows nothing of the hierarchy
    one = milliseconds_one_place(net, town.teams, place(town.calls, 0), weights, backward=True)
    assert np.sort(one)[4] / 1000 + 0.01 == fifth[0]

    def ours() -> None:
        for i in range(CALLS):
            posts.nearest_to(lon[i], lat[i], 5)

    def by(peer: Peer) -> Callable[[], None]:
        # one that takes long is asked less often
        asked = some if peer.name in {"scipy with limit", "pyroutingkit"} else some[:3]

        def ask() -> None:
            for i in asked:
                peer.teams_at(i, fifth[i])

        ask.count = len(asked)  # type: ignore[attr-defined]
        return ask

    tasks = [by(peer) for peer in peers]
    told_s = best_s(ours, *tasks, rounds=5 if town.tiles == 1 else 3)
    beside = {
        peer.name: 1e6 * took / task.count  # type: ignore[attr-defined]
        for peer, task, took in zip(peers, tasks, told_s[1:], strict=True)
    }
    return figure(f"snap + nearest 5 of {len(town.teams)} teams, {size} arcs", 1e6 * told_s[0] / CALLS, "us", beside,
                  limit, {"scipy with limit": 15.0, "pyroutingkit": 2.0})  # fmt: skip


def matrix(town: Town, peers: list[Peer], size: str, limit: float | None = None) -> dict[str, Any]:
    """A matrix of 200 x 20,000; those that take a search a row fill some and are counted for all."""
    net, weights = town.network, town.weights
    draw = np.random.default_rng(8)
    origins, destinations = town.places(draw, 200), town.places(draw, 20_000)
    here, there = town.nodes(origins), town.nodes(destinations)
    matrix_milliseconds(net, origins, destinations, weights)
    tasks: list[Callable[[], object]] = [partial(peer.matrix, here, there) for peer in peers]
    told_s = best_s(
        lambda: matrix_milliseconds(net, origins, destinations, weights), *tasks, rounds=3 if town.tiles == 1 else 2
    )
    beside = {
        peer.name: 1e3 * took * (200 / peer.rows_measured if peer.rows_measured else 1)
        for peer, took in zip(peers, told_s[1:], strict=True)
    }
    return figure(f"matrix 200 x 20,000, {size} arcs", 1e3 * told_s[0], "ms", beside, limit, {"pyroutingkit": 4.0})


def closures(town: Town, size: str, limit: float | None = None) -> list[dict[str, Any]]:
    """Close what lies within 400 m: until single searches have it, the hierarchy, and the nearest teams again."""
    net = town.network
    made = Closure("c", town.middle().buffer(0.004), 0.0, (PROFILE,), datetime(2026, 3, 1, tzinfo=UTC), None, "bench")
    lon, lat = float(town.calls.lon[0]), float(town.calls.lat[0])
    assert len(closed_edges(net, made.geometry)) > 100
    prepare_station_times(net, town.teams, town.weights)

    def close() -> Weights:
        return with_closures(net, PROFILE, [(made, closed_edges(net, made.geometry))])

    def close_and_ask() -> None:
        known = net.kept["customised"]
        assert isinstance(known, dict)
        known.pop(f"{PROFILE},{made.id}", None)
        posts = prepare_station_times(net, town.teams, close())
        assert posts is not None
        posts.nearest_to(lon, lat, 5)

    hierarchy = net.kept["hierarchy"]
    close_and_ask()
    closed_s, asked_s = best_s(close, close_and_ask, rounds=9)
    assert isinstance(hierarchy, Hierarchy)
    whole_s = best_s(lambda: customised(hierarchy, town.weights), rounds=3)[0]
    return [
        figure(f"a closure until the next query, {size} arcs", 1e3 * closed_s, "ms", {}, limit, {}),
        figure(f"a closure until {len(town.teams)} teams are prepared and the nearest known, {size} arcs",
               1e3 * asked_s, "ms", {"customised whole": 1e3 * (asked_s + whole_s)}, None, {}),
    ]  # fmt: skip


def _areas(town: Town) -> list[dict[str, Any]]:
    net, weights = town.network, town.weights
    mesh = Mesh(net, PROFILE)
    singles = [place(town.calls, i) for i in range(20)]
    assert len(town.teams) == TEAMS

    def nodes() -> None:
        for one in singles:
            node_milliseconds(net, one, "to", weights, 900.0)

    def polygons() -> None:
        for one in singles:
            isochrones(net, one, [15], "to", weights, certified=False, mesh=mesh)

    def sixty() -> None:
        result = node_milliseconds_of_many(net, town.teams, "from", weights, 900.0)
        for reached in result:
            np.flatnonzero(reached <= 300_000)
            np.flatnonzero(reached <= 900_000)

    calls = town.nodes(town.calls)

    def by_scipy() -> None:
        for i in range(20):
            dijkstra(town.backward, indices=calls[i], limit=900.0)

    nodes_s, polygons_s, sixty_s, scipy_s = best_s(nodes, polygons, sixty, by_scipy)
    proofs = [isochrones(net, one, [5, 15], "to", weights, mesh=mesh) for one in singles]
    worst = max(area.certificate.share for areas in proofs for area in areas if area.certificate is not None)
    scipy_ms = {"scipy with limit": 1e3 * scipy_s / 20}
    return [
        figure("15-min isochrone, node set, 28k arcs", 1e3 * nodes_s / 20, "ms", scipy_ms, 0.7, {}),
        figure("15-min isochrone, polygon, 28k arcs", 1e3 * polygons_s / 20, "ms", {}, 2.2, {}),
        figure("60 teams x {5, 15} min, node sets, 28k arcs", 1e3 * sixty_s, "ms", {}, 5.0, {}),
        figure("isochrone, certificate's error, worst of 40", 100 * worst, "%", {}, 0.5, {}),
    ]


def _snapping(town: Town) -> list[dict[str, Any]]:
    net = town.network
    draw = np.random.default_rng(4)
    vertex = draw.integers(0, len(net.vertex_lon), 200_000)
    beside = draw.normal(0, 3e-4, (2, len(vertex)))
    lon, lat = net.vertex_lon[vertex] * 1e-7 + beside[0], net.vertex_lat[vertex] * 1e-7 + beside[1]
    value = 1e6 * best_s(lambda: snap(net, lon, lat), rounds=3)[0] / len(vertex)
    return [figure("snapping, a point of many, 28k arcs", value, "us", {}, 5.0, {})]


def figure(
    name: str, value: float, unit: str, peers: dict[str, float], limit: float | None, wanted: dict[str, float]
) -> dict[str, Any]:
    """`wanted`: how many times faster than each peer it is to be; `ratio` is that of the fastest peer."""
    ratios = {peer: result / value for peer, result in peers.items()}
    result: dict[str, Any] = {"target": None, "met": None}
    if limit is not None:
        met = value <= limit and all(ratios.get(peer, times) >= times for peer, times in wanted.items())
        parts = [f"<= {limit:g} {unit}", *(f">= {times:g}x {peer}" for peer, times in wanted.items())]
        result = {"target": "; ".join(parts), "met": bool(met)}
    ratio = min(ratios.values(), default=None)
    return {"name": name, "value": value, "unit": unit, "peers": peers, "ratio": ratio, **result}

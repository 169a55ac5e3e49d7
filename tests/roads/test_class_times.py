"""A trip's time by class of road: by hand, and against networkx over the same arcs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from shapely.geometry import LineString

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.network.speeds import CLASS_NUMBER, CLASSES
from gridsvc.roads.search.class_times import find_class_milliseconds
from gridsvc.roads.search.closures import Closure, closed_edges, with_closures
from gridsvc.roads.search.search import seconds_to
from gridsvc.roads.search.snapping import snap
from gridsvc.roads.search.weights import weights_of
from tests.worlds.toy_roads import QUIET, lonlat, random_world, survey

if TYPE_CHECKING:
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.weights import Weights

XY = tuple[float, float]
"""Metres east and north of (0, 0)."""
Spent = tuple[int, dict[str, int]]
"""Milliseconds of a trip: whole, and by class of road."""

MAIN, LOCAL = CLASS_NUMBER["primary"], CLASS_NUMBER["residential"]

# A main road of 720 m at 72 km/h = 20 m/s with a lane at its end, 180 m at 18 km/h = 5 m/s, and a stub that makes a
# junction of its middle.
POINTS = {1: (0.0, 0.0), 2: (360.0, 0.0), 3: (720.0, 0.0), 4: (720.0, 180.0), 5: (360.0, -90.0)}
WAYS = {10: ([1, 2, 3], 72.0, "both"), 11: ([3, 4], 18.0, "both"), 12: ([2, 5], 18.0, "both")}


@pytest.fixture(scope="module")
def town() -> RoadNetwork:
    roads = survey(POINTS, WAYS)
    return build(replace(roads, road_class=np.array([MAIN, LOCAL, LOCAL], np.uint8)), QUIET, "town")


def spent(network: RoadNetwork, here: XY, there: XY, profile: str | Weights = "emergency") -> Spent:
    result = find_class_milliseconds(network, snap(network, *lonlat(*here)), snap(network, *lonlat(*there)), profile)
    assert result is not None
    return result[0], {CLASSES[n]: int(ms) for n, ms in enumerate(result[1]) if ms}


def near(result: Spent, whole_s: float, **by_class: float) -> None:
    assert result[0] == pytest.approx(whole_s * 1000, abs=20)
    assert result[1].keys() == by_class.keys()
    assert all(result[1][name] == pytest.approx(s * 1000, abs=15) for name, s in by_class.items())


def test_by_hand(town: RoadNetwork) -> None:
    # 540 m of the main road, 90 m of the lane
    near(spent(town, (180, 0), (720, 90)), 27 + 18, primary=27, residential=18)
    # both on one road, in either direction
    near(spent(town, (180, 0), (300, 0)), 6, primary=6)
    near(spent(town, (300, 0), (180, 0)), 6, primary=6)
    # 50 m beside the road are driven at 15 km/h, at the scene walked at 5: of no class
    near(spent(town, (450, -50), (720, 0)), 12 + 13.5, primary=13.5)
    near(spent(town, (720, 0), (450, -50)), 13.5 + 36, primary=13.5)
    assert spent(town, (180, 0), (180, 0)) == (0, {})


def test_a_slowed_road_costs_what_it_costs_then(town: RoadNetwork) -> None:
    line = LineString([lonlat(540, -20), lonlat(540, 20)])
    closure = Closure("a", line, 0.5, ("emergency",), datetime(2026, 1, 1, tzinfo=UTC), None, "works")
    slowed = with_closures(town, "emergency", [(closure, closed_edges(town, line))])
    near(spent(town, (180, 0), (720, 90), slowed), 9 + 36 + 18, primary=9 + 36, residential=18)


def test_one_origin_and_one_destination(town: RoadNetwork) -> None:
    many = snap(town, *zip(lonlat(0, 0), lonlat(90, 0), strict=True))
    with pytest.raises(InvalidInput):
        find_class_milliseconds(town, many, many)


@pytest.mark.parametrize("seed", range(6))
def test_against_networkx(seed: int) -> None:
    """Between junctions of a random town with one-ways and forbidden turns there is one shortest path."""
    draw = np.random.default_rng(seed)
    world = random_world(seed)
    network = build(
        replace(world, road_class=draw.integers(0, len(CLASSES), len(world.way)).astype(np.uint8)), QUIET, "x"
    )
    weights = weights_of(network, "emergency")
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    for tail, (head, ms), slot in zip(network.arc_tail, weights.out_arcs, network.arc_slot, strict=True):
        if ms != CLOSED:
            graph.add_edge(int(tail), int(head), ms=int(ms), slot=int(slot))
    compared = 0
    for a, b in draw.integers(0, len(network.junction_lon), (60, 2)):
        here, there = (
            snap(network, network.junction_lon[j] * DEGREE, network.junction_lat[j] * DEGREE) for j in (a, b)
        )
        result = find_class_milliseconds(network, here, there)
        start = int(network.junction_first[a])
        if result is None or a == b or start not in graph or here.offroad_m[0] > 0.001 or there.offroad_m[0] > 0.001:
            continue
        ms_to, path_to = nx.single_source_dijkstra(graph, start, weight="ms")
        assert isinstance(ms_to, dict)
        assert isinstance(path_to, dict)
        ends = [n for n in range(network.junction_first[b], network.junction_first[b + 1]) if n in ms_to]
        if not ends or min(ms_to[n] for n in ends) != result[0]:
            continue  # one of the two lies within 5 cm of another junction, and starts there
        path = path_to[min(ends, key=lambda n: ms_to[n])]
        expected = np.zeros(len(CLASSES), np.int64)
        for u, v in pairwise(path):
            slot = min(graph[u][v].values(), key=lambda arc: arc["ms"])["slot"]
            expected[network.edge_class[slot >> 1]] += int(network.slot_ms[1][slot])
        assert result[1].tolist() == expected.tolist()
        compared += 1
    assert compared > 30


@pytest.mark.parametrize("seed", range(4))
def test_the_whole_is_that_of_the_search_and_no_way_is_lost(seed: int) -> None:
    """From anywhere to anywhere, without forbidden turns: what is not driven on a road is beside it."""
    network = build(random_world(seed, restricted=0), QUIET, "x")
    draw = np.random.default_rng(seed)
    west, south, east, north = network.bounds
    for x, y, u, v in draw.random((80, 4)):
        here = snap(network, west + x * (east - west), south + y * (north - south))
        there = snap(network, west + u * (east - west), south + v * (north - south))
        result = find_class_milliseconds(network, here, there)
        whole = float(seconds_to(network, here, there, "emergency")[0])
        if result is None:
            assert whole == np.inf
            continue
        assert result[0] == round(whole * 1000)
        walked = {round(a * 240) + round(b * 720) for a in here.offroad_m for b in there.offroad_m}
        rest = result[0] - int(result[1].sum())
        # or both are nearer to each other than to the road
        assert any(abs(rest - each) <= 2 for each in walked) or result[1].sum() == 0

"""Forbidden turns through a graph of osmnx and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import osmnx
import pytest

from gridsvc.errors import InvalidInput
from gridsvc.files.roads.graphs import read_graph, read_graphml, to_graph
from gridsvc.files.roads.read import open_roads
from gridsvc.roads.network.building import build
from gridsvc.roads.network.survey import Restriction
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from tests.worlds.toy_roads import QUIET, SQUARE, SQUARE_WAYS, network, random_world

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.roads.network.network import RoadNetwork


def times(net: RoadNetwork, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    there = snap(net, lon, lat)
    return matrix(net, there, there, "normal")


def places(net: RoadNetwork, count: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(4)
    opened = np.flatnonzero((net.slot_ms[0].reshape(-1, 2) != 0xFFFFFFFF).any(axis=1) & (net.edge_length_m > 20))
    edge = draw.choice(opened, count)
    a, b = net.edge_first_vertex[edge], net.edge_first_vertex[edge] + 1
    lon, lat = (v[a] + 0.4 * (v[b].astype(float) - v[a]) for v in (net.vertex_lon, net.vertex_lat))
    return lon * 1e-7, lat * 1e-7


@pytest.mark.parametrize("seed", range(6))
def test_random_towns_come_back_with_their_forbidden_turns(seed: int) -> None:
    net = build(random_world(seed), QUIET, "toy")
    graph = to_graph(net)
    assert json.loads(graph.graph["turn_restrictions"])
    again = read_graph(graph, speeds=QUIET)
    there = places(net, 40)
    assert times(again, *there) == pytest.approx(times(net, *there), abs=0.2)
    del graph.graph["turn_restrictions"]
    free = times(read_graph(graph, speeds=QUIET), *there)
    assert (free < times(net, *there) - 1.0).any()


def test_a_turn_over_a_street_between_comes_back() -> None:
    # the dead end at 3 makes two streets of the square, which else ends where it begins
    points = {**SQUARE, 6: (540.0, 180.0), 7: (720.0, 0.0), 8: (0.0, 540.0)}
    ways = {**SQUARE_WAYS, 15: ([5, 6], 36.0, "both"), 16: ([5, 7], 36.0, "both"), 17: ([3, 8], 36.0, "both")}
    held = network(points, ways, restrictions=(Restriction(False, (10,), (15,), None, (14,)),))
    graph = to_graph(held)
    (sequence,) = json.loads(graph.graph["turn_restrictions"])
    assert len(sequence) == 3
    again = read_graph(graph, speeds=QUIET)
    there = places(held, 30)
    assert times(again, *there) == pytest.approx(times(held, *there), abs=0.2)


@pytest.mark.parametrize("text", ["{", "[[1,2]]", "[[[0,99,0],[99,0,0]]]", "[[[0,1,0]]]", "7"])
def test_an_attribute_that_does_not_fit_is_refused(text: str) -> None:
    graph = to_graph(network(SQUARE, SQUARE_WAYS))
    graph.graph["turn_restrictions"] = text
    with pytest.raises(InvalidInput, match="turn_restrictions"):
        read_graph(graph)


@pytest.mark.shared
def test_real_turns_and_signals_survive_a_file_of_osmnx(shared_data: Path, tmp_path: Path) -> None:
    net = open_roads(shared_data / "osm/heidelberg.osm.pbf")
    graph = to_graph(net)
    osmnx.io.save_graphml(graph, tmp_path / "roads.graphml")
    again = read_graphml(tmp_path / "roads.graphml")
    there = places(net, 60)
    distinct = ~np.eye(60, dtype=bool)
    away = (times(again, *there) - times(net, *there))[distinct]
    away = away[np.isfinite(away)]
    assert abs(np.median(away)) < 0.01
    # gates have no length, and so in such a graph no time: 10 s each are missing, and nothing else
    assert away.max() < 1.0
    assert np.percentile(np.abs(away - 10 * np.round(away / 10)), 95) < 0.5

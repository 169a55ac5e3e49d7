"""Travel times on every real extract against scipy, to the millisecond."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import osmnx
import pytest

from gridsvc.errors import InvalidInput
from gridsvc.files.roads.graphs import read_graphml, to_graph
from gridsvc.files.roads.osm_ways import read_survey
from gridsvc.files.roads.read import open_roads
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import CLOSED, RoadNetwork
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.routes import route
from gridsvc.roads.search.snapping import Snaps, place, snap
from gridsvc.roads.search.weights import weights_of
from tests.worlds.road_oracle import times_over_arcs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shared

SOURCES = {
    "liechtenstein": "osm/liechtenstein.osm.pbf",
    "heidelberg": "osm/heidelberg.osm.pbf",
    "columbus": "osm/columbus.osm.pbf",
    "portland": "osm/portland-central.osm.pbf",
    "wuhan": "wuhan/wuhan_8989_original.parquet",
}
_read: dict[str, RoadNetwork] = {}


def read(shared_data: Path, name: str) -> RoadNetwork:
    if name not in _read:
        _read[name] = open_roads(shared_data / SOURCES[name])
    return _read[name]


def places(net: RoadNetwork, count: int, seed: int = 7) -> Snaps:
    """Places in the middle of roads and beside them, some at junctions."""
    draw = np.random.default_rng(seed)
    vertex = draw.integers(0, len(net.vertex_lon), count)
    beside = draw.normal(0, 2e-4, (2, count)) * (draw.random(count) < 0.7)
    return snap(net, net.vertex_lon[vertex] * 1e-7 + beside[0], net.vertex_lat[vertex] * 1e-7 + beside[1])


@pytest.mark.parametrize("profile", ["normal", "emergency"])
@pytest.mark.parametrize("name", SOURCES)
def test_2_000_pairs_agree_to_the_millisecond(shared_data: Path, name: str, profile: str) -> None:
    net = read(shared_data, name)
    there = places(net, 46)
    result = matrix(net, there, there, profile)
    expected = times_over_arcs(net, weights_of(net, profile), there)
    apart = ~np.eye(len(there), dtype=bool)
    assert apart.sum() >= 2000
    assert (result != expected)[apart].sum() == 0


@pytest.mark.parametrize("name", SOURCES)
def test_routes_take_as_long_as_their_times(shared_data: Path, name: str) -> None:
    net = read(shared_data, name)
    weights = weights_of(net, "normal")
    there = places(net, 12, seed=9)
    result = matrix(net, there, there, weights)
    for i in range(len(there)):
        for j in range(len(there)):
            way = route(net, place(there, i), place(there, j), weights)
            assert way is not None
            assert way.seconds == result[i, j]
            # at 130 km/h and less, on the road
            assert way.length_m / (130 / 3.6) <= way.seconds + 1.0
            if len(way.line) > 1:
                steps = np.diff(np.array(way.line), axis=0) * [111_320 * np.cos(np.radians(there.lat[i])), 111_200]
                assert np.hypot(*steps.T).sum() == pytest.approx(way.length_m, rel=0.01, abs=1.0)


def test_what_the_extracts_are_like(shared_data: Path) -> None:
    heidelberg, portland, wuhan = (read(shared_data, name) for name in ("heidelberg", "portland", "wuhan"))
    assert heidelberg.facts["report"]["turn_restrictions"]["read"] == 476
    assert heidelberg.facts["report"]["restrictions"]["applied"] >= 450
    assert portland.facts["report"]["turn_restrictions"]["read"] == 441
    assert wuhan.facts["km"] == pytest.approx(7185, rel=0.01)
    assert wuhan.facts["report"]["cut_off"]["edges"] == 0


@pytest.mark.parametrize("name", ["heidelberg", "portland"])
def test_restrictions_change_times_and_only_for_the_worse(shared_data: Path, name: str) -> None:
    survey, speeds = read_survey(shared_data / SOURCES[name])
    held, free = (build(replace(survey, restrictions=r), speeds) for r in (survey.restrictions, ()))
    there = places(held, 60)
    again = snap(free, there.lon, there.lat)
    with_restrictions, without = matrix(held, there, there, "normal"), matrix(free, again, again, "normal")
    # junctions that only restrictions make split a street's milliseconds into two roundings
    assert (with_restrictions >= without - 0.05).mean() > 0.999
    assert (with_restrictions > without + 0.5).sum() > 10


def test_a_file_cut_short_is_refused(shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / SOURCES["liechtenstein"]).read_bytes()
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="cut short"):
        open_roads(cut)
    text = tmp_path / "text.osm.pbf"
    text.write_text("no map")
    with pytest.raises(InvalidInput, match="cannot be read"):
        open_roads(text)


def test_osmnx_reads_what_we_write_and_we_read_what_it_saves(shared_data: Path, tmp_path: Path) -> None:
    net = read(shared_data, "liechtenstein")
    graph = to_graph(net)
    osmnx.io.save_graphml(graph, tmp_path / "roads.graphml")
    again = read_graphml(tmp_path / "roads.graphml")
    # what only an emergency may drive is no part of such a graph
    opened = (net.slot_ms[0].reshape(-1, 2) != CLOSED).any(axis=1)
    assert again.facts["km"] == pytest.approx(net.edge_length_m[opened].sum() / 1000, rel=0.01)
    parts: list[set[int]] = [set(part) for part in nx.strongly_connected_components(graph)]
    biggest: set[int] = max(parts, key=len)
    largest = np.array(sorted(biggest))
    ends = np.random.default_rng(3).choice(largest, (60, 2))
    lon, lat = net.junction_lon * 1e-7, net.junction_lat * 1e-7
    here, there = (snap(again, lon[ends[:, k]], lat[ends[:, k]]) for k in (0, 1))
    result = np.diag(matrix(again, here, there, "normal"))
    expected = [nx.shortest_path_length(graph, a, b, weight="length") for a, b in ends.tolist()]
    driven = [nx.shortest_path_length(graph, a, b, weight="travel_time") for a, b in ends.tolist()]
    assert np.corrcoef(result, expected)[0, 1] > 0.9
    # signals and gates cost a little that the graph's speeds do not
    assert np.abs(result - driven).max() < 25.0

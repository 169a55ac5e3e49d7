"""Road networks as graphs of osmnx, there and back; and what is said where osmnx is not installed."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gridsvc.files.roads import graphs
from tests.worlds.district import toy_road

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.roads.network.network import RoadNetwork

PROJECT = Path(__file__).resolve().parents[2]


def length_m(network: RoadNetwork) -> float:
    return float(network.edge_length_m.sum())


def test_a_network_comes_back_from_the_file_that_osmnx_saves(tmp_path: Path) -> None:
    import osmnx

    network = toy_road()
    osmnx.io.save_graphml(graphs.to_graph(network), tmp_path / "roads.graphml")
    again = graphs.read_graphml(tmp_path / "roads.graphml")
    assert again.edge_count == network.edge_count
    assert length_m(again) == pytest.approx(length_m(network), rel=1e-3)


def test_without_osmnx_the_cure_is_said_and_a_graph_is_still_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "osmnx", None)
    calls: list[Callable[[], object]] = [
        lambda: graphs.ask_osmnx("Jindong"),
        lambda: graphs.read_graphml(tmp_path / "roads.graphml"),
    ]
    for call in calls:
        with pytest.raises(graphs.NotInstalled, match="pip install 'osmnx>=") as refused:
            call()
        assert sys.executable in str(refused.value.detail)
    network = toy_road()
    assert length_m(graphs.read_graph(graphs.to_graph(network))) == pytest.approx(length_m(network), rel=1e-3)


def test_the_cure_installs_what_the_extra_names(monkeypatch: pytest.MonkeyPatch) -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    monkeypatch.setitem(sys.modules, "osmnx", None)
    with pytest.raises(graphs.NotInstalled, match=next(line for line in extras["osmnx"] if line.startswith("osmnx"))):
        graphs.ask_osmnx("Jindong")

"""Tunnels, bridges and motorways: a place on the surface is at none of them, and answers name the road."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import RoadNetwork
from gridsvc.roads.network.speeds import COVERED, ENCLOSED, RAISED, SURFACE, Speeds
from gridsvc.roads.network.tags import read_way
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.road_at import find_road
from gridsvc.roads.search.snapping import Snaps, snap
from gridsvc.roads.search.station_times import prepare_station_times
from tests.worlds.toy_roads import QUIET, lonlat, network, survey

if TYPE_CHECKING:
    from collections.abc import Mapping

# A street of 1 km northward along x = 0, and from its ends a tunnel, a bridge or a motorway straight east and back by a
# lane 400 m north of it. 36 km/h.
POINTS = {1: (0.0, 0.0), 2: (0.0, 400.0), 3: (1000.0, 0.0), 4: (1000.0, 400.0), 5: (200.0, 0.0), 6: (800.0, 0.0)}
WAYS = {
    10: ([1, 2], 36.0, "both"), 11: ([2, 4], 36.0, "both"), 12: ([4, 3], 36.0, "both"),
    20: ([1, 5], 36.0, "both"), 21: ([5, 6], 36.0, "both"), 22: ([6, 3], 36.0, "both"),
}  # fmt: skip


def world(level: int) -> RoadNetwork:
    return network(POINTS, WAYS, levels={21: level})


def at(net: RoadNetwork, x_m: float, y_m: float, *, any_level: bool = False) -> Snaps:
    return snap(net, *lonlat(x_m, y_m), any_level=any_level)


def test_a_place_above_a_tunnel_is_not_in_it() -> None:
    net = world(COVERED)
    place = at(net, 490, 3)
    # the nearer mouth is 290 m away, the lane 397 m
    assert place.offroad_m[0] == pytest.approx(290, abs=0.1)
    there = float(matrix(net, at(net, 0, 0), place, "normal")[0, 0])
    assert there == pytest.approx(20 + 290 * 0.72, abs=0.1)
    # who is said to be in the tunnel is
    inside = at(net, 490, 3, any_level=True)
    assert inside.offroad_m[0] == pytest.approx(3, abs=0.1)
    assert float(matrix(net, at(net, 0, 0), inside, "normal")[0, 0]) == pytest.approx(49 + 3 * 0.72, abs=0.1)


@pytest.mark.parametrize("level", [RAISED, ENCLOSED])
def test_a_bridge_and_a_motorway_are_reached_from_their_own_lanes_alone(level: int) -> None:
    net = world(level)
    assert at(net, 500, 14).offroad_m[0] == pytest.approx(14, abs=0.1)
    # 16 m beside it: 300 m to its end
    assert at(net, 500, 16).offroad_m[0] == pytest.approx(300, abs=1)
    assert at(net, 500, 380).offroad_m[0] == pytest.approx(20, abs=0.1)


def test_the_road_of_a_place_is_named() -> None:
    whole = survey(POINTS, WAYS, levels={21: COVERED})
    name = np.array([0, -1, -1, -1, 1, -1], np.int32)
    net = build(replace(whole, name=name, names=("Long Street", "Hill Tunnel")), QUIET, "toy")
    found = find_road(net, at(net, 5, 200))
    assert found is not None
    assert found.as_json() == {"name": "Long Street", "class": "residential", "level": "surface", "offroad_m": 5.0}
    below = find_road(net, at(net, 500, 3, any_level=True))
    assert below is not None
    assert (below.level, below.offroad_m) == ("tunnel", 3.0)
    assert find_road(net, snap(net, 10.0, 10.0)) is None


def test_stations_and_searches_agree_above_a_tunnel() -> None:
    net = world(COVERED)
    stations = snap(net, *zip(*(lonlat(*xy) for xy in ((0, 0), (900, 400), (500, 5))), strict=True))
    tables = prepare_station_times(net, stations, "normal")
    assert tables is not None
    for x, y in ((500, 3), (300, -40), (790, 2), (640, 300)):
        lon, lat = lonlat(x, y)
        expected = matrix(net, stations, snap(net, lon, lat), "normal")[:, 0]
        assert (tables.milliseconds_to(lon, lat) / 1000).tolist() == pytest.approx(expected.tolist(), abs=0.0005)


def test_where_there_are_only_tunnels_they_count() -> None:
    net = network(POINTS, WAYS, levels=dict.fromkeys(WAYS, COVERED))
    assert at(net, 500, 3).offroad_m[0] == pytest.approx(3, abs=0.1)


def test_a_file_without_levels_is_read_and_says_so() -> None:
    net = world(COVERED)
    again = RoadNetwork.open(net.to_bytes())
    assert again.levels_known
    assert again.segment_level.tolist() == net.segment_level.tolist()
    old = replace(net, segment_level=np.zeros_like(net.segment_level), facts={"bounds": list(net.bounds)})
    assert not old.levels_known
    road = find_road(old, at(old, 500, 3))
    assert road is not None
    assert road.level is None


@pytest.mark.parametrize(
    ("tags", "level"),
    [
        ({"highway": "residential"}, SURFACE),
        ({"highway": "secondary", "tunnel": "yes"}, COVERED),
        ({"highway": "motorway", "tunnel": "yes", "bridge": "yes"}, COVERED),
        ({"highway": "secondary", "tunnel": "avalanche_protector"}, COVERED),
        ({"highway": "service", "tunnel": "building_passage"}, SURFACE),
        ({"highway": "service", "tunnel": "no", "bridge": "no"}, SURFACE),
        ({"highway": "primary", "bridge": "viaduct"}, RAISED),
        ({"highway": "motorway"}, ENCLOSED),
        ({"highway": "motorway_link"}, ENCLOSED),
        ({"highway": "trunk", "motorroad": "yes"}, ENCLOSED),
        ({"highway": "trunk"}, SURFACE),
    ],
)
def test_levels_of_tags(tags: Mapping[str, str], level: int) -> None:
    read = read_way(tags, Speeds())
    assert read is not None
    assert read.level == level

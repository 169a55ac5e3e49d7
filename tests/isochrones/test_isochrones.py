"""Service areas: by hand on a square, by an independent walk and by the engine's own times on real extracts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.isochrones import BUFFER_M, Mesh, isochrones
from gridsvc.isochrones.certificate import certify
from gridsvc.roads.search.search import seconds_from, seconds_to
from gridsvc.roads.search.snapping import Snaps, snap
from gridsvc.roads.search.weights import weights_of
from tests.roads.test_real import SOURCES, read
from tests.worlds.toy_roads import lonlat, network

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.roads.network.network import RoadNetwork

EAST_M, NORTH_M = 111_319.4908, 110_574.2758


@pytest.fixture(scope="module")
def crossroads() -> RoadNetwork:
    """Four arms of 2 km about (0, 0), and a one-way ring street of 500 m sides off the eastern one; 36 km/h."""
    points = {
        0: (0, 0),
        1: (2000, 0),
        2: (-2000, 0),
        3: (0, 2000),
        4: (0, -2000),
        5: (600, 0),
        6: (600, 500),
        7: (1100, 500),
        8: (1100, 0),
    }
    ways = {
        1: ([0, 5, 8, 1], 36.0, "both"),
        2: ([0, 2], 36.0, "both"),
        3: ([0, 3], 36.0, "both"),
        4: ([0, 4], 36.0, "both"),
        5: ([5, 6, 7, 8], 36.0, "once"),
    }
    return network({k: (float(x), float(y)) for k, (x, y) in points.items()}, ways)


def at(net: RoadNetwork, x_m: float, y_m: float) -> Snaps:
    return snap(net, *lonlat(x_m, y_m))


def inside(area: shapely.Geometry, x_m: float, y_m: float) -> bool:
    return bool(shapely.contains_xy(area, *lonlat(x_m, y_m)))


def test_roads_are_cut_where_the_budget_ends(crossroads: RoadNetwork) -> None:
    # 100 s at 10 m/s from the middle: 1000 m along each arm
    area = isochrones(crossroads, at(crossroads, 0, 0), [100 / 60], "from", "normal")[0].geometry
    for x, y in ((0, 1), (0, -1), (-1, 0), (1, 0)):
        assert inside(area, 995 * x, 995 * y)
        assert not inside(area, 1005 * x, 1005 * y)
    # 600 m to the corner, then up the one-way street
    assert inside(area, 600, 395)
    assert not inside(area, 600, 405)


def test_to_and_from_differ_on_one_way_streets(crossroads: RoadNetwork) -> None:
    towards, away = (
        isochrones(crossroads, at(crossroads, 1100, 0), [70 / 60], direction, "normal")[0].geometry
        for direction in ("to", "from")
    )
    # the end of the ring street leads to the place, and from it nobody drives into it
    assert inside(towards, 1100, 400)
    assert inside(towards, 950, 500)
    assert not inside(towards, 850, 500)
    assert not inside(away, 1100, 400)


def test_the_area_reaches_its_buffer_beside_the_road_and_no_farther(crossroads: RoadNetwork) -> None:
    area = isochrones(crossroads, at(crossroads, -1000, 0), [30 / 60], "from", "normal")[0].geometry
    for x in range(-1200, -800, 20):
        assert inside(area, x, 8)
        assert not inside(area, x, 2 * BUFFER_M)


def test_areas_nest_and_are_valid(crossroads: RoadNetwork) -> None:
    areas = isochrones(crossroads, at(crossroads, 100, 30), [3, 1, 2, 1], "to", "normal")
    assert [area.minutes for area in areas] == [1, 2, 3]
    for small, large in pairwise(areas):
        assert large.geometry.buffer(1e-9).covers(small.geometry)
    assert all(area.geometry.is_valid for area in areas)
    assert all(area.certificate is not None and area.certificate.wrong == 0 for area in areas)


def test_no_budget_is_no_area_and_a_day_is_everything(crossroads: RoadNetwork) -> None:
    here = at(crossroads, 300, 0)
    nothing = isochrones(crossroads, here, [0], "to", "normal")[0]
    assert nothing.geometry.area < lonlat(60, 0)[0] ** 2
    # 5 minutes on foot are 417 m: towards the road, 7 km away
    far = isochrones(crossroads, at(crossroads, 0, -9000), [5], "to", "normal")[0].geometry
    assert inside(far, 0, -9000)
    assert inside(far, 0, -8590)
    assert not inside(far, 0, -8580)
    whole = isochrones(crossroads, here, [1000], "to", "normal")[0].geometry
    assert all(inside(whole, x, y) for x, y in ((1990, 0), (-1990, 0), (0, 1990), (850, 500)))


@pytest.mark.parametrize("direction", ["to", "from"])
def test_a_place_is_in_its_own_area_however_small(crossroads: RoadNetwork, direction: str) -> None:
    draw = np.random.default_rng(8)
    beside = [(x, y) for x, y in draw.uniform([-2100, -400], [2100, 700], (60, 2)).tolist()]
    # within the one-way street, where one neither comes from behind nor turns back
    on_it = [(600, 30), (600, 263), (777, 500), (1100, 470), (600, 250), (1099, 100)]
    for x, y in [*beside, *on_it]:
        areas = isochrones(crossroads, at(crossroads, x, y), [0.05, 1, 5], direction, "normal", certified=x == 600)
        for area in areas:
            assert inside(area.geometry, x, y), (x, y, area.minutes)
            assert area.geometry.is_valid
            assert area.certificate is None or area.certificate.share <= 0.005
        for small, large in pairwise(areas):
            assert large.geometry.buffer(1e-9).covers(small.geometry)


def test_the_ground_between_a_place_and_its_road_touches_no_other_road(crossroads: RoadNetwork) -> None:
    # 90 m north of the eastern arm, 100 m west of the one-way street: a minute on foot is 83 m
    here = at(crossroads, 500, 90)
    area = isochrones(crossroads, here, [1], "to", "normal")[0].geometry
    assert inside(area, 500, 90)
    assert inside(area, 500, 45)
    assert not inside(area, 540, 90)


@pytest.mark.parametrize("minutes", [float("nan"), -1.0, 1e6, float("inf")])
def test_impossible_budgets_are_refused(crossroads: RoadNetwork, minutes: float) -> None:
    with pytest.raises(InvalidInput, match="minutes"):
        isochrones(crossroads, at(crossroads, 0, 0), [minutes])


def test_another_direction_is_refused(crossroads: RoadNetwork) -> None:
    with pytest.raises(InvalidInput, match="direction"):
        isochrones(crossroads, at(crossroads, 0, 0), [5], "up")


@pytest.mark.shared
@pytest.mark.parametrize("name", SOURCES)
def test_certificates_and_the_engine_agree_on_real_roads(shared_data: Path, name: str) -> None:
    net = read(shared_data, name)
    draw = np.random.default_rng(31)
    mesh = Mesh(net, "normal")
    normal = np.flatnonzero((net.slot_ms[0].reshape(-1, 2) != 0xFFFFFFFF).all(axis=1))
    shares = []
    for k in range(6):
        edge = int(draw.choice(normal))
        vertex = int(net.edge_first_vertex[edge])
        here = snap(net, net.vertex_lon[vertex] * 1e-7, net.vertex_lat[vertex] * 1e-7)
        direction = ("to", "from")[k % 2]
        five, fifteen = isochrones(net, here, [5, 15], direction, "normal", mesh=mesh)
        assert five.geometry.is_valid
        assert fifteen.geometry.is_valid
        assert fifteen.geometry.buffer(2e-6).covers(five.geometry)
        probes = draw.choice(net.edge_first_vertex[draw.choice(normal, 300)], 300)
        there = snap(net, net.vertex_lon[probes] * 1e-7, net.vertex_lat[probes] * 1e-7)
        seconds = (seconds_to if direction == "to" else _seconds_from)(net, there, here, "normal")
        for area in (five, fifteen):
            assert area.certificate is not None
            assert area.certificate.points >= 100
            shares.append(area.certificate.share)
            within = shapely.contains_xy(area.geometry, there.lon, there.lat)
            assert within[seconds <= area.minutes * 60 - 1].all()
            assert (within & (seconds > area.minutes * 60 + 3)).mean() <= 0.01
    assert max(shares) <= 0.005
    assert np.mean(shares) <= 0.002


def _seconds_from(net: RoadNetwork, there: Snaps, here: Snaps, profile: str) -> np.ndarray:
    return seconds_from(net, here, there, profile)


def test_a_certificate_can_find_fault(crossroads: RoadNetwork) -> None:
    here = at(crossroads, 0, 0)
    right = isochrones(crossroads, here, [1.5], "from", "normal")[0].geometry
    wrong = shapely.MultiPolygon([shapely.box(*right.bounds)])
    proof = certify(crossroads, weights_of(crossroads, "normal"), here, wrong, 60.0, "from")
    assert proof.share > 0.1

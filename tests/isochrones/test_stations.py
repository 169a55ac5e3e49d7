"""Areas of many stations: on a straight road by hand, and on a real town against travel times."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.isochrones import isochrones, station_areas
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import place, snap
from tests.roads.test_real import read
from tests.worlds.toy_roads import lonlat, network

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.roads.network.network import RoadNetwork


@pytest.fixture(scope="module")
def road() -> RoadNetwork:
    """4 km of one straight road with stubs, 36 km/h."""
    points = {i: (500.0 * i, 0.0) for i in range(9)} | {20 + i: (500.0 * i, 100.0) for i in range(9)}
    ways = {1: (list(range(9)), 36.0, "both")} | {10 + i: ([i, 20 + i], 36.0, "both") for i in range(9)}
    return network(points, ways)


def inside(area: shapely.Geometry, x_m: float) -> bool:
    return bool(shapely.contains_xy(area, *lonlat(x_m, 0)))


def test_first_shared_and_union_on_a_straight_road(road: RoadNetwork) -> None:
    lon, lat = zip(lonlat(1000, 0), lonlat(2000, 0), strict=True)
    stations = snap(road, np.array(lon), np.array(lat))
    # 100 s and 70 s: 300..2000 m (0..2000) and 1300..2700 m
    areas = station_areas(road, stations, [100 / 60, 70 / 60], "normal", at_least=2)
    left, right = areas.first
    union, both = areas.reached_by
    assert inside(union, 20)
    assert inside(union, 1900)
    assert inside(union, 2690)
    assert not inside(union, 2710)
    assert inside(both, 1310)
    assert inside(both, 1990)
    assert not inside(both, 1290)
    assert not inside(both, 2010)
    # together at 1500 m
    assert inside(left, 1490)
    assert not inside(left, 1510)
    assert inside(right, 1510)
    assert not inside(right, 1490)
    assert left.intersection(right).area < 1e-12
    # who is first is not who has longer: beyond 70 s of the second, the first still arrives
    assert inside(right, 2690)


def test_one_station_is_its_own_area(road: RoadNetwork) -> None:
    station = snap(road, *lonlat(2000, 0))
    areas = station_areas(road, station, [2], "normal")
    alone = isochrones(road, station, [2], "from", "normal")[0].geometry
    assert areas.first[0].symmetric_difference(alone).area < 0.01 * alone.area
    assert len(areas.reached_by) == 1


def test_a_budget_for_each_station(road: RoadNetwork) -> None:
    with pytest.raises(InvalidInput, match="budgets"):
        station_areas(road, snap(road, *lonlat(2000, 0)), [1, 2], "normal")
    assert station_areas(road, snap(road, np.empty(0), np.empty(0)), [], "normal").first == ()


@pytest.mark.shared
def test_a_real_town_agrees_with_travel_times(shared_data: Path) -> None:
    net = read(shared_data, "portland")
    draw = np.random.default_rng(2)
    normal = np.flatnonzero((net.slot_ms[0].reshape(-1, 2) != 0xFFFFFFFF).all(axis=1))
    vertex = net.edge_first_vertex[draw.choice(normal, 208)]
    spots = snap(net, net.vertex_lon[vertex] * 1e-7, net.vertex_lat[vertex] * 1e-7)
    stations = snap(net, spots.lon[:8], spots.lat[:8])
    minutes = draw.uniform(2, 5, 8)
    areas = station_areas(net, stations, minutes.tolist(), "normal", at_least=3)
    seconds = matrix(net, stations, spots, "normal")
    late = seconds - minutes[:, None] * 60
    clear = np.abs(late).min(axis=0) > 2
    for k, area in enumerate(areas.reached_by):
        within = shapely.contains_xy(area, spots.lon, spots.lat)
        assert (within == ((late <= 0).sum(axis=0) > k))[clear].mean() >= 0.99
    arrival = np.where(late <= 0, seconds, np.inf)
    two = np.sort(arrival, axis=0)
    with np.errstate(invalid="ignore"):
        plain = clear & np.isfinite(two[0]) & ~(two[1] - two[0] < 2)
    for s, area in enumerate(areas.first):
        within = shapely.contains_xy(area, spots.lon, spots.lat)
        assert (within == (arrival.argmin(axis=0) == s))[plain].mean() >= 0.99
    whole = areas.reached_by[0].area
    assert sum(a.intersection(b).area for a, b in combinations(areas.first, 2)) < 0.01 * whole
    assert sum(area.area for area in areas.first) == pytest.approx(whole, rel=0.03)
    assert place(stations, 0).edge[0] == stations.edge[0]

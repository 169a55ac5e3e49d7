"""The hierarchy against plain searches, and closures on both: never another millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import CLOSED, PROFILES, RoadNetwork
from gridsvc.roads.search import matrices
from gridsvc.roads.search.closures import Closure, check_closure, closed_edges, with_closures
from gridsvc.roads.search.hierarchy import Hierarchy, build_hierarchy, customised, customised_again, downward_of
from gridsvc.roads.search.matrices import (
    by_searches,
    customised_for,
    find_hierarchy,
    matrix,
    matrix_milliseconds,
    node_milliseconds_of_many,
)
from gridsvc.roads.search.search import FARTHEST_MS, node_milliseconds
from gridsvc.roads.search.snapping import Snaps, place, snap
from gridsvc.roads.search.station_times import FRONT, prepare_station_times
from gridsvc.roads.search.weights import differing_arcs, make_weights, weights_of
from tests.roads.test_real import SOURCES, places, read
from tests.worlds.road_oracle import times_over_arcs
from tests.worlds.toy_roads import QUIET, SQUARE, SQUARE_WAYS, lonlat, network, random_world

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def anywhere(seed: int, count: int, net: RoadNetwork) -> Snaps:
    draw = np.random.default_rng(seed)
    lon, lat = zip(*(lonlat(*xy) for xy in draw.uniform(-200, 1600, (count, 2)).tolist()), strict=True)
    return snap(net, np.array(lon), np.array(lat))


def closure(geometry: BaseGeometry, factor: float = 0.0, name: str = "c") -> Closure:
    return Closure(name, geometry, factor, PROFILES, NOON, None, "a test")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("profile", PROFILES)
def test_sweeps_equal_searches_in_random_worlds(seed: int, profile: str) -> None:
    net = build(random_world(seed), QUIET)
    few, many = anywhere(seed, 20, net), anywhere(seed + 100, 45, net)
    for origins, destinations in ((few, many), (many, few)):
        result = matrix_milliseconds(net, origins, destinations, profile)
        assert np.array_equal(result, by_searches(net, origins, destinations, weights_of(net, profile)))


@pytest.mark.parametrize(("origins", "destinations"), [(16, 16), (17, 33), (33, 48), (5, 160), (160, 5), (64, 15)])
def test_whole_and_broken_tiles_of_a_sweep_are_equal(origins: int, destinations: int) -> None:
    net = build(random_world(2), QUIET)
    here, there = anywhere(1, origins, net), anywhere(2, destinations, net)
    assert np.array_equal(
        matrix_milliseconds(net, here, there, "normal"), by_searches(net, here, there, weights_of(net, "normal"))
    )


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize("limit_s", [30.0, 90.0, None])
def test_node_sets_of_many_places_equal_a_search_each(direction: str, limit_s: float | None) -> None:
    net = build(random_world(4), QUIET)
    stations = anywhere(7, 35, net)
    result = node_milliseconds_of_many(net, stations, direction, "emergency", limit_s)
    each = [node_milliseconds(net, place(stations, i), direction, "emergency", limit_s) for i in range(len(stations))]
    assert np.array_equal(result, np.stack(each))
    assert node_milliseconds_of_many(net, snap(net, [], []), direction).shape == (0, net.node_count)


@pytest.mark.parametrize("seed", range(3))
def test_posts_equal_searches(seed: int) -> None:
    net = build(random_world(seed), QUIET)
    teams, calls = anywhere(seed, 30, net), anywhere(seed + 9, 25, net)
    station_times = prepare_station_times(net, teams, "normal")
    assert station_times is not None
    expected = by_searches(net, teams, calls, weights_of(net, "normal"))
    for i, (lon, lat) in enumerate(zip(calls.lon.tolist(), calls.lat.tolist(), strict=True)):
        assert np.array_equal(station_times.milliseconds_to(lon, lat), expected[:, i])
        reached = int(np.count_nonzero(expected[:, i] < FARTHEST_MS))
        for k in (1, 3, FRONT, FRONT + 1, 40):
            number, seconds = station_times.nearest_to(lon, lat, k)
            assert number.tolist() == np.argsort(expected[:, i], kind="stable")[: min(k, reached)].tolist()
            assert (expected[number, i] / 1000).tolist() == seconds.tolist()
        assert not len(station_times.nearest_to(lon, lat, 0)[0])


def test_posts_that_come_together_are_told_in_their_order() -> None:
    """Twenty teams in three stations: of those that arrive together the first in the list, also beyond the k-th."""
    net = build(random_world(5), QUIET)
    here, calls = anywhere(3, 3, net), anywhere(4, 20, net)
    station = np.random.default_rng(6).integers(0, 3, 60)
    teams = snap(net, here.lon[station], here.lat[station])
    station_times = prepare_station_times(net, teams, "emergency")
    assert station_times is not None
    expected = by_searches(net, teams, calls, weights_of(net, "emergency"))
    for i, (lon, lat) in enumerate(zip(calls.lon.tolist(), calls.lat.tolist(), strict=True)):
        for k in (1, 5, FRONT):
            number, _ = station_times.nearest_to(lon, lat, k)
            result = np.argsort(expected[:, i], kind="stable")[:k]
            assert number.tolist() == result[expected[result, i] < FARTHEST_MS].tolist()


def test_the_hierarchy_is_a_file(tmp_path: Path) -> None:
    net = build(random_world(1), QUIET)
    hierarchy = build_hierarchy(net)
    again = Hierarchy.open(hierarchy.to_bytes())
    assert sorted(again.rank.tolist()) == list(range(net.node_count))
    assert np.array_equal(again.head, hierarchy.head)
    with pytest.raises(InvalidInput):
        Hierarchy.open(net.to_bytes())
    with pytest.raises(InvalidInput):
        RoadNetwork.open(hierarchy.to_bytes())


@pytest.mark.parametrize("harm", ["cut", "damaged", "version", "empty"])
def test_a_hierarchy_that_is_none_is_refused(harm: str) -> None:
    content = bytearray(build_hierarchy(build(random_world(1), QUIET)).to_bytes())
    if harm == "cut":
        content = content[:-40]
    elif harm == "damaged":
        content[-20] ^= 1
    elif harm == "version":
        content[8] += 1
    else:
        content = bytearray()
    with pytest.raises(InvalidInput):
        Hierarchy.open(bytes(content))


def test_loops_parallel_streets_and_streets_without_length() -> None:
    """A street that ends where it begins, three between the same corners, two corners in one place."""
    points = {
        **SQUARE,
        6: (360.0, 0.0),
        7: (720.0, 0.0),
        8: (450.0, 90.0),
        9: (450.0, -90.0),
        10: (60.0, 90.0),
        11: (360.0, -90.0),
    }
    ways = {
        **SQUARE_WAYS,
        30: ([2, 6], 36.0, "both"),  # no length at all
        35: ([6, 11], 36.0, "both"),
        31: ([6, 7], 36.0, "both"),
        32: ([5, 8, 9, 5], 36.0, "both"),  # round a block and back
        33: ([1, 10, 3], 72.0, "both"),  # faster than the straight one
        34: ([1, 3], 18.0, "once"),
    }
    net = network(points, ways)
    assert (net.edge_length_m == 0).sum() == 1
    assert (net.edge_from == net.edge_to).sum() == 1
    here = snap(
        net,
        *np.array(
            [
                lonlat(*xy)
                for xy in [
                    (0, 0),
                    (360, 0),
                    (0, 360),
                    (720, 0),
                    (450, 60),
                    (450, -60),
                    (30, 45),
                    (0, 180),
                    (540, 0),
                    (200, 360),
                ]
            ]
        ).T,
    )
    for profile in PROFILES:
        weights = weights_of(net, profile)
        result = matrix_milliseconds(net, here, here, weights)
        assert np.array_equal(result, by_searches(net, here, here, weights))
        oracle = times_over_arcs(net, weights, here)
        apart = ~np.eye(len(here), dtype=bool)
        assert np.array_equal((result / 1000)[apart], oracle[apart])
        station_times = prepare_station_times(net, here, weights)
        assert station_times is not None
        for i in range(len(here)):
            assert np.array_equal(station_times.milliseconds_to(here.lon[i], here.lat[i]), result[:, i])


@pytest.mark.shared
@pytest.mark.parametrize("name", SOURCES)
def test_both_kernels_agree_with_scipy_under_closures(shared_data: Path, name: str) -> None:
    net = read(shared_data, name)
    there = places(net, 46, seed=21)
    middle = shapely.Point(float(np.median(there.lon)), float(np.median(there.lat)))
    bound = [
        (made, closed_edges(net, made.geometry))
        for made in (closure(middle.buffer(0.01)), closure(middle.buffer(0.03), 0.4, "d"))
    ]
    weights = with_closures(net, "normal", bound)
    apart = ~np.eye(len(there), dtype=bool)
    expected = times_over_arcs(net, weights, there)
    result = matrix(net, there, there, weights)
    assert (result != expected)[apart].sum() == 0
    assert np.array_equal(
        by_searches(net, there, there, weights) / 1000, np.where(np.isinf(result), FARTHEST_MS / 1000, result)
    )
    assert (result >= matrix(net, there, there, "normal")).all()
    assert (result > matrix(net, there, there, "normal")).any()


@pytest.mark.parametrize("seed", range(3))
def test_changed_weights_are_the_weights_made_anew(seed: int) -> None:
    net = build(random_world(seed), QUIET)
    for profile in PROFILES:
        base = weights_of(net, profile)
        made = with_closures(
            net,
            profile,
            [
                (
                    closure(shapely.box(0.002, 0.002, 0.006, 0.006), 0.3),
                    closed_edges(net, shapely.box(0.002, 0.002, 0.006, 0.006)),
                )
            ],
        )
        again = make_weights(net, profile, made.slot_ms, base.extra_ms, "again")
        assert np.array_equal(made.out_arcs, again.out_arcs)
        assert np.array_equal(made.in_arcs, again.in_arcs)
        assert (made.slot_ms >= base.slot_ms).all()


def random_closures(draw: np.random.Generator, net: RoadNetwork, most: int) -> list[tuple[Closure, np.ndarray]]:
    """Closures and slowdowns of a few edges each, as they come and go."""
    return [
        (
            closure(shapely.Point(0, 0), float(draw.choice([0.0, 0.1, 0.5, 0.9])), f"{draw.integers(1 << 40)}"),
            np.sort(draw.choice(net.edge_count, int(draw.integers(1, 4)), replace=False)).astype(np.int32),
        )
        for _ in range(int(draw.integers(0, most)))
    ]


@pytest.mark.parametrize("seed", range(8))
def test_partial_customisation_is_the_whole_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, slowed, lifted and exchanged, each from whatever was there before: bit by bit what a whole one gives."""
    monkeypatch.setattr(matrices, "PARTLY", 0)
    net = build(random_world(seed), QUIET)
    hierarchy = find_hierarchy(net)
    assert hierarchy is not None
    draw = np.random.default_rng(seed)
    bound: list[tuple[Closure, np.ndarray]] = []
    differed = 0
    for _ in range(25):
        for profile in PROFILES:
            weights = with_closures(net, profile, bound)
            result, whole = customised_for(net, hierarchy, weights), customised(hierarchy, weights)
            assert np.array_equal(result.up, whole.up)
            assert np.array_equal(result.down, whole.down)
            plain = customised_for(net, hierarchy, weights_of(net, profile))
            differed += not np.array_equal(result.up, plain.up)
        # some are lifted, some come
        bound = [one for one in bound if draw.random() < 0.6] + random_closures(draw, net, 4)
    assert differed > 10


def test_partial_customisation_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "PARTLY", 0)
    net = build(random_world(3), QUIET)
    hierarchy = find_hierarchy(net)
    assert hierarchy is not None
    everything = [(closure(shapely.box(-1, -1, 1, 1)), np.arange(net.edge_count, dtype=np.int32))]
    weights = with_closures(net, "normal", everything)
    result = customised_for(net, hierarchy, weights)
    assert np.array_equal(result.up, customised(hierarchy, weights).up)
    lifted = customised_again(
        net,
        hierarchy,
        downward_of(hierarchy),
        result,
        weights_of(net, "normal"),
        np.arange(net.arc_count, dtype=np.int32),
    )
    assert np.array_equal(lifted.down, customised(hierarchy, weights_of(net, "normal")).down)


@pytest.mark.shared
@pytest.mark.parametrize("name", SOURCES)
def test_partial_customisation_of_real_roads(shared_data: Path, name: str) -> None:
    net = read(shared_data, name)
    hierarchy = find_hierarchy(net)
    assert hierarchy is not None
    draw = np.random.default_rng(17)
    bound: list[tuple[Closure, np.ndarray]] = []
    for _ in range(6):
        k = int(draw.integers(len(net.junction_lon)))
        spot = shapely.Point(net.junction_lon[k] * 1e-7, net.junction_lat[k] * 1e-7).buffer(0.003)
        bound = [*bound[-2:], (closure(spot, float(draw.choice([0.0, 0.3])), f"{k}"), closed_edges(net, spot))]
        weights = with_closures(net, "emergency", bound)
        arcs = differing_arcs(weights, weights_of(net, "emergency"))
        assert arcs is not None
        assert 0 < len(arcs) < net.arc_count / matrices.PARTLY
        result, whole = customised_for(net, hierarchy, weights), customised(hierarchy, weights)
        assert np.array_equal(result.up, whole.up)
        assert np.array_equal(result.down, whole.down)


@pytest.fixture(scope="module")
def square() -> RoadNetwork:
    """The square, with a junction at each corner: a stub leads out of every one."""
    points = {**SQUARE, 6: (0.0, -200.0), 7: (-200.0, 360.0), 8: (560.0, 360.0)}
    ways = {**SQUARE_WAYS, 21: ([1, 6], 36.0, "both"), 22: ([3, 7], 36.0, "both"), 23: ([4, 8], 36.0, "both")}
    return network(points, ways)


def metres(*xy: tuple[float, float]) -> list[tuple[float, float]]:
    return [lonlat(*place) for place in xy]


def ends_of(net: RoadNetwork, edges: np.ndarray) -> set[frozenset[tuple[int, int]]]:
    """The edges as pairs of their ends in metres."""
    east, north = 111_319.4908, 110_574.2758
    xy = [
        (round(x * 1e-7 * east), round(y * 1e-7 * north))
        for x, y in zip(net.junction_lon, net.junction_lat, strict=True)
    ]
    return {frozenset({xy[net.edge_from[e]], xy[net.edge_to[e]]}) for e in edges}


def test_a_line_across_a_street_closes_it_alone(square: RoadNetwork) -> None:
    line = shapely.LineString(metres((180, -30), (180, 30)))
    assert ends_of(square, closed_edges(square, line)) == {frozenset({(0, 0), (360, 0)})}


def test_a_line_along_a_street_closes_it_and_not_those_that_end_there(square: RoadNetwork) -> None:
    line = shapely.LineString(metres((5, 2), (355, 2)))
    assert ends_of(square, closed_edges(square, line)) == {frozenset({(0, 0), (360, 0)})}


def test_an_area_closes_all_that_passes_it(square: RoadNetwork) -> None:
    corner = shapely.box(*metres((300, -50))[0], *metres((420, 60))[0])
    assert ends_of(square, closed_edges(square, corner)) == {
        frozenset({(0, 0), (360, 0)}),
        frozenset({(360, 0), (360, 360)}),
        frozenset({(360, 0), (540, 0)}),
    }


def test_a_point_closes_the_nearest_street(square: RoadNetwork) -> None:
    assert ends_of(square, closed_edges(square, shapely.Point(metres((450, 20))[0]))) == {
        frozenset({(360, 0), (540, 0)})
    }
    assert not len(closed_edges(square, shapely.Point(metres((450, -900))[0])))
    assert not len(closed_edges(square, shapely.box(10, 10, 11, 11)))


def test_round_a_closed_street(square: RoadNetwork) -> None:
    shut = closure(shapely.LineString(metres((180, -30), (180, 30))))
    weights = with_closures(square, "normal", [(shut, closed_edges(square, shut.geometry))])
    here, there = (snap(square, *lonlat(*xy)) for xy in ((0, 0), (360, 0)))
    assert matrix(square, here, there, "normal")[0, 0] == pytest.approx(36, abs=0.01)
    assert matrix(square, here, there, weights)[0, 0] == pytest.approx(108, abs=0.01)
    # a vehicle at the end of the closed street does not get through it; one in it gets out at walking pace
    inside = snap(square, *lonlat(60, 0))
    assert matrix(square, inside, here, weights)[0, 0] == pytest.approx(60 * 0.72, abs=0.05)


def test_the_slowest_of_several_closures_counts(square: RoadNetwork) -> None:
    line = shapely.LineString(metres((180, -30), (180, 30)))
    bound = [(closure(line, factor, name), closed_edges(square, line)) for factor, name in ((0.5, "a"), (0.25, "b"))]
    weights = with_closures(square, "normal", bound)
    here, there = (snap(square, *lonlat(*xy)) for xy in ((0, 0), (360, 0)))
    assert matrix(square, here, there, weights)[0, 0] == pytest.approx(108, abs=0.01)
    assert weights.slot_ms[weights.slot_ms != CLOSED].max() == pytest.approx(144_000, abs=5)
    assert weights.version == "normal,a,b"


def test_a_closure_acts_in_its_time_and_for_its_profiles() -> None:
    made = Closure("c", shapely.Point(0, 0), 0.0, ("normal",), NOON, NOON + timedelta(hours=1), "flood")
    assert made.acts("normal", NOON)
    assert made.acts("normal", NOON + timedelta(minutes=59))
    assert not made.acts("normal", NOON + timedelta(hours=1))
    assert not made.acts("normal", NOON - timedelta(seconds=1))
    assert not made.acts("emergency", NOON)


@pytest.mark.parametrize(
    ("factor", "profiles", "hours", "result"),
    [
        (1.1, PROFILES, 1, "factor"),
        (-0.1, PROFILES, 1, "factor"),
        (float("nan"), PROFILES, 1, "factor"),
        (0.0, (), 1, "profiles"),
        (0.0, ("hurry",), 1, "hurry"),
        (0.0, PROFILES, -1, "before it begins"),
    ],
)
def test_impossible_closures_are_refused(factor: float, profiles: tuple[str, ...], hours: int, result: str) -> None:
    with pytest.raises(InvalidInput, match=result):
        check_closure(shapely.Point(0, 0), factor, profiles, NOON, NOON + timedelta(hours=hours))


@pytest.mark.parametrize("year", [1, 9999])
def test_a_closure_whose_time_no_zone_can_show_is_refused(year: int) -> None:
    until = datetime(year, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14)))
    times = (until, NOON) if year == 1 else (NOON, until)
    with pytest.raises(InvalidInput, match="outside the years 1901 to 2199"):
        check_closure(shapely.Point(0, 0), 0.0, ("normal",), *times)

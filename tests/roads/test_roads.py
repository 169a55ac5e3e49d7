"""The road network on paper: a square of streets whose times can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import CLOSED, RoadNetwork
from gridsvc.roads.network.speeds import Speeds
from gridsvc.roads.network.survey import Restriction
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.routes import route
from gridsvc.roads.search.search import nearest_to, seconds_from, seconds_to
from gridsvc.roads.search.snapping import Snaps, snap
from gridsvc.roads.search.weights import weights_of
from tests.worlds.road_oracle import times_over_arcs
from tests.worlds.toy_roads import QUIET, SQUARE, SQUARE_WAYS, lonlat, network, random_world, survey


def at(net: RoadNetwork, *places: tuple[float, float]) -> Snaps:
    """Snap places given in metres."""
    lon, lat = zip(*(lonlat(*xy) for xy in places), strict=True)
    return snap(net, np.array(lon), np.array(lat))


def seconds(net: RoadNetwork, here: tuple[float, float], there: tuple[float, float], profile: str = "normal") -> float:
    """Time between two places, the same by both directions of search."""
    result = float(seconds_to(net, at(net, here), at(net, there), profile)[0])
    assert result == float(seconds_from(net, at(net, here), at(net, there), profile)[0])
    return result


@pytest.fixture(scope="module")
def square() -> RoadNetwork:
    return network(SQUARE, SQUARE_WAYS)


def test_chains_become_edges_between_junctions(square: RoadNetwork) -> None:
    # 1, 3 and 4 only bend: the ring from 2 to 2 is one edge, the stub another
    assert square.edge_count == 2
    assert square.arc_count == 4
    assert square.edge_length_m.sum() == pytest.approx(4 * 360 + 180, abs=0.01)


def test_times_between_middles_of_edges(square: RoadNetwork) -> None:
    assert seconds(square, (90, 0), (360, 90)) == pytest.approx(27 + 9, abs=0.01)
    assert seconds(square, (0, 180), (540, 0)) == pytest.approx(18 + 36 + 18, abs=0.01)
    assert seconds(square, (180, 0), (180, 360)) == pytest.approx(72, abs=0.01)


def test_the_same_edge_is_driven_straight(square: RoadNetwork) -> None:
    assert seconds(square, (400, 0), (500, 0)) == pytest.approx(10, abs=0.01)
    assert seconds(square, (500, 0), (400, 0)) == pytest.approx(10, abs=0.01)
    assert seconds(square, (400, 0), (400, 0)) == 0.0


def test_a_vehicle_drives_out_of_its_yard_and_only_at_the_scene_one_walks(square: RoadNetwork) -> None:
    # 50 m at 15 km/h = 12 s, at 5 km/h = 36 s
    assert seconds(square, (450, -50), (540, 0)) == pytest.approx(12 + 9, abs=0.01)
    assert seconds(square, (540, 0), (450, -50)) == pytest.approx(9 + 36, abs=0.01)


def test_a_vehicle_on_a_private_road_leaves_by_the_nearest_that_it_may_drive() -> None:
    # the side road is private: 90 m to the ring at 15 km/h, then 18 s to the middle of street 10
    world = survey(SQUARE, SQUARE_WAYS)
    kph = world.kph.copy()
    kph[4, :2] = 0.0
    net = build(replace(world, kph=kph), QUIET, "toy")
    assert seconds(net, (450, 0), (180, 0)) == pytest.approx(90 * 0.24 + 18, abs=0.01)
    assert seconds(net, (180, 0), (450, 0)) == pytest.approx(18 + 90 * 0.72, abs=0.01)


def test_who_are_nearer_to_each_other_than_to_the_road_walk_straight(square: RoadNetwork) -> None:
    assert seconds(square, (450, -50), (450, -60)) == pytest.approx(7.2, abs=0.02)


def test_one_way_streets_count_one_way() -> None:
    ring = {way: (points, kph, "once") for way, (points, kph, _) in SQUARE_WAYS.items() if way != 14}
    net = network(SQUARE, {**ring, 14: SQUARE_WAYS[14]})
    assert seconds(net, (30, 0), (330, 0)) == pytest.approx(30, abs=0.01)
    assert seconds(net, (330, 0), (30, 0)) == pytest.approx(4 * 36 - 30, abs=0.01)


def test_an_emergency_goes_against_a_one_way_street_slowly() -> None:
    ring = {way: (points, kph, "once") for way, (points, kph, _) in SQUARE_WAYS.items()}
    net = network(SQUARE, {**ring, 14: SQUARE_WAYS[14]}, emergency_contraflow_kph=18.0)
    assert seconds(net, (180, 0), (90, 0), "emergency") == pytest.approx(18, abs=0.01)
    assert seconds(net, (90, 0), (180, 0), "emergency") == pytest.approx(9, abs=0.01)


@pytest.mark.parametrize(
    ("only", "from_way", "to_way", "expected"),
    [(False, 10, 14, 144), (False, 11, 14, 36), (True, 10, 11, 144), (True, 10, 14, 36), (True, 11, 14, 36)],
)
def test_forbidden_turns(only: bool, from_way: int, to_way: int, expected: float) -> None:
    # coming from 1 into the stub at 2 takes 18 + 18 s; where that is forbidden, back by 1 and 3, and in from 4
    net = network(SQUARE, SQUARE_WAYS, restrictions=(Restriction(only, (from_way,), (to_way,), 2),))
    assert seconds(net, (180, 0), (540, 0)) == pytest.approx(expected, abs=0.02)
    from_north = 144 if (only, from_way) == (False, 11) else 36
    assert seconds(net, (360, 180), (540, 0)) == pytest.approx(from_north, abs=0.02)
    # an emergency makes the turn, 10 s slower
    assert seconds(net, (180, 0), (540, 0), "emergency") == pytest.approx(min(expected, 36 + 10), abs=0.02)


def test_a_turn_forbidden_over_a_street_between() -> None:
    # 1 - 2 - 5 in a row with side roads at 2 and 5: coming from 10, along 14, not into 15
    points = {**SQUARE, 6: (540.0, 180.0), 7: (720.0, 0.0)}
    ways = {**SQUARE_WAYS, 15: ([5, 6], 36.0, "both"), 16: ([5, 7], 36.0, "both")}
    free = network(points, ways)
    held = network(points, ways, restrictions=(Restriction(False, (10,), (15,), None, (14,)),))
    assert seconds(free, (270, 0), (540, 180)) == pytest.approx(9 + 18 + 18, abs=0.02)
    # turn round at the end of 16: past 5, back, and then from there into 15
    assert seconds(held, (270, 0), (540, 180)) == pytest.approx(9 + 18 + 18 + 18 + 18, abs=0.02)
    assert seconds(held, (360, 90), (540, 180)) == pytest.approx(9 + 18 + 18, abs=0.02)
    assert seconds(held, (270, 0), (720, 0)) == pytest.approx(9 + 18 + 18, abs=0.02)


def test_no_turning_round() -> None:
    # out of the stub's end nobody comes but by turning round at 2
    net = network(SQUARE, SQUARE_WAYS, restrictions=(Restriction(False, (14,), (14,), 2),))
    assert seconds(net, (450, 0), (400, 0)) == pytest.approx(5, abs=0.02)


@pytest.mark.parametrize(
    ("opens", "normal", "emergency"),
    [((True, True), 27 + 9 + 10, 27 + 9 + 10), ((False, True), 108, 27 + 9 + 30), ((False, False), 108, 108)],
)
def test_barriers(opens: tuple[bool, bool], normal: float, emergency: float) -> None:
    # a barrier in the middle of street 10, from west of it to the corner 2; round the other way it is 108 s
    points = {**SQUARE, 8: (180.0, 0.0)}
    ways = {**SQUARE_WAYS, 10: ([1, 8, 2], 36.0, "both")}
    net = network(points, ways, barriers={8: opens})
    assert seconds(net, (0, 0), (360, 0)) == pytest.approx(normal, abs=0.02)
    assert seconds(net, (0, 0), (360, 0), "emergency") == pytest.approx(emergency, abs=0.02)


def test_a_signal_costs_its_time_once_on_the_way_in() -> None:
    net = network(SQUARE, SQUARE_WAYS, signals={2}, speeds=Speeds(signal_s=4.0, emergency_signal_s=1.0))
    assert seconds(net, (0, 0), (540, 0)) == pytest.approx(36 + 18, abs=4.01)
    ring, stub = (int(np.argmax(net.edge_length_m)), int(np.argmin(net.edge_length_m)))
    assert net.slot_ms[0, 2 * ring] == pytest.approx(4 * 36_000 + 4000, abs=2)
    into_junction = sorted(net.slot_ms[0, 2 * stub : 2 * stub + 2].tolist())
    assert into_junction == pytest.approx([18_000, 22_000], abs=2)


def test_parallel_streets_are_both_there_and_the_faster_one_is_driven() -> None:
    net = network(SQUARE, {**SQUARE_WAYS, 15: ([1, 2], 72.0, "both")})
    assert net.edge_count == 4
    assert seconds(net, (0, 0), (360, 0)) == pytest.approx(18, abs=0.01)


def test_what_hangs_together_with_nothing_is_cut_off_and_reported() -> None:
    points = {**SQUARE, 20: (5000.0, 0.0), 21: (5100.0, 0.0), 22: (5100.0, 100.0)}
    net = network(points, {**SQUARE_WAYS, 30: ([20, 21, 22], 36.0, "both")})
    assert net.edge_count == 2
    cut = net.facts["report"]["cut_off"]
    assert cut["edges"] == 1
    assert cut["km"] == pytest.approx(0.2, abs=0.001)
    assert cut["longest"][0]["lon"] == pytest.approx(lonlat(5000, 0)[0], abs=0.001)


def test_a_street_that_only_leads_out_is_no_part_of_it() -> None:
    net = network({**SQUARE, 9: (900.0, 0.0)}, {**SQUARE_WAYS, 15: ([5, 9], 36.0, "once")})
    assert net.edge_length_m.sum() == pytest.approx(1620, abs=0.01)


def test_a_way_is_cut_where_a_point_is_missing() -> None:
    ways = {**SQUARE_WAYS, 15: ([5, 77, 1], 36.0, "both")}
    net = network(SQUARE, ways)
    assert net.facts["report"]["missing_points"] == 1
    assert seconds(net, (540, 0), (0, 0)) == pytest.approx(54, abs=0.02)


def test_no_roads_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no roads"):
        network(SQUARE, {10: ([77, 78], 36.0, "both")})


def test_between_two_carriageways_neither_forces_a_detour() -> None:
    # eastward 20 m south of westward, joined only at the ends 2 km apart
    points = {1: (0.0, 0.0), 2: (2000.0, 0.0), 3: (2000.0, 20.0), 4: (0.0, 20.0)}
    ways = {1: ([1, 2], 72.0, "once"), 2: ([3, 4], 72.0, "once"), 3: ([2, 3], 36.0, "both"), 4: ([4, 1], 36.0, "both")}
    net = network(points, ways)
    east = seconds(net, (0, 0), (1000, 10))
    west = seconds(net, (2000, 20), (1000, 10))
    walk = 7.2
    assert east == pytest.approx(50 + walk, abs=0.1)
    assert west == pytest.approx(50 + walk, abs=0.1)


def test_a_place_at_a_junction_has_no_preferred_street(square: RoadNetwork) -> None:
    assert seconds(square, (360, 0), (540, 0)) == pytest.approx(18, abs=0.01)
    assert seconds(square, (540, 0), (360, 0)) == pytest.approx(18, abs=0.01)
    assert seconds(square, (360, 0), (360, 360)) == pytest.approx(36, abs=0.01)


def test_far_from_any_road_it_is_walked_and_beyond_reach_unreachable(square: RoadNetwork) -> None:
    assert seconds(square, (540, 0), (540 + 5000, 0)) == pytest.approx(3600, rel=0.001)
    assert seconds(square, (540 + 5000, 0), (540, 0)) == pytest.approx(1200, rel=0.001)
    assert seconds(square, (540 + 25_000, 0), (540, 0)) == np.inf


@pytest.mark.parametrize("bad", [(np.nan, 0.0), (0.0, np.inf), (0.0, 91.0), (181.0, 0.0)])
def test_impossible_places_are_refused(square: RoadNetwork, bad: tuple[float, float]) -> None:
    with pytest.raises(InvalidInput, match="longitude"):
        snap(square, np.array([0.0, bad[0]]), np.array([0.0, bad[1]]))


def test_an_unknown_profile_is_refused(square: RoadNetwork) -> None:
    with pytest.raises(InvalidInput, match="profile"):
        seconds(square, (0, 0), (1, 1), "hurry")


def test_the_nearest_few(square: RoadNetwork) -> None:
    teams = at(square, (540, 0), (0, 360), (360, 300), (90, 0))
    number, result = nearest_to(square, teams, at(square, (360, 0)), 3, "normal")
    assert number.tolist() == [0, 3, 2] or number.tolist() == [0, 3, 2]
    assert result == pytest.approx([18, 27, 30], abs=0.01)
    number, _ = nearest_to(square, teams, at(square, (360, 0)), 9, "normal")
    assert sorted(number.tolist()) == [0, 1, 2, 3]


def test_a_limit_ends_the_search(square: RoadNetwork) -> None:
    there = at(square, (360, 0))
    origins = at(square, (540, 0), (0, 360))
    assert seconds_to(square, origins, there, "normal", limit_s=20.0).tolist() == [pytest.approx(18, abs=0.01), np.inf]


def test_the_file_is_the_network(square: RoadNetwork) -> None:
    content = square.to_bytes()
    assert content == network(SQUARE, SQUARE_WAYS).to_bytes()
    read = RoadNetwork.open(memoryview(content))
    assert read.bounds == square.bounds
    assert read.digest == RoadNetwork.open(content).digest
    assert not read.slot_ms.flags.owndata
    assert not read.slot_ms.flags.writeable
    assert seconds(read, (90, 0), (360, 90)) == seconds(square, (90, 0), (360, 90))


@pytest.mark.parametrize("harm", ["cut", "damaged", "foreign", "version", "empty"])
def test_a_file_that_is_none_is_refused(square: RoadNetwork, harm: str) -> None:
    content = bytearray(square.to_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "damaged":
        content[-20] ^= 1
    elif harm == "foreign":
        content = bytearray(b"PK\x03\x04" + bytes(200))
    elif harm == "version":
        content[8] += 1
    else:
        content = bytearray()
    with pytest.raises(InvalidInput, match="Load the roads again"):
        RoadNetwork.open(bytes(content))


def test_who_has_compared_a_file_already_reads_no_byte_of_its_arrays(square: RoadNetwork) -> None:
    content = bytearray(square.to_bytes())
    content[-20] ^= 1
    with pytest.raises(InvalidInput, match="damaged"):
        RoadNetwork.open(bytes(content))
    read = RoadNetwork.open(bytes(content), verify=False)
    assert read.digest == RoadNetwork.open(square.to_bytes()).digest
    assert (read.arc_head == square.arc_head).all()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("profile", ["normal", "emergency"])
def test_random_worlds_agree_with_scipy(seed: int, profile: str) -> None:
    net = build(random_world(seed), QUIET, "random")
    draw = np.random.default_rng(seed)
    places = at(net, *draw.uniform(-200, 1600, (25, 2)).tolist(), *((200.0 * i, 200.0 * i) for i in range(5)))
    expected = times_over_arcs(net, weights_of(net, profile), places)
    result = matrix(net, places, places, profile)
    apart = ~np.eye(len(places), dtype=bool)
    assert np.array_equal(result[apart], expected[apart])
    assert (np.diag(result) == 0).all()


def test_weights_of_the_profiles(square: RoadNetwork) -> None:
    weights = weights_of(square, "normal")
    assert weights is weights_of(square, "normal")
    assert (weights.out_arcs[:, 1] != CLOSED).all()


def test_the_route_is_a_line_as_long_as_the_time_says(square: RoadNetwork) -> None:
    way = route(square, at(square, (90, 0)), at(square, (360, 90)), "normal")
    assert way is not None
    assert way.seconds == pytest.approx(36, abs=0.01)
    assert way.length_m == pytest.approx(360, abs=0.1)
    line = np.array(way.line) * [111_319.4908, 110_574.2758]
    assert line == pytest.approx(np.array([[90, 0], [360, 0], [360, 90]]), abs=0.02)

"""The question that tells two grids apart (R3): villages west and east of 119.7, roads on paper."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.coordinates import LocalMetres
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.questions import Landmark, question_of
from tests.worlds.tilings import SIDE_DEG, SOUTH, WEST, nest, tile

if TYPE_CHECKING:
    from gridsvc.grids.ownership import Question

LON, LAT, RADIUS_M = 119.7, 29.05, 300.0
PLANE = LocalMetres(LON, LAT)


@pytest.fixture(scope="module")
def index() -> OwnershipIndex:
    """Township T1 has the villages V0 (west of 119.7) and V1 (east); T2 lies to the north of both."""
    return OwnershipIndex.build(
        "330703",
        1,
        [
            Grid("T1", "南镇", Level.TOWNSHIP, None, shapely.box(119.6, 29.0, 119.8, 29.1)),
            Grid("T2", "北镇", Level.TOWNSHIP, None, shapely.box(119.6, 29.1, 119.8, 29.2)),
            Grid("V0", "西村", Level.VILLAGE, "T1", shapely.box(119.6, 29.0, 119.7, 29.1)),
            Grid("V1", "东村", Level.VILLAGE, "T1", shapely.box(119.7, 29.0, 119.8, 29.1)),
        ],
    )


def road(name: str, *corners_m: tuple[float, float], rank: int = 10, turned: tuple[int, ...] = ()) -> Landmark:
    """A road through corners in metres round the place; the pieces `turned` run the other way."""
    lon, lat = PLANE.to_lonlat(*np.array(corners_m).T)
    ends = np.column_stack([lon[:-1], lat[:-1], lon[1:], lat[1:]])
    for k in turned:
        ends[k] = ends[k][[2, 3, 0, 1]]
    return Landmark(name, rank, ends)


def ask(index: OwnershipIndex, *landmarks: Landmark, east_m: float = 0.0) -> Question:
    lon, lat = PLANE.to_lonlat(east_m, 0.0)
    found = question_of(index, lon, lat, RADIUS_M, landmarks)
    assert found is not None
    return found


def replies(question: Question) -> dict[str, str]:
    """The finest owner of each reply."""
    finest = {each.en: [owner for owner in each.owners if owner is not None] for each in question.choices}
    return {reply: owners[-1].code if owners else "outside" for reply, owners in finest.items()}


def test_it_names_the_road_that_runs_along_the_border(index: OwnershipIndex) -> None:
    across = road("八一街", (-900, 40), (900, 40), rank=4)
    along = road("环城东路", (10, -900), (10, 900))
    beside = road("青春路", (250, -900), (250, 900))
    found = ask(index, across, along, beside)
    assert (found.by, found.name) == ("road", "环城东路")
    assert replies(found) == {"west": "V0", "east": "V1"}
    assert found.zh == "在环城东路的哪一侧：西侧还是东侧？"
    assert found.en == "On which side of 环城东路 is it: west or east?"
    assert [each.share for each in found.choices] == pytest.approx([0.5, 0.5], abs=0.005)


def test_the_likelier_chain_is_named_first(index: OwnershipIndex) -> None:
    found = ask(index, road("环城东路", (0, -900), (0, 900)), east_m=100)
    assert [each.en for each in found.choices] == ["east", "west"]
    assert found.choices[0].share > 0.5


def test_pieces_that_run_both_ways_are_one_road(index: OwnershipIndex) -> None:
    bent = [(20.0, -900.0), (-20.0, -300.0), (15.0, 0.0), (-15.0, 300.0), (0.0, 900.0)]
    for turned in ((), (0, 2), (1, 3), (0, 1, 2, 3)):
        assert replies(ask(index, road("金瓯路", *bent, turned=turned))) == {"west": "V0", "east": "V1"}


def test_of_two_that_tell_as_much_the_wider_road_is_asked_for(index: OwnershipIndex) -> None:
    lane, street = road("巷", (0, -900), (0, 900), rank=11), road("大道", (5, -900), (5, 900), rank=2)
    assert ask(index, lane, street).name == ask(index, street, lane).name == "大道"


def test_a_road_that_tells_too_little_is_not_asked_for(index: OwnershipIndex) -> None:
    # 100 m off the border: of the half circle of 300 m, 1 - 2/pi (asin(1/3) + sqrt(8)/9) = 0.58 lies beyond it
    found = ask(index, road("青春路", (100, -900), (100, 900)), road("八一街", (-900, 0), (900, 0)))
    assert (found.by, found.name) == ("names", None)
    assert found.zh == "在西村，还是在东村？"
    assert replies(found) == {"西村": "V0", "东村": "V1"}


def test_a_river_is_asked_for_before_a_lane_that_tells_a_little_more(index: OwnershipIndex) -> None:
    """The river meanders 60 m off the border; the lane runs on it. A road that is wider than the lane is asked for."""
    wander = [(-60.0 if k % 2 else 60.0, -900.0 + 100 * k) for k in range(19)]
    lane, main = road("巷", (0, -900), (0, 900), rank=11), road("大道", (0, -900), (0, 900), rank=2)
    river = replace(road("武义江", *wander, rank=5), line="river", head_start=2, directed=True)
    found = ask(index, lane, river)
    assert (found.by, found.name) == ("river", "武义江")
    assert found.zh == "在武义江的哪一侧：西侧还是东侧？"
    assert replies(found) == {"west": "V0", "east": "V1"}
    assert ask(index, lane, replace(river, head_start=0)).name == "巷"
    assert ask(index, main, lane, river).name == "大道"


def test_a_river_that_tells_too_little_is_not_asked_for(index: OwnershipIndex) -> None:
    beside = replace(road("武义江", (100, -900), (100, 900), rank=5), line="river", head_start=2)
    assert ask(index, beside).by == "names"


def test_a_place_on_the_border_is_a_landmark(index: OwnershipIndex) -> None:
    lon, lat = PLANE.to_lonlat(5.0, 120.0)
    found = ask(index, Landmark("老粮站", lon=lon, lat=lat))
    assert (found.by, found.name, replies(found)) == ("place", "老粮站", {"west": "V0", "east": "V1"})


def test_names_are_those_of_the_widest_level_that_differs(index: OwnershipIndex) -> None:
    # T2 has no villages: its chain ends at the township
    found = question_of(index, 119.65, 29.1, RADIUS_M, [])
    assert found is not None
    assert {each.zh for each in found.choices} == {"南镇", "北镇"}


def test_beyond_the_district_is_a_reply(index: OwnershipIndex) -> None:
    found = question_of(index, 119.6, 29.05, RADIUS_M, [])
    assert found is not None
    assert replies(found) == {"南镇": "V0", "the neighbouring district": "outside"}
    by_road = question_of(
        index, 119.6, 29.05, RADIUS_M, [Landmark("界河路", 5, np.array([[119.6, 29.0, 119.6, 29.1]]))]
    )
    assert by_road is not None
    assert replies(by_road) == {"east": "V0", "west": "outside"}


def test_well_inside_one_grid_there_is_nothing_to_ask(index: OwnershipIndex) -> None:
    assert question_of(index, 119.65, 29.05, RADIUS_M, [road("环城东路", (0, -900), (0, 900))]) is None


@given(
    st.integers(2, 60), st.integers(0, 10_000), st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.floats(1.0, 30_000.0)
)
def test_shares_of_any_tiling_sum_to_one(count: int, seed: int, x: float, y: float, radius_m: float) -> None:
    made = OwnershipIndex.build("330703", 1, nest(tile(count, seed, pieces=2)))
    answer = made.shares(WEST + SIDE_DEG * x, SOUTH + SIDE_DEG * y, radius_m)
    assert answer.shares is not None
    shares = [each.share for each in answer.shares]
    assert sum(shares) == pytest.approx(1, abs=1e-12)
    assert shares == sorted(shares, reverse=True)
    assert answer.confirm is (shares[0] < 0.8 or not any(answer.shares[0].owners))
    asked = question_of(made, WEST + SIDE_DEG * x, SOUTH + SIDE_DEG * y, radius_m, [])
    assert (asked is None) == (len(shares) == 1)
    if asked is not None:
        assert [each.share for each in asked.choices] == shares[:2]

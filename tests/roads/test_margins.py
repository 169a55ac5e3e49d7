"""How far roads reach beyond a district: a chequerboard of 44 km whose times to its rim can be computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.grids.levels import Grid, Level
from gridsvc.roads.network.margins import in_words, margin
from gridsvc.roads.network.rim import rim_of
from gridsvc.teams.model import Team, TeamKind
from tests.worlds.toy_roads import lonlat, network

if TYPE_CHECKING:
    from gridsvc.roads.network.network import RoadNetwork

STEP_M, SIDE = 2_000, 23
"""Streets every 2 km at 60 km/h: 120 s from crossing to crossing, 22 streets from rim to rim."""


@pytest.fixture(scope="module")
def country() -> RoadNetwork:
    points = {i * SIDE + j: (STEP_M * i, STEP_M * j) for i in range(SIDE) for j in range(SIDE)}
    rows = [[i * SIDE + j for j in range(SIDE)] for i in range(SIDE)]
    streets = rows + [list(column) for column in zip(*rows, strict=True)]
    return network(points, {k: (street, 60.0, "both") for k, street in enumerate(streets)})


def team(name: str, x_m: float, y_m: float) -> Team:
    return Team(name, name, "bureau", TeamKind.SQUADRON, *lonlat(x_m, y_m))


def village(code: str, x_m: float, y_m: float) -> Grid:
    """A hamlet of 200 m whose middle is a crossing."""
    (west, south), (east, north) = lonlat(x_m - 100, y_m - 100), lonlat(x_m + 100, y_m + 100)
    return Grid(code, f"village {code}", Level.VILLAGE, None, shapely.box(west, south, east, north))


def test_the_rim_is_the_outermost_street(country: RoadNetwork) -> None:
    rim = rim_of(country)
    x, y = country.junction_lon[rim.junctions], country.junction_lat[rim.junctions]
    outermost = (x == country.junction_lon.min()) | (x == country.junction_lon.max())
    outermost |= (y == country.junction_lat.min()) | (y == country.junction_lat.max())
    assert outermost.all()
    # the four corners only bend
    assert len(rim.junctions) == 4 * (SIDE - 1) - 4


def test_margins_are_metres_to_the_rim(country: RoadNetwork) -> None:
    lon, lat = np.array([lonlat(22_000, 22_000), lonlat(22_000, 6_000), lonlat(22_000, -3_000)]).T
    assert rim_of(country).margin_m(lon, lat) == pytest.approx([22_000, 6_000, 0], abs=500)


def test_who_is_too_near_the_rim_is_named_with_the_seconds(country: RoadNetwork) -> None:
    # 3 and 7 streets of 120 s from the rim are 360 and 840 s; 8 are 960 s, more than a quarter of an hour
    grids = [village(str(n), 22_000, STEP_M * n) for n in (3, 7, 8)]
    result = margin(country, grids)
    assert [(grid["code"], grid["rim_s"]) for grid in result["grids"]] == [("3", 360.0), ("7", 840.0)]
    assert result["least_m"] == pytest.approx(5_900, abs=500)
    (said,) = in_words(result)
    assert "The roads reach only 6 km beyond the district, not 20 km" in said
    assert "2 grids (village 3, village 7)" in said


def test_a_district_far_from_the_rim_has_nothing_to_say(country: RoadNetwork) -> None:
    result = margin(country, [village("1", 22_000, 22_000)], [team("t", 22_000, 30_000)])
    assert (result["grids"], result["teams"], in_words(result)) == ([], [], [])


def test_a_village_beyond_the_roads_is_named_whatever_its_time(country: RoadNetwork) -> None:
    result = margin(country, [village("beyond", 22_000, -15_000)])
    assert result["grids"][0]["code"] == "beyond"
    assert result["least_m"] == 0


def test_a_team_on_no_road_is_named(country: RoadNetwork) -> None:
    near, away = team("near", 10_900, 10_000), team("away", 22_000, -6_000)
    result = margin(country, [village("1", 22_000, 22_000)], [near, away])
    assert [(t["id"], t["offroad_m"]) for t in result["teams"]] == [("away", pytest.approx(6_000, rel=0.01))]
    assert "1 team (away) more than 1 km" in in_words(result)[0]

"""Which townships a network covers: a chequerboard of 10 km whose bare land can be computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import shapely

from gridsvc.grids.levels import Grid, Level
from gridsvc.roads.network.road_cover import cover_in_words, cover_of
from tests.worlds.toy_roads import lonlat, network

if TYPE_CHECKING:
    from gridsvc.roads.network.network import RoadNetwork


@pytest.fixture(scope="module")
def town() -> RoadNetwork:
    """Eleven streets of 10 km either way, 1 km from each other."""
    points = {i * 11 + j: (1000.0 * i, 1000.0 * j) for i in range(11) for j in range(11)}
    rows = [[i * 11 + j for j in range(11)] for i in range(11)]
    streets = rows + [list(column) for column in zip(*rows, strict=True)]
    return network(points, {k: (street, 50.0, "both") for k, street in enumerate(streets)})


def grid(
    code: str, west_m: float, south_m: float, east_m: float, north_m: float, level: Level = Level.TOWNSHIP
) -> Grid:
    shape = shapely.box(*lonlat(west_m, south_m), *lonlat(east_m, north_m))
    return Grid(code, f"name {code}", level, None, shape)


def test_a_township_within_the_streets_has_no_bare_land_and_its_km_of_road(town: RoadNetwork) -> None:
    cover = cover_of(town, [grid("in", 500, 500, 4500, 4500)])
    (row,) = cover.grids
    # streets 1 to 4 km cross it either way, 4 km each; WGS-84's radii differ from those of the toy by 0.7 %
    assert row.road_km == pytest.approx(2 * 4 * 4, rel=0.02)
    assert row.km2 == pytest.approx(16, rel=0.01)
    assert (row.bare_km2, cover.uncovered, cover.is_elsewhere, cover_in_words(cover)) == (0, (), False, [])


def test_land_beyond_two_km_of_the_last_street_is_bare(town: RoadNetwork) -> None:
    """From kilometre 5 to 20: the streets end at 10, land is bare from 12 on: 8 of 15 km."""
    cover = cover_of(town, [grid("half", 5000, 0, 20_000, 10_000), grid("in", 0, 0, 5000, 10_000)])
    assert [row.code for row in cover.grids] == ["half", "in"]
    assert cover.grids[0].bare_share == pytest.approx(8 / 15, abs=0.015)
    assert cover.grids[0].bare_km2 == pytest.approx(80, rel=0.03)
    assert [row.code for row in cover.uncovered] == ["half"]
    assert "name half" in cover_in_words(cover)[0]
    assert "name in" not in cover_in_words(cover)[0]


def test_a_small_bare_share_is_said_and_not_asked_for(town: RoadNetwork) -> None:
    cover = cover_of(town, [grid("rim", 5000, 0, 13_000, 10_000)])
    assert cover.grids[0].bare_share == pytest.approx(1 / 8, abs=0.02)
    assert cover.uncovered == ()
    assert len(cover_in_words(cover)) == 1


def test_roads_of_another_place_are_elsewhere(town: RoadNetwork) -> None:
    cover = cover_of(town, [grid("a", 50_000, 0, 60_000, 9000), grid("b", 60_000, 0, 70_000, 9000)])
    assert cover.is_elsewhere
    assert [row.road_km for row in cover.grids] == [0, 0]
    assert len(cover.uncovered) == 2


def test_villages_without_a_road_near_their_middle_are_named(town: RoadNetwork) -> None:
    cover = cover_of(
        town,
        [
            grid("t", 0, 0, 13_500, 10_000),
            grid("v1", 0, 0, 10_000, 10_000, Level.VILLAGE),
            grid("v2", 12_200, 0, 13_500, 10_000, Level.VILLAGE),
        ],
    )
    assert cover.level == "township"
    assert cover.bare_grids == ("name v2",)
    assert "name v2" in " ".join(cover_in_words(cover))


def test_a_township_with_a_tenth_of_the_roads_of_the_others_is_named(town: RoadNetwork) -> None:
    """A strip of 1.4 km beyond the last street has none of its own, yet no place farther than 2 km from one."""
    cover = cover_of(town, [grid("in", 0, 0, 10_000, 10_000), grid("strip", 10_200, 0, 11_600, 10_000)])
    assert [row.code for row in cover.sparse] == ["strip"]
    (said,) = cover_in_words(cover)
    assert "name strip" in said


def test_without_townships_the_widest_grids_are_compared_and_invalid_shapes_are_measured(town: RoadNetwork) -> None:
    bow_tie = shapely.Polygon([lonlat(1000, 1000), lonlat(3000, 3000), lonlat(3000, 1000), lonlat(1000, 3000)])
    cover = cover_of(
        town,
        [
            Grid("bow", "bow", Level.AREA, None, bow_tie),
            Grid("none", "none", Level.AREA, None, shapely.Polygon()),
            grid("v", 0, 0, 900, 900, Level.VILLAGE),
        ],
    )
    assert (cover.level, [row.code for row in cover.grids], cover.bare_grids) == ("area", ["bow"], ())
    assert cover.grids[0].km2 == pytest.approx(2, rel=0.02)
    assert cover_of(town, []).grids == ()

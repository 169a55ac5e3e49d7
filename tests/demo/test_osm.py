"""Places out of OpenStreetMap files: areas with holes and exclaves, levels that nest and tile, whatever the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.osm.levels import choose_admin_levels, draw_levels
from gridsvc.files.osm.places import LeftOut, OsmArea, read_places
from gridsvc.grids.levels import Level
from gridsvc.operations.imports.osm import left_out_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gridsvc.grids.levels import Grid
from tests.worlds.osm_files import OsmFile, square

ROADS = np.array([(10 + 0.002 * x, 50 + 0.002 * y) for x in range(31) for y in range(21)])


def two_towns(*, negative: bool = False) -> OsmFile:
    """West and East share a border way; East has an exclave, West a hole that belongs to East."""
    osm = OsmFile(negative=negative)
    shared = osm.way([(10.02, 50.0), (10.02, 50.01), (10.021, 50.02)], {"boundary": "administrative"})
    west = osm.way([(10.021, 50.02), (10.0, 50.02), (10.0, 50.0), (10.02, 50.0)], {"boundary": "administrative"})
    east = osm.way([(10.02, 50.0), (10.04, 50.0), (10.04, 50.02), (10.021, 50.02)], {"boundary": "administrative"})
    hole = osm.way(square(10.005, 50.005, 0.004), {"boundary": "administrative"})
    exclave = osm.way(square(10.05, 50.03, 0.004), {"boundary": "administrative"})
    osm.area(8, "West", [(west, "outer"), (shared, "outer"), (hole, "inner")])
    osm.area(8, "East", [(shared, "outer"), (east, "outer"), (hole, "outer"), (exclave, "outer")])
    osm.area(6, "Both", [(west, "outer"), (east, "outer"), (exclave, "outer")])
    osm.node(10.001, 50.001, place="village", name="Weston")
    osm.node(10.015, 50.015, place="hamlet", name="Little Weston")
    osm.node(10.03, 50.01, amenity="fire_station", name="Fire house")
    osm.node(10.031, 50.011, **{"addr:housenumber": "7", "addr:street": "High Street", "addr:city": "East"})
    osm.way(square(10.035, 50.015, 0.0002), {"amenity": "police", "building": "yes"})
    return osm


@pytest.mark.parametrize(("negative", "shuffled"), [(False, False), (True, False), (True, True), (False, True)])
def test_areas_are_assembled_whatever_the_order_and_the_sign_of_ids(
    tmp_path: Path, negative: bool, shuffled: bool
) -> None:
    found = read_places(two_towns(negative=negative).write(tmp_path / "two.osm.pbf", shuffled=shuffled))
    by_name = {area.name: area.geometry for area in found.areas}
    assert set(by_name) == {"West", "East", "Both"}
    assert shapely.get_num_interior_rings(by_name["West"]) == 1
    assert shapely.get_num_geometries(by_name["East"]) == 3
    assert by_name["West"].area == pytest.approx(0.02 * 0.02 + 0.5 * 0.001 * 0.01 - 0.004**2, rel=1e-9)
    assert by_name["Both"].area == pytest.approx(by_name["West"].area + by_name["East"].area, rel=1e-9)
    assert not found.left_out


def test_settlements_posts_and_addresses_are_read_also_from_ways(tmp_path: Path) -> None:
    found = read_places(two_towns().write(tmp_path / "two.osm.pbf"))
    assert [home.name for home in found.settlements] == ["Little Weston", "Weston"]
    assert sorted(station.kind for station in found.stations) == ["fire_station", "police"]
    police = next(station for station in found.stations if station.kind == "police")
    assert shapely.Polygon(square(10.035, 50.015, 0.0002)).contains(shapely.Point(police.lon, police.lat))
    assert [address.text for address in found.addresses] == ["High Street 7, East"]


def test_an_area_that_the_file_does_not_hold_whole_is_left_out_and_named(tmp_path: Path) -> None:
    osm = two_towns()
    found = read_places(osm.write(tmp_path / "cut.osm.pbf", without_ways=[osm.ways[2][0]]))
    assert [area.name for area in found.areas] == ["West"]
    assert {area.name: area.reason for area in found.left_out} == {
        "Both": "the file lacks 1 of its 3 ways",
        "East": "the file lacks 1 of its 4 ways",
    }


def test_neighbours_that_go_on_outside_are_said_in_one_line_a_level() -> None:
    areas = [
        LeftOut("1", 8, "Sevelen", "the file lacks 4 of its 6 ways"),
        LeftOut("2", 8, "Open", "its boundary does not close"),
        LeftOut("3", 8, "Buchs", "the file lacks 2 of its points"),
        LeftOut("4", 2, "Schweiz, Suisse", "the file lacks 606 of its 615 ways"),
    ]
    assert left_out_in_words(areas) == [
        "Open (admin_level 8) is left out: its boundary does not close",
        "Not whole in the file, so left out (admin_level 2): Schweiz, Suisse",
        "Not whole in the file, so left out (admin_level 8): Sevelen; Buchs",
    ]


def test_an_open_ring_is_left_out(tmp_path: Path) -> None:
    osm = OsmFile()
    way = osm.way([(10, 50), (10.1, 50), (10.1, 50.1)], {"boundary": "administrative"})
    osm.area(8, "Open", [(way, "outer")])
    found = read_places(osm.write(tmp_path / "open.osm.pbf"))
    assert not found.areas
    assert [area.reason for area in found.left_out] == ["its boundary does not close"]


def test_empty_missing_and_truncated_files_are_refused_with_the_cure(tmp_path: Path) -> None:
    whole = two_towns().write(tmp_path / "two.osm.pbf").read_bytes()
    (tmp_path / "empty.osm.pbf").write_bytes(b"")
    (tmp_path / "cut.osm.pbf").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.osm.pbf").write_bytes(b"this is no map\n" * 20)
    for name in ("empty", "cut", "text", "missing"):
        with pytest.raises(InvalidInput, match=name):
            read_places(tmp_path / f"{name}.osm.pbf")


def area(level: int, name: str, shape: shapely.Polygon) -> OsmArea:
    return OsmArea(f"relation/{level}{name}", level, name, shape)


def test_township_is_the_deepest_level_up_to_8_and_regional_the_next_coarser() -> None:
    box = shapely.box(0, 0, 1, 1)
    areas = [area(level, "x", box) for level in (2, 4, 6, 7, 9, 10)]
    assert choose_admin_levels(areas) == {Level.TOWNSHIP: 7, Level.REGIONAL: 6, Level.AREA: 9, Level.VILLAGE: 10}
    assert choose_admin_levels([area(2, "x", box), area(4, "x", box)]) == {Level.TOWNSHIP: 4}
    assert choose_admin_levels([area(9, "x", box)]) == {}
    result = choose_admin_levels(areas, {Level.TOWNSHIP: 6})
    assert result[Level.TOWNSHIP] == 6
    assert result[Level.REGIONAL] == 4
    with pytest.raises(InvalidInput, match=r"admin_level 5 .* has: 2, 4, 6, 7, 9, 10"):
        choose_admin_levels(areas, {Level.TOWNSHIP: 5})


def assert_nests_and_tiles(grids: Sequence[Grid]) -> None:
    by_code = {grid.code: grid for grid in grids}
    assert len(by_code) == len(grids)
    outlines = []
    for level in Level:
        shapes = [grid.geometry for grid in grids if grid.level is level]
        assert shapes
        assert all(shape.is_valid for shape in shapes)
        assert shapely.coverage_is_valid(shapes)
        outlines.append(shapely.union_all(shapes))
    for outline in outlines[1:]:
        assert outline.symmetric_difference(outlines[0]).area < 1e-15
    for grid in grids:
        if grid.parent is not None:
            assert by_code[grid.parent].level == grid.level - 1
            assert grid.geometry.difference(by_code[grid.parent].geometry).area < 1e-15


def test_real_townships_stay_what_they_are_and_finer_levels_are_drawn_inside(tmp_path: Path) -> None:
    found = read_places(two_towns().write(tmp_path / "two.osm.pbf"))
    drawn = draw_levels("900001", "Toy", found.areas, found.settlements, ROADS)
    assert drawn.real_townships
    assert_nests_and_tiles(drawn.grids)
    real = {place.name: place.geometry for place in found.areas}
    townships = [grid for grid in drawn.grids if grid.level is Level.TOWNSHIP]
    assert [grid.name for grid in townships] == ["East", "West"]
    assert [grid.code for grid in townships] == ["900001001000", "900001002000"]
    for grid in townships:
        assert not grid.derived
        assert grid.geometry.symmetric_difference(real[grid.name]).area < 1e-9  # 10 m2: vertices move by 1 cm at most
    assert [grid.name for grid in drawn.grids if grid.level is Level.REGIONAL] == ["Both"]
    assert all(grid.derived for grid in drawn.grids if grid.level in {Level.AREA, Level.VILLAGE})
    assert "Weston" in {grid.name for grid in drawn.grids if grid.level is Level.VILLAGE}


def test_the_order_of_the_file_does_not_change_the_grids(tmp_path: Path) -> None:
    plain = read_places(two_towns().write(tmp_path / "a.osm.pbf"))
    other = read_places(two_towns(negative=True).write(tmp_path / "b.osm.pbf", shuffled=True))
    random = np.random.default_rng(3)
    shuffled = random.permutation(ROADS)
    drawn = [
        draw_levels("900001", "Toy", plain.areas, plain.settlements, ROADS),
        draw_levels("900001", "Toy", other.areas[::-1], other.settlements[::-1], shuffled),
    ]
    first, second = ([(g.code, g.name, g.parent, g.geometry.wkt) for g in levels.grids] for levels in drawn)
    assert first == second


def test_real_villages_and_areas_are_kept_and_only_the_rest_is_drawn(tmp_path: Path) -> None:
    osm = OsmFile()
    outer = osm.way(square(10.0, 50.0, 0.04), {})
    osm.area(7, "Town", [(outer, "outer")])
    osm.area(9, "Quarter", [(osm.way(square(10.0, 50.0, 0.02), {}), "outer")])
    osm.area(10, "Hamlet", [(osm.way(square(10.0, 50.0, 0.01), {}), "outer")])
    found = read_places(osm.write(tmp_path / "town.osm.pbf"))
    drawn = draw_levels("900001", "Toy", found.areas, found.settlements, ROADS)
    assert_nests_and_tiles(drawn.grids)
    hamlet = next(grid for grid in drawn.grids if grid.name == "Hamlet")
    quarter = next(grid for grid in drawn.grids if grid.name == "Quarter")
    assert not hamlet.derived
    assert not quarter.derived
    assert hamlet.parent == quarter.code
    assert hamlet.geometry.symmetric_difference(shapely.Polygon(square(10.0, 50.0, 0.01))).area < 1e-9
    assert any(grid.derived for grid in drawn.grids if grid.level is Level.VILLAGE)


def test_a_file_without_boundaries_gets_one_outline_round_its_roads_and_says_so() -> None:
    drawn = draw_levels("900001", "Nowhere", (), (), ROADS)
    assert not drawn.real_townships
    assert_nests_and_tiles(drawn.grids)
    assert all(grid.derived for grid in drawn.grids)
    outline = shapely.union_all([grid.geometry for grid in drawn.grids if grid.level is Level.REGIONAL])
    assert isinstance(outline, shapely.Polygon)
    assert shapely.covers(outline, shapely.points(ROADS)).mean() > 0.97
    assert any("one outline" in note and "drawn from the roads" in note for note in drawn.notes)


@pytest.mark.shared
def test_liechtenstein_has_two_districts_and_eleven_municipalities_with_their_exclaves(shared_data: Path) -> None:
    found = read_places(shared_data / "osm" / "liechtenstein.osm.pbf")
    assert sum(station.kind == "fire_station" for station in found.stations) == 6
    assert len(found.addresses) == 1006
    random = np.random.default_rng(1)
    country = next(place.geometry for place in found.areas if place.admin_level == 2)
    west, south, east, north = country.bounds
    roads = np.column_stack([random.uniform(west, east, 4000), random.uniform(south, north, 4000)])
    drawn = draw_levels("900001", "Liechtenstein", found.areas, found.settlements, roads)
    assert_nests_and_tiles(drawn.grids)
    townships = {grid.name: grid for grid in drawn.grids if grid.level is Level.TOWNSHIP}
    assert len(townships) == 11
    assert shapely.get_num_geometries(townships["Vaduz"].geometry) == 7
    assert [grid.name for grid in drawn.grids if grid.level is Level.REGIONAL] == [
        "Wahlkreis Oberland",
        "Wahlkreis Unterland",
    ]
    assert shapely.union_all([t.geometry for t in townships.values()]).symmetric_difference(country).area < 1e-8

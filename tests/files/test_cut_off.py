"""Municipalities that an extract cuts off: towns in a row whose roads can be counted by hand, and a real country."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import osmium
import pytest
import shapely
from osmium.osm import Node, Relation, Way

from gridsvc.files.osm.cut_off import Cut, find_cut_off
from gridsvc.files.osm.land import segments_of
from gridsvc.files.osm.levels import choose_admin_levels
from gridsvc.files.osm.places import OsmPlaces, read_places
from gridsvc.files.roads.read import read_osm
from tests.worlds.osm_files import OsmFile

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.roads.network.network import RoadNetwork

STEP = 0.02
"""Towns are 0.02 by 0.06 degrees from 10 east, 50 north: 1.433 by 6.67 km."""


def row_of_towns(path: Path, *, complete: int, seat: bool = False) -> Path:
    """A, B, C from west to east; the borders of those after the first `complete` lack their east side.

    One road through all at 50.03 north, with a lane every 0.005 degrees, and an address in each town.
    """
    osm = OsmFile()
    tags = {"boundary": "administrative"}
    sides = [osm.way([(10 + k * STEP, 50.0), (10 + k * STEP, 50.03), (10 + k * STEP, 50.06)], tags) for k in range(4)]
    gone = []
    for k, name in enumerate("ABC"):
        west, east = 10 + k * STEP, 10 + (k + 1) * STEP
        south = osm.way([(west, 50.0), (east, 50.0)], tags)
        north = osm.way([(west, 50.06), (east, 50.06)], tags)
        osm.area(8, name, [(sides[k], "outer"), (south, "outer"), (sides[k + 1], "outer"), (north, "outer")])
        osm.node(west + 0.011, 50.031, **{"addr:housenumber": str(k), "addr:street": f"Street {name}"})
        if k >= complete:
            gone += [sides[k + 1]] if k == 2 else [south]
            if seat and k == 2:
                number, members, area_tags = osm.relations[-1]
                osm.relations[-1] = (number, [*members, ("n", osm.node(west + 0.01, 50.02), "admin_centre")], area_tags)
    stops = [round(10 + 0.005 * k, 6) for k in range(13)]
    osm.way([(x, 50.03) for x in stops], {"highway": "residential"})
    for x in stops:
        osm.way([(x, 50.001), (x, 50.03), (x, 50.059)], {"highway": "residential"})
    return osm.write(path, without_ways=gone)


def cut_of(path: Path) -> tuple[Cut, OsmPlaces, RoadNetwork]:
    found, network = read_places(path), read_osm(path)
    return find_cut_off(found, network, choose_admin_levels(found.areas)), found, network


def test_a_whole_file_cuts_off_nothing(tmp_path: Path) -> None:
    cut, _, _ = cut_of(row_of_towns(tmp_path / "whole.osm.pbf", complete=3))
    assert (cut.areas, cut.in_words()) == ((), [])


def test_a_town_without_its_far_side_is_named_with_its_km2_roads_and_addresses(tmp_path: Path) -> None:
    cut, _, _ = cut_of(row_of_towns(tmp_path / "cut.osm.pbf", complete=2))
    (town,) = cut.areas
    assert town.area.name == "C"
    assert town.ownerless is not None
    # the lanes at 10.045 to 10.06, 6.45 km each, and 1.43 km of the road through
    assert town.ownerless.road_km == pytest.approx(4 * 0.058 * 111.2 + 0.02 * 71.7, rel=0.01)
    assert town.ownerless.addresses == 1
    # land goes as far as the roads: 50.001 to 50.059, in cells of 250 m
    assert town.ownerless.km2 == pytest.approx(0.02 * 71.7 * 0.058 * 111.2, rel=0.25)
    # a cell at the outer border has its middle outside of every town
    assert cut.ownerless.km2 == pytest.approx(town.ownerless.km2, rel=0.1)
    assert (cut.ownerless.road_km, cut.ownerless.addresses) == (town.ownerless.road_km, 1)
    first, last = cut.in_words()
    assert first.startswith("The file cuts off C (admin_level 8): the file lacks 1 of its 4 ways")
    assert last.startswith("Ownerless in all")


def test_two_cut_towns_side_by_side_get_each_their_own(tmp_path: Path) -> None:
    cut, _, _ = cut_of(row_of_towns(tmp_path / "two.osm.pbf", complete=1))
    assert {each.area.name: each.ownerless.addresses for each in cut.areas if each.ownerless} == {"B": 1, "C": 1}
    assert cut.ownerless.addresses == 2
    assert sum(each.ownerless.road_km for each in cut.areas if each.ownerless) == pytest.approx(cut.ownerless.road_km)


def test_without_a_whole_town_the_seat_decides_which_side_is_inside(tmp_path: Path) -> None:
    cut, _, _ = cut_of(row_of_towns(tmp_path / "seat.osm.pbf", complete=0, seat=True))
    assert {each.area.name: each.ownerless.addresses for each in cut.areas if each.ownerless} == {
        "A": 1,
        "B": 1,
        "C": 1,
    }
    unknown, _, _ = cut_of(row_of_towns(tmp_path / "none.osm.pbf", complete=0))
    assert [(each.area.name, each.ownerless) for each in unknown.areas] == [("A", None), ("B", None), ("C", None)]
    assert unknown.in_words()[0].endswith("It has no grid")
    assert unknown.ownerless.addresses == 3


def box_of(source: Path, target: Path, south: float, north: float) -> Path:
    """Cut a file as `osmium extract` does: ways with a point in the box are whole, relations are kept."""
    inside, nodes, ways = set(), set(), set()
    for thing in osmium.FileProcessor(str(source)):
        if isinstance(thing, Node) and south <= thing.lat <= north:
            inside.add(thing.id)
        if isinstance(thing, Way):
            refs = [node.ref for node in thing.nodes]
            if not inside.isdisjoint(refs):
                ways.add(thing.id)
                nodes.update(refs)
    kept = inside | nodes
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for thing in osmium.FileProcessor(str(source)):
            if isinstance(thing, Relation) or thing.id in (kept if isinstance(thing, Node) else ways):
                writer.add(thing)
    return target


@pytest.mark.shared
def test_liechtenstein_cut_in_two_has_what_its_whole_borders_give(shared_data: Path, tmp_path: Path) -> None:
    """The borders of the whole file are the oracle for what the file of the south cuts off."""
    source = shared_data / "osm" / "liechtenstein.osm.pbf"
    true = {area.name: area.geometry for area in read_places(source).areas if area.admin_level == 8}
    cut, found, network = cut_of(box_of(source, tmp_path / "south.osm.pbf", 47.0, 47.15))
    assert [area.name for area in found.areas] == ["Triesen"]
    middles, km = segments_of(network)
    points = shapely.points(middles)
    houses = shapely.points(np.array([(each.lon, each.lat) for each in found.addresses]))
    own = {each.area.name: each.ownerless for each in cut.areas}
    assert [each.area.name for each in cut.areas][:3] == ["Triesenberg", "Balzers", "Vaduz"]
    for name in ("Triesenberg", "Balzers", "Vaduz"):
        measured = own[name]
        assert measured is not None
        shape = true[name]
        assert measured.road_km == pytest.approx(km[shapely.covers(shape, points)].sum(), rel=0.01)
        assert measured.addresses == shapely.covers(shape, houses).sum()

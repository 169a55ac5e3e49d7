"""The synthetic Jindong: real names in borders that tile, checked by shapely and scipy, not by our own code."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from gridsvc.demo.world.jindong import draw_grids, read_divisions
from gridsvc.demo.world.streets import CLASSES, Streets, draw_streets
from gridsvc.files.osm.tiling import Plane
from gridsvc.grids.levels import Grid, Level

GEODATA = Path(__file__).resolve().parents[2] / "geodata"
KM2 = 111.32 * np.cos(np.radians(29.15)) * 110.8


@pytest.fixture(scope="module")
def grids() -> tuple[Grid, ...]:
    return draw_grids(read_divisions(GEODATA / "jindong"), seed=1)


def of(grids: tuple[Grid, ...], level: Level) -> list[Grid]:
    return [grid for grid in grids if grid.level is level]


def test_every_real_township_and_village_is_there_with_its_code_and_name(grids: tuple[Grid, ...]) -> None:
    with (GEODATA / "jindong" / "divisions.csv").open(encoding="utf-8", newline="") as file:
        real = {(row["level"], row["code"], row["name"]) for row in csv.DictReader(file)}
    drawn = {(grid.level.key, grid.code, grid.name) for grid in grids if grid.level in {Level.TOWNSHIP, Level.VILLAGE}}
    assert {row for row in real if row[0] != "district"} == drawn
    assert len(of(grids, Level.TOWNSHIP)) == 11
    assert len(of(grids, Level.VILLAGE)) == 361
    assert len(of(grids, Level.REGIONAL)) == 3


@pytest.mark.parametrize("level", list(Level))
def test_a_level_tiles_one_outline_without_gap_or_overlap(grids: tuple[Grid, ...], level: Level) -> None:
    shapes = [grid.geometry for grid in of(grids, level)]
    assert all(shape.is_valid for shape in shapes)
    assert shapely.coverage_is_valid(shapes)
    outline = shapely.union_all(shapes)
    assert isinstance(outline, shapely.Polygon)
    assert not outline.interiors
    assert sum(shape.area for shape in shapes) == pytest.approx(outline.area, rel=1e-12)
    assert outline.area * KM2 == pytest.approx(658, rel=0.02)
    region = shapely.union_all([grid.geometry for grid in of(grids, Level.REGIONAL)])
    assert outline.symmetric_difference(region).area * KM2 < 1e-6


def test_children_lie_in_their_parents_and_fill_them(grids: tuple[Grid, ...]) -> None:
    by_code = {grid.code: grid for grid in grids}
    filled: dict[str, float] = defaultdict(float)
    for grid in grids:
        if grid.parent is None:
            assert grid.level is Level.REGIONAL
            continue
        parent = by_code[grid.parent]
        assert parent.level == grid.level - 1
        assert grid.geometry.difference(parent.geometry).area * KM2 < 1e-9
        filled[grid.parent] += grid.geometry.area
    for code, area in filled.items():
        assert area == pytest.approx(by_code[code].geometry.area, rel=1e-9)


def test_every_seat_lies_in_its_own_township(grids: tuple[Grid, ...]) -> None:
    by_code = {grid.code: grid for grid in grids}
    for township in read_divisions(GEODATA / "jindong"):
        assert by_code[township.code].geometry.covers(shapely.Point(township.lon, township.lat)), township.name


def test_every_township_and_village_is_in_one_piece(grids: tuple[Grid, ...]) -> None:
    assert {grid.geometry.geom_type for grid in of(grids, Level.VILLAGE)} == {"Polygon"}
    assert {grid.geometry.geom_type for grid in of(grids, Level.TOWNSHIP)} == {"Polygon"}


def test_most_villages_have_an_officer_and_some_have_none(grids: tuple[Grid, ...]) -> None:
    vacant = sum(grid.officer is None for grid in of(grids, Level.VILLAGE))
    assert 3 <= vacant <= 36


def test_the_same_seed_draws_the_same_district_and_another_seed_another(grids: tuple[Grid, ...]) -> None:
    again = draw_grids(read_divisions(GEODATA / "jindong"), seed=1)
    assert [shapely.to_wkb(grid.geometry) for grid in again] == [shapely.to_wkb(grid.geometry) for grid in grids]
    other = draw_grids(read_divisions(GEODATA / "jindong"), seed=2)
    assert any(a.geometry != b.geometry for a, b in zip(grids, other, strict=True))


@pytest.fixture(scope="module")
def streets(grids: tuple[Grid, ...]) -> Streets:
    areas = {grid.code: grid.parent for grid in of(grids, Level.AREA)}
    villages = of(grids, Level.VILLAGE)
    seats = {t.code: (t.lon, t.lat) for t in read_divisions(GEODATA / "jindong")}
    outline = shapely.union_all([grid.geometry for grid in of(grids, Level.REGIONAL)])
    return draw_streets(
        Plane.of(outline), villages, {v.code: areas[v.parent or ""] or "" for v in villages}, seats, seed=1
    )


def test_the_roads_have_every_class_fewer_the_faster(streets: Streets) -> None:
    counts = [int((streets.rank == rank).sum()) for rank in range(len(CLASSES))]
    assert all(counts)
    assert counts[0] > counts[2] > counts[3]
    assert streets.oneway.any()


def test_every_place_can_be_reached_also_against_the_one_ways(streets: Streets) -> None:
    both = ~streets.oneway
    tail = np.concatenate([streets.tail, streets.head[both]])
    head = np.concatenate([streets.head, streets.tail[both]])
    count = len(streets.lonlat)
    graph = csr_matrix((np.ones(len(tail)), (tail, head)), shape=(count, count))
    parts, label = connected_components(graph, directed=True, connection="strong")
    assert np.bincount(label).max() >= 0.97 * count, parts


def test_roads_cross_only_at_junctions(streets: Streets) -> None:
    ends = np.stack([streets.lonlat[streets.tail], streets.lonlat[streets.head]], axis=1)
    lines = np.asarray(shapely.linestrings(ends))
    first, second = shapely.STRtree(lines).query(lines, predicate="crosses")
    assert len(first) == 0
    assert len(second) == 0


def test_the_network_reaches_twenty_kilometres_beyond_the_district(grids: tuple[Grid, ...], streets: Streets) -> None:
    west, south, east, north = shapely.union_all([g.geometry for g in of(grids, Level.REGIONAL)]).bounds
    reached = (*streets.lonlat.min(axis=0), *streets.lonlat.max(axis=0))
    assert reached[0] < west - 0.17
    assert reached[1] < south - 0.15
    assert reached[2] > east + 0.17
    assert reached[3] > north + 0.15

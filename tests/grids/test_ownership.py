"""Every point has one owner, whatever the order of the rows (R1, R2, R5). The oracle is shapely; it shares no code."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.layout import RIM
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.ownership import Rule
from gridsvc.grids.point import find_claims
from tests.worlds.tilings import SIDE_DEG, SOUTH, WEST, nest, tile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

NEAR_DEG = 1e-9


def village(code: str, shape: BaseGeometry, parent: str | None = None) -> Grid:
    return Grid(code, f"v{code}", Level.VILLAGE, parent, shape)


def town(code: str, shape: BaseGeometry, parent: str | None = None) -> Grid:
    return Grid(code, f"t{code}", Level.TOWNSHIP, parent, shape)


def index_of(*grids: Grid) -> OwnershipIndex:
    return OwnershipIndex.build("330703", 1, grids)


def owner(index: OwnershipIndex, lon: float, lat: float, level: Level = Level.VILLAGE) -> str | None:
    found = index.locate(lon, lat).owner(level)
    return None if found is None else found.code


def hard_points(shapes: NDArray[np.object_], count: int, seed: int) -> NDArray[np.float64]:
    """Half of them anywhere, half on vertices, on edges and within 1e-9 degrees of them."""
    draw = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(shapes)
    anywhere = draw.uniform((west, south), (east, north), (count // 2, 2))
    corners = shapely.get_coordinates(shapes)
    some = corners[draw.integers(0, len(corners) - 1, count // 2)]
    k = draw.integers(0, len(corners) - 1, count // 2)
    on_edge = corners[k] + draw.uniform(0, 1, (count // 2, 1)) * (corners[k + 1] - corners[k])
    kind = draw.integers(0, 4, count // 2)
    nudge = draw.uniform(-NEAR_DEG, NEAR_DEG, (count // 2, 2)) * (kind >= 2)[:, None]
    return np.vstack([anywhere, np.where((kind % 2 == 0)[:, None], some, on_edge) + nudge])


def check_against_shapely(shapes: NDArray[np.object_], points: NDArray[np.float64], owners: NDArray[np.int32]) -> None:
    """Hold owners (rows of `shapes`, -1 none) against shapely's predicates."""
    spots = np.asarray(shapely.points(points))
    tree = shapely.STRtree(shapes)
    spot, shape = tree.query(spots, predicate="dwithin", distance=NEAR_DEG)
    allowed = set(zip(spot.tolist(), shape.tolist(), strict=True))
    wrong = [k for k, row in enumerate(owners.tolist()) if row >= 0 and (k, row) not in allowed]
    assert not wrong
    spot, shape = tree.query(spots, predicate="within")  # inside one polygon and near no border: no choice
    clear = ~shapely.dwithin(shapely.boundary(shapes[shape]), spots[spot], NEAR_DEG)
    assert (owners[spot[clear]] == shape[clear]).all()
    covered = np.unique(tree.query(spots, predicate="intersects")[0])
    rim = shapely.boundary(shapely.union_all(shapes))
    shapely.prepare(rim)
    inner = covered[~shapely.dwithin(rim, spots[covered], NEAR_DEG)]
    assert (owners[inner] >= 0).all()
    on_rim = shapely.dwithin(rim, spots, NEAR_DEG / 2)  # the outer border is closed
    assert (owners[on_rim] >= 0).all()


# ------------------------------------------------------------------------------------------------------------ on paper


def test_four_squares_meet_and_the_corner_has_one_owner() -> None:
    a, b = village("1", shapely.box(0, 0, 1, 1)), village("2", shapely.box(1, 0, 2, 1))
    c, d = village("3", shapely.box(0, 1, 1, 2)), village("4", shapely.box(1, 1, 2, 2))
    index = index_of(a, b, c, d)
    # A point on a border counts as east and north of it.
    assert owner(index, 1, 1) == "4"
    assert owner(index, 1, 0.5) == "2"
    assert owner(index, 0.5, 1) == "3"
    assert [owner(index, x, y) for x, y in ((0.5, 0.5), (1.5, 0.5), (0.5, 1.5), (1.5, 1.5))] == ["1", "2", "3", "4"]
    assert owner(index, 0, 0) == "1"
    assert index.locate(1, 1).rule is Rule.BORDER
    assert index.locate(0.5, 0.5).rule is Rule.INTERIOR
    assert index.locate(1 + 5e-10, 0.5).rule is Rule.BORDER
    assert index.locate(1 + 5e-9, 0.5).rule is Rule.INTERIOR


def test_the_outer_border_is_closed() -> None:
    """The half-open rule leaves its eastern and northern edges to a neighbour; the district has them without one."""
    a, b = village("1", shapely.box(0, 0, 1, 1)), village("2", shapely.box(1, 0, 2, 1))
    index = index_of(a, b)
    index._find = index._find_plainly
    # (1, 1) is a vertex of both: the lowest code has it.
    held = {(0.0, 0.0): "1", (0.0, 1.0): "1", (1.0, 1.0): "1", (2.0, 1.0): "2", (2.0, 0.5): "2", (1.5, 1.0): "2"}
    beyond = [(2 + 2e-9, 0.5), (1.5, 1 + 2e-9), (2 + 9e-10, 1 + 9e-10), (3.0, 3.0)]
    for prepared in (False, True):
        if prepared:
            index.prepare()
        assert {spot: owner(index, *spot) for spot in held} == held
        assert [owner(index, *spot) for spot in beyond] == [None] * 4
        assert {index.locate(*spot).rule for spot in held} == {Rule.BORDER}
        assert [index.locate(*spot).rim for spot in held] == [False, True, True, True, True, True]
    many = index.locate_many(*np.array([*held, *beyond]).T.copy())
    assert [None if row == index.size else index.grids.codes[row] for row in many.row] == [*held.values(), *[None] * 4]
    assert many.rim is not None
    assert many.rim.tolist() == [False, True, True, True, True, True, False, False, False, False]


def test_on_the_outer_border_the_finest_level_decides_and_a_gap_stays_one() -> None:
    index = index_of(town("1", shapely.box(0, 0, 1, 1)), village("11", shapely.box(0, 0, 0.5, 1), "1"))
    index._find = index._find_plainly
    for prepared in (False, True):
        if prepared:
            index.prepare()
        assert owner(index, 0.2, 1.0) == "11"
        assert index.locate(0.2, 1.0).rule is Rule.BORDER
        assert owner(index, 0.7, 1.0, Level.TOWNSHIP) == "1"
        assert (owner(index, 0.7, 1.0), index.locate(0.7, 1.0).rule) == (None, Rule.GAP)


def test_a_vertex_of_three_has_one_owner() -> None:
    top = village("1", shapely.Polygon([(0, 1), (1, 1), (2, 1), (2, 2), (0, 2)]))
    left = village("2", shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)]))
    right = village("3", shapely.Polygon([(1, 0), (2, 0), (2, 1), (1, 1)]))
    index = index_of(top, left, right)
    assert owner(index, 1, 1) == "1"
    assert find_claims(index.buffer, index._layout, 1.0, 1.0).faces == [0]


def test_holes_and_exclaves() -> None:
    ring = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 2, 2))
    island = shapely.box(10, 10, 11, 11)
    outer = village("1", shapely.union_all([ring, island]))
    inner = village("2", shapely.box(1, 1, 2, 2))
    index = index_of(outer, inner)
    assert owner(index, 1.5, 1.5) == "2"
    assert owner(index, 0.5, 0.5) == "1"
    assert owner(index, 10.5, 10.5) == "1"
    assert owner(index, 7, 7) is None
    assert owner(index, 1, 1.5) == "2"
    assert owner(index, 2, 1.5) == "1"


def test_the_finest_level_decides_and_its_parents_follow() -> None:
    # The village sticks out of its township into the neighbour's: it takes its parents along.
    west, east = town("1", shapely.box(0, 0, 1, 1)), town("2", shapely.box(1, 0, 2, 1))
    index = index_of(west, east, village("11", shapely.box(0.2, 0.2, 1.3, 0.8), "1"))
    assert owner(index, 1.2, 0.5, Level.TOWNSHIP) == "1"
    assert owner(index, 1.2, 0.5) == "11"
    assert index.locate(1.2, 0.5).rule is Rule.INTERIOR


def test_a_gap_starts_the_chain_higher() -> None:
    index = index_of(town("1", shapely.box(0, 0, 1, 1)), village("11", shapely.box(0, 0, 0.5, 1), "1"))
    assert index.locate(0.7, 0.5).rule is Rule.GAP
    assert owner(index, 0.7, 0.5, Level.TOWNSHIP) == "1"
    assert owner(index, 0.7, 0.5) is None


def test_a_district_of_townships_only_answers_interior_with_a_shorter_chain() -> None:
    answer = index_of(town("1", shapely.box(0, 0, 1, 1))).locate(0.5, 0.5)
    assert answer.rule is Rule.INTERIOR
    assert answer.as_json() == {
        "district": "330703",
        "owners": {"regional": None, "township": {"code": "1", "name": "t1"}, "area": None, "village": None},
        "rule": "interior",
        "generation": 1,
    }


def test_in_an_overlap_the_lowest_code_wins_and_the_defect_is_named() -> None:
    one, two = village("1", shapely.box(0, 0, 2, 2)), village("2", shapely.box(1, 1, 3, 3))
    for grids in ((one, two), (two, one)):
        index = index_of(*grids)
        index._find = index._find_plainly
        answer = index.locate(1.5, 1.5)
        assert answer.rule is Rule.OVERLAP
        assert owner(index, 1.5, 1.5) == "1"
        assert answer.defect is not None
        assert "1 v1" in answer.defect
        assert "2 v2" in answer.defect
        assert owner(index, 2.5, 2.5) == "2"
        index.prepare()
        assert index.locate(1.5, 1.5) == answer


def test_derived_levels_are_said() -> None:
    shape = shapely.box(0, 0, 1, 1)
    index = index_of(town("1", shape), Grid("11", "v", Level.VILLAGE, "1", shape, "220", derived=True))
    answer = index.locate(0.5, 0.5)
    assert answer.derived == ("village",)
    assert answer.urban_rural_code == "220"


def test_a_parent_that_is_not_there_ends_the_chain() -> None:
    answer = index_of(village("1", shapely.box(0, 0, 1, 1), "nobody")).locate(0.5, 0.5)
    assert [o is not None for o in answer.owners] == [False, False, False, True]


@pytest.mark.parametrize(("lon", "lat"), [(float("nan"), 29.0), (29.1, 119.7), (float("inf"), 29.0), (500.0, 29.0)])
def test_impossible_coordinates_are_refused_by_one_and_by_many(lon: float, lat: float) -> None:
    index = index_of(*nest(tile(12, 1)))
    index._find = index._find_plainly
    with pytest.raises(InvalidInput):
        index.locate(lon, lat)
    with pytest.raises(InvalidInput):
        index.locate_many(np.array([lon]), np.array([lat]))
    index.prepare()
    with pytest.raises(InvalidInput):
        index.locate(lon, lat)


def test_distance_and_bearing_to_the_district() -> None:
    index = index_of(village("1", shapely.box(119, 29, 120, 30)), village("2", shapely.box(120, 29, 121, 30)))
    metres, degrees = index.distance(118.0, 29.5)
    assert metres == pytest.approx(96_780, rel=0.002)  # a degree of longitude at 29.5
    assert degrees == pytest.approx(90, abs=0.5)
    metres, degrees = index.distance(120.5, 31.0)
    assert metres == pytest.approx(111_195, rel=0.002)
    assert degrees == pytest.approx(180, abs=0.5)


# --------------------------------------------------------------------------------------------------------- by an oracle


@pytest.mark.parametrize(("count", "seed"), [(7, 1), (60, 2), (700, 3)])
def test_random_tilings_agree_with_shapely_on_hard_points(count: int, seed: int) -> None:
    grids = nest(tile(count, seed))
    index = index_of(*grids)
    villages = sorted((g for g in grids if g.level is Level.VILLAGE), key=lambda g: g.code)
    shapes = np.array([g.geometry for g in villages], dtype=object)
    points = hard_points(shapes, 20_000, seed)
    owners = index.locate_many(*points.T.copy())
    check_against_shapely(shapes, points, owners.at_level(Level.VILLAGE))
    assert not (owners.rule == Rule.OVERLAP).any()
    assert not (owners.rule == Rule.GAP).any()
    parent = {g.code: g.parent for g in grids}
    codes = index.grids.codes
    for chain in np.unique(owners.rows[owners.rule != Rule.OUTSIDE], axis=0):
        regional, township, area, own = (codes[row] for row in chain)
        assert (parent[own], parent[area], parent[township]) == (area, township, regional)


def test_each_vertex_of_a_tiling_is_claimed_exactly_once() -> None:
    shapes = tile(300, 4)
    index = index_of(*(village(f"{k:03}", shape) for k, shape in enumerate(shapes)))
    inner = shapely.get_coordinates(shapes)
    inner = inner[(inner[:, 0] > WEST) & (inner[:, 0] < WEST + SIDE_DEG)]
    inner = np.unique(inner[(inner[:, 1] > SOUTH) & (inner[:, 1] < SOUTH + SIDE_DEG)], axis=0)
    counts = [len(find_claims(index.buffer, index._layout, float(x), float(y)).faces) for x, y in inner]
    assert set(counts) == {1}


def test_the_order_of_rows_changes_nothing() -> None:
    grids = nest(tile(150, 5))
    first = index_of(*grids).to_bytes()
    for seed in range(20):
        random.Random(seed).shuffle(grids)
        assert index_of(*grids).to_bytes() == first


def test_plain_python_answers_as_the_kernels_do() -> None:
    index = index_of(*nest(tile(200, 6)))
    index._find = index._find_plainly
    points = hard_points(index.shapes, 6000, 6)
    many = index.locate_many(*points.T.copy())
    plain = [index._find_plainly(x, y) for x, y in points.tolist()]
    find = index.prepare()
    one = [find(x, y) for x, y in points.tolist()]
    assert plain == one
    assert many.rim is not None
    assert one == ((many.row.astype(int) << 3) | np.where(many.rim, RIM, many.rule)).tolist()
    assert not (many.rule == RIM).any()


def test_more_than_sixty_grids_at_one_vertex() -> None:
    turns = np.linspace(0, 2 * np.pi, 151)
    rim = np.column_stack([119.7 + 0.1 * np.cos(turns), 29.1 + 0.1 * np.sin(turns)])
    rim[-1] = rim[0]
    slices = np.array([shapely.Polygon([(119.7, 29.1), rim[k], rim[k + 1]]) for k in range(150)], dtype=object)
    index = index_of(*(village(f"{k:03}", shape) for k, shape in enumerate(slices)))
    assert index.locate(119.7, 29.1).rule is Rule.BORDER
    draw = np.random.default_rng(1)
    reach = 10.0 ** draw.uniform(-12, -1.2, 4000)
    turn = draw.uniform(0, 2 * np.pi, 4000)
    points = np.column_stack([119.7 + reach * np.cos(turn), 29.1 + reach * np.sin(turn)])
    owners = index.locate_many(*points.T.copy())
    check_against_shapely(slices, points, owners.at_level(Level.VILLAGE))
    assert (owners.rule != Rule.OUTSIDE).all()
    plain = [index._find_plainly(x, y) for x, y in points.tolist()]
    assert plain == ((owners.row.astype(int) << 3) | owners.rule).tolist()


def test_the_outer_border_is_closed_where_more_than_sixty_grids_meet() -> None:
    turns = np.linspace(np.pi, 2 * np.pi, 101)
    arc = np.column_stack([119.7 + 0.1 * np.cos(turns), 29.1 + 0.1 * np.sin(turns)])
    arc[[0, -1], 1] = 29.1
    slices = [shapely.Polygon([(119.7, 29.1), arc[k], arc[k + 1]]) for k in range(100)]
    index = index_of(*(village(f"{k:03}", shape) for k, shape in enumerate(slices)))
    spots = [(119.7, 29.1), (119.65, 29.1), (119.75, 29.1), (119.7, 29.1 + 2e-9)]
    plain = [index._find_plainly(*spot) for spot in spots]
    find = index.prepare()
    assert plain == [find(*spot) for spot in spots]
    # The centre is a vertex of all hundred; west and east of it the first and the last slice end.
    assert [owner(index, *spot) for spot in spots] == ["000", "000", "099", None]


def test_a_far_exclave_does_not_blur_a_dense_town() -> None:
    """The raster is coarse where an exclave stretches it: crowded cells are cut again."""
    shapes = tile(400, 7, side_deg=0.05)
    far = shapely.box(125, 35, 125.1, 35.1)
    grids = [village(f"{k:03}", shape) for k, shape in enumerate(shapes)]
    grids[0] = village("000", shapely.union_all([shapes[0], far]))
    index = index_of(*grids)
    own = np.array([g.geometry for g in grids], dtype=object)
    points = hard_points(shapes, 20_000, 7)
    check_against_shapely(own, points, index.locate_many(*points.T.copy()).at_level(Level.VILLAGE))
    assert owner(index, 125.05, 35.05) == "000"


def test_needles_and_long_edges_keep_exactly_one_owner() -> None:
    """Edges of very different length and slope; every point lies close to one, none is lost or doubled."""
    draw = np.random.default_rng(8)
    spine = np.column_stack([119.7 + np.cumsum(draw.uniform(1e-7, 1e-2, 40)), 29.1 + draw.uniform(-1e-7, 1e-7, 40)])
    above = shapely.Polygon([*spine, (spine[-1, 0], 29.3), (spine[0, 0], 29.3)])
    below = shapely.Polygon([*spine, (spine[-1, 0], 28.9), (spine[0, 0], 28.9)])
    shapes = np.array([above, below], dtype=object)
    index = index_of(village("1", above), village("2", below))
    lon = draw.uniform(spine[0, 0], spine[-1, 0], 30_000)
    lat = np.interp(lon, *spine.T) + draw.uniform(-1e-13, 1e-13, 30_000)
    owners = index.locate_many(lon, lat)
    assert (owners.rule == Rule.BORDER).all()
    check_against_shapely(shapes, np.column_stack([lon, lat]), owners.at_level(Level.VILLAGE))


@pytest.mark.shared
def test_the_real_jindong_leaves_no_point_unowned(shared_data: Path) -> None:
    collection = json.loads((shared_data / "jindong" / "townships.geojson").read_text())
    shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in collection["features"]], dtype=object)
    grids = [town(f"{k:02}", shape) for k, shape in enumerate(shapes)]
    points = hard_points(shapes, 100_000, 9)
    owners = index_of(*grids).locate_many(*points.T.copy()).at_level(Level.TOWNSHIP)
    check_against_shapely(shapes, points, owners)
    shuffled: Sequence[Grid] = random.Random(1).sample(grids, len(grids))
    assert (index_of(*shuffled).locate_many(*points.T.copy()).at_level(Level.TOWNSHIP) == owners).all()


# ------------------------------------------------------------------------------------------------------------- the file


def test_a_file_is_used_in_place_and_answers_the_same(tmp_path: Path) -> None:
    index = index_of(*nest(tile(80, 10)))
    path = tmp_path / "index"
    path.write_bytes(index.to_bytes())
    again = OwnershipIndex.open(path.read_bytes(), verify=True)
    points = hard_points(index.shapes, 2000, 10)
    assert (again.locate_many(*points.T.copy()).row == index.locate_many(*points.T.copy()).row).all()
    assert again.grids.codes == index.grids.codes
    assert again.bounds == index.bounds
    assert again.district == "330703"
    assert shapely.equals(again.shapes, index.shapes).all()


def test_a_damaged_file_is_refused() -> None:
    good = index_of(*nest(tile(20, 11))).to_bytes()
    for bad in (b"", good[:100], good[:-64], b"x" + good[1:], good[:70] + b"\xff" + good[71:]):
        with pytest.raises(InvalidInput):
            OwnershipIndex.open(bad)
    body = bytearray(good)
    body[-65] ^= 1
    with pytest.raises(InvalidInput, match="damaged"):
        OwnershipIndex.open(bytes(body), verify=True)


def test_what_no_activated_generation_has_cannot_be_built() -> None:
    box = shapely.box(0, 0, 1, 1)
    with pytest.raises(InvalidInput, match="no grids"):
        index_of()
    with pytest.raises(InvalidInput, match="twice"):
        index_of(village("1", box), village("1", box))
    with pytest.raises(InvalidInput, match="no area"):
        index_of(village("1", shapely.LineString([(0, 0), (1, 1)])))

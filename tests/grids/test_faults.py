"""Planted faults are found, located and measured (R4); the areas are computed here by pyproj's geodesics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import pytest
import shapely

from gridsvc.grids.faults import Fault, Limits, find_faults
from gridsvc.grids.levels import Grid, Level
from tests.worlds.tilings import nest, tile

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

GEOD = pyproj.Geod(ellps="WGS84")


def place_of(fault: Fault) -> shapely.Point:
    """The point at which a fault is shown."""
    assert fault.lon is not None
    assert fault.lat is not None
    return shapely.Point(fault.lon, fault.lat)


def area_m2(shape: BaseGeometry) -> float:
    return abs(GEOD.geometry_area_perimeter(shapely.segmentize(shape, 0.001))[0])


def square(column: int, row: int, *, width: int = 1) -> shapely.Polygon:
    west, south = 119.6 + 0.01 * column, 29.0 + 0.01 * row
    return shapely.box(west, south, west + 0.01 * width, south + 0.01)


def not_finite() -> BaseGeometry:
    corners = shapely.get_coordinates(square(0, 0))
    corners[1, 0] = np.nan
    return shapely.set_coordinates(shapely.Polygon(square(0, 0)), corners)


def toy() -> list[Grid]:
    """One region of three townships in a row; the first has two villages one above the other, the third two."""
    return [
        Grid("R", "region", Level.REGIONAL, None, shapely.box(119.6, 29.0, 119.63, 29.02)),
        *(
            Grid(f"T{k}", f"town {k}", Level.TOWNSHIP, "R", shapely.union_all([square(k, 0), square(k, 1)]))
            for k in range(3)
        ),
        *(
            Grid(f"V{k}{row}", f"village {k}{row}", Level.VILLAGE, f"T{k}", square(k, row), officer="someone")
            for k in range(3)
            for row in range(2)
        ),
    ]


def changed(code: str, **new: object) -> list[Grid]:
    return [replace(grid, **new) if grid.code == code else grid for grid in toy()]  # type: ignore[arg-type]


def only(faults: list[Fault], kind: str) -> list[Fault]:
    return [fault for fault in faults if fault.kind == kind]


def test_a_clean_draft_has_none() -> None:
    assert find_faults(toy()) == []


def test_a_clean_random_district_has_none() -> None:
    grids = [replace(grid, officer="someone") for grid in nest(tile(400, 1))]
    assert find_faults(grids) == []


def test_the_search_leaves_no_shape_prepared() -> None:
    """A prepared shape takes several times the memory of its coordinates, for as long as the grid is there."""
    grids = nest(tile(100, 5))
    find_faults(grids)
    assert not shapely.is_prepared([grid.geometry for grid in grids]).any()


def test_an_overlap_is_measured_between_the_two_and_blocks() -> None:
    grown = square(0, 0).buffer(0.001, join_style="mitre")
    faults = find_faults([g for g in changed("V00", geometry=grown) if g.code not in {"V01", "V11"}])
    (fault,) = only(faults, "overlap")
    shared = shapely.intersection(grown, square(1, 0))
    assert fault.codes == ("V00", "V10")
    assert fault.names == ("village 00", "village 10")
    assert fault.area_m2 == pytest.approx(area_m2(shared), rel=1e-5)
    assert shapely.covers(shared, place_of(fault))
    assert fault.blocking


def test_a_missing_village_is_a_gap_of_its_township() -> None:
    faults = find_faults([g for g in toy() if g.code != "V21"])
    (fault,) = faults
    assert (fault.kind, fault.blocking) == ("gap", True)
    assert fault.codes[0] == "T2"
    assert fault.area_m2 == pytest.approx(area_m2(square(2, 1)), rel=1e-5)
    assert shapely.covers(square(2, 1), place_of(fault))


def test_a_township_without_any_village_is_listed_and_does_not_block() -> None:
    faults = find_faults([g for g in toy() if not g.code.startswith("V2")])
    (fault,) = faults
    assert (fault.kind, fault.blocking) == ("gap", False)
    assert fault.codes[0] == "T2"


def test_a_hole_between_siblings_is_found_where_no_wider_level_is_loaded() -> None:
    towns = [Grid(f"{k}{row}", "t", Level.TOWNSHIP, None, square(k, row)) for k in range(3) for row in range(3)]
    (fault,) = find_faults([g for g in towns if g.code != "11"])
    assert (fault.kind, fault.blocking) == ("gap", True)
    assert fault.area_m2 == pytest.approx(area_m2(square(1, 1)), rel=1e-5)
    assert shapely.covers(square(1, 1), place_of(fault))


def test_the_hole_of_one_grid_may_be_an_enclave_and_does_not_block() -> None:
    ring = shapely.box(119, 29, 119.1, 29.1).difference(shapely.box(119.04, 29.04, 119.05, 29.05))
    (fault,) = find_faults([Grid("1", "ring", Level.TOWNSHIP, None, ring)])
    assert (fault.kind, fault.blocking) == ("gap", False)


def test_thin_pieces_are_slivers_and_block_by_their_area() -> None:
    narrow = shapely.box(119.6, 29.0, 119.61 - 1e-5, 29.01)  # a strip of 0.97 m by 1.1 km
    (fault,) = find_faults(changed("V00", geometry=narrow))
    assert (fault.kind, fault.blocking) == ("sliver", True)
    assert fault.area_m2 == pytest.approx(area_m2(square(0, 0)) - area_m2(narrow), rel=1e-4)
    (fault,) = find_faults(changed("V00", geometry=narrow), limits=Limits(blocking_over_m2=2000))
    assert not fault.blocking
    tiny = shapely.box(119.6, 29.0, 119.61 - 1e-8, 29.01)
    (fault,) = find_faults(changed("V00", geometry=tiny))
    assert (fault.kind, fault.blocking) == ("sliver", False)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (shapely.Polygon([(119.6, 29.0), (119.61, 29.01), (119.61, 29.0), (119.6, 29.01)]), "self-intersection"),
        (not_finite(), "not a finite number"),
        (shapely.Polygon(), "empty"),
        (shapely.LineString([(119.6, 29.0), (119.61, 29.01)]), "not a polygon"),
    ],
)
def test_an_invalid_polygon_is_named_and_hides_nothing(shape: BaseGeometry, words: str) -> None:
    draft = [g for g in changed("V00", geometry=shape) if g.code != "V21"]
    faults = find_faults(draft)
    (fault,) = only(faults, "invalid")
    assert fault.codes == ("V00",)
    assert fault.blocking
    assert words in fault.words
    assert "T2" in [f.codes[0] for f in only(faults, "gap")]


def test_the_place_of_a_crossing_is_told() -> None:
    bow = shapely.Polygon([(119.6, 29.0), (119.61, 29.01), (119.61, 29.0), (119.6, 29.01)])
    (fault,) = only(find_faults(changed("V00", geometry=bow)), "invalid")
    assert (fault.lon, fault.lat) == pytest.approx((119.605, 29.005))


def test_codes_that_occur_twice_block() -> None:
    faults = find_faults([*toy(), toy()[-1]])
    (twice,) = only(faults, "duplicate-code")
    assert twice.blocking
    assert twice.codes == ("V21", "V21")
    assert len(only(faults, "overlap")) == 1


def test_orphans() -> None:
    (fault,) = find_faults(changed("V00", parent="T9"))
    assert (fault.kind, fault.codes, fault.blocking) == ("orphan", ("V00",), False)
    assert "T9" in fault.words
    (fault,) = find_faults(changed("V00", parent=None))
    assert fault.kind == "orphan"


def test_a_child_outside_its_parent_is_misplaced() -> None:
    (fault,) = find_faults(changed("V00", parent="T1"))
    assert (fault.kind, fault.blocking) == ("misplaced", False)
    assert fault.codes == ("T1", "V00")
    assert fault.area_m2 == pytest.approx(area_m2(square(0, 0)), rel=1e-5)


def test_a_national_code_under_the_wrong_township_is_misplaced() -> None:
    towns = [
        Grid("330703101000", "孝顺镇", Level.TOWNSHIP, None, square(0, 0)),
        Grid("330703102000", "傅村镇", Level.TOWNSHIP, None, square(1, 0)),
    ]
    right = Grid("330703101201", "a", Level.VILLAGE, "330703101000", square(0, 0), officer="x")
    wrong = Grid("330703101202", "b", Level.VILLAGE, "330703102000", square(1, 0), officer="x")
    (fault,) = find_faults([*towns, right, wrong])
    assert (fault.kind, fault.names) == ("misplaced", ("b",))
    assert "330703101202" in fault.words


def test_unknown_names_and_missing_officers_are_listed_and_do_not_block() -> None:
    faults = find_faults(changed("V00", provisional_code=True, officer=None))
    assert [(f.kind, f.codes, f.blocking) for f in faults] == [
        ("unresolved-name", ("V00",), False),
        ("no-officer", ("V00",), False),
    ]


def test_the_order_of_rows_changes_nothing() -> None:
    draft = [g for g in changed("V00", geometry=square(0, 0, width=2)) if g.code != "V21"]
    assert find_faults(draft) == find_faults(draft[::-1])


def test_progress_runs_from_little_to_all() -> None:
    seen: list[float] = []
    find_faults(nest(tile(200, 2)), progress=lambda done, of: seen.append(done / of))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) > 3

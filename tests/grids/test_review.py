"""What becomes of each grid in a change of boundaries, on squares of 1 km that are split and merged on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely

from gridsvc.grids.differences import compare
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.review import GridChange, review
from tests.grids.test_faults import area_m2, square


def town(code: str, column: int, row: int = 0, width: int = 1) -> Grid:
    return Grid(code, f"town {code}", Level.TOWNSHIP, None, square(column, row, width=width))


BEFORE = [town("A", 0), town("B", 1), town("C", 2), town("D", 3)]


def reviewed(after: list[Grid], before: list[Grid] | None = None) -> dict[str, GridChange]:
    before = before or BEFORE
    return {change.code: change for change in review(before, after, compare(before, after))}


def test_nothing_changes() -> None:
    assert reviewed(BEFORE) == {}


def test_a_name_a_parent_and_a_border() -> None:
    wide = shapely.union(square(2, 0), shapely.box(119.63, 29.0, 119.6301, 29.01))
    narrow = shapely.difference(square(3, 0), wide)
    after = [
        replace(BEFORE[0], name="new name"),
        replace(BEFORE[1], parent="R"),
        replace(BEFORE[2], geometry=wide),
        replace(BEFORE[3], geometry=narrow),
    ]
    found = reviewed(after)
    assert {code: change.kinds for code, change in found.items()} == {
        "A": ("renamed",), "B": ("reparented",), "C": ("moved",), "D": ("moved",),
    }  # fmt: skip
    assert (found["A"].former_name, found["A"].name) == ("town A", "new name")
    strip = area_m2(shapely.box(119.63, 29.0, 119.6301, 29.01))
    assert found["C"].gained_m2 == pytest.approx(strip, rel=1e-6)
    assert found["D"].lost_m2 == pytest.approx(strip, rel=1e-6)
    assert found["D"].targets == ()  # 1 % of a grid: a border, no split


def test_a_merger_and_a_split() -> None:
    after = [replace(town("A", 0, width=2), name="town A"), town("C", 2), town("D1", 3), town("E", 4)]
    halves = shapely.box(119.63, 29.0, 119.635, 29.01), shapely.box(119.635, 29.0, 119.64, 29.01)
    after[2:3] = [replace(after[2], geometry=halves[0]), replace(town("D2", 3), geometry=halves[1])]
    found = reviewed(after)
    assert {code: change.kinds for code, change in found.items()} == {
        "A": ("merged", "moved"),
        "B": ("gone",),
        "D": ("gone", "split"),
        "D1": ("new",),
        "D2": ("new",),
        "E": ("new",),
    }
    assert found["A"].sources == ("B",)
    assert found["B"].targets == ("A",)
    assert set(found["D"].targets) == {"D1", "D2"}
    assert found["D1"].sources == ("D",)
    assert found["E"].sources == ()
    assert found["B"].lost_m2 == pytest.approx(area_m2(square(1, 0)), rel=1e-6)


def test_one_is_cut_out_of_a_grid_that_stays() -> None:
    halves = shapely.box(119.6, 29.0, 119.605, 29.01), shapely.box(119.605, 29.0, 119.61, 29.01)
    found = reviewed([replace(BEFORE[0], geometry=halves[0]), replace(town("N", 0), geometry=halves[1]), *BEFORE[1:]])
    assert found["A"].kinds == ("split", "moved")
    assert (found["A"].targets, found["N"].kinds, found["N"].sources) == (("N",), ("new",), ("A",))


def test_two_become_one_of_another_code_and_one_gets_another_code() -> None:
    found = reviewed([town("AB", 0, width=2), town("C2", 2), town("D", 3)])
    assert {code: change.kinds for code, change in found.items()} == {
        "A": ("gone",), "AB": ("new", "merged"), "B": ("gone",), "C": ("recoded",), "C2": ("recoded",),
    }  # fmt: skip
    assert found["C"].targets == ("C2",)
    assert found["C2"].sources == ("C",)

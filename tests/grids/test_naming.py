"""Codes out of names: known or provisional, never guessed; parents by geometry; what changes owner."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import shapely

from gridsvc.grids.differences import compare
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.naming import KnownDivision, Named, resolve_codes
from gridsvc.grids.parents import adopt, find_parents

EAST, WEST = "330703103000", "330703104000"
KNOWN = [
    KnownDivision(Level.VILLAGE, "330703103201", "桥头村委会", EAST),
    KnownDivision(Level.VILLAGE, "330703104201", "桥头村委会", WEST),
    KnownDivision(Level.VILLAGE, "330703103202", "金都美地社区居委会", EAST, urban_rural_code="111"),
    KnownDivision(Level.VILLAGE, "330703103203", "水阁村委会", EAST, former_name="水角村委会"),
    KnownDivision(Level.VILLAGE, "330703103204", "岭一村村委会", EAST),
    KnownDivision(Level.VILLAGE, "330703103205", "新安村委会", EAST),
    KnownDivision(Level.VILLAGE, "330703103206", "新安社区居委会", EAST),
]


def resolve(*names: str, parents: list[str | None] | None = None) -> list[Named]:
    return resolve_codes(
        names,
        KNOWN,
        parents or [None] * len(names),
        district="330703",
        level=Level.VILLAGE,
        places=[(119.0 + k, 29.0) for k in range(len(names))],
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("金都美地社区居委会", "330703103202"),
        ("金都美地社区居民委员会", "330703103202"),
        ("金都美地社区", "330703103202"),
        ("金都美地", "330703103202"),
        ("水角村委会", "330703103203"),
        ("水阁村", "330703103203"),
        ("岭一村", "330703103204"),
        ("岭一村民委员会", "330703103204"),
        ("新安村", "330703103205"),
        ("新安社区", "330703103206"),
        (" 水阁 村委会 ", "330703103203"),
    ],
)
def test_known_names_in_their_many_forms(name: str, code: str) -> None:
    (named,) = resolve(name)
    assert (named.code, named.provisional) == (code, False)


def test_the_urban_rural_code_comes_along() -> None:
    assert resolve("金都美地社区居委会")[0].urban_rural_code == "111"


def test_of_two_with_one_name_the_township_decides_and_else_nobody_guesses() -> None:
    codes = [named.code for named in resolve("桥头村", "桥头村", parents=[WEST, EAST])]
    assert codes == ["330703104201", "330703103201"]
    assert resolve("桥头村")[0].provisional
    assert resolve("桥头村", parents=["330703999000"])[0].provisional
    assert resolve("新安")[0].provisional  # the village or the community?


def test_unknown_names_get_codes_that_do_not_depend_on_the_order_of_rows() -> None:
    names = ["丙村", "甲村", "乙村", "甲村"]
    first = dict(zip([(n, k) for k, n in enumerate(names)], resolve(*names), strict=True))
    assert sorted(n.code for n in first.values()) == [f"330703-V00{k}" for k in (1, 2, 3, 4)]
    assert all(n.provisional for n in first.values())
    for seed in range(6):
        order = random.Random(seed).sample(range(4), 4)
        again = resolve_codes(
            [names[k] for k in order],
            [],
            [None] * 4,
            district="330703",
            level=Level.VILLAGE,
            places=[(119.0 + k, 29.0) for k in order],
        )
        assert {k: named.code for k, named in zip(order, again, strict=True)} == {
            k: first[names[k], k].code for k in range(4)
        }


def box(x: float, y: float, width: float = 1.0) -> shapely.Polygon:
    return shapely.box(x, y, x + width, y + 1)


def test_a_parent_by_geometry_holds_the_largest_part() -> None:
    wider = [Grid("A", "a", Level.TOWNSHIP, None, box(0, 0, 2)), Grid("B", "b", Level.TOWNSHIP, None, box(2, 0, 2))]
    shapes = [box(0.5, 0), box(1.7, 0), box(1.5, 0), box(9, 9), box(2, 0, 2)]
    assert find_parents(shapes, wider) == ["A", "B", "A", None, "B"]


def test_a_level_loaded_between_two_others_adopts_the_finer() -> None:
    towns = [Grid("T", "t", Level.TOWNSHIP, None, box(0, 0, 2))]
    villages = [Grid("V1", "v", Level.VILLAGE, "T", box(0, 0)), Grid("V2", "v", Level.VILLAGE, "T", box(1, 0))]
    areas = [Grid("A1", "a", Level.AREA, None, box(0, 0)), Grid("A2", "a", Level.AREA, None, box(1, 0))]
    parents = {grid.code: grid.parent for grid in adopt([*towns, *villages, *areas])}
    assert parents == {"T": None, "A1": "T", "A2": "T", "V1": "A1", "V2": "A2"}


def test_an_orphan_stays_an_orphan_to_be_seen() -> None:
    grids = [Grid("T", "t", Level.TOWNSHIP, None, box(0, 0)), Grid("V", "v", Level.VILLAGE, "X", box(0, 0))]
    assert {grid.code: grid.parent for grid in adopt(grids)} == {"T": None, "V": "X"}


def test_what_changes_owner_between_two_generations() -> None:
    before = [Grid("A", "a", Level.TOWNSHIP, None, box(0, 0, 2)), Grid("B", "b", Level.TOWNSHIP, None, box(2, 0, 2))]
    after = [
        replace(before[0], geometry=box(0, 0, 1), name="a new"),
        replace(before[1], geometry=box(1, 0, 2)),
        Grid("C", "c", Level.TOWNSHIP, None, box(3, 0)),
    ]
    difference = compare(before, after)
    assert (difference.added, difference.removed) == (("C",), ())
    assert (difference.renamed, difference.reshaped) == (("A",), ("A", "B"))
    moves = {(move.before, move.after): move.area_m2 for move in difference.moves}
    assert moves.keys() == {("A", "B"), ("B", "C")}
    square_m2 = 111_320 * 110_574
    assert moves["A", "B"] == pytest.approx(square_m2, rel=0.01)
    assert compare(before, before).is_empty


def test_ground_that_comes_or_goes_has_no_other_owner() -> None:
    one = [Grid("A", "a", Level.TOWNSHIP, None, box(0, 0))]
    moves = [(move.before, move.after) for move in compare(one, [replace(one[0], geometry=box(0.5, 0))]).moves]
    assert sorted(moves, key=str) == [("A", None), (None, "A")]

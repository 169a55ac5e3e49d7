"""No area of fewer than five cases, nor one that follows from others by subtraction."""

from __future__ import annotations

from collections import Counter

import h3
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from gridsvc.compliance.cells import PlacedCases, late_areas
from gridsvc.compliance.protection import LEAST_CASES, divide, merge_small
from gridsvc.errors import InvalidInput

WEST, SOUTH = 119.6, 29.0
OUTLINES = {"T1": box(WEST, SOUTH, WEST + 0.1, SOUTH + 0.1), "T2": box(WEST + 0.1, SOUTH, WEST + 0.2, SOUTH + 0.1)}


def cases(seed: int, n: int = 400) -> PlacedCases:
    """Half of the cases in the corner of T1, the others anywhere in both townships; every fourth is late."""
    random = np.random.default_rng(seed)
    lon = WEST + random.uniform(0, 0.2, n)
    lat = SOUTH + random.uniform(0, 0.1, n)
    lon[: n // 2], lat[: n // 2] = WEST + random.uniform(0, 0.01, n // 2), SOUTH + random.uniform(0, 0.01, n // 2)
    owners = ["T1" if each < WEST + 0.1 else "T2" for each in lon]
    late = np.arange(n) % 4 == 0
    judged, expected = np.ones(n, dtype=bool), np.full(n, 0.25)
    return PlacedCases(owners, lon, lat, np.where(late, 1000.0, 200.0), late, judged, expected)


def highest(values: np.ndarray) -> tuple[float, float, float] | None:
    return None if len(values) < 36 else (0.0, float(values.max()), 0.0)


def test_areas_divide_the_cases_and_end_at_the_township() -> None:
    areas = late_areas(cases(1), OUTLINES, highest)
    assert sum(each.n for each in areas) == 400
    assert sum(each.late.count for each in areas) == 100
    assert min(each.n for each in areas) >= LEAST_CASES
    assert len(areas) > 10
    for area in areas:
        (township,) = area.townships
        assert shapely.buffer(OUTLINES[township], 1e-5).contains(area.shape)
    whole = shapely.union_all([each.shape for each in areas])
    assert whole.area == pytest.approx(sum(each.shape.area for each in areas), rel=1e-4)  # none overlaps another


def test_every_case_is_inside_the_shape_of_exactly_one_area() -> None:
    placed = cases(2)
    areas = late_areas(placed, OUTLINES, highest)
    inside = np.array([shapely.contains_xy(each.shape, placed.lon, placed.lat) for each in areas])
    assert (inside.sum(axis=0) == 1).mean() > 0.99  # a point on a rounded edge may be in none or in two
    for row, area in zip(inside, areas, strict=True):
        assert abs(int(row.sum()) - area.n) <= 2


def test_p90_is_shown_only_where_there_are_enough_arrivals() -> None:
    areas = late_areas(cases(3), OUTLINES, highest)
    assert {each.p90 is not None for each in areas} == {True, False}
    for each in areas:
        assert (each.p90 is not None) == (each.n >= 36)


def test_a_coarser_resolution_has_fewer_areas() -> None:
    placed = cases(4)
    counts = [len(late_areas(placed, OUTLINES, highest, finest=finest)) for finest in (6, 7, 8)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_fewer_than_five_cases_have_no_map() -> None:
    assert late_areas(cases(5, 4), OUTLINES, highest) == ()


def test_a_township_with_few_cases_is_joined_with_the_smallest_other_one() -> None:
    owners = ["A"] * 20 + ["B"] * 3 + ["C"] * 6
    joined = {each: rows.tolist() for each, rows in merge_small(owners)}
    assert joined == {("A",): list(range(20)), ("B", "C"): list(range(20, 29))}
    assert [each for each, _ in merge_small(["A"] * 20 + ["B"] * 3 + ["C"] * 2)] == [("A",), ("B", "C")]
    assert merge_small(["A", "B"]) == []


@pytest.mark.parametrize(("finest", "least", "kind"), [(9, 5, "cell-resolution"), (8, 4, "cell-least")])
def test_what_could_locate_a_reporter_is_refused(finest: int, least: int, kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        late_areas(cases(6), OUTLINES, highest, finest=finest, least=least)
    assert refused.value.kind == kind


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 48)), max_size=80),
)
def test_no_small_group_is_published_nor_follows_by_subtraction(placed: list[tuple[str, int]]) -> None:
    """Cells are numbers: 49 fine ones, 7 to a coarse one. What is published are sums over whole parts."""
    owners = [owner for owner, _ in placed]

    def cell_of(row: int, resolution: int) -> str:
        fine = placed[row][1]
        return f"{resolution}:{fine // 7 if resolution == 0 else fine}"

    parts = divide(owners, cell_of, [0, 1])
    rows = [row for part in parts for row in part.rows.tolist()]
    assert sorted(rows) == (list(range(len(placed))) if len(placed) >= LEAST_CASES else [])
    for part in parts:
        assert len(part.rows) >= LEAST_CASES
        assert {owners[row] for row in part.rows.tolist()} == set(part.owners)
        if part.cell is not None:
            resolution = int(part.cell[0])
            assert {cell_of(row, resolution) for row in part.rows.tolist()} == {part.cell}
            assert not {cell_of(row, resolution + 1) for row in part.rows.tolist()} & set(part.without)
    # A township is published as well: it is a sum of whole parts, so no difference is smaller than a part.
    for joined, held in merge_small(owners):
        inside = [part for part in parts if part.owners == joined]
        assert sum(len(part.rows) for part in inside) == len(held)
    known = Counter(part.owners for part in parts)
    assert set(known) == {joined for joined, _ in merge_small(owners)}


def test_cells_nest_in_h3() -> None:
    cell = h3.latlng_to_cell(29.1, 119.65, 8)
    assert cell in h3.cell_to_children(h3.cell_to_parent(cell, 6), 8)

"""Gaps that are open to the outside are found, and corners of the outline are not taken for gaps."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridsvc.coordinates import metres_per_degree
from gridsvc.grids.fault import Limits
from gridsvc.grids.faults import find_faults
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.open_gaps import find_open_gaps
from gridsvc.grids.repair import repair
from tests.worlds.tilings import tile

LON, LAT = 119.6, 29.05
PER_LON, PER_LAT = metres_per_degree(LAT)


def metres(*corners: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon([(LON + x / PER_LON, LAT + y / PER_LAT) for x, y in corners])


BLOCK = metres((0, 0), (1000, 0), (1000, 1000), (0, 1000))


def beside(start_m: float, end_m: float) -> shapely.Polygon:
    """A block east of BLOCK that is away from it by these distances in the south and in the north."""
    return metres((1000 + start_m, 0), (2000, 0), (2000, 1000), (1000 + end_m, 1000))


@pytest.mark.parametrize(
    ("other", "area_m2"),
    [
        (beside(5, 5), 5000),  # open at both ends
        (beside(15, 15), 15_000),
        (beside(10, 0), 5000),  # a wedge that ends where the two meet
        (metres((1005, 0), (2000, 0), (2000, 1000), (1000, 1000), (1000, 400), (1005, 400)), 2000),
    ],
)
def test_a_notch_between_two_grids_is_found_and_measured(other: shapely.Polygon, area_m2: float) -> None:
    ((piece, rows),) = find_open_gaps(np.array([BLOCK, other], dtype=object), 20.0)
    assert rows == [0, 1]
    assert piece.area_m2 == pytest.approx(area_m2, rel=0.01)


def test_a_wide_one_and_a_switched_off_search_find_none() -> None:
    assert not list(find_open_gaps(np.array([BLOCK, beside(25, 25)], dtype=object), 20.0))
    assert not list(find_open_gaps(np.array([BLOCK, beside(5, 5)], dtype=object), 0.0))


@pytest.mark.parametrize("angle_deg", [2, 5, 10, 30, 60, 90, 120, 150])
def test_two_grids_that_meet_the_outline_under_an_angle_have_no_gap(angle_deg: float) -> None:
    half = np.radians(angle_deg) / 2
    x, y = 700 * float(np.sin(half)), 700 * float(np.cos(half))
    west = metres((-500, -500), (0, -500), (0, 0), (-x, y), (-1500, y), (-1500, -500))
    east = metres((500, -500), (0, -500), (0, 0), (x, y), (1500, y), (1500, -500))
    assert not list(find_open_gaps(np.array([west, east], dtype=object), 20.0))


@pytest.mark.parametrize("seed", range(4))
def test_a_clean_tiling_has_none(seed: int) -> None:
    assert not list(find_open_gaps(tile(60, seed), 20.0))


def test_it_is_listed_does_not_block_and_is_closed_by_a_repair() -> None:
    towns = [Grid(code, code, Level.TOWNSHIP, None, shape) for code, shape in (("A", BLOCK), ("B", beside(5, 5)))]
    (fault,) = find_faults(towns)
    assert (fault.kind, fault.codes, fault.blocking, fault.cure) == ("gap", ("A", "B"), False, "gridsvc grids repair")
    assert find_faults(towns, limits=Limits(open_gap_m=4.0)) == []
    mended, (change,) = repair(towns)
    assert (change.gained, change.lost) == ("A", None)
    assert change.area_m2 == pytest.approx(5000, rel=0.01)
    assert find_faults(mended) == []

"""Places known to a radius, lines and areas (R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.coordinates import LocalMetres
from gridsvc.errors import InvalidInput
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.ownership import Ownership, Rule
from gridsvc.grids.shares import with_demand
from tests.worlds.tilings import nest, tile

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


@pytest.fixture(scope="module")
def index() -> OwnershipIndex:
    """Two townships of two villages each, 0.1 degrees wide, side by side; one region over the first only."""
    grids = [
        Grid("R", "region", Level.REGIONAL, None, shapely.box(119.6, 29.0, 120.0, 29.1)),
        Grid("T1", "west", Level.TOWNSHIP, "R", shapely.box(119.6, 29.0, 119.8, 29.1)),
        Grid("T2", "east", Level.TOWNSHIP, "R", shapely.box(119.8, 29.0, 120.0, 29.1)),
        *(
            Grid(
                f"V{k}",
                f"village {k}",
                Level.VILLAGE,
                parent,
                shapely.box(119.6 + 0.1 * k, 29.0, 119.7 + 0.1 * k, 29.1),
            )
            for k, parent in enumerate(["T1", "T1", "T2", "T2"])
        ),
    ]
    return OwnershipIndex.build("330703", 1, grids)


def shares_of(answer: Ownership) -> dict[str | None, float]:
    assert answer.shares is not None
    return {None if s.owners[3] is None else s.owners[3].code: s.share for s in answer.shares}


def test_well_inside_one_grid_it_has_all(index: OwnershipIndex) -> None:
    answer = index.shares(119.65, 29.05, 500)
    assert shares_of(answer) == {"V0": 1.0}
    assert answer.confirm is False


def test_on_a_straight_border_each_side_has_half_and_it_asks(index: OwnershipIndex) -> None:
    answer = index.shares(119.7, 29.05, 500)
    assert shares_of(answer) == pytest.approx({"V0": 0.5, "V1": 0.5}, abs=0.005)
    assert answer.confirm is True


def test_a_circle_cut_at_half_its_radius_has_the_share_of_a_segment(index: OwnershipIndex) -> None:
    metres = LocalMetres(119.7, 29.05)
    lon, lat = metres.to_lonlat(250.0, 0.0)
    segment = (np.arccos(0.5) - 0.5 * np.sqrt(0.75)) / np.pi  # 0.1955
    answer = index.shares(lon, lat, 500)
    assert shares_of(answer) == pytest.approx({"V1": 1 - segment, "V0": segment}, abs=0.005)
    assert answer.confirm is False
    assert answer.owner(Level.VILLAGE) is not None


def test_the_part_outside_the_district_is_told(index: OwnershipIndex) -> None:
    answer = index.shares(119.6, 29.05, 500)
    assert shares_of(answer)[None] == pytest.approx(0.5, abs=0.005)
    assert answer.confirm is True


def test_shares_agree_with_exact_circles_and_the_kernels_with_plain_python() -> None:
    made = OwnershipIndex.build("330703", 1, nest(tile(300, 12)))
    made._find = made._find_plainly
    lon, lat, radius_m = 119.77, 29.17, 1500.0
    plain = shares_of(made.shares(lon, lat, radius_m))
    made.prepare()
    assert shares_of(made.shares(lon, lat, radius_m)) == plain
    turn = np.linspace(0, 2 * np.pi, 721)
    circle = shapely.Polygon(
        np.column_stack(LocalMetres(lon, lat).to_lonlat(radius_m * np.cos(turn), radius_m * np.sin(turn)))
    )
    for code, row in ((code, row) for row, code in enumerate(made.grids.codes) if made.grids.levels[row] == 4):
        exact = shapely.intersection(made.shapes[row], circle).area / circle.area
        assert plain.get(code, 0.0) == pytest.approx(exact, abs=0.006)


def test_past_emergencies_within_the_radius_have_shares_of_their_own(index: OwnershipIndex) -> None:
    """Half of the circle is west of 119.7; of the 25 emergencies within 500 m, 20 were east; 100 were farther away."""
    found = index.shares(119.7, 29.05, 500)
    lon, lat = LocalMetres(119.7, 29.05).to_lonlat(np.array([-100.0, 100.0, 499.0, 600.0]), np.zeros(4))
    answer = with_demand(index, found, (119.7, 29.05, 500), (lon, lat, np.array([5, 12, 8, 100])))
    assert answer.shares is not None
    demand = {each.owners[3].code if each.owners[3] else None: each.demand_share for each in answer.shares}
    assert demand == pytest.approx({"V0": 0.2, "V1": 0.8})
    assert answer.emergencies == 25
    assert shares_of(answer) == shares_of(found)
    assert (answer.owners, answer.confirm) == (found.owners, found.confirm)
    told = answer.as_json()
    assert (told["by"], told["emergencies"]) == ("area", 25)
    few = with_demand(index, found, (119.7, 29.05, 500), (lon, lat, np.array([5, 12, 2, 100])))
    assert few == found


@given(st.lists(st.tuples(st.floats(-900, 900), st.floats(-900, 900), st.integers(1, 30)), min_size=1, max_size=40))
def test_shares_of_demand_sum_to_one_or_are_not_said(
    index: OwnershipIndex, places: list[tuple[float, float, int]]
) -> None:
    x, y, cases = (np.array(each) for each in zip(*places, strict=True))
    lon, lat = LocalMetres(119.6, 29.05).to_lonlat(x, y)  # on the outer border: some lie beyond the district
    found = with_demand(index, index.shares(119.6, 29.05, 700), (119.6, 29.05, 700), (lon, lat, cases))
    within = int(cases[np.hypot(x, y) <= 700].sum())
    assert found.shares is not None
    if within < 20:
        assert found.emergencies is None
        assert {each.demand_share for each in found.shares} == {None}
    else:
        assert found.emergencies == within
        assert sum(each.demand_share or 0.0 for each in found.shares) == pytest.approx(1)
    assert sum(each.share for each in found.shares) == pytest.approx(1)


@pytest.mark.parametrize("radius_m", [-1.0, float("nan"), float("inf"), 1e9])
def test_an_impossible_radius_is_refused(index: OwnershipIndex, radius_m: float) -> None:
    with pytest.raises(InvalidInput, match="radius"):
        index.shares(119.65, 29.05, radius_m)


def test_a_line_within_one_village_is_the_villages(index: OwnershipIndex) -> None:
    answer = index.of_geometry(shapely.LineString([(119.61, 29.05), (119.69, 29.05)]))
    assert answer.finest is not None
    assert answer.finest.code == "V0"
    assert answer.rule is Rule.INTERIOR
    assert shares_of(answer) == {"V0": 1.0}


def test_a_line_across_villages_goes_to_their_township_with_shares_by_length(index: OwnershipIndex) -> None:
    answer = index.of_geometry(shapely.LineString([(119.67, 29.05), (119.71, 29.05)]))
    assert answer.finest is not None
    assert answer.finest.code == "T1"
    assert shares_of(answer) == pytest.approx({"V0": 0.75, "V1": 0.25})
    assert answer.as_json()["by"] == "length"
    assert answer.confirm is True


def test_an_area_across_townships_goes_to_their_region(index: OwnershipIndex) -> None:
    answer = index.of_geometry(shapely.box(119.79, 29.04, 119.83, 29.06))
    assert answer.finest is not None
    assert answer.finest.code == "R"
    assert shares_of(answer) == pytest.approx({"V1": 0.25, "V2": 0.75}, rel=1e-6)


def test_a_line_that_leaves_the_district_tells_how_much(index: OwnershipIndex) -> None:
    answer = index.of_geometry(shapely.LineString([(119.59, 29.05), (119.63, 29.05)]))
    assert answer.finest is not None
    assert answer.finest.code == "V0"
    assert shares_of(answer) == pytest.approx({"V0": 0.75, None: 0.25})


def test_a_line_wholly_outside_is_outside(index: OwnershipIndex) -> None:
    answer = index.of_geometry(shapely.LineString([(118, 29), (118.1, 29)]))
    assert answer.rule is Rule.OUTSIDE
    assert answer.finest is None


def test_a_line_along_a_border_has_one_owner(index: OwnershipIndex) -> None:
    answer = index.of_geometry(shapely.LineString([(119.7, 29.02), (119.7, 29.08)]))
    assert shares_of(answer) == {"V0": 1.0}


@pytest.mark.parametrize(
    "geometry",
    [
        shapely.Polygon(),
        shapely.Polygon([(119.6, 29.0), (119.7, 29.1), (119.7, 29.0), (119.6, 29.1)]),
        shapely.LineString([(29.0, 119.6), (29.1, 119.7)]),
    ],
)
def test_an_impossible_geometry_is_refused(index: OwnershipIndex, geometry: BaseGeometry) -> None:
    with pytest.raises(InvalidInput):
        index.of_geometry(geometry)

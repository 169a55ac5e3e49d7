"""Places that name their grid are found in the wrong datum by the grids that hold them; honest ones are not (R20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.coordinates import Datum, from_wgs84, to_wgs84
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.named_fit import fit_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.grids.named_fit import NamedFit

ROWS, COLUMNS, SIDE = 4, 5, 0.02
WEST, SOUTH = 119.7, 29.1


@pytest.fixture(scope="module")
def index() -> OwnershipIndex:
    """One township of twenty square villages, each some 2 km wide."""
    town = shapely.box(WEST, SOUTH, WEST + COLUMNS * SIDE, SOUTH + ROWS * SIDE)
    villages = [
        Grid(f"V{n:02}", f"V{n:02}", Level.VILLAGE, "T", shapely.box(x, y, x + SIDE, y + SIDE))
        for n, (x, y) in enumerate((WEST + SIDE * (n % COLUMNS), SOUTH + SIDE * (n // COLUMNS)) for n in range(20))
    ]
    return OwnershipIndex.build("330703", 1, [Grid("T", "T", Level.TOWNSHIP, None, town), *villages])


def fit_of(index: OwnershipIndex, sent_in: Datum, *, count: int = 400, mistakes: float = 0.0) -> NamedFit:
    """Compare places that are each in the village that they name, but for a share of mistakes, sent in a datum."""
    draw = np.random.default_rng(3)
    lon = WEST + draw.uniform(0.001, COLUMNS * SIDE - 0.001, count)
    lat = SOUTH + draw.uniform(0.001, ROWS * SIDE - 0.001, count)
    number = np.floor((lat - SOUTH) / SIDE) * COLUMNS + np.floor((lon - WEST) / SIDE)
    number = np.where(draw.random(count) < mistakes, (number + 7) % 20, number)
    row_of = {name: row for row, name in enumerate(index.grids.names)}
    named = np.array([row_of[f"V{int(n):02}"] for n in number], np.int32)
    sent = from_wgs84(lon, lat, sent_in)
    moved: dict[Datum, tuple[NDArray[np.float64], NDArray[np.float64]]] = {
        datum: to_wgs84(sent[0], sent[1], datum) for datum in (Datum.WGS84, Datum.GCJ02, Datum.BD09)
    }
    return fit_named(index, named, moved, Datum.WGS84)


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_shifted_places_are_found_by_the_villages_that_they_name(index: OwnershipIndex, datum: Datum) -> None:
    fit = fit_of(index, datum)
    assert (fit.is_shifted, fit.datum, fit.best_wrong) == (True, datum, 0)
    # of a square of 1,946 by 2,217 m, moved by 463 and 311 m, a third is elsewhere
    if datum is Datum.GCJ02:
        assert fit.wrong / fit.places == pytest.approx(1 - (1 - 463 / 1946) * (1 - 311 / 2217), abs=0.06)


@pytest.mark.parametrize("mistakes", [0.0, 0.03, 0.2])
def test_honest_places_are_not_called_shifted_also_with_mistakes(index: OwnershipIndex, mistakes: float) -> None:
    assert not fit_of(index, Datum.WGS84, mistakes=mistakes).is_shifted


def test_a_few_places_or_many_mistakes_say_nothing(index: OwnershipIndex) -> None:
    assert not fit_of(index, Datum.GCJ02, count=30).is_shifted
    assert not fit_of(index, Datum.GCJ02, mistakes=0.2).is_shifted


def test_places_that_name_no_grid_do_not_count(index: OwnershipIndex) -> None:
    nowhere = np.array([WEST, WEST]), np.array([SOUTH, SOUTH])
    fit = fit_named(index, np.array([-1, -1], np.int32), {Datum.WGS84: nowhere, Datum.GCJ02: nowhere}, Datum.WGS84)
    assert (fit.places, fit.wrong, fit.is_shifted, fit.datum) == (0, 0, False, Datum.WGS84)

"""Boundaries in the wrong datum are found by their fit to those in force; right ones, also redrawn, are not (R20)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.coordinates import Datum, distance_m, from_wgs84, to_wgs84
from gridsvc.grids.datum_fit import fit_boundaries
from tests.worlds.tilings import tile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    Moved = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def moved(shapes: Sequence[BaseGeometry], by: Moved) -> list[BaseGeometry]:
    return [shapely.set_coordinates(shape, by(shapely.get_coordinates(shape))) for shape in shapes]


def into(datum: Datum) -> Moved:
    return lambda c: np.column_stack(from_wgs84(c[:, 0].copy(), c[:, 1].copy(), datum))


def out_of(datum: Datum) -> Moved:
    return lambda c: np.column_stack(to_wgs84(c[:, 0].copy(), c[:, 1].copy(), datum))


def west_half(shape: BaseGeometry) -> BaseGeometry:
    west, south, east, north = shape.bounds
    return shapely.box(west, south, (west + east) / 2, north)


@pytest.fixture(scope="module")
def towns() -> list[BaseGeometry]:
    return list(tile(30, seed=3))


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_a_shifted_file_is_found_with_its_datum_and_shift(towns: list[BaseGeometry], datum: Datum) -> None:
    fit = fit_boundaries(moved(towns, into(datum)), towns, Datum.WGS84, finer=False)
    assert fit is not None
    assert (fit.is_shifted, fit.datum) == (True, datum)
    assert fit.best_m < 1
    x, y = shapely.get_coordinates(towns).mean(axis=0)
    there = from_wgs84(x, y, datum)
    assert fit.east_m == pytest.approx(np.sign(there[0] - x) * distance_m(x, y, there[0], y), abs=15)
    assert fit.north_m == pytest.approx(np.sign(there[1] - y) * distance_m(x, y, x, there[1]), abs=15)


@pytest.mark.parametrize("declared", [Datum.GCJ02, Datum.BD09])
def test_a_right_file_with_a_wrong_datum_declared_is_found(towns: list[BaseGeometry], declared: Datum) -> None:
    fit = fit_boundaries(moved(towns, out_of(declared)), towns, declared, finer=False)
    assert fit is not None
    assert (fit.is_shifted, fit.datum) == (True, Datum.WGS84)


def test_lines_that_were_drawn_once_more_by_another_hand_are_not_called_shifted(towns: list[BaseGeometry]) -> None:
    redrawn = moved(towns, lambda c: c + 5e-4 * np.sin(1e5 * c[:, ::-1]))  # some 40 m, the same in both neighbours
    fit = fit_boundaries(redrawn, towns, Datum.CGCS2000, finer=False)
    assert fit is not None
    assert not fit.is_shifted


@pytest.mark.parametrize("seed", range(8))
def test_another_tiling_of_the_same_place_is_not_called_shifted(towns: list[BaseGeometry], seed: int) -> None:
    fit = fit_boundaries(list(tile(30, seed=100 + seed)), towns, Datum.WGS84, finer=False)
    assert fit is None or not fit.is_shifted


def test_villages_are_compared_with_the_lines_of_the_townships(towns: list[BaseGeometry]) -> None:
    halves = [
        part
        for town in towns
        for half in (west_half(town),)
        for part in (town.intersection(half), town.difference(half))
    ]
    right = fit_boundaries(halves, towns, Datum.WGS84, finer=True)
    wrong = fit_boundaries(moved(halves, into(Datum.GCJ02)), towns, Datum.WGS84, finer=True)
    assert right is not None
    assert not right.is_shifted
    assert wrong is not None
    assert (wrong.is_shifted, wrong.datum) == (True, Datum.GCJ02)


def test_nothing_is_said_of_shapes_that_are_empty_or_few(towns: list[BaseGeometry]) -> None:
    assert fit_boundaries([shapely.Polygon()], towns, Datum.WGS84, finer=False) is None
    x, y = towns[0].centroid.coords[0]
    small = shapely.box(x, y, x + 0.001, y + 0.001)
    fit = fit_boundaries(moved([small], into(Datum.GCJ02)), [small], Datum.WGS84, finer=False)
    assert fit is not None
    assert not fit.is_shifted


@pytest.mark.shared
def test_the_outline_of_a_map_service_is_found_as_gcj02(shared_data: Path) -> None:
    folder = shared_data / "jindong"
    features = json.loads((folder / "townships.geojson").read_text())["features"]
    known = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    fence = [shapely.geometry.shape(json.loads((folder / "fence_gcj02.json").read_text()))]
    as_surveyed = fit_boundaries(fence, known, Datum.CGCS2000, finer=False)
    assert as_surveyed is not None
    assert (as_surveyed.is_shifted, as_surveyed.datum) == (True, Datum.GCJ02)
    assert as_surveyed.east_m == pytest.approx(463, abs=60)
    assert as_surveyed.north_m == pytest.approx(-311, abs=60)
    right = fit_boundaries(moved(fence, out_of(Datum.GCJ02)), known, Datum.GCJ02, finer=False)
    assert right is not None
    assert not right.is_shifted

"""A cover holds every grid of its district, with few vertices, and little more land."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from gridsvc.grids.cover import MARGIN_DEG, cover_of
from gridsvc.grids.levels import Level
from tests.worlds.tilings import nest, tile


@pytest.mark.parametrize("seed", range(4))
def test_it_holds_every_grid(seed: int) -> None:
    grids = nest(tile(80, seed))
    cover = cover_of(grids)
    shapes = np.array([grid.geometry for grid in grids])
    assert shapely.covers(cover, shapes).all()
    assert cover.hausdorff_distance(shapely.union_all(shapes)) <= 1.2 * MARGIN_DEG
    assert shapely.get_num_coordinates(cover) < shapely.get_num_coordinates(shapely.union_all(shapes))


def test_it_holds_a_village_that_no_wider_grid_holds_and_one_that_is_not_valid() -> None:
    grids = nest(tile(20, 1))
    west = grids[0].geometry.bounds[0]
    away = shapely.box(west - 1.0, 29.0, west - 0.99, 29.01)
    bow = shapely.Polygon([(121.0, 29.0), (121.1, 29.1), (121.1, 29.0), (121.0, 29.1), (121.0, 29.0)])
    village = next(grid for grid in grids if grid.level == Level.VILLAGE)
    cover = cover_of([*grids, replace(village, code="away", geometry=away), replace(village, code="bow", geometry=bow)])
    assert cover.covers(away)
    assert cover.covers(shapely.Point(121.02, 29.05))
    assert not cover.covers(shapely.Point(west - 0.5, 29.0))


def test_a_district_that_is_one_thin_strip() -> None:
    strip = shapely.box(119.6, 29.0, 120.6, 29.0001)
    grids = [grid for grid in nest(np.array([strip], dtype=object)) if grid.level == Level.REGIONAL]
    assert cover_of(grids).covers(strip)

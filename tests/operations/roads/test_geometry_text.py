"""The text of an area: what shapely writes, made in pieces."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from gridsvc.operations.roads import travel_times
from gridsvc.operations.roads.travel_times import geometry_text


def star(x: float, y: float, points: int, radius: float) -> shapely.Polygon:
    """A polygon with a hole, of as many points each."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    reach = radius * (1 + 0.1 * np.random.default_rng(points).random(points))
    outer = np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)])
    return shapely.Polygon(outer, [[x, y] + (outer - [x, y]) / 3])


@pytest.mark.parametrize("points", [3, 10, 11, 25])
def test_the_text_is_that_of_the_rounded_geometry(points: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel_times, "_POINTS_A_PIECE", 10)
    area = shapely.MultiPolygon([star(119.6 + k, 29.1, points, 0.2) for k in range(3)])
    rounded = shapely.transform(area, lambda xy: np.round(xy, 8))
    assert rounded.is_valid
    assert geometry_text(area) == shapely.to_geojson(rounded)


def test_what_rounding_would_make_invalid_is_not_rounded() -> None:
    narrow = shapely.MultiPolygon([shapely.box(119.6, 29.1, 119.6 + 1e-9, 29.2)])
    assert geometry_text(narrow) == shapely.to_geojson(narrow)


def test_an_empty_area_has_no_coordinates() -> None:
    assert json.loads(geometry_text(shapely.MultiPolygon())) == {"type": "MultiPolygon", "coordinates": []}

"""Roads out of a table of lines: what holds none is refused with what it is."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.roads.lines import survey_lines


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([shapely.box(119.6, 29.0, 119.7, 29.1)] * 3, "towns.gpkg holds no lines, but 3 polygons or points. Roads are"),
        ([], "towns.gpkg holds no lines. Roads are lines; boundaries are loaded by `gridsvc load grids`"),
    ],
)
def test_boundaries_are_no_roads(shapes: list[shapely.Polygon], words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        survey_lines(gpd.GeoDataFrame(geometry=shapes, crs=4326), source="towns.gpkg", speeds=None)
    assert str(refused.value).startswith(words)

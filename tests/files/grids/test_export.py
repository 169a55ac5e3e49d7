"""Exports in every format and reference system: read back by this program and by GDAL they are the same grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas
import numpy as np
import pyproj
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.grids.boundaries import read_boundaries
from gridsvc.files.grids.export import write_boundaries
from gridsvc.grids.levels import Grid, Level

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["孝顺镇", "傅村镇"]
CODES = ["330703101000", "030703102000"]  # a code with a zero in front stays a text
SHAPES = [shapely.box(119.6, 29.0, 119.7, 29.1), shapely.MultiPolygon([shapely.box(119.7, 29.0, 119.8, 29.1)])]
GRIDS = [
    Grid(code, name, Level.TOWNSHIP, "330703", shape, urban_rural_code="111", officer="张三")
    for code, name, shape in zip(CODES, NAMES, SHAPES, strict=True)
]
WRITTEN = [(suffix, crs) for suffix in (".geojson", ".gpkg", ".fgb", ".kml", ".shp", ".zip")
           for crs in (None, "EPSG:4490", "EPSG:4549", "EPSG:4528") if (suffix, crs and crs[-2:]) not in
           {(".kml", "49"), (".kml", "28")}]  # fmt: skip


@pytest.mark.parametrize(("suffix", "crs"), WRITTEN)
def test_an_export_is_loaded_again_without_a_word_more(tmp_path: Path, suffix: str, crs: str | None) -> None:
    path = tmp_path / f"out{suffix}"
    write_boundaries(path, GRIDS, crs)
    read = read_boundaries(path)
    order = [read.names.index(name) for name in NAMES]
    assert [read.codes[n] for n in order] == CODES
    assert [read.parents[n] for n in order] == ["330703", "330703"]
    assert [read.officers[n] for n in order] == ["张三", "张三"]
    assert [read.urban_rural_codes[n] for n in order] == ["111", "111"]
    assert shapely.hausdorff_distance(read.geometries[order], SHAPES).max() < 1e-8
    assert shapely.area(read.geometries[order]) == pytest.approx(shapely.area(SHAPES), rel=1e-7)
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".geojson"])
def test_metres_are_those_of_the_projection(tmp_path: Path, suffix: str) -> None:
    """The oracle is PROJ by the formula of the projection: central meridian 120 E on the ellipsoid of CGCS2000."""
    path = tmp_path / f"out{suffix}"
    write_boundaries(path, GRIDS, "EPSG:4549")
    frame = geopandas.read_parquet(path) if suffix == ".parquet" else geopandas.read_file(path)
    assert frame.crs.to_epsg() == 4549
    project = pyproj.Proj("+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +ellps=GRS80")
    x, y = project(119.6, 29.0)
    corners = shapely.get_coordinates(frame.geometry[frame.name == "孝顺镇"])
    assert np.hypot(*(corners - (x, y)).T).min() < 0.001
    assert sorted(frame.code) == sorted(CODES)


def test_a_system_that_is_unknown_or_not_of_the_format_is_refused(tmp_path: Path) -> None:
    for crs in ("GCJ-02", "EPSG:999999", "EPSG:5773"):
        with pytest.raises(InvalidInput, match="EPSG:4490"):
            write_boundaries(tmp_path / "a.gpkg", GRIDS, crs)
    with pytest.raises(InvalidInput, match="KML is in degrees"):
        write_boundaries(tmp_path / "a.kml", GRIDS, "EPSG:4549")
    with pytest.raises(InvalidInput, match=r"\.parquet"):
        write_boundaries(tmp_path / "a.xlsx", GRIDS)
    assert not list(tmp_path.iterdir())

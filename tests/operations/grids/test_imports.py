"""Boundaries out of the files that people really have. No database: here because it opens files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas
import numpy as np
import pytest
import shapely

from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.errors import InvalidInput, NotFound, UndeclaredDatum
from gridsvc.files.grids.boundaries import read_boundaries

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = [shapely.box(119.6, 29.0, 119.7, 29.1), shapely.box(119.7, 29.0, 119.8, 29.1)]
NAMES = ["孝顺镇", "傅村镇"]


def frame(**columns: object) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns or {"name": NAMES}, geometry=SHAPES, crs=4326)


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".fgb"])
def test_files_that_say_their_reference_need_no_more(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    frame().to_file(path, encoding="UTF-8")
    read = read_boundaries(path)
    assert sorted(read.names) == sorted(NAMES)
    assert read.columns == {"name": "name"}
    assert read.crs == "WGS-84"
    order = [read.names.index(name) for name in NAMES]
    assert shapely.equals(read.geometries[order], SHAPES).all()


def test_geojson_without_a_crs_member_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    frame().to_file(path, RFC7946="YES")
    with pytest.raises(UndeclaredDatum, match="--crs"):
        read_boundaries(path)
    assert read_boundaries(path, crs="EPSG:4326").names == NAMES


def test_a_shapefile_without_its_prj_is_refused_with_the_cure(tmp_path: Path) -> None:
    frame().to_file(tmp_path / "a.shp")
    (tmp_path / "a.prj").unlink()
    with pytest.raises(UndeclaredDatum):
        read_boundaries(tmp_path / "a.shp")
    assert len(read_boundaries(tmp_path / "a.shp", crs="CGCS2000").names) == 2


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_shifted_datums_come_back_to_where_they_were_surveyed(tmp_path: Path, datum: Datum) -> None:
    shifted = frame()
    shifted.geometry = shapely.transform(
        shifted.geometry.to_numpy(), lambda c: np.column_stack(from_wgs84(c[:, 0].copy(), c[:, 1].copy(), datum))
    )
    path = tmp_path / "a.gpkg"
    shifted.to_file(path)
    read = read_boundaries(path, crs=datum.value)  # wins over what the file says, which does not know of it
    assert np.abs(shapely.get_coordinates(read.geometries) - shapely.get_coordinates(SHAPES)).max() < 1e-9


def test_a_projection_is_brought_to_degrees(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame().to_crs(4549).to_file(path)  # CGCS2000 / 3-degree Gauss-Kruger, 120 E
    for crs in (None, "EPSG:4549"):
        read = read_boundaries(path, crs=crs)
        assert np.abs(shapely.get_coordinates(read.geometries) - shapely.get_coordinates(SHAPES)).max() < 1e-8
    with pytest.raises(InvalidInput, match="metres of a projection"):
        read_boundaries(path, crs="GCJ-02")


@pytest.mark.parametrize("crs", ["EPSG:4610", "EPSG:4214", "EPSG:2345"])
def test_a_datum_whose_shift_is_not_public_is_refused_with_the_cure(tmp_path: Path, crs: str) -> None:
    path = tmp_path / "a.gpkg"
    frame().to_file(path)
    with pytest.raises(InvalidInput, match="CGCS2000"):
        read_boundaries(path, crs=crs)


def test_a_national_system_with_a_published_shift_is_converted(tmp_path: Path) -> None:
    """Bessel's ellipsoid lies 90 m from WGS-84 in Liechtenstein; numbers by swisstopo's approximate formulas."""
    path = tmp_path / "a.gpkg"
    box = shapely.box(2_758_000, 1_223_000, 2_759_000, 1_224_000)
    geopandas.GeoDataFrame({"name": ["Vaduz"]}, geometry=[box], crs=2056).to_file(path)
    corners = shapely.get_coordinates(read_boundaries(path).geometries)
    assert np.abs(corners - (9.5216771, 47.1391044)).max(axis=1).min() < 2e-5


@pytest.mark.parametrize("told", ["GBK", None])
def test_a_chinese_shapefile_in_gbk(tmp_path: Path, told: str | None) -> None:
    path = tmp_path / "a.shp"
    frame(名称=NAMES, 编码=["330703101000", "330703102000"]).to_file(path, encoding="GBK")
    (tmp_path / "a.cpg").unlink()
    read = read_boundaries(path, encoding=told)
    assert read.names == NAMES
    assert read.codes == ["330703101000", "330703102000"]
    assert read.columns == {"code": "编码", "name": "名称"}
    assert bool(read.notes) == (told is None)


def test_a_layer_must_be_chosen_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="乡镇")
    frame(name=["x", "y"]).to_file(path, layer="村社")
    with pytest.raises(InvalidInput, match="乡镇, 村社"):
        read_boundaries(path)
    assert read_boundaries(path, layer="村社").names == ["x", "y"]
    with pytest.raises(InvalidInput, match="no layer 'z'"):
        read_boundaries(path, layer="z")


def test_heights_are_dropped_and_parts_kept(tmp_path: Path) -> None:
    island = shapely.MultiPolygon([SHAPES[0], shapely.box(119.9, 29.0, 120.0, 29.1)])
    raised = geopandas.GeoDataFrame({"name": NAMES}, geometry=shapely.force_3d([island, SHAPES[1]], 50.0), crs=4326)
    path = tmp_path / "a.gpkg"
    raised.to_file(path)
    read = read_boundaries(path)
    assert not shapely.has_z(read.geometries).any()
    assert shapely.get_num_geometries(read.geometries).tolist() == [2, 1]


def test_columns_are_told_or_guessed_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(xzqmc=NAMES, xzqdm=[330703101000.0, 330703102000.0], 上级="330703", other=["p", "q"]).to_file(path)
    read = read_boundaries(path)
    assert read.columns == {"code": "xzqdm", "name": "xzqmc", "parent": "上级"}
    assert read.codes == ["330703101000", "330703102000"]
    assert read_boundaries(path, fields={"name": "other"}).names == ["p", "q"]
    with pytest.raises(InvalidInput, match=r"no column 'nom'.*xzqmc"):
        read_boundaries(path, fields={"name": "nom"})


def test_a_code_column_that_all_share_is_not_taken_for_theirs(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(name=NAMES, code=["330703", "330703"]).to_file(path)
    assert read_boundaries(path).codes == [None, None]
    assert read_boundaries(path, fields={"code": "code"}).codes == ["330703", "330703"]


def test_one_bad_geometry_does_not_refuse_the_file(tmp_path: Path) -> None:
    bow = [[[119.6, 29.0], [119.7, 29.1], [119.7, 29.0], [119.6, 29.1], [119.6, 29.0]]]
    features = [
        {"type": "Feature", "properties": {"name": "bow"}, "geometry": {"type": "Polygon", "coordinates": bow}},
        {"type": "Feature", "properties": {"name": "none"}, "geometry": None},
        {"type": "Feature", "properties": {"name": "good"}, "geometry": shapely.geometry.mapping(SHAPES[0])},
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    read = read_boundaries(path, crs="EPSG:4326")
    assert read.names == ["bow", "none", "good"]
    assert shapely.is_valid(read.geometries).tolist() == [False, True, True]
    assert shapely.is_empty(read.geometries).tolist() == [False, True, False]


def test_what_is_no_boundary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_boundaries(tmp_path / "none.shp")
    (tmp_path / "a.geojson").write_text("")
    with pytest.raises(InvalidInput):
        read_boundaries(tmp_path / "a.geojson", crs="EPSG:4326")
    (tmp_path / "b.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    with pytest.raises(InvalidInput, match="no features"):
        read_boundaries(tmp_path / "b.geojson", crs="EPSG:4326")
    (tmp_path / "c.txt").write_text("not a map")
    with pytest.raises(InvalidInput, match="no geodata file"):
        read_boundaries(tmp_path / "c.txt", crs="EPSG:4326")
    frame().to_file(tmp_path / "d.shp")
    whole = (tmp_path / "d.shp").read_bytes()
    (tmp_path / "d.shp").write_bytes(whole[:60])
    with pytest.raises(InvalidInput):
        read_boundaries(tmp_path / "d.shp")
    points = geopandas.GeoDataFrame({"name": NAMES}, geometry=shapely.centroid(SHAPES), crs=4326)
    points.to_file(tmp_path / "e.gpkg")
    with pytest.raises(InvalidInput, match="no polygons"):
        read_boundaries(tmp_path / "e.gpkg")
    frame().to_file(tmp_path / "f.gpkg")
    with pytest.raises(InvalidInput, match="EPSG:999999"):
        read_boundaries(tmp_path / "f.gpkg", crs="EPSG:999999")
    with pytest.raises(InvalidInput, match="encoding"):
        read_boundaries(tmp_path / "f.gpkg", encoding="klingon")


def test_swapped_coordinates_are_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    swapped = shapely.transform(SHAPES, lambda c: c[:, ::-1])
    features = [
        {"type": "Feature", "properties": {"name": n}, "geometry": shapely.geometry.mapping(s)}
        for n, s in zip(NAMES, swapped, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(InvalidInput, match="swapped"):
        read_boundaries(path, crs="EPSG:4326")

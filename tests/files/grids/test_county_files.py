"""Files as counties have them: archives, cut names of columns, drawings, projections without a name."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from gridsvc.coordinates import Bounds
from gridsvc.errors import InvalidInput, UndeclaredDatum
from gridsvc.files.grids.boundaries import Boundaries, Expected, read_boundaries

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["孝顺镇", "傅村镇", "东孝街道"]
CODES = ["330703101000", "330703102000", "330703002000"]
SHAPES = [shapely.box(119.6 + k / 10, 29.0, 119.7 + k / 10, 29.1) for k in range(3)]
DISTRICT = Expected(near=Bounds(119.6, 29.0, 119.9, 29.1), outline_name="金东区")


def frame(**columns: object) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns or {"name": NAMES}, geometry=SHAPES, crs=4490)


def pairs(read: Boundaries) -> dict[str, str | None]:
    return dict(zip(read.names, read.codes, strict=True))


def pack(target: Path, *files: Path, folder: str, encoding: str = "utf-8") -> Path:
    """A zip archive with folders; in GBK its names do not say their encoding, as Windows writes them."""
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            inside = f"{folder}/{file.name}"
            archive.write(file, inside if encoding == "utf-8" else inside.encode(encoding).decode("cp437"))
    if encoding != "utf-8":
        flagged = target.read_bytes()
        target.write_bytes(flagged.replace(b"\x00\x08\x00\x00", b"\x00\x00\x00\x00"))
    return target


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
def test_names_of_columns_that_a_shapefile_cut_are_matched_and_said(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.shp"
    with pytest.warns(Warning, match="."):
        frame(编号=[7, 7, 7], 行政区划代码=CODES, 行政区划名称=NAMES).to_file(path, encoding=encoding)
    read = read_boundaries(path)
    assert pairs(read) == dict(zip(NAMES, CODES, strict=True))
    cut = {"GBK": "行政区划代", "UTF-8": "行政区"}[encoding]
    assert read.columns["code"] == cut
    assert any(cut in note and "行政区划代码" in note for note in read.notes)


@pytest.mark.parametrize(
    ("encoding", "declared", "said"),
    [
        ("GBK", None, "GB18030"),
        ("UTF-8", None, "UTF-8"),
        ("BIG5", None, "BIG5"),
        ("GBK", "UTF-8", "GB18030"),  # as ArcGIS writes it
        ("GBK", "936", None),
        ("UTF-8", "UTF-8", None),
    ],
)
def test_the_encoding_is_what_the_texts_are_in_not_what_the_file_says(
    tmp_path: Path, encoding: str, declared: str | None, said: str | None
) -> None:
    path = tmp_path / "a.shp"
    names = ["孝順鎮", "傅村鎮", "東孝街道"] if encoding == "BIG5" else NAMES
    frame(name=names).to_file(path, encoding=encoding)
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:29] + b"\0" + table.read_bytes()[30:])
    (tmp_path / "a.cpg").unlink()
    if declared is not None:
        (tmp_path / "a.cpg").write_text(declared)
    read = read_boundaries(path, expected=Expected(names=frozenset(names)))
    assert read.names == names
    assert [note for note in read.notes if "read as" in note] == ([] if said is None else read.notes)
    assert said is None or said in read.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_an_archive_with_folders_is_read_as_its_one_layer(tmp_path: Path, encoding: str) -> None:
    frame(乡镇名称=NAMES, 代码=CODES).to_file(tmp_path / "乡镇.shp", encoding="GBK")
    archive = pack(tmp_path / "a.zip", *tmp_path.glob("乡镇.*"), folder="移交资料/2025", encoding=encoding)
    assert pairs(read_boundaries(archive)) == dict(zip(NAMES, CODES, strict=True))


def test_an_archive_with_several_layers_lists_them_with_the_options_that_choose(tmp_path: Path) -> None:
    frame().to_file(tmp_path / "乡镇.gpkg")
    frame(name=["甲", "乙", "丙"]).to_file(tmp_path / "村社.gpkg")
    archive = pack(tmp_path / "a.zip", tmp_path / "乡镇.gpkg", tmp_path / "村社.gpkg", folder="移交")
    with pytest.raises(InvalidInput, match="村社") as refused:
        read_boundaries(archive)
    assert refused.value.parameters["retry"] == [["--layer", "移交/乡镇.gpkg"], ["--layer", "移交/村社.gpkg"]]
    assert read_boundaries(archive, layer="移交/村社.gpkg").names == ["甲", "乙", "丙"]
    assert read_boundaries(archive, layer="乡镇").names == NAMES


def test_an_extract_of_openstreetmap_is_refused_with_the_command_that_loads_it(tmp_path: Path) -> None:
    """GDAL would read it, and leave out the municipalities that the extract cuts off without a word."""
    for name in ("a.osm.pbf", "a.osm", "a.osm.gz"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InvalidInput, match="gridsvc load osm"):
            read_boundaries(tmp_path / name)


def test_a_file_geodatabase_in_an_archive(tmp_path: Path) -> None:
    folder = tmp_path / "county.gdb"
    frame(乡镇名称=NAMES, 代码=CODES).to_file(folder, driver="OpenFileGDB", layer="乡镇")
    archive = pack(tmp_path / "a.zip", *folder.iterdir(), folder="移交/county.gdb")
    assert pairs(read_boundaries(archive)) == dict(zip(NAMES, CODES, strict=True))
    assert read_boundaries(folder).names == NAMES


def test_the_one_layer_of_areas_is_taken_among_points(tmp_path: Path) -> None:
    frame().to_file(tmp_path / "a.gpkg", layer="乡镇")
    geopandas.GeoDataFrame({"name": NAMES}, geometry=shapely.centroid(SHAPES), crs=4490).to_file(
        tmp_path / "a.gpkg", layer="驻地"
    )
    read = read_boundaries(tmp_path / "a.gpkg")
    assert read.names == NAMES
    assert any("乡镇" in note and "驻地" in note for note in read.notes)


def test_members_of_an_archive_do_not_leave_its_folder(tmp_path: Path) -> None:
    frame().to_file(tmp_path / "a.gpkg")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.gpkg", "../../escaped.gpkg")
    assert read_boundaries(tmp_path / "a.zip").names == NAMES
    assert not (tmp_path.parent / "escaped.gpkg").exists()


def test_a_damaged_or_unknown_archive_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(InvalidInput, match="Unpack it"):
        read_boundaries(tmp_path / "a.rar")
    frame().to_file(tmp_path / "a.gpkg")
    whole = pack(tmp_path / "a.zip", tmp_path / "a.gpkg", folder="x").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[:200] + b"\xff" * 2000 + whole[2200:])
    with pytest.raises(InvalidInput, match="unpacked"):
        read_boundaries(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("readme.txt", "none")
    with pytest.raises(InvalidInput, match="no file of boundaries"):
        read_boundaries(tmp_path / "c.zip")


def test_an_empty_name_beside_the_real_one_is_not_taken(tmp_path: Path) -> None:
    frame(name=[None, None, None], 乡镇名称=NAMES, 行政区划代码=CODES).to_file(tmp_path / "a.gpkg")
    read = read_boundaries(tmp_path / "a.gpkg")
    assert (read.columns["name"], read.names) == ("乡镇名称", NAMES)


def test_a_column_of_names_is_found_by_what_is_in_it(tmp_path: Path) -> None:
    frame(zj=["张三", "李四", "王五"], xz=NAMES).to_file(tmp_path / "a.gpkg")
    assert read_boundaries(tmp_path / "a.gpkg").columns == {"name": "xz"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gbk"])
def test_a_table_with_outlines_as_wkt(tmp_path: Path, encoding: str) -> None:
    lines = ["代码,乡镇名称,几何"]
    lines += [f'{code},{name},"{shape.wkt}"' for code, name, shape in zip(CODES, NAMES, SHAPES, strict=True)]
    (tmp_path / "a.csv").write_bytes("\r\n".join(lines).encode(encoding))
    with pytest.raises(UndeclaredDatum):
        read_boundaries(tmp_path / "a.csv")
    read = read_boundaries(tmp_path / "a.csv", crs="CGCS2000")
    assert pairs(read) == dict(zip(NAMES, CODES, strict=True))
    assert shapely.equals(read.geometries, SHAPES).all()


def test_points_and_tables_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,name\n330703101000,孝顺镇\n")
    with pytest.raises(InvalidInput, match="table without geometries"):
        read_boundaries(tmp_path / "a.csv", crs="EPSG:4490")
    (tmp_path / "b.csv").write_text("name,经度,纬度\n孝顺镇,119.65,29.05\n")
    with pytest.raises(InvalidInput, match="these are points"):
        read_boundaries(tmp_path / "b.csv", crs="EPSG:4490")


def test_closed_lines_are_outlines_and_open_ones_are_refused(tmp_path: Path) -> None:
    closed = frame()
    closed.geometry = shapely.boundary(SHAPES)
    closed.to_file(tmp_path / "a.gpkg")
    read = read_boundaries(tmp_path / "a.gpkg")
    assert read.names == NAMES
    assert shapely.equals(read.geometries, SHAPES).all()
    closed.geometry = [shapely.LineString(shape.exterior.coords[:-1]) for shape in SHAPES]
    closed.to_file(tmp_path / "b.gpkg")
    with pytest.raises(InvalidInput, match="3 of 3 of which do not close"):
        read_boundaries(tmp_path / "b.gpkg")


def drawing(path: Path, shapes: list[shapely.Geometry]) -> Path:
    geopandas.GeoDataFrame({"Layer": ["XZJX"] * len(shapes)}, geometry=shapes, crs=4490).to_file(
        path, driver="DXF", engine="pyogrio"
    )
    return path


def labels(path: Path, names: list[str], places: list[shapely.Point]) -> Path:
    pd.DataFrame({
        "名称": names, "代码": [dict(zip(NAMES, CODES, strict=True)).get(name) for name in names],
        "lon": [p.x for p in places], "lat": [p.y for p in places],
    }).to_csv(path, index=False)  # fmt: skip
    return path


def test_a_drawing_says_how_to_join_names_and_takes_them_from_points(tmp_path: Path) -> None:
    path = drawing(tmp_path / "a.dxf", [shape.exterior for shape in SHAPES])
    with pytest.raises(InvalidInput, match="without attributes and without labels") as refused:
        read_boundaries(path, crs="EPSG:4490")
    assert refused.value.parameters["retry"] == [["--labels", "POINTS.csv"]]
    middles = [shape.centroid for shape in SHAPES]
    read = read_boundaries(path, crs="EPSG:4490", labels=labels(tmp_path / "l.csv", NAMES, middles))
    assert pairs(read) == dict(zip(NAMES, CODES, strict=True))
    with pytest.raises(InvalidInput, match=r"1 of 3 outlines have not one label each.*has none"):
        read_boundaries(path, crs="EPSG:4490", labels=labels(tmp_path / "m.csv", NAMES[:2], middles[:2]))
    both = labels(tmp_path / "n.csv", [*NAMES, "旧镇"], [*middles, shapely.Point(119.62, 29.02)])
    with pytest.raises(InvalidInput, match="孝顺镇 and 旧镇"):
        read_boundaries(path, crs="EPSG:4490", labels=both)
    known = Expected(names=frozenset(NAMES))
    assert read_boundaries(path, crs="EPSG:4490", labels=both, expected=known).names == read.names


DXF = """0
SECTION
2
HEADER
9
$ACADVER
1
AC1009
9
$DWGCODEPAGE
3
ANSI_936
0
ENDSEC
0
SECTION
2
ENTITIES
{entities}0
ENDSEC
0
EOF
"""


def test_texts_of_a_drawing_name_the_outlines_round_them(tmp_path: Path) -> None:
    entities = ""
    for name, shape in zip(NAMES, SHAPES, strict=True):
        corners = "".join(f"0\nVERTEX\n8\n界线\n10\n{x}\n20\n{y}\n30\n0.0\n" for x, y in shape.exterior.coords[:-1])
        entities += f"0\nPOLYLINE\n8\n界线\n66\n1\n10\n0.0\n20\n0.0\n30\n0.0\n70\n1\n{corners}0\nSEQEND\n8\n界线\n"
        x, y = shape.centroid.coords[0]
        entities += f"0\nTEXT\n8\n注记\n10\n{x}\n20\n{y}\n30\n0.0\n40\n0.01\n1\n{name}\n"
    (tmp_path / "a.dxf").write_bytes(DXF.format(entities=entities).encode("gbk"))
    read = read_boundaries(tmp_path / "a.dxf", crs="EPSG:4490")
    assert read.names == NAMES
    assert shapely.equals(read.geometries, SHAPES).all()


@pytest.mark.parametrize("code", [4549, 4528, 32650, 4508])
def test_a_projection_that_the_file_does_not_name_is_proposed(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.geojson"
    projected = frame().to_crs(code)
    features = [
        {"type": "Feature", "properties": {"name": n}, "geometry": shapely.geometry.mapping(s)}
        for n, s in zip(NAMES, projected.geometry, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(UndeclaredDatum, match="EPSG:") as refused:
        read_boundaries(path, expected=DISTRICT)
    proposed = refused.value.parameters["retry"]
    assert isinstance(proposed, list)
    corners = [read_boundaries(path, crs=str(option[1])).geometries for option in proposed if isinstance(option, list)]
    assert np.abs(shapely.get_coordinates(corners[0]) - shapely.get_coordinates(SHAPES)).max() < 1e-7


def test_the_number_of_the_zone_names_the_projection_without_a_district(tmp_path: Path) -> None:
    projected = frame().to_crs(4528)
    path = tmp_path / "a.shp"
    projected.to_file(path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(UndeclaredDatum, match="EPSG:4528"):
        read_boundaries(path)


def test_a_file_of_another_place_is_refused_with_what_would_fit(tmp_path: Path) -> None:
    projected = frame().to_crs(4549).set_crs(4548, allow_override=True)  # the next meridian, 3 degrees west
    projected.to_file(tmp_path / "a.gpkg")
    with pytest.raises(InvalidInput, match=r"west of the district.*EPSG:4549"):
        read_boundaries(tmp_path / "a.gpkg", expected=DISTRICT)
    assert read_boundaries(tmp_path / "a.gpkg", crs="EPSG:4549", expected=DISTRICT).names == NAMES
    frame().to_file(tmp_path / "b.gpkg")
    with pytest.raises(InvalidInput, match="EPSG:4490"):
        read_boundaries(tmp_path / "b.gpkg", crs="EPSG:4549", expected=DISTRICT)


@pytest.mark.shared
def test_the_outline_of_the_county_has_the_name_of_the_district(shared_data: Path) -> None:
    read = read_boundaries(shared_data / "jindong" / "fence_gcj02.json", crs="GCJ-02", expected=DISTRICT)
    assert read.names == ["金东区"]

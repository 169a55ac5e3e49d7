"""The commands of grids as a person or a program types them: a process, its exit code, stdout and stderr."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import shapely

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Typed = Callable[..., "subprocess.CompletedProcess[str]"]

DISTRICT = "990101"
BORDERS = (119.6, 119.7, 119.8, 119.9)
NAMES = ("西镇", "中镇", "东镇")


@pytest.fixture(scope="module")
def gridsvc(data_folder: Path) -> Typed:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")}
    environment["GRIDSVC_DATA"] = str(data_folder)

    def run(*words: object, fails: int = 0) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, "-m", "gridsvc", *map(str, words)]
        done = subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == fails, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def boundaries(path: Path, shapes: dict[str, shapely.Polygon]) -> Path:
    features = [
        {"type": "Feature", "properties": {"名称": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def towns(height: float = 0.2) -> dict[str, shapely.Polygon]:
    return {
        name: shapely.box(west, 29.0, east, 29.0 + height)
        for name, west, east in zip(NAMES, BORDERS, BORDERS[1:], strict=False)
    }


@pytest.fixture(scope="module")
def in_force(gridsvc: Typed, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The number of a generation of three townships that is in force."""
    file = boundaries(tmp_path_factory.mktemp("grids") / "towns.geojson", towns())
    words = ("--level", "township", "--crs", "EPSG:4326", "--district", DISTRICT)
    loaded = json.loads(gridsvc("load", "grids", file, *words, "--json").stdout)
    assert (loaded["grids"], loaded["unresolved"], loaded["columns"]) == (3, 3, {"name": "名称"})
    checked = json.loads(gridsvc("grids", "check", "--district", DISTRICT, "--json").stdout)
    assert checked["blocking"] is False
    assert {fault["kind"] for fault in checked["faults"]} == {"unresolved-name"}
    assert set(checked["faults"][0]) >= {"kind", "codes", "names", "area_m2", "lon", "lat"}
    gridsvc("grids", "activate", checked["generation"], "--district", DISTRICT)
    return int(checked["generation"])


def test_the_grids_in_force_are_listed(gridsvc: Typed, in_force: int) -> None:
    rows = json.loads(gridsvc("grids", "list", "--district", DISTRICT, "--json").stdout)
    assert [row["level"] for row in rows] == ["township"] * 3
    assert {row["name"] for row in rows} == set(NAMES)
    assert set(rows[0]) == {"code", "name", "level", "parent", "area_m2"}
    assert rows[0]["area_m2"] == pytest.approx(215_700_000, rel=0.01)
    assert "西镇" in gridsvc("grids", "list", "--district", DISTRICT).stdout


def test_a_place_is_located(gridsvc: Typed, in_force: int) -> None:
    told = json.loads(gridsvc("locate", 119.65, 29.1, "--district", DISTRICT, "--json").stdout)
    assert told["owners"]["township"]["name"] == "西镇"
    assert told["owners"]["village"] is None
    assert (told["rule"], told["generation"], told["district"]) == ("interior", in_force, DISTRICT)
    told = json.loads(gridsvc("locate", 119.7, 29.1, "--district", DISTRICT, "--radius", 500, "--json").stdout)
    assert told["confirm"] is True
    assert [share["share"] for share in told["shares"]] == pytest.approx([0.5, 0.5], abs=0.01)
    assert "中镇" in gridsvc("locate", 119.75, 29.1, "--district", DISTRICT).stdout


@pytest.mark.parametrize(
    ("lonlat", "words"),
    [((118.0, 29.1), "outside"), ((29.1, 119.65), "swapped"), (("nan", 29.1), "not finite"), ((200, 29.1), "range")],
)
def test_a_place_that_cannot_be_meant_is_refused_with_3(
    gridsvc: Typed, in_force: int, lonlat: tuple[object, ...], words: str
) -> None:
    done = gridsvc("locate", *lonlat, "--district", DISTRICT, "--json", fails=3)
    assert words in done.stderr
    assert done.stdout == ""


def test_wrong_usage_exits_with_2(gridsvc: Typed, in_force: int) -> None:
    gridsvc("locate", 119.65, fails=2)
    gridsvc("locate", "--file", "a.csv", fails=2)
    gridsvc("locate", 119.65, 29.1, "--as-of", "yesterday", fails=2)
    gridsvc("load", "grids", "x.geojson", fails=2)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_keeps_its_columns_and_gets_owners_behind_them(
    gridsvc: Typed, in_force: int, tmp_path: Path, newline: str
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    lines = ["编号,lon,lat", "007,119.650000,29.10", '"a, b",119.75,29.1', "c,119.7,29.1", "d,118,29.1"]
    source.write_text(newline.join(lines) + newline)
    told = json.loads(gridsvc("locate", "--file", source, "--out", target, "--district", DISTRICT, "--json").stdout)
    assert told["rows"] == 4
    assert told["rules"] == {"interior": 2, "border": 1, "outside": 1}
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["编号", "lon", "lat", "regional", "township", "area", "village", "rule"]
    assert [(row["编号"], row["lon"]) for row in rows] == [
        ("007", "119.650000"), ("a, b", "119.75"), ("c", "119.7"), ("d", "118")
    ]  # fmt: skip
    assert [bool(row["township"]) for row in rows] == [True, True, True, False]
    assert [row["rule"] for row in rows] == ["interior", "interior", "border", "outside"]
    assert rows[1]["township"] == rows[2]["township"]  # a border point belongs to its east


def test_a_file_may_have_line_breaks_in_cells_and_columns_of_the_same_name(
    gridsvc: Typed, in_force: int, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('note,lon,lat,rule\n"two\nlines", 119.65 ,29.1,old\nplain,119.75,29.1,old\n')
    gridsvc("locate", "--file", source, "--out", target, "--district", DISTRICT)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == ["two\nlines", "plain"]
    assert [row["rule"] for row in rows] == ["interior", "interior"]


def test_a_file_becomes_parquet(gridsvc: Typed, in_force: int, tmp_path: Path) -> None:
    from pyarrow import parquet

    source, target = tmp_path / "in.csv", tmp_path / "out.parquet"
    source.write_text("id,lon,lat\n1,119.65,29.1\n2,118,29.1\n")
    gridsvc("locate", "--file", source, "--out", target, "--district", DISTRICT)
    rows = parquet.read_table(target).to_pylist()
    assert [row["rule"] for row in rows] == ["interior", "outside"]
    assert (rows[0]["lon"], rows[1]["township"]) == (119.65, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n", "no column lon"),
        ("lon,lat\n119.65,north\n", "Row 2: the latitude is 'north'"),
        ("lon,lat\n119.65,\n", "Row 2: the latitude is empty"),
        ("lon,lat\n", "no rows"),
        ("", "no column"),
        ("lon,lat\n29.1,119.65\n", "swapped"),
        ("lon,lat\n119.65,29.1,7\n", "3 cells"),
        ('lon,lat\n"119.65,29.1\n', "cells"),
    ],
)
def test_a_file_without_a_good_row_is_refused_with_the_row(
    gridsvc: Typed, in_force: int, tmp_path: Path, content: str, words: str
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(content)
    done = gridsvc("locate", "--file", source, "--out", tmp_path / "o.csv", "--district", DISTRICT, fails=3)
    assert words in done.stderr
    assert not (tmp_path / "o.csv").exists()


def test_a_generation_is_compared_activated_rolled_back_and_exported(
    gridsvc: Typed, in_force: int, tmp_path: Path
) -> None:
    at = ("--district", DISTRICT)
    file = boundaries(tmp_path / "t.geojson", towns(0.25))
    loaded = json.loads(
        gridsvc("load", "grids", file, "--level", "township", "--crs", "EPSG:4490", *at, "--json").stdout
    )
    number = loaded["generation"]
    difference = json.loads(gridsvc("grids", "diff", number, *at, "--json").stdout)
    assert (difference["against"], len(difference["reshaped"]), len(difference["moved"])) == (in_force, 3, 3)
    done = json.loads(gridsvc("grids", "activate", number, *at, "--json").stdout)
    assert (done["generation"], done["before"]) == (number, in_force)
    code = difference["reshaped"][0]
    assert json.loads(gridsvc("locate", 119.65, 29.22, *at, "--json").stdout)["generation"] == number
    back = json.loads(gridsvc("grids", "rollback", *at, "--json").stdout)
    assert (back["generation"], back["before"]) == (in_force, number)
    gridsvc("locate", 119.65, 29.22, *at, fails=3)
    rows = json.loads(gridsvc("grids", "history", code, *at, "--json").stdout)
    assert [len(row["in_force"]) for row in rows] == [2, 1]
    told = gridsvc("grids", "export", tmp_path / "out.gpkg", "--generation", number, *at)
    assert "3 grids" in told.stdout
    gridsvc("grids", "export", tmp_path / "out.xlsx", *at, fails=3)
    gridsvc("grids", "history", "nobody", *at, fails=3)
    gridsvc("grids", "diff", 999, *at, fails=3)


def test_faults_are_shown_to_a_person_and_block(gridsvc: Typed, in_force: int, tmp_path: Path) -> None:
    at = ("--district", DISTRICT)
    bad = towns() | {"中镇": shapely.box(119.69, 29.0, 119.8, 29.2)}
    file = boundaries(tmp_path / "t.geojson", bad)
    dry = gridsvc("load", "grids", file, "--level", "township", "--crs", "wgs84", *at, "--dry-run")
    assert "overlap: 1, 1 blocking" in dry.stdout
    assert "nothing was stored" in dry.stdout
    loaded = json.loads(gridsvc("load", "grids", file, "--level", "township", "--crs", "wgs84", *at, "--json").stdout)
    shown = gridsvc("grids", "check", *at).stdout
    assert "overlap: 1, 1 blocking" in shown
    refused = gridsvc("grids", "activate", loaded["generation"], *at, fails=3)
    assert "overlap" in refused.stderr
    lenient = gridsvc("grids", "check", *at, "--tolerance-m2", 1e9, "--json")
    assert json.loads(lenient.stdout)["blocking"] is False


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("none.geojson", "--level", "township", "--crs", "wgs84"), "no file"),
        (("t.geojson", "--level", "province", "--crs", "wgs84"), "no level"),
        (("t.geojson", "--level", "township"), "--crs"),
        (("t.geojson", "--level", "township", "--crs", "Atlantis"), "no reference system"),
        (("t.geojson", "--level", "township", "--crs", "wgs84", "--code-field", "Code"), "no column"),
    ],
)
def test_a_load_that_cannot_be_is_refused_with_the_cure(
    gridsvc: Typed, tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    boundaries(tmp_path / "t.geojson", towns())
    done = gridsvc("load", "grids", tmp_path / words[0], *words[1:], "--district", DISTRICT, fails=3)
    assert reason in done.stderr


def test_an_activation_may_be_planned(gridsvc: Typed, in_force: int, tmp_path: Path) -> None:
    at = ("--district", DISTRICT)
    file = boundaries(tmp_path / "t.geojson", towns(0.3))
    words = ("--level", "township", "--crs", "wgs84", *at, "--json")
    number = json.loads(gridsvc("load", "grids", file, *words).stdout)["generation"]
    planned = gridsvc("grids", "activate", number, "--at", "2199-01-01T00:00:00+08:00", *at, "--json")
    assert json.loads(planned.stdout) == {
        "district": DISTRICT, "generation": number, "planned_for": "2199-01-01T00:00:00+08:00"
    }  # fmt: skip
    assert json.loads(gridsvc("locate", 119.65, 29.1, *at, "--json").stdout)["generation"] == in_force

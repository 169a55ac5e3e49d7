"""`gridsvc load roads`, `travel-times` and `isochrone` as a person runs them, on a small town of one file."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

DISTRICT = "990102"
WEST, SOUTH, STEP = -0.01, 51.0, 0.004
"""West of Greenwich, so that a longitude on the command line begins with a minus."""

SIDE = 6


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chequerboard of 6 x 6 corners as an .osm file with negative ids and ways before nodes."""
    number = {(i, j): -(1 + i * SIDE + j) for i in range(SIDE) for j in range(SIDE)}
    rows = [[number[i, j] for j in range(SIDE)] for i in range(SIDE)]
    streets = rows + [list(column) for column in zip(*rows, strict=True)]
    ways = [
        f'<way id="{-100 - k}" version="1">{"".join(f"<nd ref={chr(34)}{p}{chr(34)}/>" for p in street)}'
        f'<tag k="highway" v="residential"/><tag k="maxspeed" v="40"/></way>'
        for k, street in enumerate(streets)
    ]
    nodes = [
        f'<node id="{n}" version="1" lon="{WEST + i * STEP:.7f}" lat="{SOUTH + j * STEP:.7f}"/>'
        for (i, j), n in number.items()
    ]
    path = tmp_path_factory.mktemp("town") / "town.osm"
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{"".join(ways)}{"".join(nodes)}</osm>')
    return path


@pytest.fixture(scope="module")
def run(data_folder: Path) -> Any:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATA": str(data_folder), "GRIDSVC_AUTH": "off"}

    def call(*words: object, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "gridsvc", *map(str, words)], env=environment, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return call


@pytest.fixture(scope="module")
def loaded(run: Any, town: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("load", "roads", town, "--district", DISTRICT, "--json"))
    return told


def spots(path: Path, *places: tuple[float, float]) -> Path:
    with path.open("w") as file:
        csv.writer(file).writerows([("lon", "lat"), *places])
    return path


def test_a_load_says_what_it_read(loaded: dict[str, Any]) -> None:
    assert loaded["district"] == DISTRICT
    # the four outer corners only bend
    assert loaded["nodes"] == SIDE * SIDE - 4
    assert loaded["report"]["ways"] == 2 * SIDE
    assert loaded["report"]["cut_off"]["edges"] == 0
    # no grids are in force beyond which the roads could reach
    assert loaded["margin"] is None


def test_travel_times_and_areas(run: Any, loaded: dict[str, Any], tmp_path: Path) -> None:
    del loaded
    far = (WEST + 5 * STEP, SOUTH + 5 * STEP)
    here, out = spots(tmp_path / "a.csv", (WEST, SOUTH), far), tmp_path / "m.csv"
    run("travel-times", "--origins", here, "--destinations", here, "--out", out, "--district", DISTRICT)
    with out.open() as file:
        told = [[float(cell) for cell in row] for row in csv.reader(file)]
    # 5 x (280 + 445) m at 36 km/h
    assert told[0][0] == told[1][1] == 0
    assert told[0][1] == pytest.approx(5 * (280.9 + 445.1) / 10, rel=0.01)
    assert told[0][1] == told[1][0]

    area = tmp_path / "area.geojson"
    run("isochrone", f"{WEST:.7f}", SOUTH, "--minutes", "2,1", "--out", area, "--district", DISTRICT)
    features = json.loads(area.read_text())["features"]
    assert [f["properties"]["minutes"] for f in features] == [1, 2]
    assert all(f["properties"]["certificate"]["share"] == 0 for f in features)
    package = tmp_path / "area.gpkg"
    run("isochrone", f"{WEST:.7f}", SOUTH, "--minutes", "2", "--out", package, "--district", DISTRICT)
    assert package.stat().st_size > 0


@pytest.mark.long
def test_one_place_to_a_million(run: Any, loaded: dict[str, Any], tmp_path: Path) -> None:
    """Every destination has its time, the same as when a few of them are asked for alone."""
    del loaded
    draw = np.random.default_rng(12)
    there = np.column_stack([WEST + draw.uniform(0, 5 * STEP, 1_000_000), SOUTH + draw.uniform(0, 5 * STEP, 1_000_000)])
    many, few, out = tmp_path / "many.csv", tmp_path / "few.csv", tmp_path / "m.csv"
    np.savetxt(many, there, "%.7f", ",", header="lon,lat", comments="")
    np.savetxt(few, there[::10_007], "%.7f", ",", header="lon,lat", comments="")
    here = spots(tmp_path / "a.csv", (WEST, SOUTH))
    run("travel-times", "--origins", here, "--destinations", many, "--out", out, "--district", DISTRICT)
    told = np.array(out.read_text().strip().split(","), float)
    assert told.shape == (1_000_000,)
    assert 0 <= told.min() < 60 < told.max() < 1000
    run("travel-times", "--origins", here, "--destinations", few, "--out", out, "--district", DISTRICT)
    assert np.array_equal(np.array(out.read_text().strip().split(","), float), told[::10_007])


def test_refusals_say_why(run: Any, loaded: dict[str, Any], town: Path, tmp_path: Path) -> None:
    del loaded
    cut = tmp_path / "cut.osm"
    cut.write_text(town.read_text()[:900])
    assert "cut short" in run("load", "roads", cut, "--district", DISTRICT, code=3)
    assert "no file" in run("load", "roads", tmp_path / "none.osm.pbf", "--district", DISTRICT, code=3)
    empty = tmp_path / "empty.osm"
    empty.write_text('<?xml version="1.0"?><osm version="0.6"></osm>')
    assert "no roads" in run("load", "roads", empty, "--district", DISTRICT, code=3)
    assert "no kind of road file" in run("load", "roads", spots(tmp_path / "x.csv"), "--district", DISTRICT, code=3)
    run("load", "roads", code=2)
    odd = tmp_path / "odd.csv"
    odd.write_text("lon,lat\n0.0,fifty\n")
    good = spots(tmp_path / "good.csv", (WEST, SOUTH))
    run("travel-times", "--origins", odd, "--destinations", good, "--out", tmp_path / "m.csv", code=3)
    run("travel-times", "--origins", good, "--destinations", good, "--out", tmp_path, "--district", DISTRICT, code=3)
    assert "minutes" in run("isochrone", 0.0, 51.0, "--minutes", "soon", "--district", DISTRICT, code=3)
    assert "no-such" in run("isochrone", 0.0, 51.0, "--district", "no-such", code=3)

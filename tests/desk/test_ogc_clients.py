"""GDAL and QGIS read every collection of /ogc over a real socket, page after page."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from gridsvc.api.app import create_app
from gridsvc.db.feature_collections import COLLECTIONS
from gridsvc.db.features import Selection
from gridsvc.operations import features
from tests.desk.programs import find_gdal, find_qgis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.desk.conftest import Desk

DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@pytest.fixture(scope="module")
def root(desk: Desk) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(create_app(desk.service, sign_in=False), log_config=None, lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/ogc"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def counts(desk: Desk) -> dict[str, int]:
    return {
        name: features.find_page(desk.service, each, Selection(), after=None, limit=1).matched
        for name, each in COLLECTIONS.items()
    }


def test_gdal_reads_every_collection(root: str, counts: dict[str, int], tmp_path: Path) -> None:
    gdal = find_gdal()
    if gdal is None:
        pytest.skip("no ogrinfo here: ./run test installs it")
    words = [str(gdal / "ogrinfo"), "-ro", "-al", "-so", f"OAPIF:{root}"]
    done = subprocess.run(words, env=os.environ | DIRECT, capture_output=True, text=True, check=True)
    layers = {part.split("\n", 1)[0].strip(): part for part in done.stdout.split("Layer name: ")[1:]}
    assert set(layers) == set(counts)
    for name, text in layers.items():
        assert re.findall(r"Feature Count: (\d+)", text) == [str(counts[name])]
    # with pages of two
    out = tmp_path / "grids.geojson"
    words = [str(gdal / "ogr2ogr"), "-f", "GeoJSON", "-oo", "PAGE_SIZE=2", str(out), f"OAPIF:{root}", "grids"]
    subprocess.run(words, env=os.environ | DIRECT, capture_output=True, text=True, check=True)
    read = json.loads(out.read_text())["features"]
    assert len({each["properties"]["code"] for each in read}) == len(read) == counts["grids"]


def test_qgis_reads_every_collection(root: str, counts: dict[str, int], tmp_path: Path) -> None:
    python = find_qgis()
    if python is None:
        pytest.skip("no QGIS here: ./run test --all installs it")
    done = subprocess.run(
        [python, Path(__file__).with_name("open_collections.py"), root, *counts],
        env={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "LANG": "C.UTF-8", **DIRECT},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("{"), done.stderr[-1000:]
    seen = json.loads(done.stdout)
    assert {name: each["features"] for name, each in seen.items()} == counts
    for name, each in seen.items():
        if counts[name]:
            assert {each.name for each in COLLECTIONS[name].properties} <= set(each["fields"])

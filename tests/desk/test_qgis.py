"""QGIS opens the project: every layer, with its features, its style and its labels."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import fromstring

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.files.qgis import project
from gridsvc.files.qgis.layers import LAYERS
from tests.desk.programs import find_qgis

if TYPE_CHECKING:
    from tests.desk.conftest import Desk

ADDRESS = {"dbname": "gridsvc", "host": "/run/it's", "port": "5432", "user": "gridsvc_viewer"}
BOX = (119.5, 29.0, 119.8, 29.2)


@pytest.mark.parametrize("ending", [".qgs", ".qgz"])
def test_a_project_has_every_layer_and_no_password(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"金东{ending}"
    assert project.write_project(file, ADDRESS, BOX) == [layer.title for layer in LAYERS]
    if ending == ".qgz":
        with zipfile.ZipFile(file) as archive:
            assert archive.namelist() == ["金东.qgs"]
            text = archive.read("金东.qgs").decode()
    else:
        text = file.read_text("utf-8")
    root = fromstring(text.partition("\n")[2])
    sources = [str(one.findtext("datasource")) for one in root.iter("maplayer")]
    assert len(sources) == len(LAYERS)
    assert all(r"host='/run/it\'s'" in source and "password" not in source for source in sources)
    again = tmp_path / f"again{ending}"
    project.write_project(again, ADDRESS, BOX)  # the same project has the same bytes, but for its name
    assert again.stat().st_size > 1000


def test_a_password_or_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no password"):
        project.write_project(tmp_path / "x.qgz", ADDRESS | {"password": "secret"}, BOX)
    with pytest.raises(InvalidInput, match=r"\.qgz or \.qgs"):
        project.write_project(tmp_path / "x.qpj", ADDRESS, BOX)
    assert list(tmp_path.iterdir()) == []


def test_qgis_opens_every_layer_with_its_style(desk: Desk, tmp_path: Path) -> None:
    python = find_qgis()
    if python is None:
        pytest.skip("no QGIS here: ./run test --all installs it")
    file = tmp_path / "desk.qgz"
    project.write_project(file, desk.address, BOX)
    styles = project.write_styles(tmp_path / "styles")
    script = Path(__file__).with_name("open_project.py")
    done = subprocess.run(
        [python, script, file, tmp_path / "styles", tmp_path / "map.png"],
        env={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("{"), done.stderr[-1000:]
    seen = json.loads(done.stdout)
    assert seen["read"]
    assert seen["crs"] == "EPSG:4326"
    assert list(seen["layers"]) == [f"gridsvc_{layer.id}" for layer in LAYERS]
    total: dict[str, int] = {}
    for layer in LAYERS:
        one = seen["layers"][f"gridsvc_{layer.id}"]
        assert one["valid"], layer.id
        assert one["ids"] == one["features"]
        assert (one["kind"], one["crs"]) == (layer.kind, "EPSG:4326")
        assert one["read_only"]
        assert one["shown"] is layer.shown
        assert one["label"] == layer.label
        assert len(one["legend"]) == len(layer.looks)
        if layer.by is not None:
            assert one["legend"] == [look.title for look in layer.looks]
        total[layer.view] = total.get(layer.view, 0) + one["features"]
    assert total == desk.counts
    assert len(styles) == len(LAYERS)
    for layer in LAYERS:
        read = seen["qml"][layer.id]
        assert read["good"], read["words"]
        assert read["legend"] == len(layer.looks)
    township = next(layer for layer in LAYERS if layer.id == "grid_township")
    assert township.looks[0].line in seen["colours"]  # it is drawn

"""The wheel, installed outside of the repository: it has all its data files, builds the demo and serves the screen."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.timeout(1200)  # a new environment has no compiled kernels: Numba compiles all of them


def uv(*arguments: object) -> None:
    """Run uv with the package index of pip's configuration, as `./run` does."""
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL")
    if not index:
        command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        index = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    env = os.environ | {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    result = subprocess.run(
        [UV, *map(str, arguments)],
        env=env | ({"UV_DEFAULT_INDEX": index} if index else {}),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (PROJECT / "node_modules" / "maplibre-gl").is_dir():
        pytest.skip("the map library is not installed: ./run setup")
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder, PROJECT)
    return next(folder.glob("*.whl"))


class Installed:
    """The wheel, installed in its own virtual environment, with its own data folder and an empty working folder."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "venv" / "bin" / "gridsvc"
        self.python = folder / "venv" / "bin" / "python"
        self.working_folder = folder / "empty"
        self.working_folder.mkdir()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GRIDSVC_", "PYTHON", "VIRTUAL_ENV"))}
        self.env = inherited | {"GRIDSVC_DATA": str(folder / "data")}

    def run(self, *command: object) -> str:
        result = subprocess.run(
            [*map(str, command)], cwd=self.working_folder, env=self.env, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Installed]:
    # Under /tmp: the path of a Unix socket is limited to 107 bytes, and the user of the database server needs access.
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-whl-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
        program = Installed(folder)
        pip_install = ("pip", "install", "--quiet", "--python", program.python)
        uv(*pip_install, "--require-hashes", "-r", PROJECT / "requirements.lock")
        uv(*pip_install, "--no-deps", "--no-index", wheel)
        yield program
        program.run(program.program, "db", "down")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def demo(installed: Installed) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        installed.run(installed.program, "demo", "--no-serve", "--incidents", 20, "--json")
    )
    return made


def test_the_wheel_has_every_data_file_of_the_package(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "gridsvc", "geodata"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    tracked = [path for path in listed.stdout.split() if (PROJECT / path).exists()]
    assert len(tracked) > 300
    assert {path if path.startswith("gridsvc/") else f"gridsvc/{path}" for path in tracked} <= packed


def test_the_wheel_has_the_licences_of_the_project_and_of_the_map_library(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    licence = next(name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
    assert "Apache License" in archive.read(licence).decode()
    library_licences = archive.read("gridsvc/api/screen/vendor/LICENSES.txt").decode()
    locked = json.loads((PROJECT / "package-lock.json").read_text("utf-8"))["packages"]
    for folder, package in locked.items():
        if folder and not package.get("dev"):
            section = library_licences.partition(f"=== {folder.removeprefix('node_modules/')} {package['version']}")[2]
            text = section.partition("\n=== ")[0].partition("\n")[2]
            assert re.search(r"copyright|©|license", text, re.IGNORECASE), folder


def test_the_wheel_builds_the_demo_in_an_empty_folder(installed: Installed, demo: dict[str, Any]) -> None:
    package_path = installed.run(installed.python, "-c", "import gridsvc; print(gridsvc.__file__)")
    assert not package_path.startswith(str(PROJECT))
    assert demo["district"] == "330703"
    assert demo["grids"]["township"] == 11
    assert demo["incidents"] == demo["owned"] == 20
    assert list(installed.working_folder.iterdir()) == []


def test_the_wheel_serves_the_screen_and_its_scripts(installed: Installed, demo: dict[str, Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(installed.program), "demo", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=installed.working_folder, env=installed.env, stderr=subprocess.DEVNULL
    ) as process:
        try:
            page = get_when_ready(f"http://127.0.0.1:{port}/", process)
            assert 'data-maplibre="true"' in page
            files = set(re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css|svg))"', page))
            assert any(path.endswith("/js/main.js") for path in files)
            digest = next(iter(files)).split("/")[2]
            for path in [*files, f"/assets/{digest}/vendor/maplibre-gl.mjs"]:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                    assert answer.status == 200
                    assert answer.read()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def get_when_ready(url: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 240
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                page: str = answer.read().decode()
                return page
        except (URLError, OSError):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)

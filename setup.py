"""What pyproject.toml cannot say: the wheel carries `geodata/`, the map library, and the licences of the latter.

An editable installation reads all of this from the clone (`gridsvc.files.packaged`).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py

PROJECT = Path(__file__).resolve().parent
MAP_LIBRARY = PROJECT / "node_modules" / "maplibre-gl" / "dist"
MAP_FILES = ("maplibre-gl.mjs", "maplibre-gl-shared.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css")


class BuildPackage(build_py):  # type: ignore[misc, unused-ignore]
    """Copy the data files into the package."""

    def run(self) -> None:
        """Build into an empty folder: setuptools would keep modules that were deleted since the last build."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            copy_data(Path(self.build_lib) / "gridsvc")


def copy_data(package: Path) -> None:
    """Copy `geodata/` and the map library; raises FileNotFoundError with the cure where `npm ci` has not run."""
    missing = [name for name in MAP_FILES if not (MAP_LIBRARY / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{MAP_LIBRARY} has no {missing[0]}. Type: npm ci --ignore-scripts, or ./run setup")
    shutil.copytree(PROJECT / "geodata", package / "geodata")
    vendor = package / "api" / "screen" / "vendor"
    vendor.mkdir(parents=True)
    for name in MAP_FILES:
        shutil.copy2(MAP_LIBRARY / name, vendor / name)
    (vendor / "LICENSES.txt").write_text("\n\n".join(list_licences()), encoding="utf-8")


def list_licences() -> list[str]:
    """Return name, version and licence text of MapLibre and of each package that its files contain."""
    locked: dict[str, dict[str, Any]] = json.loads((PROJECT / "package-lock.json").read_text("utf-8"))["packages"]
    texts = []
    for folder, package in sorted(locked.items()):
        if folder and not package.get("dev") and (PROJECT / folder).is_dir():
            title = (
                f"{folder.removeprefix('node_modules/')} {package['version']}, {package.get('license', 'see below')}"
            )
            # A package without a licence file has its licence in its README.
            files = find_files(PROJECT / folder, "licen") or find_files(PROJECT / folder, "readme")
            texts.append("\n\n".join([f"=== {title}", *(path.read_text("utf-8").strip() for path in files)]) + "\n")
    return texts


def find_files(folder: Path, start: str) -> list[Path]:
    """Return the files of a folder whose names begin so, in upper or lower case."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().startswith(start))


setup(cmdclass={"build_py": BuildPackage})

"""GDAL and QGIS for the tests of the GIS desk: the system's, or GDAL unpacked for an ordinary user.

Standard library only: `./run test` calls it before anything of ours is installed. QGIS has 160 packages; only
`./run test --all` installs it, and only as root.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from gridsvc.db.cluster import os_packages

PACKAGES = {"gdal": "gdal-bin", "qgis": "python3-qgis"}
_PYTHONS = ("python3", "python3.13", "python3.12", "python3.11", "python3.14")


def find_gdal() -> Path | None:
    """Find the folder of ogrinfo and ogr2ogr."""
    found = shutil.which("ogrinfo")
    if found is not None:
        return Path(found).parent
    wrappers = _prefix() / "run"
    return wrappers if wrappers.exists() else None


def find_qgis() -> Path | None:
    """Find a Python of the system that has the package `qgis`."""
    for folder in ("/usr/bin", "/usr/local/bin"):
        for name in _PYTHONS:
            python = Path(folder) / name
            if python.exists() and _has_qgis(python):
                return python
    return None


def get_gdal() -> Path:
    """Find GDAL, or install or unpack it; raises PackagesFailed."""
    found = find_gdal()
    if found is None:
        package = PACKAGES["gdal"]
        if os_packages.administrator() is not None:
            os_packages.install([package], _report)
        else:
            options = os_packages.private_options(_report, f"^{package}$")
            os_packages.unpack([package], _prefix(), options=options, report=_report, finish=_write_wrappers)
        found = find_gdal()
    if found is None:
        raise os_packages.PackagesFailed("GDAL is not to be had here. Type: sudo apt-get install gdal-bin")
    return found


def get_qgis() -> Path:
    """Find QGIS, or install it as root; raises PackagesFailed."""
    found = find_qgis()
    if found is None:
        os_packages.install([PACKAGES["qgis"]], _report)
        found = find_qgis()
    if found is None:
        raise os_packages.PackagesFailed("QGIS is not to be had here. Type: sudo apt-get install python3-qgis")
    return found


def _has_qgis(python: Path) -> bool:
    done = subprocess.run([python, "-I", "-c", "import qgis.core"], capture_output=True, check=False)
    return done.returncode == 0


def _prefix() -> Path:
    return os_packages.private_folder() / "gdal"


def _write_wrappers(tree: Path) -> None:
    """Write scripts that start the programs from their final folder, with their own libraries."""
    prefix = _prefix()
    environment = {
        name: value.replace(str(tree), str(prefix)) for name, value in os_packages.environment_of(tree).items()
    }
    (tree / "run").mkdir()
    for program in ("ogrinfo", "ogr2ogr"):
        lines = [f"export {name}='{value}'" for name, value in environment.items()]
        script = tree / "run" / program
        script.write_text("\n".join(["#!/bin/sh", *lines, f"exec '{prefix}/usr/bin/{program}' \"$@\"", ""]), "utf-8")
        script.chmod(0o755)


def _report(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str]) -> int:
    """Print where a program is; with --package only the package that root should install, if it is missing."""
    name = arguments[0]
    find, get = {"gdal": (find_gdal, get_gdal), "qgis": (find_qgis, get_qgis)}[name]
    if arguments[1:] == ["--package"]:
        if find() is None and os_packages.have_apt() and os_packages.administrator() is not None:
            sys.stdout.write(PACKAGES[name] + "\n")
        return 0
    try:
        sys.stdout.write(f"{get()}\n")
    except os_packages.PackagesFailed as failed:
        _report(failed.detail)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

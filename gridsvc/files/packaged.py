"""Data files that belong to the program: the facts of `geodata/`, and the map library of the screen.

A wheel has both inside the package, where `setup.py` puts them. A clone has them at its top level: `geodata/`, and
`node_modules/`, which `./run setup` fills.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_PACKAGE = Path(str(files("gridsvc")))


def geodata_folder() -> Path:
    """Return the folder with the catalogue, response plans, clock policies, calendar and known divisions."""
    return _first_folder(_PACKAGE / "geodata", _PACKAGE.parent / "geodata")


def map_library_folder() -> Path:
    """Return the folder with MapLibre's files; it does not exist in a clone that is not set up."""
    return _first_folder(
        _PACKAGE / "api" / "screen" / "vendor", _PACKAGE.parent / "node_modules" / "maplibre-gl" / "dist"
    )


def _first_folder(in_wheel: Path, in_clone: Path) -> Path:
    return in_wheel if in_wheel.is_dir() else in_clone

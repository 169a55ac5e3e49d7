"""The known divisions of a district: names and codes from `geodata/*/divisions.csv`."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from gridsvc.coordinates import Bounds
from gridsvc.files.packaged import geodata_folder
from gridsvc.grids.levels import Level
from gridsvc.grids.naming import KnownDivision

if TYPE_CHECKING:
    from pathlib import Path


def find_district_name(district: str, folder: Path | None = None) -> str | None:
    """Return the name of a known district, or None."""
    return next((row["name"] for row in _rows(district, folder) if row["level"] == "district"), None)


def list_divisions(district: str, folder: Path | None = None) -> list[KnownDivision]:
    """Return the known townships and villages of a district; empty where it is not known."""
    return [
        KnownDivision(
            Level.from_key(row["level"]),
            row["code"],
            row["name"],
            row["parent"],
            row["former_name"] or None,
            row["urban_rural_code"] or None,
        )
        for row in _rows(district, folder)
        if row["level"] != "district"
    ]


def _rows(district: str, folder: Path | None) -> list[dict[str, str]]:
    for path in sorted((folder or geodata_folder()).glob("*/divisions.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if any(row["level"] == "district" and row["code"] == district for row in rows):
            return rows
    return []


def find_district_box(district: str, folder: Path | None = None) -> Bounds | None:
    """Return the box round the known seats of a district's townships, WGS-84; None where they are not known."""
    for path in sorted((folder or geodata_folder()).glob("*/seats.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            seats = [row for row in csv.DictReader(file) if row["code"].startswith(district)]
        if seats:
            lon, lat = ([float(row[key]) for row in seats] for key in ("lon", "lat"))
            return Bounds(min(lon), min(lat), max(lon), max(lat))
    return None

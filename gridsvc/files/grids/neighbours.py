"""Public names around a district: what it belongs to, what lies elsewhere, and townships that it took over."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.files.grids.divisions import find_district_name
from gridsvc.files.packaged import geodata_folder

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class NamedElsewhere:
    """A division outside the district: level province, prefecture, county or township; degrees are rough.

    `county`: the county of a township.
    """

    name: str
    level: str
    lon: float
    lat: float
    county: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`province`, `prefecture`: names of what a district belongs to, None where it is not known."""

    province: str | None
    prefecture: str | None
    elsewhere: tuple[NamedElsewhere, ...]


def read_surroundings(district: str, folder: Path | None = None) -> Surroundings:
    """Return the public names around a district of China; nothing for another."""
    if not (len(district) == 6 and district.isdigit() and district[0] in "123456"):
        return Surroundings(None, None, ())
    with ((folder or geodata_folder()) / "neighbours.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    above = {row["code"]: row for row in rows if row["code"]}
    own = {district[:2] + "0000": "province", district[:4] + "00": "prefecture", district: "county"}
    elsewhere = []
    for row in rows:
        if (row["code"] or row["parent"]) in own and (row["level"] != "township" or row["parent"] == district):
            continue
        place = row if row["lon"] else above[row["parent"]]
        county = above[row["parent"]]["name"] if row["level"] == "township" else None
        elsewhere.append(NamedElsewhere(row["name"], row["level"], float(place["lon"]), float(place["lat"]), county))
    names = {level: above[code]["name"] for code, level in own.items() if code in above}
    return Surroundings(names.get("province"), names.get("prefecture"), tuple(elsewhere))


def list_former_townships(district: str, folder: Path | None = None) -> list[tuple[str, str]]:
    """Return (name, code of today's township) of the townships that a known district took over."""
    if find_district_name(district, folder) is None:
        return []
    found = []
    for path in sorted((folder or geodata_folder()).glob("*/former_townships.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found += [(row["name"], row["code"]) for row in csv.DictReader(file) if row["code"].startswith(district)]
    return found

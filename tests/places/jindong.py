"""The gazetteer of Jindong for tests: its divisions, former townships, neighbours; the points are made up."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from gridsvc.places.gazetteer import Gazetteer
from gridsvc.places.model import DistrictName, Entry

GEODATA = Path(__file__).parents[2] / "geodata"
DISTRICT = DistrictName("金东区", above=("浙江省", "金华市"), also=("金义新区", "金义都市新区", "金华县"))


@cache
def gazetteer() -> Gazetteer:
    return Gazetteer.of([*_divisions(), *_former(), *_elsewhere()], DISTRICT)


def _rows(name: str) -> list[dict[str, str]]:
    with (GEODATA / name).open(encoding="utf-8") as f:
        return list(csv.DictReader(f))


def _point(k: int) -> tuple[float, float]:
    return 119.6 + (k % 20) * 0.01, 29.0 + (k // 20) * 0.01


def _divisions() -> list[Entry]:
    rows = _rows("jindong/divisions.csv")
    townships = {row["code"]: row["name"] for row in rows if row["level"] == "township"}
    entries = []
    for k, row in enumerate(rows):
        lon, lat = _point(k)
        if row["level"] == "district":
            entries.append(Entry(row["name"], "district", lon, lat, 20_000.0, codes=(row["code"],)))
        elif row["level"] == "township":
            codes = (row["parent"], row["code"])
            entries.append(Entry(row["name"], "township", lon, lat, 5000.0, township=row["name"], codes=codes))
        else:
            town = townships[row["parent"]]
            inside = ("330703", row["parent"], row["code"])
            for name in filter(None, (row["name"], row["former_name"])):
                former = row["code"] if name != row["name"] else None
                entries.append(Entry(name, "village", lon, lat, 800.0, town, row["name"], inside, former))
    return entries


def _former() -> list[Entry]:
    names = {row["code"]: row["name"] for row in _rows("jindong/divisions.csv")}
    return [
        Entry(
            row["name"], "township", 119.8, 29.1, 5000.0, names[row["code"]], None, ("330703", row["code"]), row["code"]
        )
        for row in _rows("jindong/former_townships.csv")
    ]


def _elsewhere() -> list[Entry]:
    rows = _rows("neighbours.csv")
    names = {row["code"]: row["name"] for row in rows if row["code"]}
    return [
        Entry(
            row["name"],
            "elsewhere",
            float(row["lon"] or 120),
            float(row["lat"] or 29),
            1000.0,
            parts={"in": names.get(row["parent"], "")},
        )
        for row in rows
    ]

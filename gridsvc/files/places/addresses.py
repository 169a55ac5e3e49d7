"""Addresses out of a CSV file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gridsvc.coordinates import check_lonlat
from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import BadRows, read_csv_text
from gridsvc.files.places.places import read_degrees

if TYPE_CHECKING:
    from pathlib import Path

    Row = tuple[str, str, float, float, float]

_DEFAULT_RADIUS_M = 30.0


def read_addresses(path: Path) -> tuple[list[Row], BadRows]:
    """Return (text, level, lon, lat, radius_m) of each row, WGS-84 degrees and metres, and the rows left out.

    The columns are text, lon and lat (or their usual other names), and if there are such, level and radius_m.

    Raises
    ------
    InvalidInput
        When it is no CSV, a column is missing, or no row can be used.
    """
    text = read_csv_text(path)
    at = {name: text.column(name) for name in ("text", "lon", "lat")}
    at |= {name: text.columns.index(name) for name in ("level", "radius_m") if name in text.columns}
    found: list[Row] = []
    bad = BadRows(path)
    for number, cells in text.rows():
        try:
            text.check_width(cells)
            row = {name: cells[column] for name, column in at.items()}
            found.append(_row(row, decimal_comma=text.separator != ","))
        except InvalidInput as refusal:
            bad.add(number, refusal.detail)
    bad.refuse_all(len(found))
    if not found:
        raise InvalidInput(f"{path} holds no addresses. Give one line each: text,lon,lat.", kind="empty-file")
    return found, bad


def _row(cells: dict[str, str], *, decimal_comma: bool) -> Row:
    text = cells["text"].strip()
    if not text:
        raise InvalidInput("the address is empty. Give it, or delete the row.")
    lon = read_degrees(cells["lon"], "longitude", decimal_comma=decimal_comma)
    lat = read_degrees(cells["lat"], "latitude", decimal_comma=decimal_comma)
    check_lonlat(lon, lat)
    radius_m = _DEFAULT_RADIUS_M
    if given := cells.get("radius_m", "").strip():
        radius_m = read_degrees(given, "radius", decimal_comma=decimal_comma)
        if not math.isfinite(radius_m) or radius_m < 0:
            raise InvalidInput(f"the radius is {given!r}. Give metres from 0.")
    return text, cells.get("level", "").strip() or "house", lon, lat, radius_m

"""Addresses out of a CSV."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gridsvc.coordinates import check_lonlat
from gridsvc.errors import InvalidInput
from gridsvc.files.law.catalogue import read_csv

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = ("text", "lon", "lat")


def read_addresses(path: Path) -> list[tuple[str, str, float, float, float]]:
    """Return (text, level, lon, lat, radius_m) a line; columns text, lon, lat, and if present level and radius_m.

    Raises
    ------
    InvalidInput
        With file, line and cure.
    """
    found = []
    for line, row in read_csv(path, NEEDED):
        where = f"{path}, line {line}"
        if not row["text"].strip():
            raise InvalidInput(f"{where}: `text` is empty. Give the address, or drop the line.")
        lon, lat = _number(row["lon"], where, "lon"), _number(row["lat"], where, "lat")
        radius_m = _number(row.get("radius_m") or "30", where, "radius_m")
        try:
            check_lonlat(lon, lat)
        except InvalidInput as refusal:
            raise InvalidInput(f"{where}: {refusal.detail}", kind=refusal.kind) from None
        found.append((row["text"].strip(), row.get("level") or "house", lon, lat, radius_m))
    if not found:
        raise InvalidInput(f"{path} holds no addresses. Give one line each: text,lon,lat.")
    return found


def _number(text: str, where: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidInput(f"{where}: `{column}` is {text!r}. Give a number.") from None
    if not math.isfinite(value):
        raise InvalidInput(f"{where}: `{column}` is {text!r}. Give a finite number.")
    return value

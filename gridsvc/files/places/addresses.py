"""Addresses with their coordinates, as an office keeps them: one text, or the fields of a standard address."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gridsvc.coordinates import check_lonlat
from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import HEADERS, BadRows, read_csv_text
from gridsvc.files.places.places import read_degrees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gridsvc.files.csv_text import CsvText

_DEFAULT_RADIUS_M = 30.0

FIELDS: Mapping[str, tuple[str, ...]] = {
    "province": ("province", "省", "省份", "省级", "省(自治区、直辖市)"),
    "city": ("city", "市", "地级市", "市级", "设区市"),
    "county": ("county", "县", "区县", "县区", "市辖区", "县级", "县(市、区)", "区"),
    "township": ("township", "town", "乡镇", "街道", "乡镇街道", "镇街", "街镇", "乡级", "乡镇(街道)"),
    "village": ("village", "community", "村", "社区", "村社", "村社区", "行政村", "村(社区)", "村居", "居委会"),
    "hamlet": ("hamlet", "自然村"),
    "street": ("street", "road", "街路巷", "街路巷弄", "街路巷(弄)", "道路", "路名", "街道路巷"),
    "house": ("house", "house_number", "housenumber", "门牌号", "门牌", "门楼牌号", "门(楼)牌号", "门(楼)牌"),
    "estate": ("estate", "小区", "住宅小区", "小区名称"),
    "building": ("building", "楼栋", "楼栋号", "楼幢", "楼幢号", "幢", "栋"),
    "unit": ("unit", "单元", "单元号"),
    "room": ("room", "户", "户室", "户室号", "户号", "室", "房号"),
    "postcode": ("postcode", "zip", "邮编", "邮政编码"),
}
"""The fields of an address (GB/T 23705) and their usual headers, in lower case; wide to narrow, as they are written."""

_SUFFIXES = {"house": "号", "building": "幢", "unit": "单元", "room": "室"}
_LEVELS = (("house", "house"), ("building", "house"), ("street", "road"), ("estate", "place"), ("hamlet", "place"),
           ("village", "village"), ("township", "township"))  # fmt: skip
"""The level of an address by its narrowest field."""


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One address, WGS-84 degrees and metres; `parts` has the fields that have a value."""

    text: str
    level: str
    lon: float
    lat: float
    radius_m: float
    parts: dict[str, str] = field(default_factory=dict)


def read_addresses(path: Path) -> tuple[list[AddressRow], BadRows]:
    """Return the address of each row, and the rows left out.

    The columns are lon and lat, and text or fields of a standard address (FIELDS), each by one of its usual names; if
    there are such, also level and radius_m. Without a text it is written from the fields.

    Raises
    ------
    InvalidInput
        When it is no CSV, a column is missing, or no row can be used.
    """
    text = read_csv_text(path)
    fields = _fields(text)
    at = {name: text.column(name) for name in ("lon", "lat")}
    if not fields or any(_plain(title) in HEADERS["text"] for title in text.columns):
        at["text"] = text.column("text")
    at |= {name: text.columns.index(name) for name in ("level", "radius_m") if name in text.columns}
    found: list[AddressRow] = []
    bad = BadRows(path)
    for number, cells in text.rows():
        try:
            text.check_width(cells)
            row = {name: cells[column] for name, column in at.items()}
            parts = {name: value for name, column in fields.items() if (value := "".join(cells[column].split()))}
            found.append(_row(row, parts, decimal_comma=text.separator != ","))
        except InvalidInput as refusal:
            bad.add(number, refusal.detail)
    bad.refuse_all(len(found))
    if not found:
        raise InvalidInput(f"{path} holds no addresses. Give one line each: text,lon,lat.", kind="empty-file")
    return found, bad


def _fields(text: CsvText) -> dict[str, int]:
    """Return the column of each field that the file has."""
    titles = [_plain(title) for title in text.columns]
    found = {}
    for name, headers in FIELDS.items():
        column = next((titles.index(header) for header in headers if header in titles), None)
        if column is not None:
            found[name] = column
    return found


def _plain(title: str) -> str:
    return "".join(title.split()).lower().replace("（", "(").replace("）", ")")


def _row(cells: Mapping[str, str], parts: dict[str, str], *, decimal_comma: bool) -> AddressRow:
    text = cells.get("text", "").strip() or _written(parts)
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
    level = next((level for name, level in _LEVELS if name in parts), "house")
    return AddressRow(text, cells.get("level", "").strip() or level, lon, lat, radius_m, parts)


def _written(parts: Mapping[str, str]) -> str:
    """Return the text of an address from its fields, wide to narrow; a bare number gets its suffix."""
    words = []
    for name in FIELDS:
        value = parts.get(name, "")
        if name != "postcode" and value:
            words.append(value + _SUFFIXES[name] if name in _SUFFIXES and value[-1].isdigit() else value)
    return "".join(words)

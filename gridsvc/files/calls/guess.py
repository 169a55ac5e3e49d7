"""A map proposed from the titles of an export and its first rows: for a person to check, never silently right."""

from __future__ import annotations

import csv as plain_csv
import re
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from gridsvc.compliance.call_map import ISO, CallMap
from gridsvc.errors import InvalidInput
from gridsvc.files.calls.read import inspect_calls
from gridsvc.files.calls.stamps import read_stamps
from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ROWS = 2000

# Of each column, words of its title, the likeliest first; a title must have all words of an entry.
TITLES: dict[str, tuple[str, ...]] = {
    "received": ("received dttm", "received", "call received", "time received", "call time", "alarm time", "created",
                 "reported", "接警时间", "接报时间", "报警时间", "受理时间"),
    "dispatched": ("dispatch dttm", "dispatched", "dispatch time", "dispatch", "assigned", "notified", "派单时间",
                   "派警时间", "调派时间", "出动命令时间"),
    "acknowledged": ("acknowledged", "acknowledge", "签收时间"),
    "en_route": ("response dttm", "en route", "enroute", "turnout time", "responding", "departed", "rolling",
                 "出动时间", "出警时间", "出发时间"),
    "on_scene": ("on scene dttm", "on scene", "onscene", "arrived", "arrival", "at scene", "到场时间", "到达时间",
                 "到达现场时间"),
    "cleared": ("available dttm", "available", "cleared", "clear", "in service", "closed", "离场时间", "结束时间"),
    "case": ("incident number", "incident no", "incident id", "incident", "case number", "case id", "event number",
             "call number", "案件编号", "警情编号", "事件编号", "工单编号"),
    "team": ("unit id", "unit", "apparatus", "vehicle", "resource", "callsign", "队伍", "车辆", "处置单位", "出动单位"),
    "type": ("call type", "incident type", "nature", "problem", "event type", "type",
             "案件类型", "警情类型", "事件类型"),
    "township": ("neighborhood", "neighborhooods", "township", "city", "jurisdiction", "乡镇", "街道", "镇街"),
    "area": ("battalion", "beat", "district", "sector", "片区"),
    "lon": ("longitude", "lon", "lng", "经度"),
    "lat": ("latitude", "lat", "纬度"),
    "point": ("location", "point", "coordinates", "坐标"),
}  # fmt: skip
TIMES = ("received", "dispatched", "acknowledged", "en_route", "on_scene", "cleared")
FORMATS = (
    ISO, "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H时%M分%S秒", "%d.%m.%Y %H:%M:%S",
    "%m/%d/%y %H:%M", "%Y%m%d%H%M%S", "epoch_s", "epoch_ms",
)  # fmt: skip


def guess_map(path: Path) -> CallMap:
    """Propose a map of an export.

    Times are taken to be in UTC, since a file does not say where its clocks hang: a person sets `time_zone`.

    Raises
    ------
    InvalidInput
        When no column looks like the case, or none like the time of the report.
    """
    file = inspect_calls(path)
    samples = _samples(path, file.encoding, file.separator, file.lines_above)
    columns: dict[str, tuple[str, ...]] = {}
    for name, titles in TITLES.items():
        taken = {title for each in columns.values() for title in each}
        found = _best(file.titles, titles, taken)
        if name in TIMES and found is not None and not _formats([samples[file.titles.index(found)]]):
            found = None  # a column of numbers or names with such a title
        if name == "point" and (found is None or not _is_point(samples[file.titles.index(found)]) or "lon" in columns):
            continue
        if found is not None:
            columns[name] = (found,)
    for needed, what in (("case", "the number of the case"), ("received", "the time of the report")):
        if needed not in columns:
            raise InvalidInput(
                f"{path}: no column looks like {what}. Write a map by hand; docs/exports.md shows one. The header has: "
                f"{', '.join(file.titles)[:300]}.",
                kind="nothing-guessed",
            )
    stamps = [samples[file.titles.index(columns[name][0])] for name in TIMES if name in columns]
    return CallMap(
        id=re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "guessed",
        name=f"Guessed from {path.name}",
        columns=columns,
        time_formats=tuple(_formats(stamps)) or (ISO,),
        time_zone="UTC",
    )


def _samples(path: Path, encoding: str, separator: str, lines_above: int) -> list[list[str]]:
    """Return the first cells of each column."""
    with path.open(encoding=encoding, newline="") as file:
        rows = list(islice(plain_csv.reader(file, delimiter=separator), lines_above + _ROWS))
    width = max((len(row) for row in rows), default=0)
    header = next((n for n, row in enumerate(rows) if any(cell.strip() for cell in row)), 0)
    body = [row + [""] * (width - len(row)) for row in rows[header + 1 :]]
    return [list(column) for column in zip(*body, strict=True)] if body else [[] for _ in range(width)]


def _plain(title: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title)
    return " ".join(re.sub(r"[_\-./()]+", " ", spaced).split()).casefold()


def _best(titles: Sequence[str], wanted: Sequence[str], taken: set[str]) -> str | None:
    """Return the title that fits best: equal before beginning with before having the words."""
    free = [title for title in titles if title not in taken and titles.count(title) == 1]
    for fits in (
        lambda plain, words: plain.replace(" ", "") == words.replace(" ", ""),
        lambda plain, words: plain.replace(" ", "").startswith(words.replace(" ", "")),
        lambda plain, words: f" {words} " in f" {plain} " or (not words.isascii() and words in plain),
    ):
        for words in wanted:
            for title in free:
                if fits(_plain(title), words):
                    return title
    return None


def _formats(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the fewest formats that read every time of the columns; none where some cannot be read.

    Where two read as many (day and month may be exchanged), the one that keeps the steps in order would need a person:
    the first of the list is taken.
    """
    cells = [cell.strip() for column in columns for cell in column if cell.strip()]
    left = cells
    found: list[str] = []
    while left:
        counts = {form: _read(left, [form]) for form in FORMATS if form not in found}
        best = max(counts, key=lambda form: counts[form], default=None)
        if best is None or counts[best] == 0:
            return found if len(left) <= len(cells) // 50 else []
        found.append(best)
        at_us, _ = read_stamps(pa.array(left), [best])
        left = [cell for cell, read in zip(left, (at_us != MISSING).tolist(), strict=True) if not read]
    return found


def _read(cells: Sequence[str], formats: Sequence[str]) -> int:
    return int((read_stamps(pa.array(cells, pa.string()), formats)[0] != MISSING).sum())


def _is_point(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return (
        bool(filled) and sum(bool(re.search(r"-?\d+\.\d+[,\s]+-?\d+\.\d+", cell)) for cell in filled) > len(filled) // 2
    )

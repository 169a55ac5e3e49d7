"""A list of divisions and their codes out of a CSV, as the statistics publish it every year."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import read_csv_text
from gridsvc.files.grids.columns import choose_columns
from gridsvc.files.text import replacing
from gridsvc.grids.levels import Level
from gridsvc.grids.naming import KnownDivision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gridsvc.grids.code_lists import CodeMatch

_LEVELS = ("level", "级别", "层级")
_FORMER = ("former_name", "原名", "曾用名")
_WORDS = {
    "regional": Level.REGIONAL, "township": Level.TOWNSHIP, "town": Level.TOWNSHIP, "area": Level.AREA,
    "village": Level.VILLAGE, "区域": Level.REGIONAL, "乡镇": Level.TOWNSHIP, "片区": Level.AREA, "村社": Level.VILLAGE,
}  # fmt: skip
_WIDER = frozenset({"province", "city", "county", "district"})


def read_code_list(path: Path, *, level: Level | None = None) -> list[KnownDivision]:
    """Read a CSV with the columns code and name, and where known parent, level and former_name.

    A national code of twelve digits says its level and its parent itself. Rows of a province, a city or a county are
    left out.

    Parameters
    ----------
    level
        Of all rows, for a list whose codes are others and that has no column of levels.

    Raises
    ------
    InvalidInput
        With file, row and cure: for a missing column, an empty code or name, a code that is there twice, and a row
        whose level is not known.
    """
    file = read_csv_text(path)
    rows = list(file.rows())
    for number, cells in rows:
        if len(cells) != len(file.columns):
            raise _bad(
                path, number, f"{len(cells)} cells, but the header has {len(file.columns)}. Fill in what is missing"
            )
    table: dict[str, Sequence[str]] = {name: [cells[k] for _, cells in rows] for k, name in enumerate(file.columns)}
    columns = _columns(path, table)
    folded = {name.strip().lower(): name for name in table}
    columns |= {
        what: folded[n] for what, names in (("level", _LEVELS), ("former", _FORMER)) for n in names if n in folded
    }
    found: dict[str, KnownDivision] = {}
    for row, (number, _) in enumerate(rows):
        cell = {what: table[column][row].strip() for what, column in columns.items()}
        if cell.get("level", "").lower() in _WIDER or _is_wider(cell["code"]):
            continue
        own = level or _WORDS.get(cell.get("level", "").lower()) or _level_of(cell["code"])
        if own is None:
            raise _bad(path, number, f"the level of {cell['code'][:40]!r} is not known. Add a column level, or --level")
        if not cell["code"] or not cell["name"]:
            raise _bad(path, number, "code or name is empty. Fill it in, or leave the row out")
        if cell["code"] in found:
            raise _bad(path, number, f"code {cell['code'][:40]} is there twice. Leave one of the two rows out")
        parent = cell.get("parent") or _parent_of(cell["code"], own)
        parent = parent[:6] if _is_wider(parent) else parent
        found[cell["code"]] = KnownDivision(own, cell["code"], cell["name"], parent, cell.get("former") or None)
    if not found:
        raise InvalidInput(f"{path} holds no township or village; give one line a division.", kind="empty-list")
    return list(found.values())


def write_matches(path: Path, matches: Iterable[CodeMatch]) -> None:
    """Write every row of a comparison to a CSV that a spreadsheet opens: UTF-8 with a byte order mark."""
    rows: Sequence[dict[str, object]] = [each.as_json() for each in matches]
    with replacing(path) as draft, draft.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _columns(path: Path, table: dict[str, Sequence[str]]) -> dict[str, str]:
    try:
        found = choose_columns(path, table, {})
    except InvalidInput:
        found = {}
    if missing := [name for name in ("code", "name") if name not in found]:
        raise InvalidInput(
            f"{path} has no column {missing[0]}, filled in every row and a code in one row only; its first line has "
            f"{', '.join(table)[:200] or 'nothing'}. Call two columns code and name.",
            kind="no-column",
        )
    return found


def _bad(path: Path, number: int, what: str) -> InvalidInput:
    return InvalidInput(f"{path}, row {number}: {what}.", kind="bad-row")


def _is_national(code: str) -> bool:
    return len(code) == 12 and code.isascii() and code.isdigit()


def _is_wider(code: str) -> bool:
    return _is_national(code) and code.endswith("000000")


def _level_of(code: str) -> Level | None:
    if not _is_national(code):
        return None
    return Level.TOWNSHIP if code.endswith("000") else Level.VILLAGE


def _parent_of(code: str, level: Level) -> str:
    if not _is_national(code):
        return ""
    return f"{code[:9]}000" if level > Level.TOWNSHIP else code[:6]

"""Which column of a file is the code, the name, the parent: by what counties call them, and by what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

# What columns are called, in Chinese cadastres and elsewhere; earlier names win.
_CALLED = {
    "code": (
        "code",
        "grid_code",
        "gridcode",
        "网格编码",
        "网格代码",
        "统计用区划代码",
        "区划代码",
        "行政区划代码",
        "行政区代码",
        "编码",
        "代码",
        "xzqdm",
        "zldwdm",
        "qsdwdm",
        "adcode",
        "village_code",
        "town_code",
        "bm",
        "dm",
    ),
    "name": (
        "name",
        "grid_name",
        "gridname",
        "网格名称",
        "村名称",
        "村社名称",
        "村名",
        "乡镇名称",
        "乡镇名",
        "行政区名称",
        "区划名称",
        "名称",
        "名字",
        "xzqmc",
        "zldwmc",
        "qsdwmc",
        "village",
        "town",
        "nam",
        "mc",
    ),
    "parent": (
        "parent",
        "parent_code",
        "上级编码",
        "上级代码",
        "上级网格编码",
        "上级网格",
        "上级",
        "所属乡镇代码",
        "所属乡镇",
        "所属片区",
        "pcode",
        "sjdm",
    ),
    "officer": ("officer", "网格员", "网格长", "执法队员", "专职执法队员"),
    "urban_rural_code": ("urban_rural_code", "ur_code", "城乡分类代码", "城乡分类", "cxfldm"),
}
_FIELD_BYTES = 10
"""How much of a column's name a Shapefile keeps."""
_DIGITS = re.compile(r"[0-9]{6,}")
_PLACE = re.compile(r"(街道|镇|乡|村|社区|委会|片区|网格|区域|管委会|开发区)$")


def choose_columns(
    path: Path, table: dict[str, Sequence[Any]], wanted: dict[str, str | None], words: Collection[str] = ()
) -> dict[str, str]:
    """Return {code, name, parent, officer, urban_rural_code: column} for those that the table has.

    Parameters
    ----------
    wanted
        Columns that the caller named; they win.
    words
        Names that the grids may have; they decide between columns of text that no usual name decides.

    Raises
    ------
    InvalidInput
        For a column that is not there, and where none is known to hold the names.
    """
    columns: dict[str, str] = {}
    listed = ", ".join(table) or "none at all"
    for what, result in wanted.items():
        if result is not None:
            if result not in table:
                raise InvalidInput(
                    f"{path} has no column {result!r}; it has {listed}.",
                    kind="no-column",
                    retry=[[f"--{what}-field", name] for name in _likely(what, table)],
                )
            columns[what] = result
    for what in _CALLED:
        if what not in columns:
            found = [name for name in _called(what, table) if name not in columns.values()]
            best = _best(what, found, table)
            if best is not None:
                columns[what] = best
    if "name" not in columns:
        texts = [name for name, values in table.items() if are_texts(values) and name not in columns.values()]
        places = [name for name in texts if _are_places(table[name], words)]
        if len(texts) == 1 or len(places) == 1:
            columns["name"] = texts[0] if len(texts) == 1 else places[0]
        elif "code" not in columns and texts:
            raise InvalidInput(
                f"{path}: which column has the names? Say it by --name-field; there are {listed}.",
                kind="no-column",
                retry=[["--name-field", name] for name in (places or texts)[:8]],
            )
    return columns


def cut_names(columns: dict[str, str]) -> list[str]:
    """Return what to say of columns whose names a Shapefile has cut."""
    return [
        f"column {column!r} is taken as {full!r}: a Shapefile keeps {_FIELD_BYTES} bytes of a name"
        for what, column in columns.items()
        if column.strip().lower() not in _CALLED.get(what, ())
        for full in [next((name for name in _CALLED.get(what, ()) if _is_cut(column, name)), None)]
        if full is not None
    ]


def _called(what: str, table: dict[str, Sequence[Any]]) -> Iterator[str]:
    """Yield the columns that are called so, the most usual name first, then those whose names were cut."""
    folded = {name.strip().lower(): name for name in reversed(list(table))}
    yield from (folded[name] for name in _CALLED[what] if name in folded)
    for full in _CALLED[what]:
        for name, values in table.items():
            if _is_cut(name, full) and (what not in {"code", "name"} or are_codes(values) == (what == "code")):
                yield name


def _is_cut(name: str, full: str) -> bool:
    """Whether a column's name is what a Shapefile keeps of the full one, in GBK or UTF-8, with or without a number."""
    typed = name.strip().lower()
    plain = re.sub(r"_[0-9]+$", "", typed)
    if plain == full or not full.startswith(plain):
        return False
    least = _FIELD_BYTES - (4 if plain != typed else 2)  # room for the number, and for half a character
    return any(
        len(full.encode(encoding)) > _FIELD_BYTES and least <= len(plain.encode(encoding)) <= _FIELD_BYTES
        for encoding in ("gb18030", "utf-8")
    )


def _best(what: str, found: Sequence[str], table: dict[str, Sequence[Any]]) -> str | None:
    """Return the first that is filled in every row, else the first with a text; a code is different in every row."""
    if what == "code":
        return next((name for name in found if are_distinct(table[name])), None)
    whole = [name for name in found if all(text_of(value) is not None for value in table[name])]
    some = [name for name in found if any(text_of(value) is not None for value in table[name])]
    return next(iter((*whole, *some)), None)


def _likely(what: str, table: dict[str, Sequence[Any]]) -> list[str]:
    return [name for name, values in table.items() if (are_codes if what == "code" else are_texts)(values)][:8]


def are_distinct(values: Sequence[Any]) -> bool:
    """Say whether a guessed code column is different for every grid; an adcode that all share does not."""
    texts = [text_of(value) for value in values]
    return None not in texts and len(set(texts)) == len(texts)


def are_codes(values: Sequence[Any]) -> bool:
    """Whether all are numbers of six digits or more."""
    return bool(len(values)) and all(_DIGITS.fullmatch(text_of(value) or "") for value in values)


def are_texts(values: Sequence[Any]) -> bool:
    """Whether there is a text among them that is more than a number."""
    return any(isinstance(value, str) and value.strip() and not _DIGITS.fullmatch(value.strip()) for value in values)


def _are_places(values: Sequence[Any], words: Collection[str]) -> bool:
    texts = [text_of(value) or "" for value in values]
    return sum(text in words or _PLACE.search(text) is not None for text in texts) >= 0.5 * len(texts) > 0


def text_of(value: object) -> str | None:
    """Return a cell as text; None for an empty one. A code that a spreadsheet turned into a number is one again."""
    if value is None or (isinstance(value, (float, np.floating)) and not np.isfinite(value)):
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return str(value).strip() or None


def texts_of(table: dict[str, Sequence[Any]], column: str | None, count: int) -> list[str | None]:
    """Return a column as texts; None in each row where there is no such column."""
    return [None] * count if column is None else [text_of(value) for value in table[column]]

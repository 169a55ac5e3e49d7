"""Figures of compliance as tables: one row for each interval and group, or the whole answer as JSON."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from gridsvc.files.text import check_ending, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENDINGS = (".csv", ".parquet", ".json")


def write_figures(path: Path, answer: Mapping[str, Any]) -> None:
    """Write an answer of `compliance`: its rows as .csv or .parquet, all of it as .json.

    Each row has the policy with its version and the period, so that no figure leaves its definition behind. `by_unit`
    is the name of a unit and `by_unit_id` its id, and so for every dimension whose groups have names. Raises
    InvalidInput for another ending, or a file that cannot be written.
    """
    check_ending(path, ENDINGS)
    with replacing(path) as draft:
        if path.suffix.lower() == ".json":
            draft.write_text(json.dumps(answer, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            return
        rows = table_rows(answer)
        names = list(dict.fromkeys(name for row in rows for name in row))
        if path.suffix.lower() == ".csv":
            with draft.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.DictWriter(file, names, restval="")
                writer.writeheader()
                writer.writerows(rows)
            return
        _write_parquet(draft, rows, names)


def table_rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an answer as flat dictionaries: intervals, then the outcomes by the policy."""
    about = {
        "policy": answer["policy"],
        "policy_version": answer["clock"]["version"],
        "source": answer["source"],
        "since": answer["since"],
        "until": answer["until"],
    }
    found: list[dict[str, Any]] = []
    for part in ("rows", "rows_by_class", "outcomes", "outcomes_by_class"):
        for row in answer.get(part, ()):
            flat = {key: value for key, value in row.items() if key not in {"group", "interval"}}
            what = row.get("interval", "outcome")
            found.append({"interval": what} | _group(row["group"], answer["names"]) | flat | about)
    return found


def _group(group: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in group.items():
        found[f"by_{key}"] = value
        if key in names:
            found |= {f"by_{key}": names[key].get(value, value), f"by_{key}_id": value}
    return found


def _write_parquet(path: Path, rows: list[dict[str, Any]], names: list[str]) -> None:
    columns = {name: [row.get(name) for row in rows] for name in names}
    for name, values in columns.items():
        if name.startswith("by_"):  # a group may be a number or a word
            columns[name] = [None if value is None else str(value) for value in values]
    parquet.write_table(pa.table(columns), path)

"""`gridsvc bench`: the figures, measured here and now, side by side with what one would use instead."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from gridsvc.cli.answers import answer, json_option, say, table
from gridsvc.errors import InvalidInput, NotFound

PROJECT = Path(__file__).resolve().parents[2]


@click.command()
@click.argument("names", nargs=-1)
@json_option
def bench(*, names: tuple[str, ...], as_json: bool) -> None:
    """Measure; NAMES choose among the files of tests/benchmarks, all of them unless said."""
    folder = PROJECT / "tests" / "benchmarks"
    if not folder.is_dir():
        raise NotFound("The benchmarks lie in the project's tests. Run `./run bench` in a clone of it.")
    known = sorted(file.stem for file in folder.glob("*.py") if "\ndef rows(" in file.read_text(encoding="utf-8"))
    if unknown := sorted(set(names) - set(known)):
        raise InvalidInput(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
    sys.path.insert(0, str(PROJECT))
    rows: list[dict[str, Any]] = []
    for name in names or known:
        say(f"Measuring {name} ...")
        rows += importlib.import_module(f"tests.benchmarks.{name}").rows()
    answer(rows, as_json=as_json, show=lambda: _show(rows))


def _show(rows: list[dict[str, Any]]) -> None:
    table(
        ["what", "value", "unit", "peers", "ratio", "target", "met"],
        [
            (
                row["name"],
                f"{row['value']:.4g}",
                row["unit"],
                ", ".join(f"{peer} {value:.4g}" for peer, value in (row.get("peers") or {}).items()),
                "" if row.get("ratio") is None else f"{row['ratio']:.3g}x",
                row.get("target"),
                {True: "yes", False: "NO", None: ""}[row.get("met")],
            )
            for row in rows
        ],
    )

"""`gridsvc bench`: the figures, measured here and now, side by side with what one would use instead."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, json_option, say, table
from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]


@click.command()
@click.argument("names", nargs=-1)
@json_option
def bench(*, names: tuple[str, ...], as_json: bool) -> None:
    """Run the benchmarks NAMES (files of tests/benchmarks), or all of them."""
    folder = PROJECT / "tests" / "benchmarks"
    if not folder.is_dir():
        raise NotFound("The benchmarks are in the project's tests. Run `./run bench` in a clone of it.")
    known = sorted(file.stem for file in folder.glob("*.py") if "\ndef rows(" in file.read_text(encoding="utf-8"))
    if unknown := sorted(set(names) - set(known)):
        raise InvalidInput(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
    sys.path.insert(0, str(PROJECT))
    rows: list[dict[str, Any]] = []
    with _stdout_to_stderr():  # libraries that are measured beside ours print what they do
        for name in names or known:
            say(f"Measuring {name} ...")
            rows += _measure(name)
    answer(rows, as_json=as_json, show=lambda: _show(rows))


def _measure(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of one benchmark; if it fails, a last row that says why, so that the others still run."""
    try:
        yield from importlib.import_module(f"tests.benchmarks.{name}").rows()
    except Exception as failure:  # noqa: BLE001 - the other benchmarks still run
        reason = f"{type(failure).__name__}: {failure}".splitlines()[0][:300]
        yield {"name": f"{name}: failed", "value": None, "unit": "", "target": None, "met": None, "failed": reason}


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what this process, its libraries and its children write on stdout to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


def _show(rows: list[dict[str, Any]]) -> None:
    table(
        ["what", "value", "unit", "peers", "ratio", "target", "met"],
        [
            (
                row["name"],
                row["failed"] if row["value"] is None else f"{row['value']:.4g}",
                row["unit"],
                ", ".join(f"{peer} {value:.4g}" for peer, value in (row.get("peers") or {}).items()),
                "" if row.get("ratio") is None else f"{row['ratio']:.3g}x",
                row.get("target"),
                {True: "yes", False: "NO", None: ""}[row.get("met")],
            )
            for row in rows
        ],
    )

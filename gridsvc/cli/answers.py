"""How commands answer: tables and colours for people, one JSON value on stdout for programs, progress on stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gridsvc.operations.runtime.service import Service

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout, all else on stderr.")
district_option = click.option("--district", metavar="CODE", help="Which district, where more than one is loaded.")


def answer(value: Any, *, as_json: bool, show: Callable[[], None]) -> None:
    """Print the JSON value, or let `show` print it for a person."""
    if as_json:
        json.dump(value, sys.stdout, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
    else:
        show()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table on stdout; columns named with a trailing unit (`_s`, `_m2`) are aligned right."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        right = column.rsplit("_", 1)[-1] in {"s", "m", "m2", "kph"} or column in {"n", "number"}
        drawn.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(width=width, soft_wrap=False).print(drawn)


def say(words: str) -> None:
    """Tell the person what is going on, on stderr."""
    click.echo(words, err=True)


def progress(label: str) -> Callable[[int, int], None]:
    """Return a callback (done, of) that draws a bar on a terminal's stderr, from the second second on."""
    import time

    begun = time.monotonic()
    shown = False

    def draw(done: int, of: int) -> None:
        nonlocal shown
        if not sys.stderr.isatty() or (not shown and time.monotonic() - begun < 1.5):
            return
        shown = True
        share = done / of if of else 1.0
        filled = round(30 * share)
        end = "\n" if done >= of else ""
        sys.stderr.write(f"\r{label} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%}{end}")
        sys.stderr.flush()

    return draw


def opened_service(*, auth: str = "required", pool: int = 2) -> Service:
    """Return the service of the environment's settings, its database up and migrated."""
    from gridsvc.settings import Settings, open_service

    return open_service(Settings.read(auth=auth), pool=pool, report=say)

"""How commands answer: tables for people, one JSON value on stdout for programs, progress on stderr."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING
from uuid import UUID

import click

from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gridsvc.operations.runtime.service import Service

ACTOR = "command line"
"""Who did it, in the events that commands write."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON value to stdout, the rest to stderr."
)
district_option = click.option(
    "--district", metavar="CODE", help="Code of the district; needed where several are loaded."
)

_RIGHT_ALIGNED_UNITS = frozenset({"s", "m", "m2", "kph"})


def answer(value: object, *, as_json: bool, show: Callable[[], None]) -> None:
    """Print the JSON value, or let `show` print it for a person."""
    if not as_json:
        show()
        return
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    json.dump(value, sys.stdout, ensure_ascii=plain, allow_nan=False)
    sys.stdout.write("\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table on stdout; columns whose name ends with a unit (`_s`, `_m2`) are aligned right."""
    from rich.console import Console
    from rich.table import Table

    if title is not None:
        click.secho(printable(title), bold=True)
    drawn = Table(header_style="bold", box=None, pad_edge=False)
    for column in columns:
        right = column.rsplit("_", 1)[-1] in _RIGHT_ALIGNED_UNITS or column in {"n", "number"}
        drawn.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(width=width, soft_wrap=False, markup=False, emoji=False, highlight=False).print(drawn)


def printable(text: str) -> str:
    """Return a text without the control characters that would steer a terminal."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    )


def say(words: str) -> None:
    """Write a message to stderr."""
    click.echo(words, err=True)


def progress(label: str) -> Callable[[int, int], None]:
    """Return a callback (done, total) that draws a bar on a terminal's stderr after 1.5 seconds."""
    started = time.monotonic()
    shown = False

    def draw(done: int, total: int) -> None:
        nonlocal shown
        if not sys.stderr.isatty() or (not shown and time.monotonic() - started < 1.5):
            return
        shown = True
        share = done / total if total else 1.0
        filled = round(30 * share)
        end = "\n" if done >= total else ""
        sys.stderr.write(f"\r{label} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%}{end}")
        sys.stderr.flush()

    return draw


def opened_service(*, auth: str = "required", pool: int = 2) -> Service:
    """Return the service of the environment's settings, with its database started and migrated."""
    from gridsvc.settings import Settings, open_service

    return open_service(Settings.read(auth=auth), pool=pool, report=say)


def read_id(text: str, what: str, cure: str) -> UUID:
    """Return a UUID; NotFound, with the cure, for a text that is none."""
    try:
        return UUID(text)
    except ValueError:
        kind = f"no-{what.replace(' ', '-')}"
        raise NotFound(f"There is no {what} {text[:60]!r}. {cure}", kind=kind) from None

"""`gridsvc load posts` and `gridsvc grids people`: who answers for a grid."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridsvc.cli.answers import ACTOR, answer, district_option, json_option, printable, table
from gridsvc.cli.boundary_faults import opened

if TYPE_CHECKING:
    from datetime import datetime


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@district_option
@json_option
def load_posts(*, file: Path, district: str | None, as_json: bool) -> None:
    """Load posts (FILE: CSV with grid, post, name, from, and where known phone, until); those that are there stay.

    A new leader of a grid ends the post of the one before.
    """
    from gridsvc.operations.grids import people as operation

    count = operation.load_posts(*opened(district), file, actor=ACTOR)
    answer({"posts": count}, as_json=as_json, show=lambda: click.echo(f"{count} posts."))


@click.command()
@click.argument("code")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="On that day.  [default: today]")
@district_option
@json_option
def people(*, code: str, on: datetime | None, district: str | None, as_json: bool) -> None:
    """Show who holds the posts of a grid (CODE), and who answers for it."""
    from gridsvc.operations.grids import people as operation

    day = None if on is None else date(on.year, on.month, on.day)
    found = operation.people_of(*opened(district), code, on=day)

    def show() -> None:
        table(["post", "name", "phone", "from", "until"], [
            tuple(held[key] for key in ("post", "name", "phone", "from", "until")) for held in found["people"]
        ], title=f"{found['name']} ({code}) on {found['on']}")  # fmt: skip
        one = found["responsible"]
        words = "Nobody answers for it: load posts." if one is None else (
            f"{one['name'] or 'somebody whose name was erased'}, {one['post']} of {one['grid']}, answers for it."
        )  # fmt: skip
        click.echo(printable(words))

    answer(found, as_json=as_json, show=show)

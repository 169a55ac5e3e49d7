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
@click.argument("before")
@click.argument("after", required=False)
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The first day at the new codes.  "
              "[default: today]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="List the posts, but move none.")
@district_option
@json_option
def move_posts(
    *, before: str, after: str | None, on: datetime | None, dry_run: bool, district: str | None, as_json: bool
) -> None:
    """Let posts follow their grids to new codes, as `grids match` finds them in BEFORE and AFTER.

    Each is the number of a generation, a CSV file of codes, or the word known. AFTER is what is in force.
    """
    from gridsvc.operations.grids import people as operation
    from gridsvc.operations.grids.code_lists import compare_lists

    service, code = opened(district)
    compared = compare_lists(service, code, before, after)
    day = None if on is None else date(on.year, on.month, on.day)
    found = operation.move_posts(service, compared, day=day, dry_run=dry_run, actor=ACTOR)

    def show() -> None:
        for title, last in (("moved", "to"), ("left", "why")):
            rows = [(p["grid"], p[last], p["post"], p["name"], p["from"], p["until"]) for p in found[title]]
            if rows:
                table(["grid", last, "post", "name", "from", "until"], rows)
        verb = "would move" if dry_run else "moved"
        click.echo(f"{len(found['moved'])} posts {verb} on {found['on']}; {len(found['left'])} stay and need a person.")
        if found["keys"]:
            names = printable(", ".join(found["keys"]))
            click.echo(f"Keys bound to a code of before: {names}. Revoke each, and add it with the new code.")

    answer(found, as_json=as_json, show=show)


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

"""`gridsvc districts`: list the districts that are loaded, and remove one that was made by mistake."""

from __future__ import annotations

import click

from gridsvc.cli.answers import answer, json_option, opened_service, say, table
from gridsvc.cli.groups import Group

_MADE = " (synthetic)"


@click.group(cls=Group)
def districts() -> None:
    """List the districts, remove one that was made by mistake."""


@districts.command("list")
@json_option
def list_command(*, as_json: bool) -> None:
    """List the districts that are loaded."""
    from gridsvc.operations.grids.districts import list_districts

    items = list_districts(opened_service())
    answer(items, as_json=as_json, show=lambda: table(
        ["district", "name", "grids", "teams", "arcs of roads", "cases"],
        [(d["code"], d["name"].removesuffix(_MADE) + (_MADE if d["synthetic"] else ""), d["grids"], d["teams"],
          d["arcs"], "yes" if d["has_cases"] else "no") for d in items],
    ))  # fmt: skip


@districts.command()
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(*, code: str, yes: bool, as_json: bool) -> None:
    """Remove district CODE with its grids, roads, teams and law, while nothing has happened in it."""
    from gridsvc.operations.grids.districts import list_districts, remove_district

    service = opened_service()
    held = next((each for each in list_districts(service) if each["code"] == code), None)
    if held is not None and not yes:
        what = f"{held['grids']} grids, {held['teams']} teams, {held['arcs'] or 0} arcs of roads"
        click.confirm(f"Remove district {code} ({held['name']}) with {what}?", abort=True, err=True)
    removed = remove_district(service, code)
    answer(removed, as_json=as_json, show=lambda: say(f"District {code} is removed. The chain of its events stays."))

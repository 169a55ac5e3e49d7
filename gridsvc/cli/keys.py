"""`gridsvc keys`: give keys to persons, list them, revoke them; `gridsvc erase`: what the law wants gone."""

from __future__ import annotations

from typing import Any

import click

from gridsvc.access.scopes import Role
from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.db.schema.access import ALL_DISTRICTS
from gridsvc.operations.access import keys as work
from gridsvc.operations.access.sessions import begin_pairing_by_name
from gridsvc.operations.evidence import erasure


@click.group()
def keys() -> None:
    """Keys of persons and programs: who may what, and how much he sees."""


@keys.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([str(role) for role in Role]))
@click.option("--scope", metavar="GRID_CODE", help="Limit it to one grid and all that lies below it.")
@click.option("--all-districts", is_flag=True, help="See every district; an admin does unless --district is given.")
@district_option
@json_option
def add(*, name: str, role: str, scope: str | None, all_districts: bool, district: str | None, as_json: bool) -> None:
    """Make a key for the person NAME, and show it this once."""
    if all_districts and (district is not None or scope is not None):
        raise click.UsageError("--all-districts leaves no --district and no --scope.")
    where = ALL_DISTRICTS if all_districts else district
    new = work.add_key(opened_service(), name, Role(role), district=where, grid=scope)
    told = work.key_json(new.key) | {"key": new.text}

    def show() -> None:
        where = told["scope"] or told["district"] or "all districts"
        click.echo(f"{told['name']}, {told['role']}, {where}. The key, shown this once:", err=True)
        click.echo(new.text)

    answer(told, as_json=as_json, show=show)


@keys.command("list")
@click.option("--all", "revoked", is_flag=True, help="Revoked keys too.")
@json_option
def list_(*, revoked: bool, as_json: bool) -> None:
    """List the keys; a secret is kept as a hash and cannot be shown again."""
    found = work.list_keys(opened_service(), revoked=revoked)
    columns = ["name", "role", "district", "scope", "id", "created_at", "last_used_at", "revoked_at"]
    rows = [[key[column] if column != "district" else key[column] or "all" for column in columns] for key in found]
    answer(found, as_json=as_json, show=lambda: table(columns, rows))


@keys.command()
@click.argument("name")
@district_option
@json_option
def revoke(*, name: str, district: str | None, as_json: bool) -> None:
    """End the key of NAME, with its sessions and devices, everywhere within a second."""
    gone = work.revoke_key(opened_service(), name, district=district)
    answer(gone, as_json=as_json, show=lambda: click.echo(f"The key of {name} is revoked."))


@keys.command()
@click.argument("name")
@click.option("--team", metavar="TEAM_ID", help="The team whose position the device reports.")
@json_option
def pair(*, name: str, team: str | None, as_json: bool) -> None:
    """Show a one-time code that makes a device the one of NAME; good for five minutes."""
    told = begin_pairing_by_name(opened_service(), name, team)
    answer(told, as_json=as_json, show=lambda: click.echo(told["code"]))


@click.command()
@click.argument("subject")
@click.option("--mentions", is_flag=True, help="Also what others said of a number or name, in any free words.")
@click.option("--dry-run", is_flag=True, help="Say what is kept, erase nothing.")
@json_option
def erase(*, subject: str, mentions: bool, dry_run: bool, as_json: bool) -> None:
    """Erase what is kept on SUBJECT: a phone number, a full name, a case (its id or number), a closure (its id).

    Who reported, what was said, and the notes of those cases go. The cases, their clocks and the chain of events stay.
    """
    told: dict[str, Any] = erasure.erase(opened_service(), subject, mentions=mentions, dry_run=dry_run)
    verb = "would go" if dry_run else "erased"
    places = [f"{len(told[name])} {name}" for name in ("cases", "closures", "notes") if told[name]]
    words = f"{told['rows']} rows{' of ' if places else ''}{', '.join(places)} {verb}."
    if told["mentioned"]:
        words += f" {told['mentioned']} more speak of it: --mentions takes them too."
    answer(told, as_json=as_json, show=lambda: click.echo(words))

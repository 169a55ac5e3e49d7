"""`gridsvc keys`: the keys of persons; `gridsvc erase`: what is stored about a person."""

from __future__ import annotations

from typing import Any

import click

from gridsvc.access.scopes import Role
from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.cli.groups import Group
from gridsvc.cli.names import Teams
from gridsvc.db.schema.access import ALL_DISTRICTS
from gridsvc.operations.access import devices as device_work
from gridsvc.operations.access import keys as work
from gridsvc.operations.access.sessions import add_tracker, begin_pairing_by_name
from gridsvc.operations.evidence import erasure


@click.group(cls=Group)
def keys() -> None:
    """Keys of persons and programs: what they may do, and how much they see."""


@keys.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([str(role) for role in Role]), help="What they may do.")
@click.option("--scope", metavar="GRID_CODE", help="Limit it to one grid and the grids in it.")
@click.option("--all-districts", is_flag=True, help="See every district; the default for an admin without --district.")
@district_option
@json_option
def add(*, name: str, role: str, scope: str | None, all_districts: bool, district: str | None, as_json: bool) -> None:
    """Make a key for the person NAME. The key is shown only once."""
    if all_districts and (district is not None or scope is not None):
        raise click.UsageError("--all-districts cannot be combined with --district or --scope.")
    where = ALL_DISTRICTS if all_districts else district
    new = work.add_key(opened_service(), name, Role(role), district=where, grid=scope)
    made = work.key_json(new.key) | {"key": new.text}

    def show() -> None:
        where = made["scope"] or made["district"] or "all districts"
        click.echo(f"{made['name']}, {made['role']}, {where}. The key, shown only once:", err=True)
        click.echo(new.text)

    answer(made, as_json=as_json, show=show)


@keys.command("list")
@click.option("--all", "revoked", is_flag=True, help="List revoked keys, too.")
@json_option
def list_(*, revoked: bool, as_json: bool) -> None:
    """List the keys. Only a hash of each is stored, so a key cannot be shown again."""
    found = work.list_keys(opened_service(), revoked=revoked)
    columns = ["name", "role", "district", "scope", "id", "created_at", "last_used_at", "revoked_at"]
    rows = [[key[column] if column != "district" else key[column] or "all" for column in columns] for key in found]
    answer(found, as_json=as_json, show=lambda: table(columns, rows))


@keys.command()
@click.argument("name")
@district_option
@json_option
def revoke(*, name: str, district: str | None, as_json: bool) -> None:
    """Revoke the key of NAME, its sessions and devices; takes effect everywhere within a second."""
    gone = work.revoke_key(opened_service(), name, district=district)
    answer(gone, as_json=as_json, show=lambda: click.echo(f"The key of {name} is revoked."))


@keys.command()
@click.argument("name")
@click.option("--team", metavar="TEAM", help="Name or id of the team whose position the device reports.")
@json_option
def pair(*, name: str, team: str | None, as_json: bool) -> None:
    """Show a one-time code that pairs a device with the key of NAME; valid for five minutes."""
    service = opened_service()
    team_id = None if team is None else str(Teams.read(service).find(team))
    pairing = begin_pairing_by_name(service, name, team_id)
    answer(pairing, as_json=as_json, show=lambda: click.echo(pairing["code"]))


@keys.command()
@click.argument("name")
@click.option("--team", metavar="TEAM", required=True, help="Name or id of the team whose position it reports.")
@json_option
def tracker(*, name: str, team: str, as_json: bool) -> None:
    """Make the token of a tracker (OsmAnd, Traccar Client) with the key of NAME. The token is shown only once.

    It may report the position of the team and nothing else, and ends 90 days after its last use. docs/trackers.md says
    where it goes.
    """
    service = opened_service()
    made = add_tracker(service, name, Teams.read(service).find(team))

    def show() -> None:
        click.echo(f"The tracker of the team {made['team_id']}. Its token, shown only once:", err=True)
        click.echo(made["token"])

    answer(made, as_json=as_json, show=show)


@keys.command()
@click.argument("name", required=False)
@click.option("--end", "ended", metavar="ID", help="End this device; takes effect everywhere within a second.")
@json_option
def devices(*, name: str | None, ended: str | None, as_json: bool) -> None:
    """List the paired devices and trackers, of all or of NAME; or end one that is lost."""
    service = opened_service()
    if ended is not None:
        gone = device_work.end_device(service, ended)
        answer(gone, as_json=as_json, show=lambda: click.echo(f"The device of {gone['name']} is ended."))
        return
    found = device_work.list_devices(service, name)
    columns = ["name", "role", "kind", "id", "team_id", "paired_at", "expires_at"]
    answer(
        found, as_json=as_json, show=lambda: table(columns, [[each[column] for column in columns] for each in found])
    )


@click.command()
@click.argument("subject")
@click.option("--mentions", is_flag=True, help="Also texts of others that mention the number or name.")
@click.option("--dry-run", is_flag=True, help="List what is stored, erase nothing.")
@json_option
def erase(*, subject: str, mentions: bool, dry_run: bool, as_json: bool) -> None:
    """Erase what is stored about SUBJECT: a phone number, a full name, a case (its id or number), a closure (its id).

    Erased are the reporter, the description and the notes of those cases. The cases, their times and the chain of
    events stay.
    """
    found: dict[str, Any] = erasure.erase(opened_service(), subject, mentions=mentions, dry_run=dry_run)
    verb = "would be erased" if dry_run else "erased"
    places = [f"{len(found[name])} {name}" for name in ("cases", "closures", "notes", "names") if found[name]]
    words = f"{found['rows']} rows{' of ' if places else ''}{', '.join(places)} {verb}."
    if found["mentioned"]:
        words += f" {found['mentioned']} more rows mention it: --mentions erases them, too."
    answer(found, as_json=as_json, show=lambda: click.echo(words))

"""`gridsvc teams`: list teams, put them on or off duty."""

from __future__ import annotations

import json
from typing import Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.cli.groups import Group
from gridsvc.cli.names import Teams, actor_option


@click.group(cls=Group)
def teams() -> None:
    """List teams, put them on or off duty."""


@teams.command("list")
@click.option("--status", type=click.Choice(["available", "engaged", "off_duty", "out_of_service"]),
              help="Only teams of this status.")  # fmt: skip
@click.option("--unit", metavar="UNIT", help="Only teams of this unit, by its id.")
@district_option
@json_option
def list_command(*, status: str | None, unit: str | None, district: str | None, as_json: bool) -> None:
    """List teams with their status and where they are."""
    rows = [row for row in Teams.read(opened_service(), district).rows
            if status in {None, row["status"]} and unit in {None, row["unit"]}]  # fmt: skip
    answer(rows, as_json=as_json, show=lambda: table(
        ["team", "unit", "kind", "status", "position", "age_s"],
        [(row["name"], row["unit"], row["kind"], row["status"], _place(row), row["age_s"]) for row in rows],
    ))  # fmt: skip


def _place(row: dict[str, Any]) -> str:
    lon, lat = row["position"]["lon"], row["position"]["lat"]
    return f"{lon:.5f} {lat:.5f}{' (station)' if row['at_station'] else ''}"


@teams.command()
@click.argument("team")
@click.argument("state", type=click.Choice(["on", "off"]))
@actor_option
@district_option
@json_option
def duty(*, team: str, state: str, actor: str, district: str | None, as_json: bool) -> None:
    """Put TEAM (its name or id) on or off duty. A team on a case stays on it until it clears."""
    from gridsvc.operations.teams.fleet import set_duty

    service = opened_service()
    known = Teams.read(service, district)
    team_id = known.find(team)
    done = json.loads(set_duty(service, team_id, on_duty=state == "on", actor=actor).body)
    words = f"{known.name_of(str(team_id))} is {state} duty."
    answer(done, as_json=as_json, show=lambda: click.echo(words))

"""`gridsvc teams`: list teams, put them on or off duty, say which datum their positions arrive in."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.cli.groups import Group
from gridsvc.cli.names import Teams, actor_option
from gridsvc.coordinates import Datum


@click.group(cls=Group)
def teams() -> None:
    """List teams, put them on or off duty, say which datum their positions arrive in."""


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

    def show() -> None:
        table(
            ["team", "unit", "kind", "status", "position", "age_s"],
            [(row["name"], row["unit"], row["kind"], row["status"], _place(row), row["age_s"]) for row in rows],
        )
        for row in rows:
            if row["datum_shift"] is not None:
                click.secho(_suspicion(row), fg="yellow")

    answer(rows, as_json=as_json, show=show)


def _place(row: dict[str, Any]) -> str:
    lon, lat = row["position"]["lon"], row["position"]["lat"]
    note = "station" if row["at_station"] else "shifted?" if row["datum_shift"] else ""
    datum = "" if row["datum"] == "WGS-84" or row["at_station"] else f" from {row['datum']}"
    return f"{lon:.5f} {lat:.5f}{datum}{f' ({note})' if note else ''}"


def _suspicion(row: dict[str, Any]) -> str:
    """Say what speaks against the datum of a team's positions, with the command that cures it."""
    from gridsvc.operations.teams.datum_words import suspect_words

    likely = Datum(row["datum_shift"]["likely"]).option
    command = shlex.join(["gridsvc", "teams", "datum", row["name"], likely, "--district", row["district"]])
    return f"{suspect_words(row['name'], row['datum_shift'])}. Correct the setting of the device, or type: {command}"


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


@teams.command()
@click.argument("team")
@click.argument("datum", metavar="wgs84|gcj02|bd09")
@click.option("--reason", metavar="TEXT", help="Why, for the event.")
@actor_option
@district_option
@json_option
def datum(*, team: str, datum: str, reason: str | None, actor: str, district: str | None, as_json: bool) -> None:
    """Convert the positions of TEAM (its name or id) that arrive from now on from DATUM to WGS-84.

    Those of the past stay as they are. A position that says GCJ-02 or BD-09 itself is taken at its word.
    """
    from gridsvc.operations.teams.datums import decide

    service = opened_service()
    known = Teams.read(service, district)
    team_id = known.find(team)
    done = json.loads(decide(service, team_id, datum, reason=reason, actor=actor).body)
    words = f"Positions of {known.name_of(str(team_id))} are read as {done['datum']} from now on."
    answer(done, as_json=as_json, show=lambda: click.echo(words))

"""A case in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import printable, table
from gridsvc.cli.dates import local_time
from gridsvc.cli.names import Teams
from gridsvc.cli.recommend import show_heading

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service


def show_case(service: Service, case: dict[str, Any]) -> None:
    """Print a case as it is now."""
    names = Teams.read(service, case["district"]).names()
    waiting = ", waiting for a team" if case["waiting"] else ""
    click.secho(f"Case {case['number']} of district {case['district']}: {case['status']}{waiting}", bold=True)
    show_heading(case)
    click.echo(f"Reported: {local_time(case['reported_at'])}   id {case['id']}")
    if case["target_s"] is not None:
        click.echo(f"Target: {case['target_s']} s ({case['response_class']})")
    if case["assignments"]:
        table(["team", "slot", "ordered", "acknowledged", "en route", "on scene", "until", "outcome"], [
            (names.get(a["team_id"], a["team_id"]) + (" (lead)" if a["lead"] else ""),
             "outside the slots" if a["outside_slots"] else a["slot"],
             local_time(a["since"]), local_time(a["acknowledged_at"]), local_time(a["en_route_at"]),
             local_time(a["on_scene_at"]), local_time(a["until"]), a["outcome"]) for a in case["assignments"]
        ])  # fmt: skip
    for alert in case["alerts"]:
        click.secho(
            printable("Alert: " + ", ".join(f"{k} {v}" for k, v in alert.items() if v is not None)), fg="yellow"
        )
    click.echo("Steps of the case now: " + (", ".join(case["legal_steps"]) or "none"))

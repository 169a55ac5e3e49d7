"""`gridsvc cover`: where teams should stand, and who is covered now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.cli.cover_plan import joint_team, plan, what_if
from gridsvc.cli.groups import Group

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.group(cls=Group)
def cover() -> None:
    """Show who is covered now, and plan where teams should stand."""


cover.add_command(plan)
cover.add_command(what_if)
cover.add_command(joint_team)


@cover.command()
@click.option("--level", type=click.Choice(["regional", "township", "area", "village"]), default="township",
              show_default=True, help="Level of the grids in the table.")  # fmt: skip
@click.option("--move-ups", is_flag=True, help="With the best moves: which free team should wait at which station.")
@district_option
@json_option
def now(*, level: str, move_ups: bool, district: str | None, as_json: bool) -> None:
    """Show which grids and how much demand the teams that are free now do not reach in time."""
    from gridsvc.operations.coverage.now import cover_now, moves_now
    from gridsvc.operations.grids.generations import choose_district

    service = opened_service()
    code = choose_district(service, district)
    found = cover_now(service, code, level=level)
    if move_ups:
        found["move_ups"] = moves_now(service, code)
    answer(found, as_json=as_json, show=lambda: _show_now(found))


def _show_now(found: dict[str, Any]) -> None:
    teams, demand = found["teams"], found["demand"]
    words = "emergencies of the past" if demand["source"] == "history" else "villages; there is no history yet"
    click.secho(f"{teams['free']} of {teams['of']} teams are free. Demand: {demand['cells']} places, by {words}.",
                bold=True)  # fmt: skip
    click.echo("Driving times are free-flow: roads by class and limit, without traffic.")
    rows = [("all leads", "", *_numbers(found["leads"]))]
    rows += [(f"leads, {each['class']}", f"{each['target_s']:.0f}", *_numbers(each)) for each in found["classes"]]
    rows += [(each["unit"], "", *_numbers(each)) for each in found["units"]]
    table(["cover by", "target_s", "demand", "outside", "covered"], rows)
    table(["grid", "name", "demand", "outside", "covered", "preparedness"],
          [(g["code"], g["name"], *_numbers(g), g["preparedness"]) for g in by_need(found["grids"])],
          title=f"Leads, by {found['level']}, the most outside first")  # fmt: skip
    if "move_ups" in found:
        _show_moves(found["move_ups"])


def _show_moves(found: dict[str, Any]) -> None:
    if not found["moves"]:
        click.echo(f"{found['outside_share']:.1%} of the demand, by slots, is outside; no move of one team mends any.")
        return
    rows = [(move["name"], move["to"]["name"], f"{move['gain_share']:.2%}", f"{move['drive_s']:.0f}",
             ", ".join(grid["name"] for grid in move["grids"][:4])) for move in found["moves"]]  # fmt: skip
    table(["team", "to the station of", "gains", "drive_s", "grids"], rows,
          title=f"Move-ups, each alone; {found['outside_share']:.1%} of the demand, by slots, is outside")  # fmt: skip


def by_need(grids: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return grids with the most demand outside first."""
    return sorted(grids, key=lambda grid: (-grid["outside"], grid["code"]))


def _numbers(cover: dict[str, Any]) -> tuple[str, str, str]:
    share = cover["covered_share"]
    return f"{cover['demand']:g}", f"{cover['outside']:g}", "" if share is None else f"{share:.1%}"

"""Plans of posts, and what they change, as tables of the command line and as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import table

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_GRIDS = 15


def layers_of(document: dict[str, Any]) -> dict[str, Sequence[dict[str, Any]]]:
    """Return the layers of a plan for a map: posts, and areas with their cover before and after."""
    cells = [
        each | {"change": "gained" if each["after"] > each["before"] else "lost" if each["after"] < each["before"]
                else "same"}
        for each in document["map"]["cells"]
    ]  # fmt: skip
    return {
        "posts": [each | {"state": "kept" if each["exists"] else "new"} for each in document["sites"]],
        "closed": document["closed"],
        "gained": document["gained"],
        "lost": document["lost"],
        "outside": document["outside"],
        "cells": cells,
    }


def show_plans(plans: list[dict[str, Any]]) -> None:
    """Show one plan whole, or several beside each other."""
    if len(plans) == 1:
        _show_one(plans[0])
        return
    rows = []
    for each in plans:
        share = each["covered"]["all"]["after"]
        rows.append((each["name"], each["scenario"]["model"], sum(s["units"] for s in each["sites"]),
                     f"{share['share']:.1%}", _span(share), each["drive_s"]["after"],
                     _proof(each), "yes" if all(r["holds"] for r in each["rules"]) else "no"))  # fmt: skip
    table(["scenario", "model", "n", "covered", "95 %", "drive_s", "proof", "rules kept"], rows)


def _show_one(found: dict[str, Any]) -> None:
    model = found["scenario"]["model"]
    click.secho(f"{model}: objective {found['objective']:.6g}, bound {found['bound']:.6g}. {_proof(found)}.", bold=True)
    _show_demand(found["demand"])
    table(["post", "township", "lon", "lat", "n", "today"],
          [(s["name"], s["township"], s["lon"], s["lat"], s["units"], "yes" if s["exists"] else "new")
           for s in found["sites"]])  # fmt: skip
    click.echo("Driving times are free-flow: roads by class and limit, without traffic.")
    _show_covered(found["covered"], "demand")
    if found["people"] is not None:
        _show_covered(found["people"], "people")
    _show_grids(found["grids"])
    counts = ", ".join(f"{len(found[name])} cells {name}" for name in ("gained", "lost", "outside"))
    click.echo(f"{counts}. Posts of today: {len(found['closed'])} closed, {len(found['moved'])} moved.")
    for rule in found["rules"]:
        broken = f", not in {', '.join(rule['broken'][:5])}" if rule["broken"] else ""
        click.secho(f"{rule['rule']}: {'kept' if rule['holds'] else 'NOT kept'}{broken}",
                    fg=None if rule["holds"] else "yellow")  # fmt: skip


def _show_covered(covered: dict[str, Any], what: str) -> None:
    rows = []
    for kind, each in covered.items():
        for when in ("before", "after"):
            share = each[when]
            rows.append((f"{kind}, {when}", f"{share['demand']:g}", f"{share['covered']:g}", f"{share['share']:.1%}",
                         _span(share)))  # fmt: skip
        change = each["change"]
        rows.append((f"{kind}, change", "", f"+{change['gained']:g} -{change['lost']:g}", f"{change['share']:+.1%}",
                     _span(change, "+")))  # fmt: skip
    table(["covered", what, "in time", "share", "95 %"], rows)


def _span(share: dict[str, Any], sign: str = "") -> str:
    return "" if share["low"] is None else f"{share['low']:{sign}.1%} to {share['high']:{sign}.1%}"


def _show_grids(grids: list[dict[str, Any]]) -> None:
    if not grids:
        return
    parts: list[dict[str, Any]] = next((each["parts_of_day"] for each in grids if each["parts_of_day"]), [])
    people = any(each["people"] is not None for each in grids)
    rows = []
    for each in grids[:_MOST_GRIDS]:
        hours = [_gain(part["gained"], part["lost"]) for part in each["parts_of_day"]] or [""] * len(parts)
        more = [_gain(each["people_gained"] or 0, each["people_lost"] or 0)] if people else []
        change = _gain(each["demand_gained"], each["demand_lost"])
        rows.append((each["name"], each["class"], f"{each['demand']:g}", change, *hours, *more))
    rest = f", {_MOST_GRIDS} of {len(grids)}" if len(grids) > _MOST_GRIDS else ""
    table(["grid", "class", "demand", "in time", *(f"{part['from']}-{part['until']} h" for part in parts),
           *(["people"] if people else [])], rows, title=f"Grids gained and lost{rest}")  # fmt: skip


def _gain(gained: float, lost: float) -> str:
    return " ".join(([f"+{gained:g}"] if gained else []) + ([f"-{lost:g}"] if lost else []))


def show_joint(found: dict[str, Any]) -> None:
    """Show where the teams of a joint team should stand, and how many joint teams are whole in time."""
    proof = "proved best" if found["optimal"] else f"at most {found['bound_share']:.1%}; not proved"
    click.secho(f"Whole joint teams in time: {found['objective']:.6g}, bound {found['bound']:.6g}: {proof}.", bold=True)
    _show_demand(found["demand"])
    _show_covered(found["whole"], "cases")
    moved = [each for each in found["teams"] if each["today"] != each["then"]]
    same = len(found["teams"]) - len(moved)
    table(["unit", "place", "lon", "lat", "today", "then"],
          [(each["unit"], each["name"], each["lon"], each["lat"], each["today"], each["then"]) for each in moved],
          title=f"Where the number of teams changes; {same} places stay as they are")  # fmt: skip
    if found["out_of_reach"]:
        rows = [(unit, f"{weight:g}") for unit, weight in found["out_of_reach"].items()]
        table(
            ["unit", "cases"], rows, title="Never whole: a slot of another unit is late or empty wherever these stand"
        )


def _show_demand(demand: dict[str, Any]) -> None:
    if demand["source"] == "villages":
        click.echo("Demand: each village as one case.")
        return
    if demand["source"] == "population":
        click.echo("Demand: the people of the file.")
        return
    click.echo(f"Demand: {demand['live']} cases of this service, {demand['imported']} imported.")
    if demand["without_run_card"]:
        words = (
            "of them have a type without run card and count nowhere. `[types]` of the map gives imported ones theirs."
        )
        click.secho(f"{demand['without_run_card']} {words}", fg="yellow")


def _proof(found: dict[str, Any]) -> str:
    if found["optimal"]:
        return "Proved best"
    if found["scenario"]["model"] == "what-if":
        return f"As many posts could reach {found['bound']:.6g} at most"
    return f"Within {found['gap']:.2%} of the best; not proved"

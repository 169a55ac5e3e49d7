"""`gridsvc grids repair` and `rule`, and how the faults of boundaries are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, progress, table
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from gridsvc.grids.fault import Fault
    from gridsvc.grids.repair import Change
    from gridsvc.operations.runtime.service import Service

_MOST_SHOWN = 20


def opened(district: str | None) -> tuple[Service, str]:
    """Return the service and the district that a command is about."""
    from gridsvc.operations.grids.generations import choose_district

    service = opened_service()
    return service, choose_district(service, district)


def show_faults(faults: list[Fault]) -> None:
    """Print the faults by kind, with the commands that cure them."""
    if not faults:
        click.secho("No faults.", fg="green")
        return
    shown = 0
    for kind in dict.fromkeys(fault.kind for fault in faults):
        own = [fault for fault in faults if fault.kind == kind]
        blocking = sum(fault.blocking for fault in own)
        click.secho(f"{kind}: {len(own)}" + (f", {blocking} blocking" if blocking else ""),
                    fg="red" if blocking else "yellow")  # fmt: skip
        table(["", "area_m2", "lon", "lat", "what"], [
            ("blocks" if f.blocking else "", f"{f.area_m2:,.1f}", *(_degrees(x) for x in (f.lon, f.lat)), f.words)
            for f in own[:_MOST_SHOWN]
        ])  # fmt: skip
        for cure in dict.fromkeys(fault.cure for fault in own[:_MOST_SHOWN]):
            click.echo(f"  cure: {cure}")
        shown += min(len(own), _MOST_SHOWN)
    if shown < len(faults):
        click.echo(f"{len(faults) - shown} more: --json lists all.")


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def show_changes(changes: list[Change]) -> None:
    """Print what a repair changed."""
    if not changes:
        click.echo("Nothing to mend.")
        return
    table(["kind", "level", "gained", "lost", "area_m2", "lon", "lat"], [
        (c.kind, c.level.key, c.gained or "", c.lost or "", f"{c.area_m2:,.1f}", _degrees(c.lon), _degrees(c.lat))
        for c in changes[:_MOST_SHOWN]
    ], title=f"{len(changes)} changes")  # fmt: skip
    if len(changes) > _MOST_SHOWN:
        click.echo(f"{len(changes) - _MOST_SHOWN} more: --json lists all.")


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """The options of `grids repair`."""

    overlap_m2: float
    gap_m2: float
    open_gap_m: float
    dry_run: bool
    undo: bool


@click.command()
@click.option("--overlap-m2", type=click.FloatRange(min=0), default=10_000.0, show_default=True,
              help="Mend overlaps up to this area without a ruling.")  # fmt: skip
@click.option("--gap-m2", type=click.FloatRange(min=0), default=10_000.0, show_default=True,
              help="Give gaps up to this area to a neighbour.")  # fmt: skip
@click.option("--open-gap-m", type=click.FloatRange(min=0), default=20.0, show_default=True,
              envvar="GRIDSVC_OPEN_GAP_M", help="Close notches of the outline narrower than this.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="List the changes, but store nothing.")
@click.option("--undo", is_flag=True, help="Take back the latest repair of the draft.")
@district_option
@json_option
@collect(RepairOptions)
def repair(asked: RepairOptions, *, district: str | None, as_json: bool) -> None:
    """Mend the draft: invalid polygons, copies, slivers, small gaps and overlaps, and overlaps that a ruling gives.

    Each change is listed with its area and the grids that gained and lost it, and can be taken back by --undo.
    """
    from gridsvc.grids.repair import RepairLimits
    from gridsvc.operations.grids import repair as operation

    service, code = opened(district)
    if asked.undo:
        generation, count = operation.undo_repair(service, code)
        words = f"{count} grids of draft {generation} are as they were before the repair."
        value = {"district": code, "generation": generation, "restored": count}
        answer(value, as_json=as_json, show=lambda: click.echo(words))
        return
    limits = RepairLimits(asked.overlap_m2, asked.gap_m2, asked.open_gap_m)
    done = operation.repair_draft(service, code, limits=limits, dry_run=asked.dry_run, progress=progress("mending"))

    def show() -> None:
        show_changes(done.changes)
        show_faults(done.left)
        if done.dry_run:
            click.echo("Dry run: nothing was stored.")
        elif done.changes:
            click.echo(f"Draft generation {done.generation}. Next: gridsvc grids check")

    answer(done.as_json(), as_json=as_json, show=show)


@click.command()
@click.argument("codes", nargs=2, metavar="CODE CODE")
@click.option("--from", "since", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
              help="The day from which it holds.")  # fmt: skip
@click.option("--reason", required=True, help="Why: the agreement, the minutes of a meeting.")
@click.option("--owner", metavar="CODE", help="The grid that `grids repair` gives the overlap to.  [default: it stays]")
@district_option
@json_option
def rule(
    *, codes: tuple[str, str], since: date, reason: str, owner: str | None, district: str | None, as_json: bool
) -> None:
    """Accept the overlap of two grids (CODE CODE) of the draft from a day on: it does not block any more."""
    from gridsvc.operations.grids import checks as operation

    day = date(since.year, since.month, since.day)
    made = operation.rule(*opened(district), codes, since=day, reason=reason, owner=owner)
    words = f"The overlap of {made.codes[0]} and {made.codes[1]}, {made.area_m2:,.1f} m2, is accepted from {day} on."
    if made.owner is not None:
        words += f" Next: gridsvc grids repair gives it to {made.owner}."
    answer(made.as_json(), as_json=as_json, show=lambda: click.echo(words))

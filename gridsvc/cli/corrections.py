"""`gridsvc incidents place` and `owner`: another place of a case, or an owner that a person names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, printable
from gridsvc.cli.cases import show_case
from gridsvc.cli.dates import local_time
from gridsvc.cli.geometry import read_geometry
from gridsvc.cli.names import Teams, actor_option, find_case
from gridsvc.cli.options import collect
from gridsvc.cli.recommend import Place, address_option, datum_option, lonlat_argument
from gridsvc.grids.levels import LEVEL_KEYS

if TYPE_CHECKING:
    from gridsvc.cases.decide import Report
    from gridsvc.operations.runtime.service import Service

reason_option = click.option("--reason", metavar="TEXT", help="Why; the case keeps it. Not needed with --dry-run.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would change, but store nothing.")


@dataclass(frozen=True, slots=True)
class PlaceOptions:
    """The options of `incidents place`."""

    address: str | None
    datum: str
    radius: float | None
    geometry: Path | None
    reason: str | None
    dry_run: bool

    def as_report(self, lonlat: tuple[float, ...]) -> Report:
        """Return a report with the place alone; its geometry is read and checked."""
        from gridsvc.cases.decide import Report

        place = Place.of(lonlat, self.datum, self.address) if self.geometry is None else None
        return Report(
            lon=None if place is None else place.lon, lat=None if place is None else place.lat,
            address=None if place is None else place.address, datum=self.datum, radius_m=self.radius,
            extent=None if self.geometry is None else read_geometry(self.geometry),
        )  # fmt: skip


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("case")
@address_option
@datum_option
@click.option("--radius", type=float, metavar="M", help="How uncertain the place is, in metres.")
@click.option("--geometry", type=click.Path(path_type=Path), metavar="FILE",
              help="GeoJSON of a line or area, instead of LON LAT.")  # fmt: skip
@reason_option
@dry_run_option
@actor_option
@lonlat_argument
@district_option
@json_option
@collect(PlaceOptions)
def place(
    asked: PlaceOptions, *, case: str, lonlat: tuple[float, ...], actor: str, district: str | None, as_json: bool
) -> None:
    """Correct the place of CASE (its number or id): LON LAT, or an address, line or area.

    Owners, target and team are decided again; the clock goes on, and the teams that are on the case stay on it.
    """
    if asked.geometry is not None and (lonlat or asked.address is not None):
        raise click.UsageError("Give LON LAT, or --address, or --geometry.")
    from gridsvc.operations.cases.corrections import Why, correct_place, preview_place

    reason = _reason(asked.reason, dry_run=asked.dry_run)
    service = opened_service()
    case_id = find_case(service, case, district)
    where = asked.as_report(lonlat)
    if asked.dry_run:
        _show_preview(service, preview_place(service, case_id, where), as_json=as_json)
    else:
        _show(service, json.loads(correct_place(service, case_id, where, Why(reason), actor=actor).body), as_json)


@dataclass(frozen=True, slots=True)
class OwnerOptions:
    """The options of `incidents owner`."""

    level: str | None
    reason: str | None
    dry_run: bool


@click.command()
@click.argument("case")
@click.argument("code")
@click.option("--level", type=click.Choice(["regional", "township", "area", "village"]),
              help="The level of the grid, to be compared.")  # fmt: skip
@reason_option
@dry_run_option
@actor_option
@district_option
@json_option
@collect(OwnerOptions)
def owner(asked: OwnerOptions, *, case: str, code: str, actor: str, district: str | None, as_json: bool) -> None:
    """Give CASE (its number or id) the owner that you name: the CODE of a grid in force, with the grids above it."""
    from gridsvc.operations.cases.corrections import Why, override_owner, preview_owner

    reason = _reason(asked.reason, dry_run=asked.dry_run)
    service = opened_service()
    case_id = find_case(service, case, district)
    if asked.dry_run:
        _show_preview(service, preview_owner(service, case_id, code, level=asked.level), as_json=as_json)
    else:
        kept = override_owner(service, case_id, code, Why(reason), level=asked.level, actor=actor)
        _show(service, json.loads(kept.body), as_json)


def _reason(reason: str | None, *, dry_run: bool) -> str:
    """Return the reason; UsageError where a correction has none."""
    if reason is None and not dry_run:
        raise click.UsageError("Say why, with --reason TEXT. To see only what would change, add --dry-run.")
    return reason or ""


def _show(service: Service, case: dict[str, Any], as_json: bool) -> None:
    def tell() -> None:
        show_case(service, case)
        _show_before(service, case)

    answer(case, as_json=as_json, show=tell)


# What a correction can change (`CHANGES` in gridsvc/cases/answer.py), in words.
_CHANGED = {
    "place": "the place",
    "owners": "the owners",
    "response_class": "town or country",
    "target_s": "the target",
    "handler": "the team that handles it",
    "lead": "the recommended lead",
    "members": "the recommended teams beside it",
    "meets_target": "whether all teams meet the target",
    "team_meets_target": "whether the first team meets the target",
}


def _show_preview(service: Service, case: dict[str, Any], *, as_json: bool) -> None:
    def tell() -> None:
        show_case(service, case)
        _show_before(service, case)
        changed = ", ".join(_CHANGED[word] for word in case["changes"]) or "nothing"
        click.echo(f"Would change: {changed}.")
        if case["expected"]["arrival_at"] is not None:
            late = ", too late" if case["expected"]["late"] else ""
            click.echo(f"The clock would stop at {local_time(case['expected']['arrival_at'])}{late}.")
        click.secho("Nothing is stored. To store it, leave --dry-run out and say why with --reason.", bold=True)

    answer(case, as_json=as_json, show=tell)


def _show_before(service: Service, case: dict[str, Any]) -> None:
    """Print whose a case was before a correction, and the teams that do not belong there now."""
    owners = [case["before"]["owners"][level] for level in LEVEL_KEYS]
    was = " > ".join(owner["name"] for owner in owners if owner) or "nobody"
    click.echo(printable(f"Owners before: {was}"))
    names = Teams.read(service, case["district"]).names()
    for words, teams in (("No longer belongs there", case["teams_wrong"]), ("Missing there", case["teams_missing"])):
        for each in teams:
            click.secho(
                printable(f"{words}: {names.get(each['team_id'], each['team_id'])} ({each['slot']})"), fg="yellow"
            )

"""`gridsvc load catalogue | plans | teams | calendar | addresses`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from gridsvc.cli.answers import ACTOR, answer, district_option, json_option, opened_service, say, table
from gridsvc.cli.csv_rows import show_bad_rows
from gridsvc.cli.cures import cure_as_command
from gridsvc.cli.options import collect
from gridsvc.coordinates import Datum
from gridsvc.db.grids.addresses import Address
from gridsvc.files.packaged import geodata_folder
from gridsvc.operations.law import imports

_file = click.argument("file", type=click.Path(path_type=Path))
_units = click.option("--units", type=click.Path(path_type=Path), default=geodata_folder() / "units.toml",
                      metavar="FILE",
                      help="Units, fields, skills and equipment.  [default: those of gridsvc]")  # fmt: skip


@click.command()
@_file
@_units
@click.option(
    "--override", metavar="REASON", help="Why a file is right although its sums differ from the printed ones."
)
@district_option
@json_option
def load_catalogue(*, file: Path, units: Path, override: str | None, district: str | None, as_json: bool) -> None:
    """Load the catalogue of matters (TOML or CSV) and list where its sums differ from the printed ones."""
    report = imports.load_catalogue(opened_service(), district, file, units, override_reason=override, actor=ACTOR)

    def show() -> None:
        click.echo(f"{report.rows} rows, {report.items} items, {report.distinct_fields} field names.")
        click.echo(f"{report.departments} departments, {report.fields} fields, {report.brigades} brigades.")
        rows = [(d.unit, d.what, d.printed, d.found, d.note) for d in report.differences]
        if rows:
            table(["unit", "what", "printed", "found", "note"], rows, title="Where the print differs")

    answer(asdict(report), as_json=as_json, show=show)


@click.command()
@_file
@_units
@click.option("--clocks", type=click.Path(path_type=Path), default=geodata_folder() / "clock_policies.toml",
              metavar="FILE", help="Clock policies and response classes.  [default: those of gridsvc]")  # fmt: skip
@district_option
@json_option
def load_plans(*, file: Path, units: Path, clocks: Path, district: str | None, as_json: bool) -> None:
    """Load run cards (FILE: one TOML file, or a folder of them)."""
    plans, rules = imports.load_plans(opened_service(), district, file, clocks, units, actor=ACTOR)
    value = {"plans": sorted(plans.plans), "version": plans.version, "clock_policies": sorted(rules.policies)}
    rows = [(p.type, p.name, p.field, str(p.urgency), len(p.matters)) for p in plans.plans.values()]
    answer(value, as_json=as_json, show=lambda: table(["type", "name", "field", "urgency", "matters"], rows))


@click.command()
@_file
@district_option
@json_option
def load_teams(*, file: Path, district: str | None, as_json: bool) -> None:
    """Load teams (FILE: CSV); a team that FILE leaves out is retired."""
    roster = imports.load_teams(opened_service(), district, file, actor=ACTOR)
    rows = [(team.name, team.unit, str(team.kind), team.township) for team in roster]
    answer({"teams": [team.as_json() for team in roster]}, as_json=as_json,
           show=lambda: table(["team", "unit", "kind", "township"], rows))  # fmt: skip


@click.command()
@_file
@district_option
@json_option
def load_calendar(*, file: Path, district: str | None, as_json: bool) -> None:
    """Load public holidays and weekend days worked instead (FILE: CSV with date, kind). They replace their years."""
    from gridsvc.files.law.calendar import read_calendar

    rules = imports.load_calendar(opened_service(), district, *read_calendar(file), actor=ACTOR)
    years = sorted({day.year for day in rules.holidays | rules.make_up_days})
    value = {"holidays": len(rules.holidays), "make_up_days": len(rules.make_up_days), "years": years,
            "version": rules.version}  # fmt: skip
    words = (
        f"{value['holidays']} days off, {value['make_up_days']} weekend days worked, of {', '.join(map(str, years))}."
    )
    answer(value, as_json=as_json, show=lambda: click.echo(words))


@dataclass(frozen=True, slots=True)
class AddressOptions:
    """The options of `load addresses`."""

    datum: str | None
    district: str | None


@click.command()
@_file
@click.option("--datum", metavar="wgs84|cgcs2000|gcj02|bd09",
              help="What the coordinates refer to.  [default: wgs84, compared with roads and grids]")  # fmt: skip
@district_option
@json_option
@collect(AddressOptions)
def load_addresses(asked: AddressOptions, *, file: Path, as_json: bool) -> None:
    """Load addresses (FILE: CSV with lon, lat, and text or the fields of an address). They replace the old ones.

    The fields are those of GB/T 23705 by their usual names, such as 乡镇, 村, 街路巷, 门牌号. A row that
    cannot be read is reported and left out; the others are loaded. Addresses that are shifted against the roads or
    grids in force as if by another datum are refused, with the command that cures it.
    """
    from gridsvc.files.places.addresses import read_addresses

    datum = None if asked.datum is None else Datum.from_name(asked.datum)
    rows, bad = read_addresses(file)
    found = [Address(r.text, r.level, r.lon, r.lat, r.radius_m, file.name, r.parts) for r in rows]
    with cure_as_command(["load", "addresses", str(file)], asked):
        count, said = imports.load_addresses(
            opened_service(), asked.district, found, path=file, datum=datum, actor=ACTOR
        )
    for each in said:
        say(f"{each}.")
    answer({"addresses": count} | bad.as_json(), as_json=as_json, show=lambda: click.echo(f"{count} addresses."))
    show_bad_rows(bad)

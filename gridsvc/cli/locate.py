"""`gridsvc locate`: the owner of a place, or of each place in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, printable, table
from gridsvc.cli.csv_rows import show_bad_rows
from gridsvc.cli.dates import read_date
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.places.owners import LocatedFile
    from gridsvc.operations.runtime.service import Service


_SHARES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class LocateOptions:
    """The options of `locate`."""

    datum: str
    radius_m: float | None
    as_of: str | None
    known_at: str | None
    address: str | None
    source: Path | None
    target: Path | None
    district: str | None

    def check(self, lonlat: tuple[float, ...]) -> None:
        """Raise UsageError where the arguments do not name one place or one file."""
        places = (len(lonlat) == 2) + (self.source is not None) + (self.address is not None)
        if places != 1 or len(lonlat) not in {0, 2}:
            raise click.UsageError("Give LON LAT, or --address TEXT, or --file IN.csv --out OUT.csv.")
        if (self.source is None) != (self.target is None):
            raise click.UsageError("--file and --out go together.")


@click.command(context_settings={"ignore_unknown_options": True})  # -122.6 is a longitude
@click.argument("lonlat", nargs=-1, type=float, metavar="LON LAT")
@click.option("--datum", default="WGS-84", show_default=True, help="WGS-84, CGCS2000, GCJ-02 or BD-09.")
@click.option("--radius", "radius_m", type=float, metavar="M", help="How uncertain the place is, in metres.")
@click.option("--as-of", metavar="DATE", help="By the grids in force then: a date, or a time with its offset.")
@click.option("--known-at", metavar="DATE", help="By what was known then of the grids in force.")
@click.option("--address", metavar="TEXT", help="An address, instead of LON LAT.")
@click.option("--file", "source", type=click.Path(path_type=Path), metavar="IN.csv",
              help="A CSV file with the columns lon and lat, or 经度 and 纬度; UTF-8 or GB18030; separated by commas, "
                   "semicolons or tabs.")  # fmt: skip
@click.option("--out", "target", type=click.Path(path_type=Path), metavar="OUT.csv",
              help="The same rows with the owners added, as .csv or .parquet.")  # fmt: skip
@district_option
@json_option
@collect(LocateOptions)
def locate(asked: LocateOptions, *, lonlat: tuple[float, ...], as_json: bool) -> None:
    """Find who owns a place, at every level: LON LAT, an address, or each row of a file.

    A row of the file that cannot be read is reported, and stays in the output without owners; the others are located.
    """
    asked.check(lonlat)
    from gridsvc.operations.places import owners as operation
    from gridsvc.operations.places.in_force import list_indexes
    from gridsvc.operations.places.questions import Around

    service = opened_service()
    as_of, known_at = (read_date(text, end_of_day=True) for text in (asked.as_of, asked.known_at))
    indexes = list_indexes(service, district=asked.district, as_of=as_of, known_at=known_at)
    if asked.source is not None and asked.target is not None:
        located = operation.locate_file(indexes, asked.source, asked.target, datum=asked.datum)
        _answer_file(asked.target, located, as_json=as_json)
        return
    if asked.address is not None:
        _answer_address(service, indexes, asked, as_json=as_json)
        return
    lon, lat = lonlat
    found = operation.locate(
        indexes, lon, lat, datum=asked.datum, radius_m=asked.radius_m, around=Around(service)
    ).as_json()
    answer(found, as_json=as_json, show=lambda: _show_owners(found))


def _answer_address(
    service: Service, indexes: Sequence[OwnershipIndex], asked: LocateOptions, *, as_json: bool
) -> None:
    from gridsvc.cli.geocode import show_candidates
    from gridsvc.operations.places import geocode, owners
    from gridsvc.operations.places.address_location import location_of_address
    from gridsvc.operations.places.questions import Around

    assert asked.address is not None
    geocoded = geocode.geocode_text(service, asked.address, district=asked.district)
    location = location_of_address(geocoded)
    radius_m = asked.radius_m or location.radius_m
    found = (
        owners.locate_grid(indexes, location.grid)
        if location.grid is not None and asked.radius_m is None
        else owners.locate(indexes, location.lon, location.lat, radius_m=radius_m, around=Around(service))
    ).as_json()
    value = found | {"address": geocoded.as_json()}

    def show() -> None:
        show_candidates(geocoded)
        _show_owners(found)

    answer(value, as_json=as_json, show=show)


def _answer_file(target: Path, located: LocatedFile, *, as_json: bool) -> None:
    words = ", ".join(f"{count:,} {rule}" for rule, count in located.rules.items())
    value = {"file": str(target), "rows": sum(located.rules.values()), "rules": located.rules} | located.bad.as_json()
    answer(value, as_json=as_json, show=lambda: click.echo(f"{target}: {words}"))
    show_bad_rows(located.bad)


def _show_owners(found: dict[str, Any]) -> None:
    rows = [(level, owner["code"], owner["name"]) if owner else (level, "", "none")
            for level, owner in found["owners"].items()]  # fmt: skip
    table(["level", "code", "name"], rows)
    click.echo(f"{found['rule']}, generation {found['generation']} of district {found['district']}")
    if "defect" in found:
        click.secho(printable(found["defect"]), fg="yellow")
    if found.get("derived"):
        click.secho(f"Drawn by gridsvc, not surveyed: {', '.join(found['derived'])}", fg="yellow")
    for share in found.get("shares", [])[:_SHARES_SHOWN]:
        chain = " > ".join(owner["name"] for owner in share["owners"].values() if owner) or "outside"
        demand = f" {share['demand_share']:6.1%}" if "demand_share" in share else ""
        click.echo(printable(f"{share['share']:6.1%}{demand} {chain}"))
    if "emergencies" in found:
        click.secho(f"Shares of the {found['by']}, and of {found['emergencies']} past emergencies there.", dim=True)
    if found.get("confirm"):
        click.secho("Confirm the place: no chain of owners holds 80 % of it.", fg="yellow")
    if question := found.get("question"):
        click.echo(printable(f"Ask: {question['zh']}  {question['en']}"))
        for choice in question["choices"]:
            chain = " > ".join(owner["name"] for owner in choice["owners"].values() if owner) or "outside"
            reply = " ".join(dict.fromkeys((choice["zh"], choice["en"])))
            click.echo(printable(f"  {reply}: {chain}"))

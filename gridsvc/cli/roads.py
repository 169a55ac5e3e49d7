"""`gridsvc load roads`, `gridsvc travel-times` and `gridsvc isochrone`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, say, table
from gridsvc.cli.csv_rows import show_bad_rows
from gridsvc.cli.cures import cure_as_command
from gridsvc.cli.options import accept_uncovered, collect
from gridsvc.coordinates import Datum
from gridsvc.errors import InvalidInput

profile_option = click.option(
    "--profile", type=click.Choice(["normal", "emergency"]), default="normal", show_default=True,
    help="emergency: also against one-way streets, through gates and on private roads, slowly.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoadOptions:
    """The options of `load roads`."""

    place: str | None
    datum: str | None
    district: str | None
    accept_uncovered: bool


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--place", metavar="NAME", help="Download the roads of a place from OpenStreetMap, with osmnx.")
@click.option("--datum", metavar="wgs84|cgcs2000|gcj02|bd09",
              help="Datum of FILE.  [default: what it says, compared with what is in force]")  # fmt: skip
@click.option("--district", metavar="CODE", help="Code of the district; a new district is created.")
@accept_uncovered
@json_option
@collect(RoadOptions)
def load_roads(asked: RoadOptions, *, file: Path | None, as_json: bool) -> None:
    """Load a road network (FILE): .osm.pbf, .osm, .graphml, or a table of lines (.gpkg, .parquet, ...).

    A file that is shifted against the roads in force, or against known houses, as if by another datum is refused, with
    the command that cures it.
    """
    from gridsvc.operations.roads import networks

    if (file is None) == (asked.place is None):
        raise click.UsageError("Give a FILE or --place NAME.")
    if file is None and asked.datum is not None:
        raise click.UsageError("--datum is of a FILE: OpenStreetMap is in WGS-84.")
    datum = None if asked.datum is None else Datum.from_name(asked.datum)
    with cure_as_command(["load", "roads", *([] if file is None else [str(file)])], asked):
        loaded = networks.load_roads(
            opened_service(), asked.district, path=file, place=asked.place, datum=datum,
            accept_uncovered=asked.accept_uncovered,
        )  # fmt: skip

    def show() -> None:
        click.secho(f"Roads of district {loaded['district']}: {loaded['nodes']} nodes, {loaded['arcs']} arcs, "
                    f"{loaded['km']:.0f} km", bold=True)  # fmt: skip
        table(("what", "n"), [(key.replace("_", " "), value) for key, value in flat_report(loaded["report"])])
        if loaded["margin"] is None:
            click.echo(
                "The district has no grids yet: whether the roads cover it and reach far enough beyond it is not known."
            )
        for sentence in loaded["notes"]:
            click.secho(f"{sentence}.", fg="yellow")

    answer(loaded, as_json=as_json, show=show)


def flat_report(report: dict[str, Any], above: str = "") -> list[tuple[str, object]]:
    """Return the counts of an import's report, one a row."""
    rows: list[tuple[str, object]] = []
    for key, value in report.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            rows += flat_report(value, f"{name}: ")
        elif isinstance(value, int | float):
            rows.append((name, value))
    return rows


_places_help = "CSV with the columns lon and lat, or 经度 and 纬度."


@click.command("travel-times")
@click.option("--origins", type=click.Path(path_type=Path), required=True, metavar="FROM.csv", help=_places_help)
@click.option("--destinations", type=click.Path(path_type=Path), required=True, metavar="TO.csv", help=_places_help)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="SECONDS.csv",
              help="No header; a row for each origin, a column for each destination; empty: unreachable.")  # fmt: skip
@profile_option
@district_option
@json_option
def travel_times(
    *, origins: Path, destinations: Path, out: Path, profile: str, district: str | None, as_json: bool
) -> None:
    """Compute the travel times by road, in seconds, from every origin to every destination.

    A row of a file that cannot be read is reported, and its cells in the output are empty.
    """
    from gridsvc.operations.roads.travel_times import travel_times_of_files

    done = travel_times_of_files(opened_service(), origins, destinations, out, profile=profile, district=district)
    value = {
        "origins": done.origins, "destinations": done.destinations, "profile": profile,
        "unreachable": done.unreachable, "out": str(out),
        "bad_rows": {"origins": done.bad[0].as_json(), "destinations": done.bad[1].as_json()},
    }  # fmt: skip
    words = f"{done.origins} x {done.destinations} travel times in {out}, {done.unreachable} unreachable"
    answer(value, as_json=as_json, show=lambda: click.echo(words))
    for bad in done.bad:
        show_bad_rows(bad)


@dataclass(frozen=True, slots=True)
class IsochroneOptions:
    """The options of `isochrone`."""

    minutes: str
    direction: str
    out: Path | None
    profile: str
    district: str | None

    def budgets(self) -> list[float]:
        """Return the minutes as numbers."""
        try:
            return [float(part) for part in self.minutes.replace("，", ",").split(",") if part.strip()]
        except ValueError:
            raise InvalidInput(
                f"--minutes is {self.minutes[:60]!r}. Give numbers separated by commas, such as 5,15."
            ) from None


@click.command(context_settings={"ignore_unknown_options": True})  # -122.6 is a longitude
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--minutes", default="5,15", show_default=True, help="Minutes of travel, separated by commas.")
@click.option("--direction", type=click.Choice(["to", "from"]), default="to", show_default=True,
              help="to: who reaches the place; from: what is reached from it.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help=".geojson, .json or .gpkg.  [default: GeoJSON on stdout]")  # fmt: skip
@profile_option
@district_option
@json_option
@collect(IsochroneOptions)
def isochrone(asked: IsochroneOptions, *, lon: float, lat: float, as_json: bool) -> None:
    """Draw the area within some minutes of a place, with a certificate of how exact it is."""
    import json

    from gridsvc.files.isochrones import AREA_ENDINGS, write_areas
    from gridsvc.files.text import check_ending
    from gridsvc.operations.roads.travel_times import service_areas

    budgets, out = asked.budgets(), asked.out
    if out is not None:
        check_ending(out, AREA_ENDINGS, device_ok=True)
    text = service_areas(opened_service(), lon, lat, budgets, direction=asked.direction, profile=asked.profile,
                         district=asked.district)  # fmt: skip
    if out is None:
        click.echo(text)
        return
    areas = json.loads(text)
    write_areas(out, areas)
    rows = [feature["properties"] for feature in areas["features"]]

    def show() -> None:
        table(("minutes", "points", "wrong", "share"),
              [(r["minutes"], r["certificate"]["points"], r["certificate"]["wrong"], f"{r['certificate']['share']:.2%}")
               for r in rows if r["certificate"] is not None],
              title=f"{out}: {asked.direction} ({lon}, {lat}), {asked.profile}")  # fmt: skip
        if rows and (rows[0]["offroad_m"] is None or rows[0]["offroad_m"] > 500):
            beside = "walked" if asked.direction == "to" else "driven at 15 km/h"
            say(f"The place is {rows[0]['offroad_m']} m from the nearest road; that part is {beside}.")

    answer({"out": str(out), "areas": rows}, as_json=as_json, show=show)

"""`gridsvc load roads`, `gridsvc travel-times` and `gridsvc isochrone`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, say, table
from gridsvc.errors import InvalidInput

profile_option = click.option(
    "--profile", type=click.Choice(["normal", "emergency"]), default="normal", show_default=True,
    help="emergency: contraflow, gates and private ways too, but slowly.",
)  # fmt: skip


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--place", metavar="NAME", help="Ask OpenStreetMap for the roads of a place, by osmnx.")
@click.option("--district", metavar="CODE", help="The district; it is made when it is new.")
@json_option
def load_roads(*, file: Path | None, place: str | None, district: str | None, as_json: bool) -> None:
    """Load a road network: .osm.pbf, .osm, .graphml, or a table of lines (.gpkg, .parquet, ...)."""
    from gridsvc.operations.roads import networks
    from gridsvc.roads.network.margins import in_words

    if (file is None) == (place is None):
        raise click.UsageError("Give a FILE or --place NAME.")
    loaded = networks.load_roads(opened_service(), district, path=file, place=place)

    def show() -> None:
        click.secho(f"Roads of district {loaded['district']}: {loaded['nodes']} nodes, {loaded['arcs']} arcs, "
                    f"{loaded['km']:.0f} km", bold=True)  # fmt: skip
        table(("what", "n"), [(key.replace("_", " "), value) for key, value in flat_report(loaded["report"])])
        if loaded["margin"] is None:
            click.echo("No grids are in force yet: whether the roads reach far enough beyond them is not known.")
        for sentence in in_words(loaded["margin"]) if loaded["margin"] else []:
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


@click.command("travel-times")
@click.option("--origins", type=click.Path(path_type=Path), required=True, help="CSV with the columns lon,lat.")
@click.option("--destinations", type=click.Path(path_type=Path), required=True, help="CSV with the columns lon,lat.")
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="CSV, no header: a row an origin, a column a destination; empty = unreachable.")  # fmt: skip
@profile_option
@district_option
@json_option
def travel_times(
    *, origins: Path, destinations: Path, out: Path, profile: str, district: str | None, as_json: bool
) -> None:
    """Compute travel times by road from every origin to every destination."""
    import numpy as np

    from gridsvc.files.isochrones import write_matrix
    from gridsvc.files.places.places import read_places
    from gridsvc.operations.roads import travel_times as travel

    here, there = read_places(origins), read_places(destinations)
    seconds = travel.travel_times(
        opened_service(), np.column_stack([here.lon, here.lat]), np.column_stack([there.lon, there.lat]),
        profile=profile, district=district,
    )  # fmt: skip
    write_matrix(out, seconds)
    told = {
        "origins": len(seconds), "destinations": seconds.shape[1], "profile": profile,
        "unreachable": int(np.isinf(seconds).sum()), "out": str(out),
    }  # fmt: skip
    words = f"{told['origins']} x {told['destinations']} travel times in {out}, {told['unreachable']} unreachable"
    answer(told, as_json=as_json, show=lambda: click.echo(words))


@click.command(context_settings={"ignore_unknown_options": True})  # -122.6 is a longitude
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--minutes", default="5,15", show_default=True, help="Budgets of travel time, separated by commas.")
@click.option("--direction", type=click.Choice(["to", "from"]), default="to", show_default=True,
              help="to: who reaches the place; from: what is reached from it.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="GeoJSON, or GeoPackage by its name; else stdout.")
@profile_option
@district_option
@json_option
def isochrone(
    *, lon: float, lat: float, minutes: str, direction: str, out: Path | None, profile: str, district: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Draw the area within so many minutes of a place, with its certificate."""
    import json

    from gridsvc.files.isochrones import write_areas
    from gridsvc.operations.roads import travel_times as travel

    try:
        budgets = [float(part) for part in minutes.split(",") if part.strip()]
    except ValueError:
        raise InvalidInput(f"--minutes is {minutes!r}; give numbers separated by commas, such as 5,15.") from None
    areas = travel.service_areas(
        opened_service(), lon, lat, budgets, direction=direction, profile=profile, district=district
    )
    if out is None:
        click.echo(json.dumps(areas, ensure_ascii=False))
        return
    write_areas(out, areas)
    rows = [feature["properties"] for feature in areas["features"]]

    def show() -> None:
        table(("minutes", "points", "wrong", "share"),
              [(r["minutes"], r["certificate"]["points"], r["certificate"]["wrong"], f"{r['certificate']['share']:.2%}")
               for r in rows], title=f"{out}: {direction} ({lon}, {lat}), {profile}")  # fmt: skip
        if rows and (rows[0]["offroad_m"] is None or rows[0]["offroad_m"] > 500):
            say(f"The place is {rows[0]['offroad_m']} m from the nearest road; the way there is walked.")

    answer({"out": str(out), "areas": rows}, as_json=as_json, show=show)

"""`gridsvc roads areas`: write the service areas of teams to a file."""

from __future__ import annotations

from pathlib import Path

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, progress, say, table


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help=".gpkg (a layer for each kind), .geojson or .json.")  # fmt: skip
@click.option("--kind", "kinds", type=click.Choice(["own", "first", "reached_by"]), multiple=True,
              help="own: what a team reaches; first: where it is the first; reached_by: where k teams arrive. "
                   "May be repeated.  [default: all]")  # fmt: skip
@click.option(
    "--class", "classes", type=click.Choice(["urban", "rural"]), multiple=True, help="Response class.  [default: both]"
)
@district_option
@json_option
def areas(*, out: Path, kinds: tuple[str, ...], classes: tuple[str, ...], district: str | None, as_json: bool) -> None:
    """Write the areas where teams on duty arrive in time, after call handling and turnout. Draws what is missing."""
    from gridsvc.operations.grids.generations import choose_district
    from gridsvc.operations.isochrones.export import Asked, export_areas

    service = opened_service()
    code = choose_district(service, district)
    draw = progress("drawing")
    drawn, counts = export_areas(
        service, code, out, Asked(kinds, classes, district=code), lambda done, total, _words: draw(done, total or 0)
    )

    def show() -> None:
        table(("kind", "n", "drawn now"), [(kind, n, drawn.drawn[kind]) for kind, n in counts.items()],
              title=f"{out}: service areas of {drawn.teams} teams of district {code}")  # fmt: skip

    for each in drawn.without_minutes:
        say(f"{each['team']}: call handling and turnout take {each['short_s']} s more than the {each['target_s']} s of "
            f"{each['response_class']}; its area is empty.")  # fmt: skip
    answer({"out": str(out), "areas": counts} | drawn.as_json(), as_json=as_json, show=show)

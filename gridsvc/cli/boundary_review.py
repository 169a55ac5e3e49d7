"""`gridsvc grids diff` and `history`: a change of boundaries, and the past of one grid."""

from __future__ import annotations

from pathlib import Path

import click

from gridsvc.cli.answers import answer, district_option, json_option, say, table
from gridsvc.cli.boundary_faults import opened

_MOST_SHOWN = 50


@click.command()
@click.argument("generation", type=int)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the ground that changes owner to .geojson or .gpkg.")  # fmt: skip
@district_option
@json_option
def diff(*, generation: int, out: Path | None, district: str | None, as_json: bool) -> None:
    """Compare GENERATION with the one in force: grids, ground, and the addresses, teams and cases that change owner."""
    from gridsvc.operations.grids.review import review_generation, write_review

    found = review_generation(*opened(district), generation)
    if out is not None:
        write_review(out, found)
        say(f"{out}: the ground that changes owner")
    value = found.as_json()

    def show() -> None:
        against = "nothing" if found.against is None else f"generation {found.against}"
        click.secho(f"Generation {generation} against {against}", bold=True)
        if found.difference.is_empty:
            click.echo("No grid differs.")
            return
        rows = value["grids"]
        table(["level", "code", "name", "change", "from", "to", "gained_m2", "lost_m2", "places"], [
            (g["level"], g["code"], _name(g), ", ".join(g["changes"]), ", ".join(g["from"]), ", ".join(g["to"]),
             f"{g['gained_m2']:,.0f}", f"{g['lost_m2']:,.0f}", _places(g)) for g in rows[:_MOST_SHOWN]
        ])  # fmt: skip
        if len(rows) > _MOST_SHOWN:
            click.echo(f"{len(rows) - _MOST_SHOWN} more: --json lists all.")
        if found.codes:
            gone, new = value["codes"]["gone"], value["codes"]["new"]
            rest = f"{gone} of before and {new} of after are unmatched" if gone or new else "every one is matched"
            click.echo(f"Codes or names changed, {rest}: gridsvc grids match {found.against} {generation}")
        click.echo(f"With another chain of owners: {_places(value) or 'no address, team or open case'}.")

    answer(value, as_json=as_json, show=show)


def _name(grid: dict[str, str | None]) -> str:
    name, former = grid["name"], grid["former_name"]
    if name is None or former is None or name == former:
        return name or former or ""
    return f"{former} -> {name}"


def _places(found: dict[str, int]) -> str:
    parts = ((found["addresses"], "addresses"), (found["teams"], "teams"), (found["open_cases"], "open cases"))
    return ", ".join(f"{count} {word}" for count, word in parts if count)


@click.command()
@click.argument("code")
@district_option
@json_option
def history(*, code: str, district: str | None, as_json: bool) -> None:
    """Show a grid (CODE) in every generation: its names and changes, its ancestors, and when each was in force."""
    from gridsvc.operations.grids import history as operation

    rows = operation.history(*opened(district), code)
    answer(rows, as_json=as_json, show=lambda: table(
        ["generation", "state", "level", "name", "change", "parent", "area_m2", "in force"],
        [(r["generation"], r["state"], r["level"], r["name"], _became(r), r["parent"], f"{r['area_m2']:,.0f}",
          "; ".join(f"{s['from'][:19]} to {(s['until'] or 'now')[:19]}" for s in r["in_force"])) for r in rows],
    ))  # fmt: skip


def _became(row: dict[str, list[str]]) -> str:
    words = ", ".join(row["changes"])
    words += f" from {', '.join(row['from'])}" if row["from"] else ""
    return words + (f" to {', '.join(row['to'])}" if row["to"] else "")

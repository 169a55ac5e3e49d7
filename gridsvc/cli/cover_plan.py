"""`gridsvc cover plan`: where the posts of a unit should be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a scenario; None or () = not given."""

    model: str | None
    unit: str | None
    p: int | None
    minutes: str | None
    candidates: str | None
    existing: str | None
    demand: str | None
    resolution: int | None
    hours: str | None
    classes: tuple[str, ...]
    rules: tuple[str, ...]
    budget: float | None
    capacity: float | None
    busy: float | None
    time_limit_s: float | None


@dataclass(frozen=True, slots=True)
class Files:
    """What is read and written beside the answer."""

    scenarios: tuple[Path, ...]
    out: Path | None
    save_matrix: Path | None


@click.command()
@click.option(
    "--model",
    help="lscp (fewest posts), mclp (most demand in time), backup (twice), p-median (least "
    "driving), p-center (nearest worst case), dsm (5 and 15 minutes at once), mexclp (with busy teams).",
)
@click.option("--p", type=int, help="Number of posts; of teams for dsm and mexclp.")
@click.option("--unit", help="Whose posts: bureau (its squadrons), township, or a unit's id.  [default: bureau]")
@click.option("--minutes", help="Of driving, such as 5, or 5,15 for dsm.  [default: what the targets leave]")
@click.option(
    "--candidates",
    help="stations, regional, township, area or village (the middles of grids), or a CSV "
    "file with lon, lat, name, cost.  [default: stations]",
)
@click.option("--existing", help="Posts of today: closable, fixed or ignored.  [default: closable]")
@click.option("--demand", help="history (of this service), imported, both, or villages (each as one "
              "case).  [default: history]")  # fmt: skip
@click.option("--resolution", type=int, help="Of the H3 cells of the demand, 6 to 10.  [default: 8]")
@click.option("--hours", help="Local hours of the demand, such as 8-18 or 22-6.")
@click.option("--class", "classes", type=click.Choice(["urban", "rural"]), multiple=True, help="Only these places.")
@click.option("--rule", "rules", multiple=True, help="To keep: squadron-per-area, half-in-townships. May be repeated.")
@click.option("--budget", type=float, help="The most that the candidates' costs may sum to.")
@click.option("--capacity", type=float, help="Cases that a post can serve (p-median).")
@click.option("--busy", type=float, help="Share of the time that a team is on a case (mexclp).  [default: 0.3]")
@click.option("--time-limit", "time_limit_s", type=float, metavar="SECONDS", help="Of the search.  [default: 60]")
@click.option(
    "--scenario",
    "scenarios",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A TOML file with these options; several are compared.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help=".gpkg or .geojson: posts, closed posts, and cells gained, lost and outside.",
)
@click.option(
    "--save-matrix",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the travel times in this .npz file, and read them from it the next time.",
)
@district_option
@json_option
@collect(Asked)
@collect(Files)
def plan(files: Files, asked: Asked, *, district: str | None, as_json: bool) -> None:  # fmt: skip
    """Plan where the posts of a unit should be, with a proof of how good the plan is."""
    from gridsvc.files.coverage import PLAN_ENDINGS, kept_matrix, read_candidates, read_scenario, write_plan
    from gridsvc.files.text import check_ending
    from gridsvc.operations.coverage.plan import make_plan
    from gridsvc.operations.coverage.scenario import CANDIDATES, Scenario
    from gridsvc.operations.coverage.sites import Candidate
    from gridsvc.operations.grids.generations import choose_district

    if files.out is not None:
        check_ending(files.out, PLAN_ENDINGS)
        if len(files.scenarios) > 1:
            raise click.UsageError("--out takes the plan of one scenario. Give one.")
    typed = _typed(asked)
    given = [(path.stem, read_scenario(path)) for path in files.scenarios] or [("", {})]
    service = opened_service()
    code = choose_district(service, district)
    plans = []
    for name, value in given:
        options = {"name": name} | value | typed
        places = None
        if (where := options.get("candidates")) is not None and where not in CANDIDATES:
            places = [Candidate(*row) for row in read_candidates(Path(where))]
            del options["candidates"]
        kept = None if files.save_matrix is None else kept_matrix(files.save_matrix)
        plans.append(make_plan(service, code, Scenario.from_json(options), candidates=places, kept_matrix=kept))
    if files.out is not None:
        write_plan(files.out, _layers(plans[0]))
    answer(plans if len(files.scenarios) > 1 else plans[0], as_json=as_json, show=lambda: _show(plans))


def _typed(asked: Asked) -> dict[str, Any]:
    """Return the options that were given."""
    found = {name: value for name, value in asdict(asked).items() if value not in (None, ())}
    if asked.minutes is not None:
        found["minutes"] = _numbers(asked.minutes, ",", float, "--minutes 5 or --minutes 5,15")
    if asked.hours is not None:
        found["hours"] = _numbers(asked.hours, "-", int, "--hours 8-18")
    return found


def _numbers(text: str, separator: str, kind: type[int | float], cure: str) -> list[float]:
    try:
        return [kind(each) for each in text.split(separator)]
    except ValueError:
        raise click.UsageError(f"{text[:40]!r} cannot be read. Write {cure}.") from None


def _layers(found: dict[str, Any]) -> dict[str, Sequence[dict[str, Any]]]:
    return {"posts": found["sites"], "closed": found["closed"], "gained": found["gained"], "lost": found["lost"],
            "outside": found["outside"]}  # fmt: skip


def _show(plans: list[dict[str, Any]]) -> None:
    if len(plans) == 1:
        _show_one(plans[0])
        return
    rows = []
    for each in plans:
        share = each["covered"]["all"]["after"]
        rows.append((each["name"], each["scenario"]["model"], sum(s["units"] for s in each["sites"]),
                     f"{share['share']:.1%}", f"{share['low']:.1%} to {share['high']:.1%}", each["drive_s"]["after"],
                     _proof(each), "yes" if all(r["holds"] for r in each["rules"]) else "no"))  # fmt: skip
    table(["scenario", "model", "n", "covered", "95 %", "drive_s", "proof", "rules kept"], rows)


def _show_one(found: dict[str, Any]) -> None:
    model = found["scenario"]["model"]
    click.secho(f"{model}: objective {found['objective']:.6g}, bound {found['bound']:.6g}. {_proof(found)}.", bold=True)
    _show_demand(found["demand"])
    table(["post", "township", "lon", "lat", "n", "today"],
          [(s["name"], s["township"], s["lon"], s["lat"], s["units"], "yes" if s["exists"] else "new")
           for s in found["sites"]])  # fmt: skip
    rows = []
    for kind, each in found["covered"].items():
        for when in ("before", "after"):
            share = each[when]
            rows.append((f"{kind}, {when}", f"{share['demand']:g}", f"{share['covered']:g}", f"{share['share']:.1%}",
                         f"{share['low']:.1%} to {share['high']:.1%}"))  # fmt: skip
    table(["covered", "demand", "in time", "share", "95 %"], rows)
    counts = ", ".join(f"{len(found[name])} cells {name}" for name in ("gained", "lost", "outside"))
    click.echo(f"{counts}; {len(found['closed'])} posts of today are closed.")
    for rule in found["rules"]:
        broken = f", not in {', '.join(rule['broken'][:5])}" if rule["broken"] else ""
        click.secho(f"{rule['rule']}: {'kept' if rule['holds'] else 'NOT kept'}{broken}",
                    fg=None if rule["holds"] else "yellow")  # fmt: skip


def _show_demand(demand: dict[str, Any]) -> None:
    if demand["source"] == "villages":
        click.echo("Demand: each village as one case.")
        return
    click.echo(f"Demand: {demand['live']} cases of this service, {demand['imported']} imported.")
    if demand["without_run_card"]:
        words = (
            "of them have a type without run card and count nowhere. `[types]` of the map gives imported ones theirs."
        )
        click.secho(f"{demand['without_run_card']} {words}", fg="yellow")


def _proof(found: dict[str, Any]) -> str:
    return "Proved best" if found["optimal"] else f"Within {found['gap']:.2%} of the best; not proved"

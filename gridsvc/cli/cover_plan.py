"""`gridsvc cover plan` and `cover what-if`: where the posts of a unit should be, and what it changes to move them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service
from gridsvc.cli.cover_tables import layers_of, show_joint, show_plans
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gridsvc.operations.coverage.ground import Given


@dataclass(frozen=True, slots=True)
class Demanded:
    """Options of every scenario; None or () = not given."""

    unit: str | None
    minutes: str | None
    candidates: str | None
    demand: str | None
    resolution: int | None
    hours: str | None
    classes: tuple[str, ...]
    rules: tuple[str, ...]
    time_limit_s: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a plan; None = not given."""

    model: str | None
    p: int | None
    existing: str | None
    budget: float | None
    capacity: float | None
    busy: float | None


@dataclass(frozen=True, slots=True)
class JointAsked:
    """The options of a plan of whole joint teams; None or () = not given."""

    candidates: str | None
    demand: str | None
    hours: str | None
    classes: tuple[str, ...]
    time_limit_s: float | None


@dataclass(frozen=True, slots=True)
class Files:
    """What is read and written beside the answer."""

    population: Path | None
    out: Path | None
    report: Path | None
    language: str
    save_matrix: Path | None


def _demanded(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Demanded` to a command."""
    options = (
        click.option("--unit", help="Whose posts: bureau (its squadrons), township, or a unit's id.  "
                     "[default: bureau]"),
        click.option("--minutes", help="Of driving, such as 5, or 5,15 for dsm.  [default: what the targets leave]"),
        click.option("--candidates", help="stations, regional, township, area or village (the middles of grids), or a "
                     "CSV file with lon, lat, name, cost.  [default: stations]"),
        click.option("--demand", help="history (of this service), imported, both, villages (each as one case), or "
                     "population.  [default: history]"),
        click.option("--resolution", type=int, help="Of the H3 cells of the demand, 6 to 10.  [default: 8]"),
        click.option("--hours", help="Local hours of the demand, such as 8-18 or 22-6."),
        click.option("--class", "classes", type=click.Choice(["urban", "rural"]), multiple=True,
                     help="Only these places."),
        click.option("--rule", "rules", multiple=True, help="To keep: squadron-per-area, half-in-townships, "
                     "officer-per-village. May be repeated."),
        click.option("--time-limit", "time_limit_s", type=float, metavar="SECONDS", help="Of the search.  "
                     "[default: 60]"),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _files(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Files` to a command."""
    path = click.Path(path_type=Path, dir_okay=False)
    options = (
        click.option("--population", type=path, metavar="FILE.csv", help="Where how many people live: lon, lat or h3, "
                     "and people. They are counted beside the demand, or planned for with --demand population."),
        click.option("--report", type=path, metavar="FILE.html", help="One page that stands alone: maps before and "
                     "after, the curve by number of posts, grids gained and lost. Prints on A4."),
        click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True,
                     help="Of the page."),
        click.option("--out", type=path, help=".gpkg or .geojson: posts, closed posts, and cells with their cover "
                     "before and after."),
        click.option("--save-matrix", type=path, help="Keep the travel times in this .npz file, and read them from it "
                     "the next time."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option("--model", help="lscp (fewest posts), mclp (most demand in time), backup (twice), p-median (least "
              "driving), p-center (nearest worst case), dsm (5 and 15 minutes at once), mexclp (with busy "
              "teams).")  # fmt: skip
@click.option("--p", type=int, help="Number of posts; of teams for dsm and mexclp.")
@_demanded
@click.option("--existing", help="Posts of today: closable, fixed or ignored.  [default: closable]")
@click.option("--budget", type=float, help="The most that the candidates' costs may sum to.")
@click.option("--capacity", type=float, help="Cases that a post can serve (p-median).")
@click.option("--busy", type=float, help="Share of the time that a team is on a case (mexclp).  [default: 0.3]")
@click.option("--scenario", "scenarios", type=click.Path(path_type=Path, dir_okay=False), multiple=True,
              help="A TOML file with these options; several are compared.")  # fmt: skip
@_files
@district_option
@json_option
@collect(Demanded)
@collect(Asked)
@collect(Files)
def plan(
    files: Files, asked: Asked, demanded: Demanded, *, scenarios: tuple[Path, ...], district: str | None, as_json: bool
) -> None:
    """Plan where the posts of a unit should be, with a proof of how good the plan is."""
    from gridsvc.files.coverage import read_scenario

    _check(files)
    if len(scenarios) > 1 and (files.out is not None or files.report is not None):
        raise click.UsageError("--out and --report take the plan of one scenario. Give one.")
    typed = _typed(demanded) | _given(asdict(asked))
    given = [(path.stem, read_scenario(path)) for path in scenarios] or [("", {})]
    plans = _make([{"name": name} | value | typed for name, value in given], files, district)
    answer(plans if len(scenarios) > 1 else plans[0], as_json=as_json, show=lambda: show_plans(plans))


@click.command("what-if")
@click.option("--add", type=(float, float), multiple=True, metavar="LON LAT", help="A new post. May be repeated.")
@click.option("--close", multiple=True, metavar="NAME", help="A post of today that is closed. May be repeated.")
@click.option("--move", type=(str, float, float), multiple=True, metavar="NAME LON LAT",
              help="A post of today that moves. May be repeated.")  # fmt: skip
@_demanded
@_files
@district_option
@json_option
@collect(Demanded)
@collect(Files)
def what_if(
    files: Files,
    demanded: Demanded,
    *,
    add: tuple[tuple[float, float], ...],
    close: tuple[str, ...],
    move: tuple[tuple[str, float, float], ...],
    district: str | None,
    as_json: bool,
) -> None:
    """Show what changes if posts are added, moved or closed: people, cases and grids, by class and hour.

    The bound says what as many posts could reach at most.
    """
    _check(files)
    changes = {
        "add": [{"lon": lon, "lat": lat} for lon, lat in add],
        "close": list(close),
        "move": [{"name": name, "lon": lon, "lat": lat} for name, lon, lat in move],
    }
    [found] = _make([_typed(demanded) | {"model": "what-if", "changes": changes}], files, district)
    answer(found, as_json=as_json, show=lambda: show_plans([found]))


@click.command("joint-team")
@click.option("--unit", "units", multiple=True, help="Whose teams are placed: a unit's id. May be repeated.  "
              "[default: all brigades]")  # fmt: skip
@click.option("--candidates", help="stations, regional, township, area or village.  [default: stations]")
@click.option("--demand", help="history, imported, both or villages.  [default: history]")
@click.option("--hours", help="Local hours of the demand, such as 8-18 or 22-6.")
@click.option("--class", "classes", type=click.Choice(["urban", "rural"]), multiple=True, help="Only these places.")
@click.option("--time-limit", "time_limit_s", type=float, metavar="SECONDS", help="Of the search.  [default: 60]")
@district_option
@json_option
@collect(JointAsked)
def joint_team(asked: JointAsked, *, units: tuple[str, ...], district: str | None, as_json: bool) -> None:
    """Show where the teams of the brigades must stand so that the whole joint team "1+X" is in time."""
    from gridsvc.operations.coverage.ground import Given
    from gridsvc.operations.coverage.joint import make_joint_plan
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.grids.generations import choose_district

    typed = _given(asdict(asked))
    if asked.hours is not None:
        typed["hours"] = _numbers(asked.hours, "-", int, "--hours 8-18")
    scenario = Scenario.from_json(typed | {"model": "lscp"})
    service = opened_service()
    found = make_joint_plan(service, choose_district(service, district), scenario, Given(), units)
    answer(found, as_json=as_json, show=lambda: show_joint(found))


def _check(files: Files) -> None:
    from gridsvc.files.coverage import PLAN_ENDINGS
    from gridsvc.files.text import check_ending

    if files.out is not None:
        check_ending(files.out, PLAN_ENDINGS, device_ok=True)
    if files.report is not None:
        check_ending(files.report, (".html",), device_ok=True)


def _make(wanted: list[dict[str, Any]], files: Files, district: str | None) -> list[dict[str, Any]]:
    """Return the plans of scenarios, and write the files of the first."""
    from gridsvc.files.coverage import write_plan, write_plan_page
    from gridsvc.operations.coverage.plan import make_plan
    from gridsvc.operations.coverage.report import SHAPES, make_plan_report
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.grids.generations import choose_district

    service = opened_service()
    code = choose_district(service, district)
    plans: list[dict[str, Any]] = []
    for options in wanted:
        given = _read_given(options, files)
        scenario = Scenario.from_json(options)
        if files.out is None and files.report is None:
            plans.append(make_plan(service, code, scenario, **given._asdict()))
            continue
        document = make_plan_report(service, code, scenario, given)
        if files.out is not None:
            write_plan(files.out, layers_of(document))
        if files.report is not None:
            write_plan_page(files.report, document, files.language)
        plans.append({name: value for name, value in document.items() if name not in SHAPES})
    return plans


def _read_given(options: dict[str, Any], files: Files) -> Given:
    """Return the places, times and people of files; a file of candidates is taken out of the options."""
    from gridsvc.files.coverage import kept_matrix, read_candidates, read_population
    from gridsvc.operations.coverage.demand import Inhabited
    from gridsvc.operations.coverage.ground import Given
    from gridsvc.operations.coverage.scenario import CANDIDATES
    from gridsvc.operations.coverage.sites import Candidate

    places = None
    if (where := options.get("candidates")) is not None and where not in CANDIDATES:
        places = [Candidate(*row) for row in read_candidates(Path(where))]
        del options["candidates"]
    people = None if files.population is None else [Inhabited(*row) for row in read_population(files.population)]
    kept = None if files.save_matrix is None else kept_matrix(files.save_matrix)
    return Given(places, kept, people)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, ())}


def _typed(asked: Demanded) -> dict[str, Any]:
    """Return the options that were given."""
    found = _given(asdict(asked))
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

"""`gridsvc simulate`: the posts of today against those of plans, over the same calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, table
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a simulation."""

    scenarios: tuple[Path, ...]
    dispatch: str
    arrivals: str
    days: int
    replications: int
    seed: int
    load: float
    broken_rules: str
    validate: bool


@click.command()
@click.option(
    "--scenario",
    "scenarios",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A TOML file as for `cover plan`: its posts are compared with those of today. Repeatable.",
)
@click.option("--dispatch", type=click.Choice(["service", "nearest"]), default="service", show_default=True,
              help="The rule of the service, or slot by slot the lawful free team that is there first.")  # fmt: skip
@click.option("--arrivals", type=click.Choice(["days", "poisson"]), default="days", show_default=True,
              help="Whole days of the past drawn again, or each place and hour on its own.")  # fmt: skip
@click.option("--days", type=int, default=365, show_default=True, help="Of each replication.")
@click.option(
    "--replications", type=int, default=20, show_default=True, help="Independent ones; intervals are of these."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same calls.")
@click.option("--load", type=float, default=1.0, show_default=True, help="Calls against those of the past (poisson).")
@click.option("--broken-rules", type=click.Choice(["refuse", "keep", "ignore"]), default="refuse", show_default=True,
              help="Of a plan that breaks a rule of the reform which today's posts keep: refuse it, plan again "
              "with the rule, or play it all the same.")  # fmt: skip
@click.option("--validate", is_flag=True, help="Also play the recorded cases, and compare with what was recorded.")
@district_option
@json_option
@collect(Asked)
def simulate(asked: Asked, *, district: str | None, as_json: bool) -> None:
    """Simulate the teams at work: from the posts of today, and from those of plans, over the same calls."""
    from dataclasses import asdict

    from gridsvc.files.coverage import read_scenario
    from gridsvc.operations.grids.generations import choose_district
    from gridsvc.operations.simulation.simulate import simulate as simulated
    from gridsvc.operations.simulation.wanted import Wanted

    scenarios = [{"name": path.stem} | read_scenario(path) for path in asked.scenarios]
    wanted = Wanted.from_json(asdict(asked) | {"scenarios": scenarios})
    service = opened_service()
    found = simulated(service, choose_district(service, district), wanted)
    answer(found, as_json=as_json, show=lambda: _show(found))


def _show(found: dict[str, Any]) -> None:
    wanted = found["simulation"]
    click.secho(
        f"{found['calls']} calls in {wanted['replications']} times {wanted['days']} days, by {wanted['arrivals']} of "
        f"{found['cases']} cases in {found['days_of_the_past']} days; dispatch: {wanted['dispatch']}.",
        bold=True,
    )
    assumed = [name for name, each in found["durations"].items() if each["assumed"]]
    if assumed:
        click.secho(f"Too few were recorded, so that planning values stand in: {', '.join(assumed)}.", fg="yellow")
    rows = []
    for fleet in found["fleets"]:
        for kind, each in fleet["figures"].items():
            rows.append((fleet["name"], kind, _share(each["in_time"]), _share(each["team_in_time"]),
                         _seconds(each["mean_s"]), _seconds(each["p90_s"]), _share(each["waited"])))  # fmt: skip
    table(["posts", "class", "lead in time", "team in time", "mean_s", "p90_s", "waited"], rows,
          title="With 95 % intervals over the replications")  # fmt: skip
    for plan in found["plans"]:
        _show_plan(plan)
    table(["posts", "class", "more in time", "95 %", "mean_s more", "95 %"], list(_differences(found["differences"])),
          title="Against today, over the same calls")  # fmt: skip
    if found["validation"] is not None:
        _show_validation(found["validation"])


def _show_plan(plan: dict[str, Any]) -> None:
    how = "planned again with the rules that today's posts keep; " if plan["corrected"] else ""
    worse = [code for rule in plan["rules"] for code in rule["worse"]]
    broken = f"; breaks rules that today's posts keep ({', '.join(worse[:5])})" if worse else ""
    click.secho(f"{plan['name']}: {how}{len(plan['moved'])} teams of {plan['unit']} move{broken}.",
                fg="yellow" if worse else None)  # fmt: skip


def _differences(differences: Iterable[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    for each in differences:
        for kind, figures in each["figures"].items():
            share, mean = figures["in_time"], figures["mean_s"]
            yield (each["fleet"], kind, _percent(share["mean"], "+"), _range(share, lambda x: _percent(x, "+")),
                   _number(mean["mean"]), _range(mean, _number))  # fmt: skip


def _show_validation(found: dict[str, Any]) -> None:
    table(["newer half of the cases", "in time", "mean_s", "p50_s", "p90_s"],
          [(name, _percent(found[name]["in_time"], ""), found[name]["mean_s"], found[name]["p50_s"],
            found[name]["p90_s"]) for name in ("recorded", "simulated")])  # fmt: skip
    verdict = "they may be alike" if found["alike"] else "they differ"
    click.secho(
        f"{found['cases']} cases: the distributions differ by {found['largest_difference']:.3f} at most (up to "
        f"{found['likely_up_to']:.3f} by chance: {verdict}); {found['apart_s']:g} s apart on average.",
        fg=None if found["alike"] else "yellow",
    )


def _share(each: dict[str, Any]) -> str:
    return f"{_percent(each['mean'], '')} ({_range(each, lambda x: _percent(x, ''))})"


def _seconds(each: dict[str, Any]) -> str:
    return f"{_number(each['mean'])} ({_range(each, _number)})"


def _range(each: dict[str, Any], word: Callable[[float], str]) -> str:
    return "" if each["low"] is None else f"{word(each['low'])} to {word(each['high'])}"


def _percent(value: float | None, sign: str) -> str:
    return "" if value is None else f"{value:{sign}.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"

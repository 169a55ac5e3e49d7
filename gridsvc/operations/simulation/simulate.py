"""`gridsvc simulate`: today's posts against those of plans, over the same calls, with intervals."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gridsvc.db.grids.versions import get_versions
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.coverage.demand import RESOLUTION
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.simulation.carry import carried, lawful_plan
from gridsvc.operations.simulation.city import city_of, player, posted
from gridsvc.operations.simulation.recorded import read_past
from gridsvc.operations.simulation.replay import validate
from gridsvc.operations.simulation.wanted import Wanted
from gridsvc.simulation.arrivals import draw_days, draw_poisson
from gridsvc.simulation.figures import FIGURES, replicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service
    from gridsvc.simulation.figures import Replications
    from gridsvc.simulation.model import Calls

TODAY = "today"


def run_simulation(run: Run) -> Json:
    """Simulate as a job."""
    arguments = run.job.arguments
    wanted = Wanted.from_json(arguments.get("simulation", {}))
    return simulate(run.service, arguments["district"], wanted, progress=partial(run.progress, words="simulating"))


def simulate(
    service: Service, district: str, wanted: Wanted, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Return the figures of today's posts, of those of each plan, and what they differ by over the same calls.

    Raises
    ------
    NotFound
        When the district has no grids, roads or teams.
    Conflict
        For a plan that breaks a rule of the reform which today's posts keep.
    InvalidInput
        Without recorded emergencies, for a plan with more posts than teams, for a fleet that is overloaded.
    """
    began = time.monotonic()
    with service.database.transaction() as connection:
        view = view_at(service, connection, get_versions(connection, district))
        prepared = law_of(view).prepared
        past = read_past(connection, district, view.district.time_zone, prepared)
    city = city_of(service, view, past, RESOLUTION)
    clocks = law_of(view).clocks
    handling_s = float(clocks.get(clocks.default_policy).handling_s)
    durations, words = past.durations(handling_s)
    fleets = {TODAY: player(service, city, prepared, wanted.dispatch)}
    plans = []
    for number, scenario in enumerate(wanted.scenarios, start=1):
        name = scenario.name or f"plan {number}"
        plan = lawful_plan(service, district, scenario, wanted.broken_rules)
        teams, moved = carried(prepared, scenario.unit, plan["sites"])
        fleets[name] = player(service, city, posted(prepared, teams), wanted.dispatch)
        plans.append(_plan_json(name, scenario, plan) | {
            "moved": [{"team_id": each.id, "name": each.name, "lon": each.lon, "lat": each.lat} for each in moved],
        })  # fmt: skip

    def draw(random: Generator) -> Calls:
        if wanted.arrivals == "days":
            return draw_days(city.sources, durations, city.past, wanted.days, random)
        return draw_poisson(city.sources, durations, wanted.days, random, load=wanted.load)

    found = replicate(fleets, draw, wanted.replications, wanted.seed, progress=progress)
    return {
        "district": district,
        "simulation": wanted.as_json(),
        "cases": len(past.cases),
        "days_of_the_past": past.days,
        "places": len(city.lon),
        "teams": len(prepared.teams),
        "calls": found.calls,
        "durations": words,
        "fleets": [_fleet_json(found, name, prepared.team_ids) for name in fleets],
        "plans": plans,
        "differences": [_difference_json(found, name) for name in fleets if name != TODAY],
        "validation": validate(service, view, prepared, past, wanted, handling_s) if wanted.validate else None,
        "versions": view.versions.as_json(),
        "seconds": round(time.monotonic() - began, 3),
    }


def _plan_json(name: str, scenario: Scenario, plan: dict[str, Any]) -> dict[str, Json]:
    wanted = ("objective", "bound", "optimal", "covered", "rules", "sites", "closed", "corrected", "uncorrected")
    return {"name": name, "unit": scenario.unit, "model": scenario.model} | {
        each: plan[each] for each in wanted if each in plan
    }


def _fleet_json(found: Replications, name: str, team_ids: tuple[str, ...]) -> dict[str, Json]:
    busiest = sorted(zip(found.busy[name].tolist(), team_ids, strict=True), reverse=True)[:5]
    return {
        "name": name,
        "figures": {
            kind or "all": {figure: found.estimate(name, figure, kind).as_json(_digits(figure)) for figure in FIGURES}
            for kind in (None, *found.kinds)
        },
        "busiest": [{"team_id": team_id, "busy": round(share, 4)} for share, team_id in busiest],
    }


def _difference_json(found: Replications, name: str) -> dict[str, Json]:
    return {
        "fleet": name,
        "of": TODAY,
        "figures": {
            kind or "all": {
                figure: found.difference(name, TODAY, figure, kind).as_json(_digits(figure)) for figure in FIGURES
            }
            for kind in (None, *found.kinds)
        },
    }


def _digits(figure: str) -> int:
    return 1 if figure.endswith("_s") else 4

"""Where the posts of a unit should be: one scenario solved, with its proof, and compared with the posts of today."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from gridsvc import coverage
from gridsvc.coverage.model import Limits, Side
from gridsvc.errors import InvalidInput
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.coverage.effect import effect
from gridsvc.operations.coverage.ground import Given, ground_of
from gridsvc.operations.coverage.reform import rules_json, rules_of
from gridsvc.operations.coverage.scenario import AS_TODAY, Scenario
from gridsvc.operations.roads.travel_times import BASIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.demand import Inhabited
    from gridsvc.operations.coverage.ground import Ground, Matrix
    from gridsvc.operations.coverage.sites import Candidate, Site
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

    Flags = NDArray[np.bool_]


def run_plan(run: Run) -> Json:
    """Solve the scenario of a job."""
    arguments = run.job.arguments
    run.progress(0, 1, "solving")
    return make_plan(run.service, arguments["district"], Scenario.from_json(arguments["scenario"]))


def make_plan(
    service: Service,
    district: str,
    scenario: Scenario,
    *,
    candidates: Sequence[Candidate] | None = None,
    kept_matrix: Matrix | None = None,
    population: Sequence[Inhabited] | None = None,
) -> dict[str, Json]:
    """Return the best posts of a scenario with their bound, or those of a what-if, and what they change.

    Parameters
    ----------
    candidates, kept_matrix, population
        As in `Given`. The people are counted beside the demand, or planned for with the demand `population`.

    Raises
    ------
    NotFound
        When the district has no grids, roads or teams of the unit.
    InvalidInput
        When there is no demand, or no plan; what would do is named.
    """
    began = time.monotonic()
    ground = ground_of(service, district, scenario, Given(candidates, kept_matrix, population))
    return solved(ground, scenario, began)


def solved(ground: Ground, scenario: Scenario, began: float) -> dict[str, Json]:
    """Return the plan of a scenario on its ground; `began`: by the monotonic clock."""
    limits, rules = _limits(ground, scenario)
    plan = _solve(ground, scenario, limits) if ground.chosen is None else _judged(ground, scenario, limits)
    moved = _moved(ground, plan.sites)
    answer: dict[str, Json] = {
        "name": scenario.name,
        "district": ground.view.code,
        "scenario": scenario.as_json(),
        "basis": BASIS,
        "demand": ground.demand.as_json(law_of(ground.view).plans),
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "optimal": plan.optimal,
        "sites": _sites_json(ground, plan.sites),
        "closed": [_site_json(ground.sites[n]) for n in ground.today if n not in plan.sites and n not in moved],
        "moved": list(moved.values()),
        "rules": rules_json(rules, plan.sites, ground.today),
    }  # fmt: skip
    answer |= effect(ground, scenario, plan.sites)
    answer["versions"] = ground.view.versions.as_json()
    answer["seconds"] = round(time.monotonic() - began, 3)
    return answer


def _limits(ground: Ground, scenario: Scenario) -> tuple[Limits, list[Side]]:
    """Return the limits of the search, and all rules of the reform that concern the unit, asked for or not."""
    sites = ground.sites
    fixed = tuple(n for n, site in enumerate(sites) if site.exists) if scenario.existing == "fixed" else ()
    rules = rules_of(ground, scenario)
    today = ground.today
    sides = [
        side for name, side in rules if name in scenario.rules or (AS_TODAY in scenario.rules and side.holds(today))
    ]
    if scenario.budget is not None:
        sides.append(Side("budget", tuple(site.candidate.cost for site in sites), most=scenario.budget))
    limits = Limits(fixed=fixed, sides=tuple(sides), time_limit_s=scenario.time_limit_s)
    return limits, [side for _, side in rules] + [side for side in sides if side.name == "budget"]


def _solve(ground: Ground, scenario: Scenario, limits: Limits) -> coverage.Plan:
    weight = ground.columns.weight
    minutes = scenario.minutes[0] if scenario.minutes else None
    p = scenario.p or 1
    if scenario.model in {"p-median", "p-center"}:
        return _by_cost(ground, scenario, limits)
    cover = ground.within(minutes)
    match scenario.model:
        case "lscp":
            _refuse_out_of_reach(ground, cover)
            return coverage.lscp(cover, limits=limits)
        case "mclp":
            return coverage.mclp(cover, weight, p, limits=limits)
        case "backup":
            return coverage.mclp_backup(cover, weight, p, backup_share=scenario.backup_share, limits=limits)
        case "mexclp":
            return coverage.mexclp(cover, weight, p, scenario.busy, limits=limits)
    near, far = _two_limits(ground, scenario)
    _refuse_out_of_reach(ground, far)
    return coverage.double_standard(near, far, weight, p, near_share=scenario.near_share, limits=limits)


def _judged(ground: Ground, scenario: Scenario, limits: Limits) -> coverage.Plan:
    """Return the posts of a what-if with what they reach, and the most that as many posts could reach as the bound.

    Raises
    ------
    InvalidInput
        Where the posts do not keep a rule that they are to keep.
    """
    chosen = ground.chosen or ()
    if broken := [side.name for side in limits.sides if not side.holds(chosen)]:
        raise InvalidInput(
            f"These posts do not keep the rule `{broken[0]}` ({len(broken)} rules in all). Change other posts, or ask "
            "without the rule: the answer says then which rules are broken.",
            kind="rule-broken",
            rules=broken[:100],
        )
    if not chosen:
        return coverage.Plan((), 0.0, 0.0, optimal=True)
    cover, weight = ground.within(scenario.minutes[0] if scenario.minutes else None), ground.columns.weight
    reached = float(weight[cover[list(chosen)].any(axis=0)].sum())
    best = coverage.mclp(cover, weight, len(chosen), limits=Limits(time_limit_s=limits.time_limit_s))
    close = best.bound <= reached + 1e-9 * max(float(weight.sum()), 1.0)
    return coverage.Plan(chosen, reached, reached if close else best.bound, close)


def _two_limits(ground: Ground, scenario: Scenario) -> tuple[Flags, Flags]:
    """Return the cover within the near and the far limit: the least and the greatest target without minutes."""
    if scenario.minutes:
        near, far = sorted(scenario.minutes)
    else:
        targets = [t for plan in law_of(ground.view).plans.plans.values() for t in plan.target_s.values()]
        near, far = ((each - ground.ready_s) / 60 for each in (min(targets), max(targets)))
    return ground.within(near), ground.within(far)


def _by_cost(ground: Ground, scenario: Scenario, limits: Limits) -> coverage.Plan:
    """Solve p-median or p-center over places: the weight of a place is that of its columns."""
    cells = len(ground.places)
    weight = np.bincount(ground.columns.place, ground.columns.weight, minlength=cells)
    used = np.flatnonzero(weight > 0)
    may = np.zeros((len(ground.sites), cells), bool)
    for column, place in enumerate(ground.columns.place.tolist()):
        may[:, place] |= ground.lawful[:, column]
    cost = np.where(may, ground.seconds, np.inf)[:, used]
    if not np.isfinite(cost).any(axis=0).all():
        _refuse_out_of_reach(ground, np.isfinite(ground.seconds[:, ground.columns.place]) & ground.lawful)
    p = scenario.p or 1
    if scenario.model == "p-center":
        return coverage.p_center(cost, p, limits=limits)
    capacity = None if scenario.capacity is None else np.full(len(cost), scenario.capacity)
    return coverage.p_median(cost, weight[used], p, capacity=capacity, limits=limits)


def _refuse_out_of_reach(ground: Ground, cover: Flags) -> None:
    """Raise InvalidInput for demand that no site covers, with its cells and the minutes that would do."""
    missing = np.flatnonzero(~cover.any(axis=0))
    if not len(missing):
        return
    cells = [ground.demand.cells[place] for place in dict.fromkeys(ground.columns.place[missing].tolist())]
    seconds = np.where(ground.lawful[:, missing], ground.seconds[:, ground.columns.place[missing]], np.inf)
    least_s = float(seconds.min(axis=0).max())
    shown = ", ".join(cells[:5]) + (" ..." if len(cells) > 5 else "")
    if np.isfinite(least_s):
        minutes = float(np.ceil(least_s / 6) / 10)
        cure = f"{minutes:g} minutes of driving would reach all; give more candidates, or `minutes` of that."
    else:
        minutes, cure = None, "No road leads there from any candidate. Give more candidates, or plan with mclp."
    raise InvalidInput(
        f"{len(cells)} places with demand are out of reach of every candidate ({shown}). {cure}",
        kind="demand-out-of-reach",
        count=len(cells),
        cells=cells[:100],
        minutes=minutes,
    )


def _sites_json(ground: Ground, chosen: Sequence[int]) -> list[dict[str, Json]]:
    return [_site_json(ground.sites[number]) | {"units": list(chosen).count(number)} for number in sorted(set(chosen))]


def _moved(ground: Ground, chosen: Sequence[int]) -> dict[int, dict[str, Json]]:
    """Return which posts of today are elsewhere in a what-if, by site number, with their places before and after."""
    found = {}
    for number in ground.today:
        teams = ground.sites[number].teams
        for now in chosen:
            site = ground.sites[now]
            if site.changed and len(teams) == 1 and site.teams == teams:
                old, new = ground.sites[number].candidate, site.candidate
                found[number] = {"name": new.name, "from": [old.lon, old.lat], "to": [new.lon, new.lat]}
    return found


def _site_json(site: Site) -> dict[str, Json]:
    each = site.candidate
    return {
        "name": each.name,
        "lon": round(each.lon, 6),
        "lat": round(each.lat, 6),
        "township": site.township,
        "area": site.area,
        "exists": site.exists,
        "cost": each.cost,
    }

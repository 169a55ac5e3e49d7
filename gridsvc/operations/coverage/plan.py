"""Where the posts of a unit should be: one scenario solved, with its proof, and compared with the posts of today."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc import coverage
from gridsvc.compliance.proportions import interval
from gridsvc.coverage.model import Limits, Side
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.law import TOWNSHIP, TOWNSHIP_UNIT_PREFIX
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.coverage.demand import VILLAGES, demand_of, village_demand
from gridsvc.operations.coverage.scenario import HALF_IN_TOWNSHIPS, SQUADRON_PER_AREA, Scenario
from gridsvc.operations.coverage.sites import candidates_of, sites_of, teams_of
from gridsvc.operations.coverage.table import columns_today, owners_of
from gridsvc.operations.roads.team_times import PROFILE
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.districts import view_at
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gridsvc.coverage.lawful import Columns, Place
    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.demand import Demand
    from gridsvc.operations.coverage.sites import Candidate, Site
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Matrix = Callable[[Floats, Floats, dict[str, str], Callable[[], Floats]], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a scenario is solved on.

    seconds: (sites, places) of driving, inf = no way. lawful: (sites, columns) whether a team of the unit there may
    fill the slot. ready_s: call handling and the unit's turnout.
    """

    view: DistrictView
    sites: tuple[Site, ...]
    demand: Demand
    places: tuple[Place, ...]
    columns: Columns
    seconds: Floats
    lawful: Flags
    ready_s: float

    def within(self, minutes: float | None) -> Flags:
        """Return which sites cover which columns, (sites, columns): within minutes of driving, or the targets."""
        seconds = self.seconds[:, self.columns.place]
        limit = self.columns.target_s - self.ready_s if minutes is None else np.float64(minutes * 60)
        covered: Flags = (seconds <= limit) & self.lawful
        return covered


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
) -> dict[str, Json]:
    """Return the best posts of a scenario with their bound, and what they change.

    Parameters
    ----------
    candidates
        Instead of those that the scenario names.
    kept_matrix
        Called with origins and destinations (lon, lat), what the seconds depend on, and a function that computes them.

    Raises
    ------
    NotFound
        When the district has no grids, roads or teams of the unit.
    InvalidInput
        When there is no demand, or no plan; what would do is named.
    """
    began = time.monotonic()
    ground = _ground(service, district, scenario, candidates, kept_matrix)
    limits, rules = _limits(ground, scenario)
    plan = _solve(ground, scenario, limits)
    answer: dict[str, Json] = {
        "name": scenario.name,
        "district": district,
        "scenario": scenario.as_json(),
        "demand": ground.demand.as_json(law_of(ground.view).plans),
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "optimal": plan.optimal,
        "sites": _sites_json(ground, plan.sites),
        "closed": [_site_json(ground.sites[n]) for n in range(len(ground.sites))
                   if ground.sites[n].exists and n not in plan.sites],
        "rules": _rules_json(rules, plan.sites),
    }  # fmt: skip
    answer |= _effect(ground, scenario, plan.sites)
    answer["versions"] = ground.view.versions.as_json()
    answer["seconds"] = round(time.monotonic() - began, 3)
    return answer


def _ground(
    service: Service,
    district: str,
    scenario: Scenario,
    candidates: Sequence[Candidate] | None,
    kept_matrix: Matrix | None,
) -> Ground:
    with service.database.transaction() as connection:
        view = view_at(service, connection, get_versions(connection, district))
        demand = (
            village_demand(view)
            if scenario.demand == VILLAGES
            else demand_of(
                connection, district, resolution=scenario.resolution, hours=scenario.hours, source=scenario.demand
            )
        )
    if view.index is None or view.network is None:
        raise NotFound(
            f"District {district} has no grids or no roads in force, so that nothing can be planned. Load them.",
            kind="no-cover",
            district=district,
        )
    prepared = law_of(view).prepared
    places = owners_of(view, demand)
    teams = teams_of(prepared, scenario.unit)
    columns = columns_today(prepared, view.local_time(view.versions.now), demand, places, scenario.classes)
    columns = columns.only(columns.of_unit(scenario.unit))
    if not len(columns.weight):
        without = demand.as_json(prepared.plans)["without_run_card"]
        raise InvalidInput(
            f"There is no demand for {scenario.unit} in these hours and classes; {without} cases have a type without "
            "run card. Widen them, name the types in the map of an import, or plan with `demand` = villages.",
            kind="no-demand",
            unit=scenario.unit,
            without_run_card=without,
        )
    places_used = candidates_of(view, prepared, scenario.candidates) if candidates is None else candidates
    sites = sites_of(view, prepared, scenario.unit, places_used)
    if scenario.existing == "ignored":
        asked = {(each.lon, each.lat) for each in places_used}
        sites = [replace(each, teams=()) for each in sites if (each.candidate.lon, each.candidate.lat) in asked]
    here = np.array([(site.candidate.lon, site.candidate.lat) for site in sites])
    there = np.column_stack([demand.lon, demand.lat])
    network, weights = view.network, weights_now(service, view, view.network, PROFILE)

    def compute() -> Floats:
        return matrix(network, snap(network, *here.T), snap(network, *there.T), weights)

    rests_on = {"network": str(view.versions.network), "weights": str(weights.version)}
    seconds = compute() if kept_matrix is None else kept_matrix(here, there, rests_on, compute)
    lawful = np.array([_lawful(site, columns, teams, scenario.unit) for site in sites])
    handling_s = law_of(view).clocks.get(law_of(view).clocks.default_policy).handling_s
    ready_s = handling_s + float(np.median([prepared.teams[team].station_turnout_s for team in teams]))
    return Ground(view, tuple(sites), demand, places, columns, seconds, lawful, ready_s)


def _lawful(site: Site, columns: Columns, teams: Sequence[int], unit: str) -> Flags:
    """Return which columns a post may cover by law: with its teams of today, a new one with all that the unit has."""
    able = np.asarray(columns.may[:, list(site.teams or teams)].any(axis=1), bool)
    may: Flags = able[columns.group]
    if unit == TOWNSHIP:  # the team of a new post is of the township that the post is in
        own = np.array([each == f"{TOWNSHIP_UNIT_PREFIX}{site.township}" for each in columns.unit], bool)
        may = may & own
    return may


def _limits(ground: Ground, scenario: Scenario) -> tuple[Limits, list[Side]]:
    """Return the limits of the search, and all rules of the reform that concern the unit, asked for or not."""
    sites = ground.sites
    fixed = tuple(n for n, site in enumerate(sites) if site.exists) if scenario.existing == "fixed" else ()
    rules = _rules(ground, scenario)
    sides = [side for name, side in rules if name in scenario.rules]
    if scenario.budget is not None:
        sides.append(Side("budget", tuple(site.candidate.cost for site in sites), most=scenario.budget))
    limits = Limits(fixed=fixed, sides=tuple(sides), time_limit_s=scenario.time_limit_s)
    return limits, [side for _, side in rules] + [side for side in sides if side.name == "budget"]


def _rules(ground: Ground, scenario: Scenario) -> list[tuple[str, Side]]:
    sites = ground.sites
    found = []
    prepared = law_of(ground.view).prepared
    if scenario.unit == "bureau":
        assert ground.view.index is not None
        areas = sorted({area for team in prepared.teams for area in team.areas})
        for area in areas:
            inside = tuple(float(site.area == area) for site in sites)
            found.append((SQUADRON_PER_AREA, Side(f"{SQUADRON_PER_AREA} {area}", inside, least=1.0, most=1.0)))
    of_brigade = any(team.kind is TeamKind.BRIGADE and team.unit == scenario.unit for team in prepared.teams)
    if of_brigade:
        # posted - at headquarters >= 0, whatever their number is
        factor = tuple(-1.0 if site.headquarters else 1.0 for site in sites)
        found.append((HALF_IN_TOWNSHIPS, Side(HALF_IN_TOWNSHIPS, factor, least=0.0)))
    return found


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


# what it changes


def _effect(ground: Ground, scenario: Scenario, chosen: Sequence[int]) -> dict[str, Json]:
    """Return the cover before and after by class, and the places that are gained and lost."""
    minutes = scenario.minutes[0] if scenario.minutes else None
    cover = ground.within(minutes)
    after = np.asarray(cover[sorted(set(chosen))].any(axis=0), bool)
    today = [n for n, site in enumerate(ground.sites) if site.exists]
    before = np.asarray(cover[today].any(axis=0), bool)
    weight, columns = ground.columns.weight, ground.columns
    classes = {}
    for kind in ("all", *sorted(set(columns.response_class))):
        own = np.array([kind in ("all", each) for each in columns.response_class])
        classes[kind] = {"before": _share(weight, before & own, own), "after": _share(weight, after & own, own)}
    return {
        "covered": classes,
        "drive_s": {"before": _mean_drive(ground, today), "after": _mean_drive(ground, sorted(set(chosen)))},
        "gained": _cells(ground, after & ~before),
        "lost": _cells(ground, before & ~after),
        "outside": _cells(ground, ~after),
    }


def _share(weight: Floats, covered: Flags, own: Flags) -> dict[str, Json]:
    """Return the covered weight and its share, with an exact 95 % interval where the weights count cases."""
    whole, part = float(weight[own].sum()), float(weight[covered].sum())
    low, high = interval(round(part), max(round(whole), 1)) if whole >= 1 else (0.0, 1.0)
    share = part / whole if whole else 0.0
    return {
        "demand": round(whole, 2),
        "covered": round(part, 2),
        "share": round(share, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _mean_drive(ground: Ground, sites: Sequence[int]) -> float | None:
    """Return the mean seconds of driving from the nearest lawful post, None where some demand has no way."""
    if not sites:
        return None
    seconds = np.where(ground.lawful, ground.seconds[:, ground.columns.place], np.inf)[list(sites)].min(axis=0)
    mean = float(np.average(seconds, weights=ground.columns.weight))
    return round(mean, 1) if np.isfinite(mean) else None


def _cells(ground: Ground, flags: Flags) -> list[dict[str, Json]]:
    at = np.flatnonzero(flags)
    weight = np.bincount(ground.columns.place[at], ground.columns.weight[at], minlength=len(ground.places))
    found = []
    for place in np.argsort(-weight, kind="stable").tolist():
        if weight[place] <= 0:
            break
        owners = ground.places[place]
        found.append(
            {
                "cell": ground.demand.cells[place],
                "lon": round(float(ground.demand.lon[place]), 6),
                "lat": round(float(ground.demand.lat[place]), 6),
                "township": owners.township,
                "village": owners.village,
                "demand": round(float(weight[place]), 2),
            }
        )
    return found


def _sites_json(ground: Ground, chosen: Sequence[int]) -> list[dict[str, Json]]:
    return [_site_json(ground.sites[number]) | {"units": list(chosen).count(number)} for number in sorted(set(chosen))]


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


def _rules_json(rules: Sequence[Side], chosen: Sequence[int]) -> list[dict[str, Json]]:
    """Return which rules the plan keeps; of a rule for each area grid, the codes of those where it does not."""
    found: dict[str, dict[str, Json]] = {}
    for rule in rules:
        name, _, of = rule.name.partition(" ")
        row = found.setdefault(name, {"rule": name, "holds": True, "broken": []})
        if not rule.holds(chosen):
            row["holds"] = False
            row["broken"] += [of] if of else []
    return list(found.values())

"""Where the teams of each brigade must stand so that the whole joint team is in time; all others stay."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coverage.changes import change_of
from gridsvc.coverage.joint import JointDemand, Member, joint_teams, whole_of
from gridsvc.db.grids.versions import get_versions
from gridsvc.dispatch import CaseFacts
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.law import ResponseClass
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.coverage.effect import share_of_cases
from gridsvc.operations.coverage.ground import demand_in
from gridsvc.operations.coverage.sites import Candidate, candidates_of, unit_of
from gridsvc.operations.coverage.table import owners_of
from gridsvc.operations.roads.team_times import PROFILE
from gridsvc.operations.roads.travel_times import BASIS
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.districts import view_at
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.dispatch import Prepared
    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.demand import Demand
    from gridsvc.operations.coverage.ground import Given
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """So many cases of a place and class: the options of each slot, by unit, and the target."""

    place: int
    response_class: str
    weight: float
    target_s: float
    slots: tuple[tuple[str, tuple[int, ...]], ...]


def make_joint_plan(
    service: Service, district: str, scenario: Scenario, given: Given, units: Sequence[str] = ()
) -> dict[str, Json]:
    """Return where the teams of some units should stand so that most joint teams are whole in time.

    Of the scenario the demand, the classes, the hours, the candidates and the time limit count. units: ids; empty = all
    brigades. Teams of other units count from where they stand.

    Raises
    ------
    NotFound
        When the district has no grids, roads or teams of a unit.
    InvalidInput
        When there is no demand.
    """
    began = time.monotonic()
    with service.database.transaction() as connection:
        view = view_at(service, connection, get_versions(connection, district))
        demand = demand_in(connection, view, scenario, given)
    prepared = law_of(view).prepared
    planned = _planned(prepared, units)
    cases = _cases(view, demand, scenario)
    if not cases:
        raise InvalidInput(
            "There is no demand in these hours and classes. Widen them, or plan with `demand` = villages.",
            kind="no-demand",
        )
    wanted = candidates_of(view, prepared, scenario.candidates) if given.candidates is None else given.candidates
    sites = _sites(prepared, planned, wanted)
    ready_s, at_sites, at_stations = _seconds(service, view, demand, sites)
    kinds = _kinds(prepared, planned, cases)
    reach_s = np.array([ready_s[kind[0]] + at_sites for kind in kinds])
    # Each target is a layer of places of its own, so that "in time" depends on kind, site and place alone.
    targets = sorted({case.target_s for case in cases})
    reach = np.concatenate([reach_s <= target for target in targets], axis=2)
    today = np.zeros((len(kinds), len(sites)), np.intp)
    at = {_key(each.lon, each.lat): number for number, each in reversed(list(enumerate(sites)))}
    for number, kind in enumerate(kinds):
        for team in kind:
            today[number, at[_key(prepared.teams[team].lon, prepared.teams[team].lat)]] += 1
    of_kind = {team: number for number, kind in enumerate(kinds) for team in kind}
    open_cases, demands, never = [], [], dict[str, float]()
    for case in cases:
        needs, missing = _needs(case, of_kind, ready_s + at_stations[:, case.place])
        for unit in missing:
            never[unit] = never.get(unit, 0.0) + case.weight
        if not missing:
            open_cases.append(case)
            demands.append(
                JointDemand(case.place + targets.index(case.target_s) * len(demand.cells), case.weight, needs)
            )
    plan = joint_teams(reach, today, demands, time_limit_s=scenario.time_limit_s)
    before = whole_of(reach, today, demands)
    whole = sum(case.weight for case in cases)
    return {
        "district": district,
        "basis": BASIS,
        "demand": demand.as_json(prepared.plans),
        "units": planned,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "optimal": plan.optimal,
        "whole": _by_class(cases, open_cases, before, plan.whole),
        "out_of_reach": {unit: round(weight, 2) for unit, weight in sorted(never.items(), key=lambda pair: -pair[1])},
        "bound_share": round(plan.bound / whole, 4),
        "teams": _teams_json(prepared, kinds, sites, today, plan.teams),
        "versions": view.versions.as_json(),
        "seconds": round(time.monotonic() - began, 3),
    }


def _planned(prepared: Prepared, units: Sequence[str]) -> list[str]:
    brigades = sorted({team.unit for team in prepared.teams if team.kind is TeamKind.BRIGADE})
    for unit in units:
        known = sorted({unit_of(team) for team in prepared.teams})
        if unit not in known:
            raise NotFound(
                f"No team is of the unit {unit[:60]!r}. Use one of {', '.join(known)[:300]}.",
                kind="no-such-unit",
                unit=unit[:60],
                known=known,
            )
    return list(dict.fromkeys(units)) or brigades


def _cases(view: DistrictView, demand: Demand, scenario: Scenario) -> list[_Case]:
    """Return the cases of a demand by the law at noon of today, equal ones added up."""
    prepared = law_of(view).prepared
    noon = view.local_time(view.versions.now).replace(hour=12, minute=0, second=0, microsecond=0)
    places = owners_of(view, demand)
    found: dict[tuple[int, str, float, tuple[tuple[str, tuple[int, ...]], ...]], float] = {}
    rows = zip(demand.cell.tolist(), demand.type, demand.response_class, demand.weight.tolist(), strict=True)
    for place, kind, cls, weight in rows:
        plan = prepared.plans.plans.get(kind)
        target_s = None if plan is None else plan.target(ResponseClass(cls))
        if target_s is None or (scenario.classes and cls not in scenario.classes):
            continue
        form = prepared.form(CaseFacts(kind, noon, ResponseClass(cls), *places[place]))
        key = (place, cls, float(target_s), tuple((slot.unit, slot.options) for slot in form.slots))
        found[key] = found.get(key, 0.0) + weight
    return [_Case(place, cls, weight, target_s, slots) for (place, cls, target_s, slots), weight in found.items()]


def _sites(prepared: Prepared, planned: Sequence[str], wanted: Sequence[Candidate]) -> list[Candidate]:
    """Return the stations of the planned teams and the candidates, each place once."""
    from_teams = [Candidate(team.name, team.lon, team.lat) for team in prepared.teams if unit_of(team) in planned]
    places = {_key(each.lon, each.lat): each for each in reversed([*from_teams, *wanted])}
    return list(places.values())


def _key(lon: float, lat: float) -> tuple[float, float]:
    return round(lon, 5), round(lat, 5)


def _seconds(
    service: Service, view: DistrictView, demand: Demand, sites: Sequence[Candidate]
) -> tuple[Floats, Floats, Floats]:
    """Return each team's call handling and turnout, and the driving from sites and from stations to the places."""
    law = law_of(view)
    assert view.network is not None
    weights = weights_now(service, view, view.network, PROFILE)
    there = snap(view.network, demand.lon, demand.lat)
    here = np.array([(site.lon, site.lat) for site in sites])
    handling_s = law.clocks.get(law.clocks.default_policy).handling_s
    ready_s = handling_s + np.array([team.station_turnout_s for team in law.prepared.teams], np.float64)
    at_sites = matrix(view.network, snap(view.network, here[:, 0], here[:, 1]), there, weights)
    at_stations = matrix(view.network, snap(view.network, law.station_lon, law.station_lat), there, weights)
    return ready_s, at_sites, at_stations


def _kinds(prepared: Prepared, planned: Sequence[str], cases: Sequence[_Case]) -> list[list[int]]:
    """Return the planned teams that the law does not tell apart: of the same slots and the same turnout."""
    options = sorted({options for case in cases for _, options in case.slots})
    found: dict[tuple[str, int, tuple[int, ...]], list[int]] = {}
    for number, team in enumerate(prepared.teams):
        if unit_of(team) in planned:
            may = tuple(at for at, own in enumerate(options) if number in own)
            found.setdefault((unit_of(team), team.station_turnout_s, may), []).append(number)
    return [found[key] for key in sorted(found)]


def _needs(case: _Case, of_kind: dict[int, int], arrival_s: Floats) -> tuple[tuple[Member, ...], list[str]]:
    """Return what the planned teams must bring to a case, and the units of slots that nobody can ever fill in time.

    arrival_s: (teams,) when each team is there from where it stands today.
    """
    needs: dict[tuple[int, ...], int] = {}
    missing, taken = [], set[int]()
    for unit, options in case.slots:
        kinds = tuple(sorted({of_kind[team] for team in options if team in of_kind}))
        there = [team for team in options if team not in of_kind and team not in taken]
        first = min(there, key=lambda team: (arrival_s[team], team), default=None)
        if first is not None and arrival_s[first] <= case.target_s:
            taken.add(first)  # a team fills one slot
        elif kinds:
            needs[kinds] = needs.get(kinds, 0) + 1
        else:
            missing.append(unit)
    return tuple(Member(kinds, number) for kinds, number in sorted(needs.items())), missing


def _by_class(cases: Sequence[_Case], open_cases: Sequence[_Case], before: Flags, after: Flags) -> dict[str, Json]:
    found = {}
    for kind in ("all", *sorted({case.response_class for case in cases})):
        total = sum(case.weight for case in cases if kind in ("all", case.response_class))
        own = np.array([kind in ("all", case.response_class) for case in open_cases], bool)
        weight = np.array([case.weight for case in open_cases])[own] if len(open_cases) else np.zeros(0)
        rest = total - float(weight.sum())
        none = np.zeros(1, bool)
        change = change_of(np.append(before[own], none), np.append(after[own], none), np.append(weight, rest))
        found[kind] = {
            "before": share_of_cases(float(weight[before[own]].sum()), total),
            "after": share_of_cases(float(weight[after[own]].sum()), total),
            "change": {
                "gained": round(change.gained, 2),
                "lost": round(change.lost, 2),
                "share": round(change.share, 4),
                "low": None if change.low is None else round(change.low, 4),
                "high": None if change.high is None else round(change.high, 4),
            },
        }
    return found


def _teams_json(
    prepared: Prepared,
    kinds: Sequence[Sequence[int]],
    sites: Sequence[Candidate],
    today: NDArray[np.intp],
    then: NDArray[np.intp],
) -> list[dict[str, Json]]:
    """Return how many teams of each unit stand where today and then, with the skills that set them apart."""
    found = []
    for number, kind in enumerate(kinds):
        one = prepared.teams[kind[0]]
        for site in np.flatnonzero((today[number] > 0) | (then[number] > 0)).tolist():
            place = sites[site]
            found.append(
                {
                    "unit": unit_of(one),
                    "skills": sorted(one.skills),
                    "equipment": sorted(one.equipment),
                    "name": place.name,
                    "lon": round(place.lon, 6),
                    "lat": round(place.lat, 6),
                    "today": int(today[number, site]),
                    "then": int(then[number, site]),
                }
            )
    return found

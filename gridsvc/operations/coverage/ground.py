"""What a scenario is solved on: places for posts, demand, and who reaches what by law and by road."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridsvc.db.grids.versions import get_versions
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.grids.levels import Level
from gridsvc.law import TOWNSHIP, TOWNSHIP_UNIT_PREFIX
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.coverage.demand import POPULATION, VILLAGES, demand_of, population_demand, village_demand
from gridsvc.operations.coverage.sites import candidates_of, sites_of, teams_of
from gridsvc.operations.coverage.table import columns_today, owners_of
from gridsvc.operations.coverage.what_if import changed_sites
from gridsvc.operations.grids.people import list_officers_today
from gridsvc.operations.roads.team_times import PROFILE
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.districts import view_at
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.coverage.lawful import Columns, Place
    from gridsvc.operations.coverage.demand import Demand, Inhabited
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.coverage.sites import Candidate, Site
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Matrix = Callable[[Floats, Floats, dict[str, str], Callable[[], Floats]], Floats]


class Given(NamedTuple):
    """What a caller gives beside the scenario.

    candidates: instead of those that the scenario names. kept_matrix: called with origins and destinations (lon, lat),
    what the seconds depend on, and a function that computes them. population: where how many people live.
    """

    candidates: Sequence[Candidate] | None = None
    kept_matrix: Matrix | None = None
    population: Sequence[Inhabited] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a scenario is solved on.

    chosen: the sites of a what-if, None for a plan that is to be found. seconds: (sites, places) of driving, inf = no
    way. lawful: (sites, columns) whether a team of the unit there may fill the slot. ready_s: call handling and the
    unit's turnout. vacant: villages without an officer today, for the unit `township`. people: the same sites for the
    population, where it is given.
    """

    view: DistrictView
    sites: tuple[Site, ...]
    chosen: tuple[int, ...] | None
    demand: Demand
    places: tuple[Place, ...]
    columns: Columns
    seconds: Floats
    lawful: Flags
    ready_s: float
    vacant: tuple[str, ...] = ()
    people: Ground | None = None

    @property
    def today(self) -> list[int]:
        """The sites where the unit has a post today."""
        return [number for number, site in enumerate(self.sites) if site.exists]

    def within(self, minutes: float | None) -> Flags:
        """Return which sites cover which columns, (sites, columns): within minutes of driving, or the targets."""
        seconds = self.seconds[:, self.columns.place]
        limit = self.columns.target_s - self.ready_s if minutes is None else np.float64(minutes * 60)
        covered: Flags = (seconds <= limit) & self.lawful
        return covered


def ground_of(service: Service, district: str, scenario: Scenario, given: Given) -> Ground:
    """Return what a scenario is solved on.

    Raises
    ------
    NotFound
        When the district has no grids, roads or teams of the unit.
    InvalidInput
        When there is no demand, or no population for a plan by population.
    """
    with service.database.transaction() as connection:
        view = view_at(service, connection, get_versions(connection, district))
        demand = demand_in(connection, view, scenario, given)
        vacant = _vacant_villages(connection, view) if scenario.unit == TOWNSHIP else ()
    prepared = law_of(view).prepared
    wanted = candidates_of(view, prepared, scenario.candidates) if given.candidates is None else given.candidates
    sites = sites_of(view, prepared, scenario.unit, wanted)
    if scenario.existing == "ignored":
        asked = {(each.lon, each.lat) for each in wanted}
        sites = [replace(each, teams=()) for each in sites if (each.candidate.lon, each.candidate.lat) in asked]
    chosen = None
    if scenario.changes is not None:
        sites, chosen = changed_sites(view, prepared, sites, scenario.changes)
    ground = _reach(service, view, scenario, tuple(sites), demand, given.kept_matrix)
    people = None
    if given.population is not None:
        living = population_demand(view, given.population, scenario.resolution)
        people = _reach(service, view, scenario, tuple(sites), living, None)
    return replace(ground, chosen=chosen, people=people, vacant=vacant)


def _vacant_villages(connection: Connection, view: DistrictView) -> tuple[str, ...]:
    """Return the villages that have no officer today."""
    assert view.index is not None
    table = view.index.grids
    codes = [table.codes[row] for row in np.flatnonzero(np.asarray(table.levels) == Level.VILLAGE).tolist()]
    with whole_district(connection):
        held = list_officers_today(connection, view.code, view.index.generation, codes)
    return tuple(code for code in codes if code not in held)


def demand_in(connection: Connection, view: DistrictView, scenario: Scenario, given: Given) -> Demand:
    """Return the demand of a scenario; NotFound where the district has no grids or no roads."""
    if view.index is None or view.network is None:
        raise NotFound(
            f"District {view.code} has no grids or no roads in force, so that nothing can be planned. Load them.",
            kind="no-cover",
            district=view.code,
        )
    if scenario.demand == VILLAGES:
        return village_demand(view)
    if scenario.demand == POPULATION:
        if given.population is None:
            raise InvalidInput(
                "A plan by population needs the file of it: `--population FILE`, with lon, lat and people.",
                kind="no-population",
            )
        return population_demand(view, given.population, scenario.resolution)
    return demand_of(
        connection, view.code, resolution=scenario.resolution, hours=scenario.hours, source=scenario.demand
    )


def _reach(
    service: Service,
    view: DistrictView,
    scenario: Scenario,
    sites: tuple[Site, ...],
    demand: Demand,
    kept_matrix: Matrix | None,
) -> Ground:
    """Return who reaches what of a demand."""
    law = law_of(view)
    prepared = law.prepared
    places = owners_of(view, demand)
    teams = teams_of(prepared, scenario.unit)
    local = view.local_time(view.versions.now)
    columns = columns_today(prepared, local, demand, places, scenario.classes, hourly=True)
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
    here = np.array([(site.candidate.lon, site.candidate.lat) for site in sites])
    there = np.column_stack([demand.lon, demand.lat])
    assert view.network is not None
    network, weights = view.network, weights_now(service, view, view.network, PROFILE)

    def compute() -> Floats:
        return matrix(network, snap(network, *here.T), snap(network, *there.T), weights)

    rests_on = {"network": str(view.versions.network), "weights": str(weights.version)}
    seconds = compute() if kept_matrix is None else kept_matrix(here, there, rests_on, compute)
    lawful = np.array([_lawful(site, columns, teams, scenario.unit) for site in sites])
    handling_s = law.clocks.get(law.clocks.default_policy).handling_s
    ready_s = handling_s + float(np.median([prepared.teams[team].station_turnout_s for team in teams]))
    return Ground(view, sites, None, demand, places, columns, seconds, lawful, ready_s)


def _lawful(site: Site, columns: Columns, teams: Sequence[int], unit: str) -> Flags:
    """Return which columns a post may cover by law: with its own teams, a new one with all that the unit has."""
    able = np.asarray(columns.may[:, list(site.teams or teams)].any(axis=1), bool)
    may: Flags = able[columns.group]
    if unit == TOWNSHIP and not site.teams:  # the team of a new post is of the township that the post is in
        own = np.array([each == f"{TOWNSHIP_UNIT_PREFIX}{site.township}" for each in columns.unit], bool)
        may = may & own
    return may

"""The places, teams and law of a district as arrays of a simulation, for the posts of today or others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import h3
import numpy as np

from gridsvc.coverage.lawful import Place
from gridsvc.dispatch import CaseFacts, Prepared
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.law import ResponseClass
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.roads.team_times import PROFILE
from gridsvc.operations.roads.weights import weights_now
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from gridsvc.simulation.arrivals import PastDays, Sources
from gridsvc.simulation.events import simulate_by
from gridsvc.simulation.model import DAY_S, Fleet, Forms
from gridsvc.simulation.nearest import simulate
from gridsvc.simulation.service_rule import service_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.operations.simulation.recorded import Past
    from gridsvc.simulation.figures import Simulate
    from gridsvc.simulation.model import Calls, Outcome
    from gridsvc.teams.model import Team

    Floats = NDArray[np.float64]

MOST_PLACES = 4000
"""Their times among each other are 128 MB."""


@dataclass(frozen=True, slots=True)
class Need:
    """What calls of a row of `Sources` are: place by number, type, class."""

    place: int
    type: str
    response_class: str


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """Where calls come from: lon, lat: (places,) degrees; owners of each; needs: of each form; the past by its rows."""

    view: DistrictView
    lon: Floats
    lat: Floats
    owners: tuple[Place, ...]
    needs: tuple[Need, ...]
    sources: Sources
    past: PastDays
    between_s: Floats


def city_of(service: Service, view: DistrictView, past: Past, resolution: int) -> City:
    """Return the city of recorded cases: those in one H3 cell are at the middle of them.

    Raises
    ------
    NotFound
        Where the district has no grids, no roads or no teams.
    InvalidInput
        Where there are no cases, or more places than fit.
    """
    if view.index is None or view.network is None or not law_of(view).prepared.teams:
        raise NotFound(
            f"District {view.code} has no grids, roads or teams in force, so that nothing can be simulated. Load them.",
            kind="no-cover",
            district=view.code,
        )
    if not past.cases:
        raise InvalidInput(
            "There are no emergencies of the past whose type has a run card, so that it is not known what calls come. "
            "Simulate once cases were handled.",
            kind="no-history",
        )
    cells = [h3.latlng_to_cell(case.lat, case.lon, resolution) for case in past.cases]
    names, place = np.unique(np.array(cells), return_inverse=True)
    if len(names) > MOST_PLACES:
        raise InvalidInput(
            f"{len(names)} places are too many; {MOST_PLACES} fit. Give a coarser `resolution`.",
            kind="bad-simulation",
            name="resolution",
            value=len(names),
            most=MOST_PLACES,
        )
    count = np.bincount(place)
    lon = np.bincount(place, [case.lon for case in past.cases]) / count
    lat = np.bincount(place, [case.lat for case in past.cases]) / count
    owners = []
    for each_lon, each_lat in zip(lon.tolist(), lat.tolist(), strict=True):
        found = view.index.locate(each_lon, each_lat).owners
        owners.append(Place(*(None if owner is None else owner.code for owner in found)))
    at = snap(view.network, lon, lat)
    between_s = matrix(view.network, at, at, weights_now(service, view, view.network, PROFILE))
    needs, sources, days = _sources(law_of(view).prepared, past, place.tolist())
    return City(view, lon, lat, tuple(owners), needs, sources, days, between_s)


def _sources(prepared: Prepared, past: Past, place: Sequence[int]) -> tuple[tuple[Need, ...], Sources, PastDays]:
    wanted = [Need(at, case.type, case.response_class) for at, case in zip(place, past.cases, strict=True)]
    needs = tuple(sorted(set(wanted), key=lambda need: (need.place, need.type, need.response_class)))
    form_of = {need: form for form, need in enumerate(needs)}
    keys = [(form_of[need], int(case.second // 3600)) for need, case in zip(wanted, past.cases, strict=True)]
    rows = sorted(set(keys))
    row_of = {key: row for row, key in enumerate(rows)}
    row = np.array([row_of[key] for key in keys], np.int64)
    kinds = tuple(sorted({need.response_class for need in needs}))
    of_rows = [needs[form] for form, _ in rows]
    plans = [prepared.plans.plans[need.type] for need in of_rows]
    targets = [plan.target(ResponseClass(need.response_class)) for plan, need in zip(plans, of_rows, strict=True)]
    sources = Sources(
        per_day=np.bincount(row, minlength=len(rows)) / past.days,
        hour=np.array([hour for _, hour in rows], np.int64),
        place=np.array([need.place for need in of_rows], np.int64),
        form=np.array([form for form, _ in rows], np.int64),
        rank=np.array([plan.priority for plan in plans], np.int64),
        kind=np.array([kinds.index(need.response_class) for need in of_rows], np.int64),
        target_s=np.array([np.inf if target is None else float(target) for target in targets]),
        kinds=kinds,
    )
    days = PastDays(
        np.array([case.day for case in past.cases], np.int64),
        np.array([case.second for case in past.cases]),
        row,
        past.days,
    )
    return needs, sources, days


def posted(prepared: Prepared, teams: Sequence[Team]) -> Prepared:
    """Return the same law with other teams."""
    return Prepared.of(teams, prepared.catalogue, prepared.plans, prepared.clocks)


def player(service: Service, city: City, prepared: Prepared, dispatch: str) -> Simulate:
    """Return the function that plays calls of a city with the teams of `prepared`."""
    fleet = _fleet(service, city, prepared)
    forms = _forms(city, prepared)
    if dispatch == "nearest":
        return lambda calls: simulate(fleet, forms, calls)

    def play(calls: Calls) -> Outcome:
        return simulate_by(fleet, forms, calls, service_rule(prepared, _facts(city, calls)))

    return play


def _fleet(service: Service, city: City, prepared: Prepared) -> Fleet:
    view = city.view
    assert view.network is not None
    weights = weights_now(service, view, view.network, PROFILE)
    stations = snap(view.network, np.array([t.lon for t in prepared.teams]), np.array([t.lat for t in prepared.teams]))
    places = snap(view.network, city.lon, city.lat)
    to_s = matrix(view.network, stations, places, weights)
    back_s = matrix(view.network, places, stations, weights).T
    # a closure or a one-way at the border of the roads may leave no way back: it then takes as long as the way there
    back_s = np.where(np.isfinite(back_s), back_s, to_s)
    return Fleet(to_s, back_s, city.between_s, np.array(prepared.turnout_ms) / 1000)


def _forms(city: City, prepared: Prepared) -> Forms:
    noon = city.view.local_time(city.view.versions.now).replace(hour=12, minute=0, second=0, microsecond=0)
    slots: list[tuple[tuple[int, ...], ...]] = []
    for need in city.needs:
        facts = CaseFacts(need.type, noon, ResponseClass(need.response_class), *city.owners[need.place])
        slots.append(tuple(slot.options for slot in prepared.form(facts).slots))
    groups = {options: number for number, options in enumerate(sorted({each for form in slots for each in form}))}
    may = np.zeros((len(groups), len(prepared.teams)), bool)
    for options, number in groups.items():
        may[number, list(options)] = True
    return Forms(tuple(tuple(groups[options] for options in form) for form in slots), may)


def _facts(city: City, calls: Calls) -> Callable[[int, float], CaseFacts]:
    """Return what dispatch knows of a call: its time of day is that of the call, the law that of today."""
    midnight = city.view.local_time(city.view.versions.now).replace(hour=0, minute=0, second=0, microsecond=0)

    def facts_of(call: int, now_s: float) -> CaseFacts:  # noqa: ARG001  (the hour of the call decides, as in a case)
        need = city.needs[int(calls.form[call])]
        local = midnight + timedelta(seconds=float(calls.time_s[call] % DAY_S))
        return CaseFacts(need.type, local, ResponseClass(need.response_class), *city.owners[need.place])

    return facts_of

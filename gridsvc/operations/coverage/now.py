"""Who is covered at this moment, what a case takes away, and which moves would mend it (R12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.coverage.moves import Fleet, best_moves, preparedness
from gridsvc.db import teams
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.session.scope import scope_of, whole_district
from gridsvc.errors import Conflict
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.law import BUREAU
from gridsvc.operations.cases.read import get_stored
from gridsvc.operations.cases.recommend import law_of, states_in_order
from gridsvc.operations.cases.redaction import redaction
from gridsvc.operations.coverage.table import free_now, get_table
from gridsvc.operations.roads.team_times import PROFILE
from gridsvc.operations.roads.travel_times import BASIS
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.districts import view_at
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from gridsvc.teams.model import TeamKind, turnout_s

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.table import CoverTable
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import TeamState

_DIGITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """A district and its teams at this moment; grids, teams: those that the caller may see, None = all."""

    view: DistrictView
    table: CoverTable
    states: Sequence[TeamState]
    free: NDArray[np.bool_]
    grids: frozenset[str] | None
    teams: frozenset[str] | None

    def known(self, team_id: str) -> bool:
        return self.teams is None or team_id in self.teams

    def may_see(self, place: int) -> bool:
        return self.grids is None or any(code in self.grids for code in self.table.places[place] if code)


def _look(service: Service, connection: Connection, district: str) -> _Moment:
    view = view_at(service, connection, get_versions(connection, district))
    table = get_table(service, view)
    scope = scope_of(connection)
    with whole_district(connection):
        changed = teams.list_changed_states(connection, district, view.versions.now)
    states = states_in_order(law_of(view).prepared, changed)
    shown = None if scope.grid is None else frozenset((scope.grid,))
    allowed = redaction(connection).teams
    return _Moment(view, table, states, free_now(states), shown, None if allowed is None else frozenset(allowed))


def cover_now(service: Service, district: str, *, level: str = "township") -> dict[str, Json]:
    """Return who is covered by the teams that are free now, each from where it is: by class, unit and grid.

    `level`: of the grids, one of LEVEL_KEYS. A grid's `preparedness` is that of its demand for leads.

    Raises
    ------
    NotFound
        When the district has no grids, roads or demand.
    """
    with service.database.transaction() as connection:
        moment = _look(service, connection, district)
    view, table = moment.view, moment.table
    columns = table.columns
    counts, arrival_s = _counts(service, moment)
    seen = np.array([moment.may_see(place) for place in range(len(table.places))], bool)
    rows = seen[columns.place]
    known = np.array([moment.known(team_id) for team_id in law_of(view).prepared.team_ids], bool)
    leads = np.zeros(len(columns.weight), bool)
    leads[columns.of_unit(BUREAU)] = True
    covered = counts > 0
    ready = preparedness(arrival_s)
    classes = []
    for kind in sorted(set(columns.response_class)):
        own = rows & leads & np.array([each == kind for each in columns.response_class])
        if own.any():
            target_s = float(columns.target_s[own].min())
            classes.append({"class": kind, "target_s": target_s} | _shares(columns.weight, covered, own))
    units = []
    for unit in sorted(set(columns.unit)):
        own = rows & np.array([each == unit for each in columns.unit])
        if own.any():
            units.append({"unit": unit} | _shares(columns.weight, covered, own))
    at_level = LEVEL_KEYS.index(level)
    names = _names(view)
    owner = [place[at_level] for place in table.places]
    grids = []
    for code in sorted({code for code, shown in zip(owner, seen, strict=True) if shown and code is not None}):
        inside = np.array([each == code for each in owner], bool)
        own = inside[columns.place] & leads & rows
        if own.any():
            weight = np.bincount(columns.place[own], columns.weight[own], minlength=len(owner))
            mean = float(weight @ ready / weight.sum())
            grids.append({"code": code, "name": names.get(code, code)} | _shares(columns.weight, covered, own)
                         | {"preparedness": round(mean, _DIGITS)})  # fmt: skip
    own = rows & leads
    return {
        "district": district,
        "at": view.versions.now.isoformat(),
        "level": level,
        "basis": BASIS,
        "demand": {"source": table.demand.source, "cells": int(seen.sum())},
        "teams": {"free": int((moment.free & known).sum()), "of": int(known.sum())},
        "leads": _shares(columns.weight, covered, own),
        "classes": classes,
        "units": units,
        "grids": grids,
        "outside": _outside(table, own & ~covered),
        "versions": view.versions.as_json(),
    }


def _shares(weight: NDArray[np.float64], covered: NDArray[np.bool_], own: NDArray[np.bool_]) -> dict[str, Json]:
    """Return the demand, how much of it is outside, and the share that is covered."""
    whole, outside = float(weight[own].sum()), float(weight[own & ~covered].sum())
    share = None if whole == 0 else round(1 - outside / whole, _DIGITS)
    return {"demand": round(whole, 2), "outside": round(outside, 2), "covered_share": share}


def _outside(table: CoverTable, open_columns: NDArray[np.bool_]) -> list[dict[str, Json]]:
    """Return the cells with demand that no free lead reaches in time, the most first."""
    at = np.flatnonzero(open_columns)
    weight = np.bincount(table.columns.place[at], table.columns.weight[at], minlength=len(table.places))
    order = [int(cell) for cell in np.argsort(-weight, kind="stable") if weight[cell] > 0]
    demand = table.demand
    return [
        {
            "cell": demand.cells[cell],
            "lon": round(float(demand.lon[cell]), 6),
            "lat": round(float(demand.lat[cell]), 6),
            "demand": round(float(weight[cell]), 2),
        }
        for cell in order
    ]


def _counts(service: Service, moment: _Moment) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return how many free teams cover each column, each from where it is now, and when free leads arrive.

    The arrivals are seconds, (leads, places), inf = never.
    """
    view, table = moment.view, moment.table
    prepared = law_of(view).prepared
    seconds = table.seconds.astype(np.float64)
    ready_s = table.ready_s.copy()
    moved = [team for team in np.flatnonzero(moment.free).tolist() if moment.states[team].lon is not None]
    if moved and view.network is not None:
        lonlat = np.array([(moment.states[team].lon, moment.states[team].lat) for team in moved], np.float64)
        weights = weights_now(service, view, view.network, PROFILE)
        there = snap(view.network, table.demand.lon, table.demand.lat)
        seconds[moved] = matrix(view.network, snap(view.network, lonlat[:, 0], lonlat[:, 1]), there, weights)
        for team in moved:
            known = prepared.teams[team]
            ready_s[team] += turnout_s(known, moment.states[team]) - known.station_turnout_s
    counts = np.zeros(len(table.columns.weight), np.int32)
    for team in np.flatnonzero(moment.free).tolist():
        counts += table.columns.covered_by(team, seconds[team], float(ready_s[team]))
    leads = [team for team in np.flatnonzero(moment.free).tolist() if prepared.teams[team].kind is TeamKind.SQUADRON]
    return counts, seconds[leads] + ready_s[leads, None]


def _names(view: DistrictView) -> dict[str, str]:
    assert view.index is not None
    table = view.index.grids
    return dict(zip(table.codes, table.names, strict=True))


def move_ups(service: Service, incident_id: UUID) -> dict[str, Json]:
    """Return what a case takes out of reach, and the best moves of the teams that stay.

    The teams of the case are those that are on it, or, before the order, those that the recommendation names. Free
    teams count from their stations.

    Raises
    ------
    NotFound
        For an unknown case, and where it is not known who covers what.
    Conflict
        For a case that no team is on and none is recommended for.
    """
    with service.database.transaction() as connection:
        case = get_stored(connection, incident_id)
        moment = _look(service, connection, case.district)
    view, table = moment.view, moment.table
    prepared = law_of(view).prepared
    held = [str(each.team_id) for each in case.live if each.engaging]
    gone = held or [each.team_id for each in case.decision.recommendation.team]
    numbers = [prepared.index[team_id] for team_id in gone if team_id in prepared.index]
    if not numbers:
        raise Conflict(
            f"No team is on case {incident_id}, and none is recommended for it, so that it takes no cover away.",
            kind="no-team-on-case",
            incident_id=str(incident_id),
        )
    stays, back = moment.free.copy(), moment.free.copy()
    stays[numbers], back[numbers] = False, True
    counts = table.free.counts(stays)
    lost = np.flatnonzero((counts == 0) & (table.free.counts(back) > 0))
    names, total = _names(view), table.free.total
    return {
        "incident_id": str(incident_id),
        "at": view.versions.now.isoformat(),
        "teams": [team_id for team_id in gone if moment.known(team_id)],
        "lost_share": round(float(table.columns.weight[lost].sum()) / total, 6),
        "lost": _by_grid(moment, lost, names),
        "moves": _moves(moment, stays, counts),
        "versions": view.versions.as_json(),
    }


def moves_now(service: Service, district: str) -> dict[str, Json]:
    """Return the best moves of the teams that are free now, for the demand that none of them reaches.

    Free teams count from their stations; partners are not moved.

    Raises
    ------
    NotFound
        When the district has no grids, roads or demand.
    """
    with service.database.transaction() as connection:
        moment = _look(service, connection, district)
    counts = moment.table.free.counts(moment.free)
    outside = float(moment.table.columns.weight[counts == 0].sum())
    total = moment.table.free.total
    prepared = law_of(moment.view).prepared
    named = {team_id: team.name for team_id, team in zip(prepared.team_ids, prepared.teams, strict=True)}
    moves = _moves(moment, moment.free, counts)
    for move in moves:
        move["name"], move["to"]["name"] = named[move["team_id"]], named[move["to"]["team_id"]]
    return {"outside_share": round(outside / total, 6) if total else 0.0, "moves": moves}


def _moves(moment: _Moment, free: NDArray[np.bool_], counts: NDArray[np.int32]) -> list[dict[str, Json]]:
    """Return the best moves of free teams that the caller may see; counts: (columns,) of the free teams that cover."""
    table, prepared = moment.table, law_of(moment.view).prepared
    own = [team for team in np.flatnonzero(free).tolist() if prepared.teams[team].kind is not TeamKind.PARTNER]
    fleet = Fleet(table.seconds, table.ready_s, table.stations_s)
    names = _names(moment.view)
    return [
        {
            "team_id": prepared.team_ids[move.team],
            "to": {
                "team_id": prepared.team_ids[move.station],
                "lon": prepared.teams[move.station].lon,
                "lat": prepared.teams[move.station].lat,
            },
            "gain_share": round(move.gain / table.free.total, 6),
            "drive_s": round(move.drive_s, 1),
            "grids": _by_grid(moment, move.columns, names),
        }
        for move in best_moves(table.columns, fleet, counts, np.array(own, np.intp))
        if moment.known(prepared.team_ids[move.team]) and moment.known(prepared.team_ids[move.station])
    ]


def _by_grid(moment: _Moment, columns: NDArray[np.intp], names: dict[str, str]) -> list[dict[str, Any]]:
    """Return the village grids of columns, or the finest there is, with the demand, the most first."""
    table = moment.table
    found: dict[str, float] = {}
    for column in columns.tolist():
        place = int(table.columns.place[column])
        code = next((each for each in reversed(table.places[place]) if each is not None), None)
        if code is not None and moment.may_see(place):
            found[code] = found.get(code, 0.0) + float(table.columns.weight[column])
    rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"code": code, "name": names.get(code, code), "demand": round(weight, 2)} for code, weight in rows]

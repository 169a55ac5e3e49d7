"""Where posts may be: those of today, and candidates at stations, in the middles of grids, or in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput, NotFound
from gridsvc.grids.levels import Level
from gridsvc.law import BUREAU, TOWNSHIP
from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.dispatch import Prepared
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.teams.model import Team


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place for a post, degrees WGS-84, and what a post there costs."""

    name: str
    lon: float
    lat: float
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Site:
    """A candidate with its owners' codes and the numbers of the unit's teams that stand there.

    `headquarters`: teams of two brigades or more stand there, so that a post there is not posted to a township.
    `changed`: the teams are there in a what-if, not today.
    """

    candidate: Candidate
    township: str | None
    area: str | None
    village: str | None
    teams: tuple[int, ...]
    headquarters: bool
    changed: bool = False

    @property
    def exists(self) -> bool:
        """Whether the unit has a post there today."""
        return bool(self.teams) and not self.changed


def teams_of(prepared: Prepared, unit: str) -> list[int]:
    """Return the numbers of a unit's teams: `bureau` = its squadrons, `township` = the teams of all townships.

    Raises
    ------
    NotFound
        When the unit has no team; the units that have are named.
    """
    found = [number for number, team in enumerate(prepared.teams) if unit_of(team) == unit]
    if not found:
        known = sorted({unit_of(team) for team in prepared.teams})
        raise NotFound(
            f"No team is of the unit {unit[:60]!r}. Use one of {', '.join(known)[:300]}.",
            kind="no-such-unit",
            unit=unit[:60],
            known=known,
        )
    return found


def unit_of(team: Team) -> str:
    """Return the unit that a team is planned with."""
    if team.kind is TeamKind.TOWNSHIP:
        return TOWNSHIP
    if team.kind is TeamKind.REGIONAL:
        return "regional-joint"
    return BUREAU if team.kind is TeamKind.SQUADRON else team.unit


def candidates_of(view: DistrictView, prepared: Prepared, where: str) -> list[Candidate]:
    """Return the stations of all teams, or the middles of the grids of a level, by name."""
    if where == "stations":
        return [Candidate(team.name, team.lon, team.lat) for team in prepared.teams]
    assert view.index is not None
    table = view.index.grids
    rows = np.flatnonzero(np.asarray(table.levels) == Level.from_key(where)).tolist()
    if not rows:
        raise NotFound(
            f"There are no {where} grids in force. Use candidates of another level, or stations.",
            kind="no-candidates",
            level=where,
        )
    middles = [view.index.shapes[row].representative_point() for row in rows]
    return [Candidate(table.names[row], point.x, point.y) for row, point in zip(rows, middles, strict=True)]


def sites_of(view: DistrictView, prepared: Prepared, unit: str, wanted: Iterable[Candidate]) -> list[Site]:
    """Return the posts of a unit and the candidates, each place once; the posts of today first.

    Raises
    ------
    InvalidInput
        When there is no place at all.
    """
    own = teams_of(prepared, unit)
    standing: dict[tuple[float, float], list[int]] = {}
    for number in own:
        team = prepared.teams[number]
        standing.setdefault(_key(team.lon, team.lat), []).append(number)
    known = {_key(each.lon, each.lat): each for each in reversed(list(wanted))}
    places: dict[tuple[float, float], Candidate] = {}
    for key, numbers in standing.items():
        team = prepared.teams[numbers[0]]
        cost = known[key].cost if key in known else 1.0
        places[key] = Candidate(team.name, team.lon, team.lat, cost)
    places |= {key: each for key, each in sorted(known.items()) if key not in places}
    if not places:
        raise InvalidInput("There is no place for a post. Give candidates.", kind="no-candidates")
    headquarters = _headquarters(prepared)
    return [
        replace(_site(view, each, headquarters), teams=tuple(standing.get(key, ()))) for key, each in places.items()
    ]


def site_at(view: DistrictView, prepared: Prepared, candidate: Candidate) -> Site:
    """Return a place for a post with its owners, without teams."""
    return _site(view, candidate, _headquarters(prepared))


def _headquarters(prepared: Prepared) -> set[tuple[float, float]]:
    """Return where teams of two brigades or more stand."""
    brigades: dict[tuple[float, float], set[str]] = {}
    for team in prepared.teams:
        if team.kind is TeamKind.BRIGADE:
            brigades.setdefault(_key(team.lon, team.lat), set()).add(team.unit)
    return {key for key, units in brigades.items() if len(units) > 1}


def _site(view: DistrictView, candidate: Candidate, headquarters: set[tuple[float, float]]) -> Site:
    assert view.index is not None
    owners = view.index.locate(candidate.lon, candidate.lat).owners
    _, township, area, village = (None if owner is None else owner.code for owner in owners)
    return Site(candidate, township, area, village, (), _key(candidate.lon, candidate.lat) in headquarters)


def _key(lon: float, lat: float) -> tuple[float, float]:
    return round(lon, 5), round(lat, 5)

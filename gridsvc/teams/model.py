"""Teams: their kind, station, skills and equipment, and their present state."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gridsvc.errors import InvalidInput


class TeamKind(StrEnum):
    """The legal kind of a team."""

    SQUADRON = "squadron"
    """派驻中队: the bureau's squadron of one or more area grids; the "1" of 1+X."""
    BRIGADE = "brigade"
    """专业执法大队: a team of one of the six brigades."""
    TOWNSHIP = "township"
    """乡镇（街道）执法队: the team of one township."""
    REGIONAL = "regional"
    """区域网格联合执法队: the standing joint team of one regional grid."""
    DEPARTMENT = "department"
    """业务主管部门: a department's own team, competent until its matters are handed over."""
    PARTNER = "partner"
    """公安, 交警, 消防, 检测机构: comes when a response plan names it."""


class TeamStatus(StrEnum):
    """Only `available` teams are sent to an emergency."""

    AVAILABLE = "available"
    ENGAGED = "engaged"
    OFF_DUTY = "off_duty"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Station:
    """A place where teams wait for orders, in degrees WGS-84; `derived`: no source names it."""

    id: str
    name: str
    kind: str
    lon: float
    lat: float
    derived: bool = False


TURNOUT_S = {
    TeamKind.SQUADRON: 60,
    TeamKind.BRIGADE: 90,
    TeamKind.TOWNSHIP: 60,
    TeamKind.REGIONAL: 90,
    TeamKind.DEPARTMENT: 120,
    TeamKind.PARTNER: 60,
}
"""Turnout at the station: seconds from the order until the vehicle moves; planning values, to be measured."""

TURNOUT_ON_ROAD_S = 15
"""Turnout of a team on patrol."""

POSITION_STALE_AFTER_S = 1800
"""A reported position is stale after this time."""


@dataclass(frozen=True, slots=True)
class Team:
    """A team; its officers are sent together.

    `unit` is an id of the catalogue's units. lon, lat: its station, degrees WGS-84. `township` is the 12- or 9-digit
    code of its grid, `areas` the area grids that a squadron handles, `region` the regional grid of a regional joint
    team; `represents` lists the units whose officers a joint team holds. It needs `staff_needed` officers.
    """

    id: str
    name: str
    unit: str
    kind: TeamKind
    lon: float
    lat: float
    township: str | None = None
    areas: tuple[str, ...] = ()
    region: str | None = None
    represents: tuple[str, ...] = ()
    skills: frozenset[str] = frozenset()
    equipment: frozenset[str] = frozenset()
    staff_needed: int = 2
    turnout_s: int | None = None
    """None: the value of TURNOUT_S for its kind."""

    @property
    def station_turnout_s(self) -> int:
        """Seconds from the order until the vehicle moves, at the station."""
        return TURNOUT_S[self.kind] if self.turnout_s is None else self.turnout_s

    def as_json(self) -> dict[str, Any]:
        """Return the team as JSON values with sorted sets: the input of a version's digest."""
        return {
            "id": self.id,
            "name": self.name,
            "unit": self.unit,
            "kind": str(self.kind),
            "lon": self.lon,
            "lat": self.lat,
            "township": self.township,
            "areas": list(self.areas),
            "region": self.region,
            "represents": list(self.represents),
            "skills": sorted(self.skills),
            "equipment": sorted(self.equipment),
            "staff_needed": self.staff_needed,
            "turnout_s": self.turnout_s,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Team:
        """Read back what `as_json` wrote."""
        return cls(
            **{
                **value,
                "kind": TeamKind(value["kind"]),
                "areas": tuple(value["areas"]),
                "represents": tuple(value["represents"]),
                "skills": frozenset(value["skills"]),
                "equipment": frozenset(value["equipment"]),
            }
        )


@dataclass(frozen=True, slots=True)
class TeamState:
    """The state of a team at one moment.

    `incident_id` is the case that holds an engaged team. `staff_present` None = as many as it needs.
    lon, lat: the last reported position, None = none reported, so the team is at its station; `position_age_s` is
    the age of that report, None where none was reported (a team without a device is never stale).
    `on_road` = on patrol: TURNOUT_ON_ROAD_S applies. `on_drill`: the case that holds it is a drill. `suspect_datum`:
    the datum that the positions of the team seem to be in, instead of the one that they are read in.
    """

    status: TeamStatus = TeamStatus.AVAILABLE
    incident_id: str | None = None
    staff_present: int | None = None
    lon: float | None = None
    lat: float | None = None
    position_age_s: float | None = None
    on_road: bool = False
    on_drill: bool = False
    suspect_datum: str | None = None

    def is_stale(self, after_s: float = POSITION_STALE_AFTER_S) -> bool:
        """Whether the reported position is too old to compute a travel time from."""
        return self.position_age_s is not None and self.position_age_s > after_s

    def engaged_on(self, incident_id: str) -> TeamState:
        """Return the state of the same team engaged on a case."""
        return replace(self, status=TeamStatus.ENGAGED, incident_id=incident_id)


AVAILABLE = TeamState()
"""At its station, complete and free."""


def turnout_s(team: Team, state: TeamState) -> int:
    """Return the turnout of a team in its present state, in seconds."""
    return min(team.station_turnout_s, TURNOUT_ON_ROAD_S) if state.on_road else team.station_turnout_s


def position(team: Team, state: TeamState) -> tuple[float, float]:
    """Return where the team starts, (lon, lat): its last reported position, else its station."""
    if state.lon is None or state.lat is None:
        return team.lon, team.lat
    return state.lon, state.lat


@dataclass(frozen=True, slots=True)
class Roster:
    """All teams of a district, checked once: ids unique, places finite, kinds complete.

    `version` is the SHA-256 of `document()`.
    Raises InvalidInput that names the team and the cure.
    """

    teams: tuple[Team, ...]
    by_id: dict[str, Team] = field(init=False, repr=False, compare=False)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        by_id: dict[str, Team] = {}
        for team in self.teams:
            if team.id in by_id:
                raise InvalidInput(f"Team {team.id} occurs twice; give each team an id of its own.")
            check_team(team)
            by_id[team.id] = team
        object.__setattr__(self, "by_id", by_id)
        object.__setattr__(self, "version", hashlib.sha256(self.document().encode()).hexdigest())

    def document(self) -> str:
        """Return all teams as canonical JSON text, in the order of their ids."""
        rows = [self.by_id[team_id].as_json() for team_id in sorted(self.by_id)]
        return json.dumps(rows, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_document(cls, text: str) -> Roster:
        """Read back what `document` wrote."""
        return cls(tuple(Team.from_json(row) for row in json.loads(text)))


def check_team(team: Team) -> None:
    """Raise InvalidInput, with the cure, for an invalid team."""
    where = f"Team {team.id or team.name!r}"
    if not team.id:
        raise InvalidInput(f"{where} has no id; give one.")
    if not (math.isfinite(team.lon) and math.isfinite(team.lat) and abs(team.lon) <= 180 and abs(team.lat) <= 90):
        cure = "swap them" if abs(team.lat) > 90 >= abs(team.lon) else "give degrees in WGS-84"
        raise InvalidInput(f"{where}: the station lon {team.lon}, lat {team.lat} is not a valid place; {cure}.")
    if team.kind is TeamKind.TOWNSHIP and not team.township:
        raise InvalidInput(f"{where} is of kind township but names no township code; set `township`.")
    if team.kind is TeamKind.SQUADRON and not team.areas:
        raise InvalidInput(f"{where} is a squadron without an area grid; set `areas` to the grids that it handles.")
    if team.kind is TeamKind.REGIONAL and not team.region:
        raise InvalidInput(f"{where} is a regional joint team without a region; set `region` to its grid's code.")
    if team.staff_needed < 1:
        raise InvalidInput(f"{where}: staff_needed is {team.staff_needed}; a team has at least one officer.")
    if team.turnout_s is not None and team.turnout_s < 0:
        raise InvalidInput(f"{where}: turnout_s is {team.turnout_s}; seconds are not negative.")

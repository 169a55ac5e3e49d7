"""Answers about teams."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.places import Position
from gridsvc.teams.model import TeamKind, TeamStatus


class DatumShift(TypedDict):
    """How the positions of a team fit the roads, where they are on roads in another datum only."""

    declared: Annotated[str, Field(description="the datum that the positions are read in")]
    likely: Annotated[str, Field(description="the datum in which they are on roads")]
    as_declared_m: Annotated[float, Field(description="median distance to the nearest road as they are read")]
    best_m: Annotated[float, Field(description="the same in the likely datum")]
    east_m: Annotated[float, Field(description="how far to the east of the roads the positions are")]
    north_m: Annotated[float, Field(description="how far to the north")]
    places: Annotated[int, Field(description="how many distinct places were compared")]


class Team(TypedDict):
    """A team as it is now."""

    id: UUID
    district: str
    name: str
    unit: str
    kind: TeamKind
    status: TeamStatus
    incident_id: Annotated[UUID | None, Field(description="the case that the team is on")]
    position: Position
    at_station: Annotated[bool, Field(description="no position was reported: the team stands at its station")]
    age_s: Annotated[float | None, Field(description="age of the position; null: at the station")]
    datum: Annotated[str, Field(description="positions that say WGS-84 or nothing are converted from it")]
    datum_shift: Annotated[DatumShift | None, Field(description="what speaks for another datum; null: nothing")]
    station: Position
    township: str | None
    areas: list[str]
    region: str | None
    skills: list[str]
    equipment: list[str]
    turnout_s: float


class TeamList(TypedDict):
    """Every team that the caller may see."""

    items: list[Team]


class TeamPosition(TypedDict):
    """A position that was taken, in WGS-84."""

    team_id: UUID
    position: Position
    at: datetime


class RejectedPosition(TypedDict):
    """A position that was not stored, and why; see docs/refusals.md."""

    index: Annotated[int, Field(description="its place in the request, from 0")]
    type: str
    detail: str
    parameters: dict[str, Any]


class StoredPositions(TypedDict):
    """What became of the positions of a request: stored + repeated + the number of rejected = all."""

    stored: Annotated[int, Field(description="new ones")]
    repeated: Annotated[int, Field(description="stored before: the same team and time")]
    corrected: Annotated[int, Field(description="of both: with another time, since the device's clock is ahead")]
    rejected: list[RejectedPosition]


class TeamDatum(TypedDict):
    """The datum that the positions of a team are converted from, since a moment."""

    team_id: UUID
    datum: str
    since: datetime


class TeamDuty(TypedDict):
    """Whether a team is on duty, and whether it is retired, from now on."""

    team_id: UUID
    on_duty: bool
    retired: bool

"""Answers about who is covered, moves of teams, and plans."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from gridsvc.api.answers.jobs import Job
from gridsvc.api.answers.roads import Basis


class Cover(BaseModel):
    """Demand, in cases of the past, how much of it no free team reaches in time, and the share that one does."""

    demand: float
    outside: float
    covered_share: float | None


class CoverOfClass(Cover):
    """The cover by leads of the places of one response class."""

    class_: Annotated[str, Field(alias="class")]
    target_s: float


class CoverOfUnit(Cover):
    """The cover by the teams that may fill a unit's slots."""

    unit: str


class CoverOfGrid(Cover):
    """The cover of a grid by leads. `preparedness`: 1, 1/2 and 1/4 of the nearest three arrivals a minute, added up."""

    code: str
    name: str
    preparedness: float


class UncoveredCell(BaseModel):
    """An H3 cell, or a village, whose demand no free lead reaches in time."""

    cell: str
    lon: float
    lat: float
    demand: float


class DemandSource(BaseModel):
    """Where the demand comes from: `history`, or `villages` where there is none yet."""

    source: str
    cells: int


class FreeTeams(BaseModel):
    """How many teams are free."""

    free: int
    of: int


class CoverNow(BaseModel):
    """Who is covered at this moment."""

    district: str
    at: str
    level: str
    basis: Basis
    demand: DemandSource
    teams: FreeTeams
    leads: Cover
    classes: list[CoverOfClass]
    units: list[CoverOfUnit]
    grids: list[CoverOfGrid]
    outside: list[UncoveredCell]
    versions: dict[str, Any]


class PlanJob(Job):
    """The job of a plan; `result` is the plan as `gridsvc cover plan --json` writes it."""


class GridDemand(BaseModel):
    """A grid and the demand in it that is meant; a case counts once for each slot of its joint team."""

    code: str
    name: str
    demand: float


class MoveTarget(BaseModel):
    """A station, and the team whose station it is."""

    team_id: str
    lon: float
    lat: float


class MoveUp(BaseModel):
    """A team that should wait at another station: the share of demand that it brings back, and the driving."""

    team_id: str
    to: MoveTarget
    gain_share: float
    drive_s: float
    grids: list[GridDemand]


class MoveUps(BaseModel):
    """What a case takes out of reach, and the best moves."""

    incident_id: str
    at: str
    teams: list[str]
    lost_share: float
    lost: list[GridDemand]
    moves: list[MoveUp]
    versions: dict[str, Any]

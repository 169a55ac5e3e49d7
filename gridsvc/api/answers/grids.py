"""Answers about grids and owners."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.places import FromMemory, LevelKey, OwnerChain, OwnerShare, OwnershipRule, Question


class PlaceOwners(FromMemory):
    """The owner chain of one place and the rule that decided it."""

    district: str
    owners: OwnerChain
    rule: OwnershipRule
    generation: int
    shares: NotRequired[Annotated[list[OwnerShare], Field(description="only for a place with a radius")]]
    confirm: NotRequired[Annotated[bool, Field(description="the best share is under 0.8")]]
    question: NotRequired[Question]
    defect: NotRequired[Annotated[str, Field(description="the grids that overlap here")]]
    derived: NotRequired[Annotated[list[LevelKey], Field(description="levels whose grids the program drew itself")]]


class ManyOwners(FromMemory):
    """Owners of many places by column: member i of each list belongs to place i."""

    district: list[str | None]
    regional: list[str | None]
    township: list[str | None]
    area: list[str | None]
    village: list[str | None]
    rule: list[OwnershipRule]
    generations: Annotated[dict[str, int], Field(description="generation in force by district")]


class Grid(TypedDict):
    """A grid in force."""

    code: str
    name: str
    level: LevelKey
    parent: str | None
    area_m2: float


class GridList(TypedDict):
    """The grids in force, the widest level first."""

    items: list[Grid]

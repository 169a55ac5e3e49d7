"""Answers about generations of grids."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.jobs import Job

InForce = TypedDict("InForce", {"from": datetime, "until": datetime | None, "approved_by": str | None})


class Load(TypedDict):
    """A file that was loaded into a generation."""

    level: str | None
    file: str | None
    crs: str | None


class GridCounts(TypedDict):
    """How many grids a generation has of each level."""

    regional: int
    township: int
    area: int
    village: int


class PlannedActivation(TypedDict):
    """When a generation takes effect, and who approved that."""

    at: datetime
    by: str


class ListedGeneration(TypedDict):
    """One generation of the grids of a district."""

    generation: int
    state: Literal["draft", "planned", "in-force", "past"]
    created_at: datetime
    loads: Annotated[list[Load], Field(description="in the order of their loading; empty: of the demo or an import")]
    grids: GridCounts
    blocking: Annotated[bool | None, Field(description="by the last check; null: not checked since it was changed")]
    in_force: Annotated[list[InForce], Field(description="when it was in force, as is known now; until null: it is")]
    planned: PlannedActivation | None


class GenerationList(TypedDict):
    """The generations of a district, the newest first."""

    district: str
    in_force: int | None
    rollback_to: Annotated[int | None, Field(description="the generation that a roll-back puts in force")]
    work: Annotated[Job | None, Field(description="the newest activation or roll-back")]
    items: list[ListedGeneration]


class GenerationOrder(TypedDict):
    """What will happen to a generation: scheduled, or a job that puts it in force."""

    district: str
    generation: int
    planned_for: datetime | None
    job: Job | None

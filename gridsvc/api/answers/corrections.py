"""Answers about corrections of a case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.cases import CaseLocation, CaseOwnership, CaseWithPersons
from gridsvc.api.answers.places import OwnerChain
from gridsvc.api.answers.recommendation import Handler, RecommendedLead, RecommendedTeam
from gridsvc.law import ResponseClass


class PlaceBefore(TypedDict):
    """Where a case was and whose, before a correction."""

    location: CaseLocation
    owners: OwnerChain
    ownership: CaseOwnership
    response_class: ResponseClass
    target_s: int | None


class TeamInSlot(TypedDict):
    """A team and its slot."""

    team_id: UUID
    slot: str


class CaseAfterCorrection(CaseWithPersons):
    """A case after a correction, and what the correction changed."""

    before: PlaceBefore
    teams_wrong: Annotated[list[TeamInSlot], Field(description="on the case, and not recommended for it now")]
    teams_missing: Annotated[list[TeamInSlot], Field(description="recommended for it now, and not among those on it")]


class TeamBefore(TypedDict):
    """The team that is recommended as long as nothing is corrected."""

    lead: RecommendedLead | None
    members: list[RecommendedTeam]
    lead_response_s: float | None
    full_team_response_s: float | None
    meets_target: bool | None
    team_meets_target: bool | None


class CaseBefore(PlaceBefore):
    """A case as it is, beside what it would be."""

    timing: Literal["met", "late", "missing", "open"] | None
    due_at: datetime | None
    handler: Handler | None
    recommendation: TeamBefore


class Expected(TypedDict):
    """When the clock of the response would stop: the teams on the case drive on, else those recommended go now."""

    arrival_at: Annotated[datetime | None, Field(description="null: not known, or no target applies")]
    late: Annotated[bool | None, Field(description="after `due_at`")]


class CorrectionPreview(CaseWithPersons):
    """What a correction would be answered, and what it would change; `recommendation_id` is that of the case now."""

    before: CaseBefore
    teams_wrong: Annotated[list[TeamInSlot], Field(description="on the case, and not recommended for it then")]
    teams_missing: Annotated[list[TeamInSlot], Field(description="recommended for it then, and not among those on it")]
    changes: Annotated[
        list[
            Literal[
                "place", "owners", "response_class", "target_s", "handler", "lead", "members", "meets_target",
                "team_meets_target",
            ]
        ],
        Field(description="what would be another; of a case that goes beyond the caller's grid only the first two"),
    ]  # fmt: skip
    expected: Expected

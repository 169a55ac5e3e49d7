"""Answers about corrections of a case."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.cases import CaseLocation, CaseOwnership, CaseWithPersons
from gridsvc.api.answers.places import OwnerChain
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

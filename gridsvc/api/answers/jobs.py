"""Answers about background jobs, proposals and timers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.law import ResponseClass, Urgency


class JobProgress(TypedDict):
    """How far a job is; total null: not known."""

    done: int | None
    total: int | None
    words: str | None


class Job(TypedDict):
    """A job of the background process."""

    id: UUID
    district: Annotated[str | None, Field(description="null: the whole service")]
    kind: str
    arguments: dict[str, Any]
    asked_by: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    attempt: int
    progress: JobProgress
    result: Annotated[
        dict[str, Any] | list[dict[str, Any]] | None,
        Field(description="an object or a list, as the kind of job has it"),
    ]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    cancel_asked_at: datetime | None
    finished_at: datetime | None


class JobList(TypedDict):
    """Jobs, the newest first."""

    items: list[Job]


class CardGrounds(TypedDict):
    """Why a card is proposed: the step that took too long, and by how much."""

    step: str
    since: datetime
    over_s: float
    timers: str


class DecidedProposal(TypedDict):
    """A proposal of the program that a person decides on."""

    id: UUID
    district: str
    kind: str
    incident_id: UUID | None
    subject: str
    grounds: CardGrounds
    proposed_at: datetime
    decision: Literal["accepted", "rejected"] | None
    decided_by: str | None
    decided_at: datetime | None
    drill: Annotated[bool, Field(description="of a drill: it is in no live figure and raises no alarm")]


class Proposal(DecidedProposal):
    """A proposal in a list, with the reason of its decision."""

    reason: Annotated[str | None, Field(description="null: none was given, it was erased, or the caller may not read")]


class ProposalList(TypedDict):
    """Proposals, the newest first."""

    items: list[Proposal]


class TimerRule(TypedDict):
    """How long one step of some cases may take."""

    step: str
    urgency: Urgency
    warn_s: float
    limit_s: float
    again_s: float
    response_class: Annotated[ResponseClass | None, Field(description="null: any")]
    priority: Annotated[int | None, Field(description="null: any")]
    plan_days: Annotated[bool, Field(description="the limit is the run card's working days")]
    cards_s: Annotated[list[float], Field(description="seconds beyond the limit after which each card is proposed")]


class Timers(TypedDict):
    """The timers in force in a district."""

    version: str
    rules: list[TimerRule]
    holidays: list[date]
    make_up_days: list[date]

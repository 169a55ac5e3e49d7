"""Answers about the events and the personal data of a case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict


class CaseEvent(TypedDict):
    """An event of a case; position null: not sealed yet, or a caller of one grid."""

    schema: int
    district: str
    id: UUID
    incident_id: UUID | None
    kind: str
    actor: str
    at: datetime
    client_at: datetime | None
    data: Annotated[dict[str, Any], Field(description="as the kind of event has it")]
    position: int | None
    note: NotRequired[Annotated[str, Field(description="the reason that was given")]]


class CaseEventList(TypedDict):
    """The events of a case, the oldest first."""

    items: list[CaseEvent]


class Reporter(TypedDict):
    """Who reported, in full."""

    name: NotRequired[str]
    phone: NotRequired[str]
    address: NotRequired[str]


class UnmaskedCase(TypedDict):
    """All personal data of a case, in full."""

    incident_id: UUID
    reporter: Reporter | None
    description: str | None
    subject: str | None
    site: str | None
    notes: Annotated[dict[str, str], Field(description="note by event id")]

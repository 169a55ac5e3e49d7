"""Engagements: a team's time on a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text, update

from gridsvc.db.case_tables import engagement
from gridsvc.incidents import EngagementState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Engagement:
    """One team on one case. travel_s, response_s: as predicted when it was sent."""

    id: UUID
    incident_id: UUID
    team_id: UUID
    slot: str
    lead: bool
    engaging: bool
    travel_s: float | None
    response_s: float | None
    state: EngagementState


_columns = (
    engagement.c.id, engagement.c.incident_id, engagement.c.team_id, engagement.c.slot, engagement.c.lead,
    engagement.c.engaging, engagement.c.travel_s, engagement.c.response_s, engagement.c.since, engagement.c.until,
    engagement.c.acknowledged_at, engagement.c.en_route_at, engagement.c.on_scene_at, engagement.c.outcome,
)  # fmt: skip


def _engagement(row: Sequence[Any]) -> Engagement:
    state = EngagementState(*row[8:])
    return Engagement(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], state)


def list_engagements(connection: Connection, district: str, incident_ids: Sequence[UUID]) -> list[Engagement]:
    """Return every engagement of the cases, in the order in which they began, the lead first."""
    query = (
        select(*_columns)
        .where(engagement.c.district == district, engagement.c.incident_id.in_(incident_ids))
        .order_by(engagement.c.since, engagement.c.lead.desc(), engagement.c.id)
    )
    return [_engagement(row) for row in connection.execute(query)]


def find_holder(connection: Connection, district: str, team_id: UUID) -> UUID | None:
    """Return the case that holds a team now, None for a free one."""
    query = select(engagement.c.incident_id).where(
        engagement.c.district == district,
        engagement.c.team_id == team_id,
        engagement.c.until.is_(None),
        engagement.c.engaging,
    )
    holder: UUID | None = connection.scalar(query)
    return holder


def add_engagements(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Begin engagements; the unique index refuses a team that has a live one."""
    if rows:
        connection.execute(insert(engagement), list(rows))


def set_engagement(connection: Connection, district: str, engagement_id: UUID, state: EngagementState) -> None:
    """Write an engagement's stamps and its end."""
    connection.execute(
        update(engagement)
        .where(engagement.c.district == district, engagement.c.id == engagement_id)
        .values(
            until=state.until,
            acknowledged_at=state.acknowledged_at,
            en_route_at=state.en_route_at,
            on_scene_at=state.on_scene_at,
            outcome=state.outcome,
        )
    )


def end_engagements(connection: Connection, district: str, incident_id: UUID, outcome: str, at: datetime) -> list[UUID]:
    """End what is still live on a case and return the teams that are free again."""
    ended = connection.scalars(
        text(
            "update engagement set until = :at, outcome = :outcome "
            "where district = :d and incident_id = :id and until is null returning team_id"
        ),
        {"at": at, "outcome": outcome, "d": district, "id": incident_id},
    )
    return list(ended)

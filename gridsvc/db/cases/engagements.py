"""Engagements: a team's time on a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gridsvc.cases.model import EngagementState
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

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

    def ended(self, at: datetime, outcome: str) -> Engagement:
        """Return it as ended with its case."""
        return replace(self, state=replace(self.state, until=at, outcome=outcome))


_ON_CASES = """
    select id, incident_id, team_id, slot, lead, engaging, travel_s, response_s, since, until, acknowledged_at,
           en_route_at, on_scene_at, outcome
    from engagement where district = %s and incident_id = any(%s) order by since, lead desc, id
"""


_HOLDER = "select incident_id from engagement where district = %s and team_id = %s and until is null and engaging"
_CLOCKS = ("until", "acknowledged_at", "en_route_at", "on_scene_at")
_SET = (
    f"update engagement set {', '.join(f'{clock} = %s' for clock in _CLOCKS)}, outcome = %s "
    "where district = %s and id = %s"
)
_END = (
    "update engagement set until = %s, outcome = %s where district = %s and incident_id = %s and until is null "
    "returning team_id"
)


def _engagement(row: Sequence[Any]) -> Engagement:
    state = EngagementState(*row[8:])
    return Engagement(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], state)


def list_engagements(connection: Connection, district: str, incident_ids: Sequence[UUID]) -> list[Engagement]:
    """Return every engagement of the cases, in the order in which they began, the lead first."""
    return [_engagement(row) for row in fetch_all(connection, _ON_CASES, (district, list(incident_ids)))]


def find_holder(connection: Connection, district: str, team_id: UUID) -> UUID | None:
    """Return the case that holds a team now, None for a free one."""
    row = fetch_one(connection, _HOLDER, (district, team_id))
    return None if row is None else row[0]


# Whoever sends locks the rows of the teams in the order of their ids, so that nobody waits in a ring. The locks are had
# before a row is written, and what was committed while they were waited for is met by the unique index.
_SEND = """
    with free as materialized (
        select id from team where district = %s and id = any(%s) and (on_duty or not %s) order by id for no key update
    ), wanted as (
        select * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::boolean[], %s::float8[], %s::float8[])
                      as w (id, team_id, slot, lead, travel_s, response_s)
    )
    insert into engagement (district, id, incident_id, team_id, slot, lead, engaging, travel_s, response_s, since)
    select %s, w.id, %s, w.team_id, w.slot, w.lead, %s, w.travel_s, w.response_s, %s
    from wanted as w join free as f on f.id = w.team_id
    order by w.team_id
    on conflict (district, team_id) where until is null and engaging do nothing
    returning team_id
"""


def send(connection: Connection, district: str, sent: Sequence[Engagement], *, on_duty: bool) -> bool:
    """Lock the teams of new engagements of one case and begin them; False where a team is not to be had any more.

    `on_duty`: only teams that are. After False some may have been begun: the transaction must be given up.
    """
    first = sent[0]
    columns = [[getattr(each, name) for each in sent]
               for name in ("id", "team_id", "slot", "lead", "travel_s", "response_s")]  # fmt: skip
    begun = fetch_all(
        connection,
        _SEND,
        (district, columns[1], on_duty, *columns, district, first.incident_id, first.engaging, first.state.since),
    )
    return len(begun) == len(sent)


def set_engagement(connection: Connection, district: str, engagement_id: UUID, state: EngagementState) -> None:
    """Write an engagement's stamps and its end."""
    fetch_all(connection, _SET, (*(getattr(state, clock) for clock in _CLOCKS), state.outcome, district, engagement_id))


def end_engagements(connection: Connection, district: str, incident_id: UUID, outcome: str, at: datetime) -> list[UUID]:
    """End what is still live on a case and return the teams that are free again."""
    return [row[0] for row in fetch_all(connection, _END, (at, outcome, district, incident_id))]

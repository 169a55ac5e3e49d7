"""Answers about a case that a request made or changed, returned at once and again for a retry of the request.

The event of the request holds all that its answer says, so that the answer itself is not stored: a retry gets the same
bytes, made from the events up to that one. Only a caller who is limited to a grid has the bytes stored, since what is
left out for them depends on the moment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gridsvc.cases.answer import answer_json
from gridsvc.cases.events import Reported, apply
from gridsvc.cases.records import Record, read, rebuild
from gridsvc.db.cases import alerts
from gridsvc.db.evidence import events
from gridsvc.db.session.connection import scope_of
from gridsvc.db.session.idempotency import AnswerOfEvent, KeptAnswer
from gridsvc.errors import NotFound
from gridsvc.evidence.chain import whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.events import Event
    from gridsvc.cases.model import Case
    from gridsvc.db.session.idempotency import Kept
    from gridsvc.json_types import JsonObject

CREATED = 201


def case_bytes(value: JsonObject) -> bytes:
    """Return an answer about a case as bytes that depend on its content alone: keys sorted, 60.0 written as 60."""
    text = json.dumps(whole(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    return text.encode()


def answer_of(
    connection: Connection, after: Case, event: Event, event_id: UUID, redact: Callable[[JsonObject], JsonObject]
) -> tuple[KeptAnswer, Kept]:
    """Return the answer, and what is stored of it for a retry."""
    status = CREATED if isinstance(event, Reported) else 200
    value = redact(_answer(connection, after, event, event_id))
    given = KeptAnswer(status, case_bytes(value))
    if scope_of(connection).grid is not None:
        return given, given
    return given, AnswerOfEvent(status, after.id, event_id)


def give_again(connection: Connection, district: str, kept: Kept) -> KeptAnswer:
    """Return a stored answer with its bytes."""
    if isinstance(kept, KeptAnswer):
        return kept
    rows = events.list_incident_events(connection, district, kept.incident_id)
    records = [Record.of(json.loads(body)) for body, _ in rows]
    numbers = [number for number, record in enumerate(records) if record.id == kept.event_id]
    if not numbers:
        raise NotFound(
            f"The event of case {kept.incident_id} that this answer was made from is gone.",
            kind="no-event",
            incident_id=str(kept.incident_id),
            event_id=str(kept.event_id),
        )
    before = rebuild(records[: numbers[0]])
    event = read(records[numbers[0]], before)
    assert event is not None
    after = apply(before, event)
    return KeptAnswer(kept.status, case_bytes(_answer(connection, after, event, kept.event_id)))


def _answer(connection: Connection, after: Case, event: Event, event_id: UUID) -> JsonObject:
    at = after.triggered_at if isinstance(event, Reported) else event.at
    raised = []
    if not isinstance(event, Reported):
        raised = alerts.list_alerts(connection, after.district, [after.id], until=at).get(after.id, [])
    return answer_json(after, event, event_id, at, raised)

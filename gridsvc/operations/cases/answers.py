"""Answers about a case that a request made or changed, returned at once and again for a retry of the request.

The event of the request holds all that its answer says, so that the answer itself is not stored: a retry gets the same
bytes, made from the events up to that one. Only a caller who is limited to a grid has the bytes stored, since what is
left out for them depends on the moment.

The persons who hold the posts of the owners are in no event and are stored with no answer: they are added to what is
given, and to what is given again (`Persons`).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from gridsvc.cases.answer import answer_json
from gridsvc.cases.events import Reported, apply
from gridsvc.cases.records import Record, read, rebuild
from gridsvc.db.cases.alerts import list_alerts
from gridsvc.db.evidence import events
from gridsvc.db.session.idempotency import AnswerOfEvent, KeptAnswer
from gridsvc.errors import NotFound
from gridsvc.evidence.chain import whole
from gridsvc.operations.cases.persons import persons_of_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Scope
    from gridsvc.cases.events import Event
    from gridsvc.cases.model import Case
    from gridsvc.db.cases.alerts import Alert
    from gridsvc.db.session.idempotency import Kept
    from gridsvc.json_types import JsonObject
    from gridsvc.operations.cases.persons import Persons

CREATED = 201


def case_bytes(value: JsonObject) -> bytes:
    """Return an answer about a case as bytes that depend on its content alone: keys sorted, 60.0 written as 60."""
    text = json.dumps(whole(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    return text.encode()


def answer_of(
    scope: Scope,
    after: Case,
    event: Event,
    event_id: UUID,
    redact: Callable[[JsonObject], JsonObject],
    raised: Sequence[Alert] = (),
    persons: Persons | None = None,
) -> tuple[Callable[[], KeptAnswer], Kept]:
    """Return what makes the answer, and what is stored of it for a retry.

    The answer is made after the commit, so that nobody waits for it under a lock. `raised`: the case's alerts;
    `persons`: of its owners, added to the answer and not stored.
    """
    status = CREATED if isinstance(event, Reported) else 200

    def value() -> JsonObject:
        return redact(_answer(after, event, event_id, raised))

    def given(shown: JsonObject) -> KeptAnswer:
        return KeptAnswer(status, case_bytes(shown if persons is None else persons.in_answer(shown, _moment(shown))))

    if scope.grid is not None:
        shown = value()
        return lambda: given(shown), KeptAnswer(status, case_bytes(shown))
    return lambda: given(value()), AnswerOfEvent(status, after.id, event_id)


def _moment(answer: JsonObject) -> datetime:
    """Return when the report or the correction was made that an answer is to."""
    return datetime.fromisoformat(answer["correction"]["at"] if "before" in answer else answer["triggered_at"])


def give_again(connection: Connection, district: str, kept: Kept, *, with_persons: bool = False) -> KeptAnswer:
    """Return a stored answer with its bytes; `with_persons`: of a report or a correction, the first answer had them."""
    again = _stored(connection, district, kept)
    if not with_persons:
        return again
    answer = json.loads(again.body)
    persons = persons_of_answer(connection, answer)
    return KeptAnswer(again.status, case_bytes(persons.in_answer(answer, _moment(answer))))


def _stored(connection: Connection, district: str, kept: Kept) -> KeptAnswer:
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
    raised = list_alerts(connection, district, [after.id])
    return KeptAnswer(kept.status, case_bytes(_answer(after, event, kept.event_id, raised.get(after.id, ()))))


def _answer(after: Case, event: Event, event_id: UUID, raised: Sequence[Alert]) -> JsonObject:
    """Return the answer to the request that made an event; `raised`: all alerts of the case."""
    if isinstance(event, Reported):
        return answer_json(after, event, event_id, after.triggered_at)
    return answer_json(after, event, event_id, event.at, [each.as_json() for each in raised if each.at <= event.at])

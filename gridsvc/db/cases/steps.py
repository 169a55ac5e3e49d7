"""A step of a case written whole: its new status and clocks, the event, its note, the answer; one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.events import MARKED, WRITTEN, event_values
from gridsvc.db.session.fast_statements import fetch_all, insert_into
from gridsvc.db.session.idempotency import KEPT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.db.cases.incidents import StoredCase
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey

_NOTE = ("district", "event_id", "incident_id", "note", "salt")
_NOTED = f"noted as ({insert_into('event_personal', _NOTE)})"


def write_step(
    connection: Connection,
    before: StoredCase,
    after: StoredCase,
    event: dict[str, Any],
    *,
    note: dict[str, Any] | None,
    request: RequestKey | None,
    answer: KeptAnswer,
) -> None:
    """Write what a step changed of a case, with its event and note (`personal.noted_row`).

    `request`: the key that `idempotency.begin_answer` claimed for this answer.
    """
    parts, values = [WRITTEN], event_values(event)[:-2]
    if note is not None:
        parts.append(_NOTED)
        values += [note[name] for name in _NOTE]
    changed: dict[str, Any] = {clock: at for clock, at in after.clocks.items() if at != before.clocks[clock]}
    if after.status != before.status:
        changed["status"] = str(after.status)
    if after.waiting != before.waiting:
        changed["waiting"] = after.waiting
    if changed:
        columns = ", ".join(f"{column} = %s" for column in changed)
        parts.append(f"changed as (update incident set {columns} where district = %s and id = %s)")
        values += [*changed.values(), before.district, before.id]
    if request is not None:
        parts.append(f"kept as ({KEPT})")
        values += [answer.status, answer.body, before.district, request.caller, request.key]
    values += event_values(event)[-2:]
    fetch_all(connection, f"with {', '.join(parts)} {MARKED}", values)

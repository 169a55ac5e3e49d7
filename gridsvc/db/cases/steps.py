"""A step of a case: its new status and clocks, the event, its note and the answer in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.cases.engagements import update_engagements
from gridsvc.db.cases.rows import changed_engagements, changing_columns
from gridsvc.db.evidence.events import MARKED, WRITTEN, event_values
from gridsvc.db.session.fast_statements import fetch_all, insert_into
from gridsvc.db.session.idempotency import KEPT, kept_values

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.session.idempotency import Kept, RequestKey

_NOTE = ("district", "event_id", "incident_id", "note", "salt")
_NOTED = f"noted as ({insert_into('event_personal', _NOTE)})"


def write_step(
    connection: Connection,
    before: Case,
    after: Case,
    event: dict[str, Any],
    *,
    note: dict[str, Any] | None = None,
    request: RequestKey | None = None,
    answer: Kept | None = None,
) -> None:
    """Write what an event changed of a case, with the event and its note (`events.noted_row`).

    New engagements are inserted before (`engagements.send`). `request`: the key that `idempotency.begin_answer`
    claimed for `answer`.
    """
    update_engagements(connection, after.district, changed_engagements(before, after))
    parts, values = [WRITTEN], event_values(event)[:-2]
    if note is not None:
        parts.append(_NOTED)
        values += [note[name] for name in _NOTE]
    known = changing_columns(before)
    changed = {column: value for column, value in changing_columns(after).items() if value != known[column]}
    if changed:
        columns = ", ".join(f"{column} = %s" for column in changed)
        parts.append(f"changed as (update incident set {columns} where district = %s and id = %s)")
        values += [*changed.values(), before.district, before.id]
    if request is not None and answer is not None:
        parts.append(f"kept as ({KEPT})")
        values += [*kept_values(answer), before.district, request.caller, request.key]
    values += event_values(event)[-2:]
    fetch_all(connection, f"with {', '.join(parts)} {MARKED}", values)

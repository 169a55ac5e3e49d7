"""A step of a case: one round trip locks and reads what it is decided from, another writes all of it and commits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gridsvc.db.cases.alerts import alerts_statement, read_alerts
from gridsvc.db.cases.engagements import ENDED, SENT, SENT_AT_ONCE, ended_values, on_case_statement, sent_values
from gridsvc.db.cases.ground import district_of_case, ground_query, key_of, read_ground
from gridsvc.db.cases.incidents import case_statement, lock_statement
from gridsvc.db.cases.rows import changed_columns, changed_engagements, new_engagements, read_case, read_engagement
from gridsvc.db.cases.turns import limit_statement, turn_statement
from gridsvc.db.evidence.events import MARKED, WRITTEN, event_values
from gridsvc.db.grids.versions import CLOCK, no_district
from gridsvc.db.session.fast_statements import fetch_all, fetch_batch, insert_into, write_last
from gridsvc.db.session.idempotency import KEPT, kept_row
from gridsvc.db.session.scope import around_whole_district
from gridsvc.db.teams import changed_near_case_statement, read_changed

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.cases.alerts import Alert
    from gridsvc.db.grids.versions import Versions
    from gridsvc.db.session.idempotency import Kept, RequestKey
    from gridsvc.db.session.pipeline import Statement
    from gridsvc.teams.model import TeamState


@dataclass(frozen=True, slots=True)
class Ground:
    """What a step is decided from; the case and the version vector are held until the transaction ends.

    `kept` is the answer that its key has already, `alerts` are those of the case. For an order, `states` are those of
    the teams that are not simply free at their stations, in the whole district; `turn`: whether the order has it.
    `versions.now` is after everything that was read.
    """

    case: Case
    versions: Versions
    kept: Kept | None
    alerts: list[Alert]
    states: dict[str, TeamState] = field(default_factory=dict)
    turn: bool = False


def begin_step(
    connection: Connection,
    incident_id: UUID,
    request: RequestKey | None,
    *,
    order: bool = False,
    turn: bool = False,
    hold: bool = True,
) -> Ground | None:
    """Lock a case and read what a step of it is decided from; None for a case that is not there for the caller.

    `turn`: take the turn of an emergency's district too (`db.cases.turns`), and read the states of the teams in it. A
    twin in flight is met at the lock of the case; one on another case, where the step is written (`write_step`).
    Without `hold` nothing is locked: for an answer that writes nothing.

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    LockTimedOut
        When the turn, or with it another lock, is not to be had.
    """
    of_case = district_of_case(connection, incident_id)
    statements: dict[str, Statement] = {}
    if turn:
        statements |= {"limit": limit_statement(), "drill's turn": turn_statement(connection, incident_id, drill=True)}
    if hold:
        statements["lock"] = lock_statement(connection, incident_id)
    statements["case"] = case_statement(connection, incident_id)
    statements["engagements"] = on_case_statement(of_case, incident_id)
    statements["ground"] = ground_query(of_case[0], hold=hold), (*key_of(request), of_case[1])
    statements["alerts"] = alerts_statement(of_case, incident_id)
    if turn:
        statements["turn"] = turn_statement(connection, incident_id, drill=False)
    if order:
        widen, restore = around_whole_district(connection)
        statements |= widen | {"states": changed_near_case_statement(of_case)} | restore | {"clock": CLOCK}
    found = fetch_batch(connection, statements)
    if not found["case"]:
        return None
    [[district, *state, report]] = found["case"]
    case = read_case(state, report, [read_engagement(row) for row in found["engagements"]])
    if not found["ground"]:
        raise no_district(district)
    versions, kept = read_ground(found["ground"][0], request)
    if order:
        versions = replace(versions, now=found["clock"][0][0])
    return Ground(
        case,
        versions,
        kept,
        read_alerts(found["alerts"]),
        read_changed(found.get("states", ())),
        bool(found.get("turn") or found.get("drill's turn")),
    )


_NOTE = ("district", "event_id", "incident_id", "note", "salt")
_NOTED = f"noted as ({insert_into('event_personal', _NOTE)})"


@dataclass(frozen=True, slots=True)
class Written:
    """What a step writes: what its event changed of a case, the event with its note (`events.noted_row`), the answer.

    `answer` is kept under the key of `request`. `on_duty`: only teams that are on duty are sent.
    """

    before: Case
    after: Case
    event: dict[str, Any]
    note: dict[str, Any] | None = None
    request: RequestKey | None = None
    answer: Kept | None = None
    on_duty: bool = False


def write_step(connection: Connection, written: Written) -> None:
    """Write a step in one statement, the last of the transaction.

    The commit refuses an engagement whose team is not available (`engagements.noticing_taken_teams`). Where another
    request took the key in the meantime, it refuses that, and `Database.run` starts again.
    """
    write_last(connection, _statement(written))


def write_step_at_once(connection: Connection, written: Written) -> None:
    """Write a step of another case before the one that the transaction is for."""
    fetch_all(connection, *_statement(written))


def _statement(step: Written) -> Statement:
    before, after = step.before, step.after
    parts: list[str] = []
    values: list[Any] = []
    if sent := new_engagements(before, after):
        parts.append(SENT_AT_ONCE if sent[0].engaging else SENT)
        values += sent_values(after, sent, on_duty=step.on_duty)
    if ended := changed_engagements(before, after):
        parts.append(ENDED)
        values += ended_values(after.district, ended)
    parts.append(WRITTEN)
    values += event_values(step.event)[:-2]
    if step.note is not None:
        parts.append(_NOTED)
        values += [step.note[name] for name in _NOTE]
    if changed := changed_columns(before, after):
        columns = ", ".join(f"{column} = %s" for column in changed)
        parts.append(f"changed as (update incident set {columns} where district = %s and id = %s)")
        values += [*changed.values(), before.district, before.id]
    if step.request is not None and step.answer is not None:
        parts.append(KEPT)
        values += kept_row(before.district, step.request, step.answer)
    values += event_values(step.event)[-2:]
    return f"with {', '.join(parts)} {MARKED}", values

"""A report: one statement reads what it is based on, another writes the whole case."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.cases.rows import INCIDENT, case_row
from gridsvc.db.evidence.events import MARKED, WRITTEN, event_values
from gridsvc.db.grids.versions import COLUMNS, Versions
from gridsvc.db.session.fast_statements import fetch_all, fetch_one, insert_into
from gridsvc.db.session.idempotency import Kept, check_twin, kept_values, read_kept
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.session.idempotency import RequestKey


@dataclass(frozen=True, slots=True)
class Ground:
    """What a report is based on: the version vector, held until the transaction ends, and the case's number.

    `kept` is the answer that its key has already.
    """

    versions: Versions
    number: int
    kept: Kept | None


_GROUND = (
    f"select {COLUMNS}, nextval('incident_number'), k.digest, k.status, k.body, k.incident_id, k.event_id "
    "from district_version as v "
    "left join idempotency as k on k.district = v.district and k.caller = %s and k.key = %s "
    "where v.district = %s for share of v"
)


def begin_report(connection: Connection, district: str, request: RequestKey | None) -> Ground:
    """Take the district's version vector FOR SHARE, a case number, and the answer that the key has.

    A twin in flight is met where the case is written (`write_report`).

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    NotFound
        When the district is not loaded.
    """
    key = (None, None) if request is None else (request.caller, request.key)
    row = fetch_one(connection, _GROUND, (*key, district))
    if row is None:
        raise NotFound(
            f"No district {district} is loaded. Load its grids or roads first.", kind="no-district", district=district
        )
    *vector, number, digest, status, body, incident_id, event_id = row
    kept = None
    if request is not None and digest is not None:
        check_twin(request, digest)
        kept = read_kept(status, body, incident_id, event_id)
    return Ground(Versions(*vector), number, kept)


_PERSONAL = ("district", "incident_id", "reporter", "description", "subject", "site", "salt")
_KEPT = ("district", "caller", "key", "digest", "status", "body", "incident_id", "event_id")
_WRITE_CASE = insert_into("incident", INCIDENT)
_WRITE_PERSONAL = f"personal as ({insert_into('incident_personal', _PERSONAL)})"
_WRITE_ANSWER = f"kept as ({insert_into('idempotency', _KEPT)})"


def write_report(
    connection: Connection,
    case: Case,
    event: dict[str, Any],
    *,
    personal: dict[str, Any] | None = None,
    request: RequestKey | None = None,
    answer: Kept,
) -> None:
    """Write a case with its event, the personal data, and the answer under the request's key: one statement.

    `personal`: the row of the personal data. Of an answer without a body, its event is stored instead. Where another
    request took the key in the meantime, the database refuses, and `Database.run` starts again.
    """
    parts = [WRITTEN, f"marked as ({MARKED})"]
    values = event_values(event)
    if personal is not None:
        parts.append(_WRITE_PERSONAL)
        reporter = personal["reporter"]
        row = personal | {"reporter": None if reporter is None else json.dumps(reporter, ensure_ascii=False)}
        values += [row[name] for name in _PERSONAL]
    if request is not None:
        parts.append(_WRITE_ANSWER)
        values += [case.district, request.caller, request.key, request.digest, *kept_values(answer)]
    row = case_row(case)
    values += [row[name] for name in INCIDENT]
    fetch_all(connection, f"with {', '.join(parts)} {_WRITE_CASE}", values)

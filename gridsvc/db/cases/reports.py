"""A report: what it stands on in one statement, and the case written whole in another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.events import MARKED, WRITTEN, event_values
from gridsvc.db.grids.versions import COLUMNS, Versions
from gridsvc.db.session.fast_statements import fetch_all, fetch_one, insert_into
from gridsvc.db.session.idempotency import KeptAnswer, check_twin
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.db.session.idempotency import RequestKey


@dataclass(frozen=True, slots=True)
class Ground:
    """What a report stands on: the version vector, held until the transaction ends, and the case's number.

    `kept` is the answer that its key has already.
    """

    versions: Versions
    number: int
    kept: KeptAnswer | None


_GROUND = (
    f"select {COLUMNS}, nextval('incident_number'), k.digest, k.status, k.body from district_version as v "
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
    *vector, number, digest, status, body = row
    kept = None
    if request is not None and digest is not None:
        check_twin(request, digest)
        kept = KeptAnswer(status, body)
    return Ground(Versions(*vector), number, kept)


_CASE = (
    "district", "id", "number", "type", "urgency", "response_class", "target_s", "clock_policy", "status", "waiting",
    "drill", "geom", "extent", "radius_m", "regional", "township", "area", "village", "rule", "generation", "handler",
    "source", "external_ref", "details", "versions", "reported_at", "triggered_at",
)  # fmt: skip
_SAID = ("district", "incident_id", "reporter", "description", "subject", "site", "salt")
_WRITE_CASE = insert_into("incident", _CASE)
_WRITE_SAID = f"said as ({insert_into('incident_personal', _SAID)})"
_WRITE_ANSWER = f"kept as ({insert_into('idempotency', ('district', 'caller', 'key', 'digest', 'status', 'body'))})"


def write_report(
    connection: Connection,
    case: dict[str, Any],
    details: str,
    event: dict[str, Any],
    *,
    said: dict[str, Any] | None = None,
    request: RequestKey | None = None,
    answer: KeptAnswer,
) -> None:
    """Write a case with its event, what was said, and the answer under the request's key: one statement, all or none.

    `case` has the columns of the table, geometry as EWKT; `details` is the JSON text of that column. Where another
    request took the key meanwhile, the database refuses, and `Database.run` begins again.
    """
    parts = [WRITTEN, f"marked as ({MARKED})"]
    values = event_values(event)
    if said is not None:
        parts.append(_WRITE_SAID)
        reporter = said["reporter"]
        row = said | {"reporter": None if reporter is None else json.dumps(reporter, ensure_ascii=False)}
        values += [row[name] for name in _SAID]
    if request is not None:
        parts.append(_WRITE_ANSWER)
        values += [case["district"], request.caller, request.key, request.digest, answer.status, answer.body]
    row = case | {"details": details, "versions": json.dumps(case["versions"])}
    values += [row[name] for name in _CASE]
    fetch_all(connection, f"with {', '.join(parts)} {_WRITE_CASE}", values)

"""What reports and steps are based on: the version vector, and the answer that the key of the request has already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.grids.versions import COLUMNS, Versions
from gridsvc.db.session.idempotency import check_twin, read_kept
from gridsvc.db.session.scope import scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.session.idempotency import Kept, RequestKey

_DISTRICT_OF_CASE = (
    "(select i.district from incident as i where i.id = %s and i.district in (select code from district))"
)

OfCase = tuple[str, "str | UUID"]
"""The district of a case as an expression of a statement, and the value of its %s."""


def district_of_case(connection: Connection, incident_id: UUID) -> OfCase:
    """Return the expression of the district of a case: the caller's district, or that of the row that has the id."""
    code = scope_of(connection).district
    return (_DISTRICT_OF_CASE, incident_id) if code is None else ("%s", code)


def ground_query(district: str, *more: str, hold: bool = True) -> str:
    """Return the query that takes a version vector FOR SHARE and finds a key; `read_ground` reads its row.

    Its values are the caller and the key of the request (`key_of`), then those of `district`, the text of an
    expression. `more`: further columns, before all others. The row lock also makes the commit wait for a standby: the
    answer of the key may not be replicated yet. Without `hold` nothing is locked.
    """
    columns = ", ".join([*more, "k.digest, k.status, k.body, k.incident_id, k.event_id", COLUMNS])
    return (
        f"select {columns} from district_version as v "
        "left join idempotency as k on k.district = v.district and k.caller = %s and k.key = %s "
        f"where v.district = {district}{' for share of v' if hold else ''}"
    )


def key_of(request: RequestKey | None) -> tuple[str | None, str | None]:
    """Return the caller and the key of a request as values of `ground_query`."""
    return (None, None) if request is None else (request.caller, request.key)


def read_ground(row: Sequence[Any], request: RequestKey | None) -> tuple[Versions, Kept | None]:
    """Return the version vector and the answer that the key has; None where it has none.

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    """
    digest, status, body, incident_id, event_id, *vector = row
    if request is None or digest is None:
        return Versions(*vector), None
    check_twin(request, digest)
    return Versions(*vector), read_kept(status, body, incident_id, event_id)

"""Due entries: a row each; its effect and its end are one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.schema.jobs import WHOLE_SERVICE, due
from gridsvc.db.session.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.json_types import Json


@dataclass(frozen=True, slots=True)
class Due:
    """An entry that takes effect `at` a moment; state: waiting, done, failed or cancelled."""

    district: str
    id: UUID
    kind: str
    subject: str
    at: datetime
    arguments: dict[str, Any]
    asked_by: str
    state: str
    attempt: int
    outcome: Json

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "id": str(self.id),
            "district": None if self.district == WHOLE_SERVICE else self.district,
            "kind": self.kind,
            "subject": self.subject,
            "at": self.at.isoformat(),
            "arguments": self.arguments,
            "asked_by": self.asked_by,
            "state": self.state,
            "outcome": self.outcome,
        }


clock = select(func.clock_timestamp())
"""The database's clock."""

_columns = tuple(due.c[name] for name in Due.__slots__)


def set_due(
    connection: Connection,
    kind: str,
    subject: str,
    at: datetime,
    *,
    asked_by: str,
    district: str = WHOLE_SERVICE,
    arguments: dict[str, Any] | None = None,
) -> UUID:
    """Schedule an entry; an earlier moment of the same kind and subject is replaced."""
    row = {
        "district": district,
        "id": uuid7(),
        "kind": kind,
        "subject": subject,
        "at": at,
        "arguments": arguments or {},
        "asked_by": asked_by,
    }
    new = insert(due).values(row)
    changed = {name: new.excluded[name] for name in ("at", "arguments", "asked_by")} | {"attempt": 0}
    statement = new.on_conflict_do_update(
        index_elements=["district", "kind", "subject"], index_where=text("state = 'waiting'"), set_=changed
    ).returning(due.c.id)
    found: UUID = connection.execute(statement).scalar_one()
    return found


def claim_due(connection: Connection) -> Due | None:
    """Lock the next due entry until the transaction ends; None if there is none, or others have locked it."""
    query = (
        select(*_columns)
        .where(due.c.state == "waiting", due.c.at <= func.clock_timestamp())
        .order_by(due.c.at, due.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Due(*row)


def finish_due(connection: Connection, entry: Due, state: str, outcome: Json = None) -> None:
    """End an entry."""
    _set(connection, entry, state=state, outcome=outcome, finished_at=func.clock_timestamp())


def postpone(connection: Connection, entry: Due, seconds: float, outcome: Json) -> None:
    """Try an entry again later; `outcome` says why it did not work."""
    at = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    _set(connection, entry, at=at, attempt=entry.attempt + 1, outcome=outcome)


def _set(connection: Connection, entry: Due, **values: object) -> None:
    connection.execute(
        update(due)
        .where(due.c.district == entry.district, due.c.id == entry.id, due.c.state == "waiting")
        .values(**values)
    )


def cancel_due(connection: Connection, kind: str, subject: str, *, district: str = WHOLE_SERVICE) -> bool:
    """Cancel a waiting entry; return False if there is none."""
    done = connection.execute(
        update(due)
        .where(due.c.district == district, due.c.kind == kind, due.c.subject == subject, due.c.state == "waiting")
        .values(state="cancelled", finished_at=func.clock_timestamp())
    )
    return done.rowcount == 1


def list_due(connection: Connection, *, kind: str | None = None, waiting: bool = True) -> list[Due]:
    """Return entries in the order of their moments."""
    query = select(*_columns).order_by(due.c.at, due.c.id).limit(1000)
    if kind is not None:
        query = query.where(due.c.kind == kind)
    if waiting:
        query = query.where(due.c.state == "waiting")
    return [Due(*row) for row in connection.execute(query)]


def remove_old_due(connection: Connection, after_days: int) -> int:
    """Remove entries that ended long ago; return how many."""
    query = text("delete from due where finished_at < clock_timestamp() - make_interval(days => :days)")
    return connection.execute(query, {"days": after_days}).rowcount

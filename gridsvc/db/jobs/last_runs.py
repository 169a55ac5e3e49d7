"""What was done last, and when: a note each, for `doctor` and the watcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.schema.jobs import WHOLE_SERVICE, service_mark

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.json_types import Json


@dataclass(frozen=True, slots=True)
class Mark:
    """A note: what, when by the database's clock, and how long ago in seconds."""

    value: Json
    at: datetime
    age_s: float


def set_mark(connection: Connection, name: str, value: Json, *, district: str = WHOLE_SERVICE) -> None:
    """Note that something was done just now; the note before it goes."""
    now = func.clock_timestamp()
    new = insert(service_mark).values(district=district, name=name, value=value, at=now)
    connection.execute(
        new.on_conflict_do_update(index_elements=["district", "name"], set_={"value": new.excluded.value, "at": now})
    )


def find_mark(connection: Connection, name: str, *, district: str = WHOLE_SERVICE) -> Mark | None:
    """Return the note of what was done last; None where it never was."""
    age = func.extract("epoch", func.clock_timestamp() - service_mark.c.at)
    query = select(service_mark.c.value, service_mark.c.at, age).where(
        service_mark.c.district == district, service_mark.c.name == name
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Mark(row[0], row[1], float(row[2]))

"""When a kind of work was last done, and its result: for `doctor` and the metrics."""

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
class LastRun:
    """The result of the last run, when it ended by the database's clock, and how long ago in seconds."""

    value: Json
    at: datetime
    age_s: float


def put_last_run(connection: Connection, name: str, value: Json, *, district: str = WHOLE_SERVICE) -> None:
    """Record that a run has ended now, in place of the run before."""
    now = func.clock_timestamp()
    new = insert(service_mark).values(district=district, name=name, value=value, at=now)
    connection.execute(
        new.on_conflict_do_update(index_elements=["district", "name"], set_={"value": new.excluded.value, "at": now})
    )


def find_last_run(connection: Connection, name: str, *, district: str = WHOLE_SERVICE) -> LastRun | None:
    """Return the last run of a name; None if there was none."""
    age = func.extract("epoch", func.clock_timestamp() - service_mark.c.at)
    query = select(service_mark.c.value, service_mark.c.at, age).where(
        service_mark.c.district == district, service_mark.c.name == name
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else LastRun(row[0], row[1], float(row[2]))

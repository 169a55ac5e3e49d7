"""Many past cases at once: by COPY into temporary tables, then into the real ones, under row level security."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gridsvc.db.cases import personal
from gridsvc.db.schema.cases import engagement, incident, incident_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

    from gridsvc.json_types import Json


def add_past(
    connection: Connection,
    *,
    cases: Sequence[dict[str, Any]],
    personal_rows: Sequence[dict[str, Any]],
    engagements: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
    notes: Sequence[dict[str, Any]],
) -> None:
    """Write whole cases with their engagements and events, each event with its unsealed mark.

    Rows have the columns of their tables; a column that a row lacks is null.
    """
    _copy_in(connection, incident, cases)
    personal.add_personal(connection, personal_rows)
    _copy_in(connection, engagement, engagements)
    _copy_in(connection, incident_event, events)
    personal.add_notes(connection, notes)


def _copy_in(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    raw = connection.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    past = f"past_{table.name}"
    names = [column.name for column in table.columns if any(column.name in row for row in rows)]
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {past} (LIKE {table.name}) ON COMMIT DROP")
    cursor.execute(f"TRUNCATE {past}")
    for name in (column.name for column in table.columns):
        cursor.execute(f'ALTER TABLE {past} ALTER COLUMN "{name}" DROP NOT NULL')
    with cursor.copy(f"COPY {past} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([_plain(row.get(name)) for name in names])
    cursor.execute(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {past}")
    if table is incident_event:
        cursor.execute(f"INSERT INTO event_unsealed (district, event_id) SELECT district, id FROM {past}")


def _plain(value: Json) -> Json:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value

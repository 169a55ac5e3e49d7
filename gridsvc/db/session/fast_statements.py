"""Statements that go directly to psycopg: those of every report and every order.

Through SQLAlchemy each costs four times as much. The text is fixed, with %s for values, so the driver prepares it once
in a connection; results are binary. Errors are raised as errors of SQLAlchemy, which also drops a dead connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection


def fetch_all(
    connection: Connection,
    query: str,
    values: Sequence[Any] | Mapping[str, Any] = (),
    *,
    planned_for_values: bool = False,
) -> list[tuple[Any, ...]]:
    """Run a statement in the transaction of `connection` and return its rows; none where it returns nothing.

    `planned_for_values`: it is not prepared, so that its plan suits these values; for lists, where a rare value and a
    frequent one need different indexes.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        cursor = driver.execute(query, values, binary=True, prepare=False if planned_for_values else None)
        # Not `description`, which makes an object of each column.
        return cursor.fetchall() if cursor.pgresult is not None and cursor.pgresult.nfields else []
    except psycopg.Error as error:
        # The one place where SQLAlchemy turns a driver's error into its own and drops what is dead.
        connection._handle_dbapi_exception(error, query, None, None, None)  # noqa: SLF001
        raise AssertionError from error


def fetch_one(connection: Connection, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """Run a statement and return its first row, None where there is none."""
    rows = fetch_all(connection, query, values)
    return rows[0] if rows else None


def insert_into(table: str, columns: Sequence[str]) -> str:
    """Return the text of an insert of one row."""
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})"

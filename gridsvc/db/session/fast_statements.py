"""Statements that go directly to psycopg: those of every report and every order.

Through SQLAlchemy each costs four times as much. The text is fixed, with %s for values, so the driver prepares it once
in a connection; results are binary. Errors are raised as errors of SQLAlchemy, which also drops a dead connection.

A round trip costs two changes of threads, and locks are held meanwhile. So statements that need no result of each other
go in one round trip (`fetch_batch`), and the last one of a transaction goes with the commit (`write_last`).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

from gridsvc.db.session.pipeline import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from gridsvc.db.session.pipeline import Statement

_COMMIT: Statement = ("commit", ())
_PLAN_ONCE: Statement = ("select set_config('plan_cache_mode', 'force_generic_plan', true)", ())
_LAST = "gridsvc.last_statement"
_PREPARED = "gridsvc.prepared_statements"
_DROPPED = "gridsvc.dropped_statements"


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
    with _driver(connection, query) as driver:
        return _rows(driver.execute(query, values, binary=True, prepare=False if planned_for_values else None))


def fetch_one(connection: Connection, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """Run a statement and return its first row, None where there is none."""
    rows = fetch_all(connection, query, values)
    return rows[0] if rows else None


def fetch_batch(connection: Connection, statements: Mapping[str, Statement]) -> dict[str, list[tuple[Any, ...]]]:
    """Run named statements in one round trip, one after the other, and return the rows of each.

    Each sees what was committed before it began, as if it came alone. Those after one that fails do not run. To plan a
    statement costs several times what it takes: until the transaction ends, plans do not depend on the values, so that
    a connection makes each once.
    """
    _, *rows = _together(connection, [_PLAN_ONCE, *statements.values()])
    return dict(zip(statements, rows, strict=True))


def write_last(connection: Connection, statement: Statement) -> None:
    """Have a statement without a result run as the last of the transaction, in one round trip with the commit.

    What it violates is raised by the commit, and the transaction is rolled back.
    """
    assert _LAST not in connection.info
    connection.info[_LAST] = statement


def forget_last(connection: Connection) -> None:
    """Begin a transaction without a last statement: that of one that failed does not count."""
    connection.info.pop(_LAST, None)


def send_last(connection: Connection, *, commit: bool) -> None:
    """Run the statement of `write_last` where there is one, and commit in the same round trip."""
    statement: Statement | None = connection.info.pop(_LAST, None)
    if statement is None:
        return
    _together(connection, [statement, _COMMIT] if commit else [statement])


def _together(connection: Connection, statements: list[Statement]) -> list[list[tuple[Any, ...]]]:
    prepared = connection.info.setdefault(_PREPARED, {})
    with _driver(connection, "; ".join(query for query, _ in statements)) as driver:
        return run_pipeline(driver, statements, prepared)


def drop_prepared(connection: Connection) -> None:
    """Before a rollback: drop all prepared statements when the next transaction begins.

    psycopg forgets its own in a rollback, and may drop all.
    """
    if connection.invalidated:
        return
    driver = connection.connection.driver_connection
    begun = driver is not None and driver.pgconn.transaction_status != TransactionStatus.IDLE
    if begun and connection.info.pop(_PREPARED, None):
        connection.info[_DROPPED] = True


def take_dropped(connection: Connection) -> bool:
    """Whether a transaction that begins has to drop all prepared statements."""
    return connection.info.pop(_DROPPED, None) is not None


def insert_into(table: str, columns: Sequence[str]) -> str:
    """Return the text of an insert of one row."""
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})"


@contextmanager
def _driver(connection: Connection, query: str) -> Iterator[psycopg.Connection[Any]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        yield driver
    except psycopg.Error as error:
        # The one place where SQLAlchemy turns a driver's error into its own and drops what is dead.
        connection._handle_dbapi_exception(error, query, None, None, None)  # noqa: SLF001
        raise AssertionError from error


def _rows(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    # Not `description`, which makes an object of each column.
    return cursor.fetchall() if cursor.pgresult is not None and cursor.pgresult.nfields else []

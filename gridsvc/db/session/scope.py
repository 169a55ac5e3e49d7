"""The scope of a transaction: what row level security lets its statements see, as settings of the session."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus

from gridsvc.access.scopes import NOTHING
from gridsvc.db.session.fast_statements import take_dropped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Scope
    from gridsvc.db.session.pipeline import Statement

_TEXTS_KEPT = 256
_SETTINGS = ("gridsvc.district", "gridsvc.grid", "gridsvc.grids")
_SET_SCOPE = "select " + ", ".join(f"set_config('{name}', %s, %s)" for name in _SETTINGS)


def begin_in_scope(connection: Connection) -> None:
    """Set the scope of a transaction that begins, in one round trip with the begin where that can be."""
    options = connection.get_execution_options()
    scope, isolation = options.get("scope", NOTHING), options.get("isolation_level")
    driver = connection.connection.driver_connection
    assert driver is not None
    # One round trip begins the transaction and sets its scope; where it fails, or the server is gone, the next
    # statement says why, as an error of SQLAlchemy.
    with suppress(psycopg.Error):
        if take_dropped(connection):
            driver.pgconn.exec_(b"DEALLOCATE ALL")  # alone and in these words: so a pooler understands it
        if isolation is None and driver.pgconn.exec_(_begin_text(scope)).status == ExecStatus.TUPLES_OK:
            return
    # In autocommit there is no transaction: the scope is set for the whole session.
    set_scope(connection, scope, local=isolation != "AUTOCOMMIT")


@lru_cache(_TEXTS_KEPT)
def _begin_text(scope: Scope) -> bytes:
    values = zip(_SETTINGS, scope_settings(scope), strict=True)
    local = [
        sql.SQL("set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value)) for name, value in values
    ]
    return (sql.SQL("begin; select ") + sql.SQL(", ").join(local)).as_bytes(None)


def set_scope(connection: Connection, scope: Scope, *, local: bool = True) -> None:
    """Set the scope of the following statements; `local`: until the transaction ends."""
    query, values = scope_statement(scope, local=local)
    try:
        # Directly to the driver: at the start of every transaction SQLAlchemy costs three times as much.
        connection.connection.dbapi_connection.execute(query, values)  # type: ignore[union-attr]
    except psycopg.Error:
        connection.exec_driver_sql(query, values)  # fails in the same way, as an error of SQLAlchemy


def scope_statement(scope: Scope, *, local: bool = True) -> Statement:
    """Return the statement that sets a scope, and its values; `local`: until the transaction ends."""
    district, grid, grids = scope_settings(scope)
    return _SET_SCOPE, (district, local, grid, local, grids, local)


def scope_settings(scope: Scope) -> tuple[str, str, str]:
    """Return the values of gridsvc.district, gridsvc.grid and gridsvc.grids."""
    district = "*" if scope.district is None else scope.district
    return district, scope.grid or "", ",".join(scope.grids)


def scope_of(connection: Connection) -> Scope:
    """Return the scope of a connection's transactions."""
    scope: Scope = connection.get_execution_options().get("scope", NOTHING)
    return scope


@contextmanager
def whole_district(connection: Connection) -> Iterator[None]:
    """Let the statements in the block see the whole district, since the law decides over all its teams.

    Costs nothing for a caller who is not limited to a grid. Redact what is read here before it is returned.
    """
    scope = scope_of(connection)
    if scope.grid is None:
        yield
        return
    set_scope(connection, scope.whole_district)
    yield
    set_scope(connection, scope)  # after a failure there is no transaction to limit


def around_whole_district(connection: Connection) -> tuple[dict[str, Statement], dict[str, Statement]]:
    """Return the statements that `whole_district` runs before and after its block, for `fetch_batch`."""
    scope = scope_of(connection)
    if scope.grid is None:
        return {}, {}
    return {"widen": scope_statement(scope.whole_district)}, {"restore": scope_statement(scope)}


def widen_to_district(connection: Connection) -> None:
    """Let the statements from here to the commit see the whole district, and write to it.

    Costs nothing for a caller who is not limited to a grid.
    """
    scope = scope_of(connection)
    if scope.grid is not None:
        set_scope(connection, scope.whole_district)

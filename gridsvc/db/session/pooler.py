"""Whether a pooler lends the sessions of the server for one transaction, as PgBouncer does in its mode `transaction`.

What belongs to a session then does not belong to its client: every client that asks for the sealer's lock gets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.db.session.connection import Database

_TRIES = 20
_SESSION = "select pg_backend_pid()"


def shares_sessions(database: Database) -> bool:
    """Return whether two connections that are open at once are served by one session of the server.

    A pooler lends the session that was used last, so that two idle connections soon meet in one. Without a pooler the
    number of the session is what the driver was told, and nothing is tried.
    """
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as first:
        if _number(first) == _told(first):
            return False
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as second:
            return any(_number(first) == _number(second) for _ in range(_TRIES))


def _number(connection: Connection) -> int:
    number: int = connection.exec_driver_sql(_SESSION).scalar_one()
    return number


def _told(connection: Connection) -> int:
    driver = connection.connection.driver_connection
    assert driver is not None
    number: int = driver.info.backend_pid
    return number

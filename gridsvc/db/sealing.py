"""The sealer: one session per database that gives every event its place in the chain (R18)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from gridsvc.db import events
from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from threading import Event

    from gridsvc.db.connection import Database

PAUSE_S = 0.02
_ELECTION_PAUSE_S = 0.5

_log = logging.getLogger("gridsvc.sealer")


def seal_until(database: Database, stop: Event) -> None:
    """Seal events as they come, as long as this session is the elected sealer; stand for election otherwise.

    The lock belongs to the session, so that another takes over as soon as this one dies. A database that is away
    is waited for.
    """
    while not stop.is_set():
        try:
            _serve_term(database, stop)
        except (DBAPIError, Unavailable) as error:
            _log.warning("the sealer lost its database and tries again: %s", str(error).splitlines()[0])
            database.engine.dispose()
            stop.wait(_ELECTION_PAUSE_S)


def _serve_term(database: Database, stop: Event) -> None:
    with database.engine.connect() as connection:
        try:
            while not stop.is_set():
                elected = events.may_seal(connection)
                connection.commit()
                if not elected:
                    stop.wait(_ELECTION_PAUSE_S)
                    continue
                while not stop.is_set():
                    sealed = events.seal_waiting(connection)
                    connection.commit()
                    if not sealed:
                        stop.wait(PAUSE_S)
        finally:
            connection.invalidate()  # the session's lock must not go back into the pool


def seal_all(database: Database) -> int:
    """Seal everything that waits, unless another session is the sealer; return how many events were sealed."""
    total = 0
    with database.engine.connect() as connection:
        try:
            if not events.may_seal(connection):
                return 0
            while sealed := events.seal_waiting(connection):
                connection.commit()
                total += sealed
        finally:
            connection.rollback()
            connection.invalidate()
    return total

"""Reads from a streaming replica that see everything which was committed before they began.

The primary says how far its log is on the disk, and the replica answers once it has replayed that much. So a caller who
was answered "done" finds it in the next list, whichever process or replica answers. A replica that does not get there
within WAIT_S, or is gone, is not asked for a while, and the primary answers.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gridsvc.access.scopes import EVERYTHING
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Scope
    from gridsvc.db.session.connection import Database

T = TypeVar("T")

WAIT_S = 0.2
"""How long a read waits for the replica; a healthy one in the same building is some milliseconds behind."""

AWAY_FOR_S = 2.0
"""How long a replica is not asked after it was too far behind, or could not be reached."""

_POLL_S = 0.004
_POSITION = "select pg_current_wal_flush_lsn()::text"
_HAS = "select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= %s::pg_lsn, row_security_active('incident')"
_lag = text(
    """
    select pg_is_in_recovery(),
           greatest(pg_wal_lsn_diff(cast(:position as pg_lsn), pg_last_wal_replay_lsn()), 0),
           extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
    """
)


class MissedError(Exception):
    """The replica cannot answer this read; the primary can."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a replica is behind the primary: bytes of log, and seconds since the last change that it has.

    `reason` says why it is not used, None where it is. A replica that has everything is 0 s behind.
    """

    up: bool
    bytes: int | None = None
    s: float | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"up": self.up, "lag_s": self.s, "lag_bytes": self.bytes, "reason": self.reason}


class Replica:
    """A streaming replica of the primary, with a pool of connections of its own. Safe for threads.

    Parameters
    ----------
    database
        The replica.
    wait_s
        How long a read waits for it.
    clock
        Monotonic seconds; another one in tests.
    """

    def __init__(
        self, database: Database, *, wait_s: float = WAIT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._wait_s = wait_s
        self._clock = clock
        self._lock = threading.Lock()
        self._away_until = float("-inf")

    def read(self, primary: Database, work: Callable[[Connection], T]) -> T:
        """Run a read at the replica, as the scope of `primary` sees it.

        Raises
        ------
        MissedError
            Where the replica is away, too far behind, or is no replica any more.
        Unavailable
            Where the primary is unavailable.
        """
        if self._clock() < self._away_until:
            raise MissedError
        with primary.transaction() as connection:
            position = read_position(connection)
        try:
            with self._database.seen_by(primary.scope).transaction() as connection:
                self._wait_for(connection, position, primary.scope)
                return work(connection)
        except (Unavailable, DBAPIError, MissedError) as error:
            with self._lock:
                self._away_until = self._clock() + AWAY_FOR_S
            raise MissedError from error

    def _wait_for(self, connection: Connection, position: str, scope: Scope) -> None:
        deadline = self._clock() + self._wait_s
        while True:
            [(has, bound)] = fetch_all(connection, _HAS, (position,))
            if not bound and scope != EVERYTHING:
                raise MissedError  # a role above row level security would show what the caller must not see
            if has:
                return
            if self._clock() > deadline:
                raise MissedError
            time.sleep(_POLL_S)

    def lag(self, position: str) -> Lag:
        """Return how far the replica is behind a position of the primary's log."""
        try:
            with self._database.transaction() as connection:
                is_replica, behind, age_s = connection.execute(_lag, {"position": position}).one()
        except (Unavailable, DBAPIError) as error:
            return Lag(up=False, reason=str(error).splitlines()[0])
        if not is_replica:
            return Lag(up=False, reason="It is no replica: it accepts writes. Set GRIDSVC_READ_URL to a replica.")
        lag_s = 0.0 if behind == 0 or age_s is None else float(age_s)
        return Lag(up=True, bytes=int(behind), s=lag_s)

    def close(self) -> None:
        """Close its connections."""
        self._database.close()


def read_position(connection: Connection) -> str:
    """Return how far the log of the primary is on the disk: every acknowledged commit is before it."""
    [(position,)] = fetch_all(connection, _POSITION)
    return str(position)

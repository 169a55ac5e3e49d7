"""Connections and transactions: retried after a deadlock, and after the embedded cluster was started again."""

from __future__ import annotations

import copy
import random
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gridsvc.access.scopes import EVERYTHING
from gridsvc.db.evidence import row_digests
from gridsvc.db.session.commits import refuse_unreplicated, watch
from gridsvc.db.session.fast_statements import drop_prepared, forget_last, send_last
from gridsvc.db.session.replica import MissedError, read_position
from gridsvc.db.session.scope import begin_in_scope, set_scope
from gridsvc.db.session.urls import read_url
from gridsvc.errors import DiskFull, InvalidInput, LockTimedOut, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

    from gridsvc.access.scopes import Scope
    from gridsvc.db.session.replica import Lag, Replica

T = TypeVar("T")

# serialization_failure, deadlock_detected, and invalid_sql_statement_name: psycopg has dropped all prepared statements
_RETRIED = {"40001", "40P01", "26000"}
_ANSWERS = "pk_idempotency"
_TIMED_OUT = "57014"  # query_canceled
_FORBIDDEN = "42501"  # insufficient_privilege
_LOCK_TIMED_OUT = "55P03"  # lock_not_available
_DISK_FULL = "53100"  # disk_full
_TRIES = 4
_AWAY_FOR_S = 1.0
_FULL_FOR_S = 10.0
_SPARE = 2  # a request that fills the shared cache writes in a second transaction
_SCOPES_KEPT = 256
# A server that lost its power answers nothing: without these a session would wait for it for a quarter of an hour.
_KEEPALIVES = {
    "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000,
}  # fmt: skip
_NO_TIME_LIMIT = text("set local statement_timeout = 0")


class Database:
    """A pool of connections to one database as the application's role, as one scope sees it.

    Every transaction sets its scope first, and row level security applies it to every statement. A transaction
    without a scope sees no rows.

    Parameters
    ----------
    url
        Of one server or of several: see `read_url`. Of several, the one that accepts writes is used.
    heal
        Called when a connection is refused, before the next attempt: `ensure` of the embedded cluster.
    pool
        Connections that stay open; at a peak there are as many more.
    replica
        Where `read` reads; None: at the primary.
    writes
        Which of several servers is used: the one that accepts writes, or one that does not.
    name
        What the server shows of the sessions (application_name); None: that of a command.
    """

    def __init__(
        self,
        url: str,
        *,
        heal: Callable[[], None] | None = None,
        pool: int = 8,
        replica: Replica | None = None,
        writes: bool = True,
        name: str | None = None,
    ) -> None:
        parsed = read_url(url, session="read-write" if writes else "standby")
        self.replica = replica
        self.url = parsed.render_as_string(hide_password=False)
        self._heal = heal
        self._pool = create_engine(
            parsed,
            pool_size=pool,
            max_overflow=pool + _SPARE,
            pool_timeout=5,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "application_name": name or "gridsvc",
                "options": "-c timezone=UTC -c statement_timeout=60000",
                **_KEEPALIVES,
            },
        )
        event.listen(self._pool, "do_connect", self._connect)
        event.listen(self._pool, "begin", _begin)
        event.listen(self._pool, "rollback", drop_prepared)
        self._acts_as: list[str] = []
        self._away: list[tuple[float, Unavailable | None]] = [
            (0.0, None)
        ]  # until when, and the error; shared by all scopes
        self._full_at = [float("-inf")]
        self._views: OrderedDict[Scope, Database] = OrderedDict()
        self._lock = threading.Lock()
        self.scope = EVERYTHING
        self.engine: Engine = self._pool.execution_options(scope=EVERYTHING)

    def holds_scopes(self) -> bool:
        """Return whether row level security applies; a role above it switches to the application's role first."""
        bound = text("select row_security_active('district')")
        with self.transaction() as connection:
            if connection.scalar(bound):
                return True
        self._acts_as.append("gridsvc_app")
        self.engine.dispose()
        try:
            with self.transaction() as connection:
                return bool(connection.scalar(bound))
        except (Unavailable, DBAPIError, psycopg.Error):
            self._acts_as.clear()  # it may not act as that role
            return False

    def seen_by(self, scope: Scope) -> Database:
        """Return the same database for another scope; the pool is shared."""
        if scope == self.scope:
            return self
        with self._lock:
            view = self._views.pop(scope, None)
            if view is None:
                view = copy.copy(self)
                view.scope, view.engine = scope, self._pool.execution_options(scope=scope)
            self._views[scope] = view
            while len(self._views) > _SCOPES_KEPT:
                self._views.popitem(last=False)
        return view

    def _connect(
        self, _dialect: object, record: ConnectionPoolEntry, args: list[Any], named: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        # Fail fast after a recent connection failure.
        until, why = self._away[0]
        if time.monotonic() < until:
            raise why or psycopg.OperationalError("the database was unreachable a moment ago")
        try:
            connection = self._connect_with_retries(args, named)
        except (psycopg.OperationalError, Unavailable) as error:
            self._away[0] = (time.monotonic() + _AWAY_FOR_S, error if isinstance(error, Unavailable) else None)
            raise
        watch(connection, record.info)
        return connection

    def _connect_with_retries(self, args: list[Any], named: dict[str, Any]) -> psycopg.Connection[Any]:
        for wait_s in (0.0, 0.1, 0.3, 1.0):
            time.sleep(wait_s)
            try:
                return self._act(psycopg.connect(*args, **named))
            except psycopg.OperationalError:
                if self._heal is None or wait_s == 1.0:
                    raise
                self._heal()
        raise AssertionError

    def _act(self, connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
        for role in self._acts_as:
            try:
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
                connection.commit()
            except psycopg.Error:
                connection.close()
                raise
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in one transaction: committed at the end, rolled back by an exception.

        Raises
        ------
        Unavailable
            When the database cannot be reached, or the connection is lost. Nothing is written, except where it is lost
            during the commit: then the outcome is unknown, and the message says so.
        NotFound
            When a write is outside the scope.
        """
        with self._one_transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def _one_transaction(self, engine: Engine) -> Iterator[Connection]:
        committing = False
        try:
            with _begun(engine) as connection:
                yield connection
                _write_digests(connection)
                committing = True
                send_last(connection, commit=True)
        except ProgrammingError as error:
            if _sqlstate(error) == _FORBIDDEN and "row-level security" in str(error.orig):
                raise NotFound("This is outside the scope of your key.", kind="outside-scope") from None
            raise
        except PoolTimeoutError as error:
            raise Unavailable("Every connection to the database is busy. Nothing was written; try again.") from error
        except DataError as error:  # a number out of range, a NUL in a text: nothing before the database checks these
            words = str(error.orig).splitlines()[0]
            raise InvalidInput(f"A value cannot be kept: {words}. Correct it.", kind="value", reason=words) from error
        except (OperationalError, InterfaceError) as error:
            state = _sqlstate(error)
            if state in _RETRIED:
                raise
            if (refused := self._refused(state)) is not None:
                raise refused from error
            if committing:
                raise Unavailable(
                    "The connection to the database was lost during the commit: the change may be stored or not. Send "
                    "the request again with the same Idempotency-Key; it takes effect once."
                ) from error
            raise Unavailable(
                "The database cannot be reached at the moment. Nothing was written; try again."
            ) from error

    def _refused(self, state: str | None) -> Unavailable | None:
        """Return what an SQLSTATE means that the database refuses a statement with; None for a lost connection."""
        if state == _LOCK_TIMED_OUT:
            return LockTimedOut()
        if state == _DISK_FULL:
            self._full_at[0] = time.monotonic()
            return DiskFull()
        if state == _TIMED_OUT:
            return Unavailable("The statement took longer than the database allows. Nothing was written; ask for less.")
        return None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection whose statements all see one snapshot; for reads. Raises as `transaction` does."""
        with self._one_transaction(self.engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
            yield connection

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a read in one transaction: at the replica if it has all that was committed so far, else at the primary.

        `work` only reads, and may run twice. Raises as `transaction` does.
        """
        if self.replica is not None:
            try:
                return self.replica.read(self, work)
            except MissedError:
                pass  # the primary has it
        with self.transaction() as connection:
            return work(connection)

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; after a deadlock, run it again from the start (three times, with jitter).

        It also runs again when another request has just used its Idempotency-Key: then `work` finds that answer.
        """
        for attempt in range(_TRIES):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DBAPIError as error:
                if _sqlstate(error) not in _RETRIED and not _is_twin(error):
                    raise
                time.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311  no secret
        raise Unavailable("The database is too contended at the moment. Nothing was written; try again.")

    def replica_lag(self) -> Lag | None:
        """Return how far the replica is behind now; None where there is none. Raises as `transaction` does."""
        if self.replica is None:
            return None
        with self.transaction() as connection:
            position = read_position(connection)
        return self.replica.lag(position)

    @property
    def refused_for_space(self) -> bool:
        """Whether a write failed for lack of disk space within the last ten seconds."""
        return time.monotonic() - self._full_at[0] < _FULL_FOR_S

    @property
    def is_ours(self) -> bool:
        """Whether this is the embedded cluster of the data folder."""
        return self._heal is not None

    def close(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()
        if self.replica is not None:
            self.replica.close()


def _begin(connection: Connection) -> None:
    begin_in_scope(connection)
    row_digests.forget_marked(connection)
    forget_last(connection)


def _write_digests(connection: Connection) -> None:
    """Seal what the transaction wrote, just before its commit."""
    if row_digests.has_marked(connection):
        send_last(connection, commit=False)
        set_scope(connection, EVERYTHING)  # until the commit: a digest is of the whole row, for every caller
        row_digests.write_marked(connection)


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in one transaction; one that died in the pool is replaced, since nothing was done in it."""
    connection = engine.connect()
    try:
        transaction = connection.begin()
    except DBAPIError as error:
        connection.close()
        if not error.connection_invalidated:
            raise
        connection = engine.connect()  # the pool has dropped what is as old as the dead one
        transaction = connection.begin()
    with connection:
        with transaction:
            yield connection
        refuse_unreplicated(connection)


def lift_time_limit(connection: Connection) -> None:
    """Let the statements of this transaction take any time: for imports and activations, never for requests."""
    connection.execute(_NO_TIME_LIMIT)


def _sqlstate(error: BaseException) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _is_twin(error: DBAPIError) -> bool:
    """Whether another request stored an answer under the same Idempotency-Key in the meantime."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) == _ANSWERS

"""Connections and transactions: retried where the database asks for it, healed where the embedded cluster died."""

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
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gridsvc.access.scopes import EVERYTHING, NOTHING
from gridsvc.errors import DiskFull, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

    from gridsvc.access.scopes import Scope

T = TypeVar("T")

_RETRIED = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_ANSWERS = "pk_idempotency"
_TIMED_OUT = "57014"  # query_canceled
_FORBIDDEN = "42501"  # insufficient_privilege
_DISK_FULL = "53100"  # disk_full
_TRIES = 4
_AWAY_FOR_S = 1.0
_FULL_FOR_S = 10.0
_SPARE = 2  # what a request loads for all is written in a transaction of its own, beside the one it is in
_SCOPES_KEPT = 256
_TELL = "select " + ", ".join(f"set_config('gridsvc.{name}', %s, %s)" for name in ("district", "grid", "grids"))


class Database:
    """A pool of connections to one database as the application's role, as one scope sees it.

    Every transaction begins by telling the database for whom it is (`scope`); row level security does the rest, for
    every statement alike. A transaction that was told nothing sees nothing.

    Parameters
    ----------
    url
        SQLAlchemy URL, `postgresql+psycopg://...`; a plain `postgresql://` is taken as that.
    heal
        Called when a connection is refused, before one more try: the embedded cluster's `ensure`.
    pool
        Connections kept, and as many more at a peak.
    """

    def __init__(self, url: str, *, heal: Callable[[], None] | None = None, pool: int = 8) -> None:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed.render_as_string(hide_password=False)
        self._heal = heal
        self._pool = create_engine(
            parsed, pool_size=pool, max_overflow=pool + _SPARE, pool_timeout=5, pool_use_lifo=True,
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC -c statement_timeout=60000"},
        )  # fmt: skip
        event.listen(self._pool, "do_connect", self._connect)
        event.listen(self._pool, "begin", _tell_scope)
        self._acts_as: list[str] = []
        self._away: list[tuple[float, Unavailable | None]] = [(0.0, None)]  # until when, and why; shared by all views
        self._full_at = [float("-inf")]
        self._views: OrderedDict[Scope, Database] = OrderedDict()
        self._lock = threading.Lock()
        self.scope = EVERYTHING
        self.engine: Engine = self._pool.execution_options(scope=EVERYTHING)

    def holds_scopes(self) -> bool:
        """Whether row level security binds this role; one that is above it acts as the application's from now on."""
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
        """Return the same database as another scope sees it; the pool is shared."""
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
        self, _dialect: object, _record: object, args: list[Any], named: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        # Whoever asks just after somebody waited in vain is not made to wait too.
        until, why = self._away[0]
        if time.monotonic() < until:
            raise why or psycopg.OperationalError("the database was away a moment ago")
        try:
            return self._connect_patiently(args, named)
        except (psycopg.OperationalError, Unavailable) as error:
            self._away[0] = (time.monotonic() + _AWAY_FOR_S, error if isinstance(error, Unavailable) else None)
            raise

    def _connect_patiently(self, args: list[Any], named: dict[str, Any]) -> psycopg.Connection[Any]:
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
            When the database cannot be reached or goes away on the way. Nothing is written then, unless it went away
            just while it was committing: that nobody can know, and the words say so.
        NotFound
            When something was to be written that lies outside the scope.
        """
        with self._one_transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def _one_transaction(self, engine: Engine) -> Iterator[Connection]:
        committing = False
        try:
            with engine.connect() as connection, connection.begin():
                yield connection
                committing = True
        except ProgrammingError as error:
            if _sqlstate(error) == _FORBIDDEN and "row-level security" in str(error.orig):
                raise NotFound("This lies outside what your key is for.", kind="outside-scope") from None
            raise
        except PoolTimeoutError as error:
            raise Unavailable("Every connection to the database is busy. Nothing was written; try again.") from error
        except DataError as error:  # a number out of range, a NUL in a text: refused where nothing else saw it
            words = str(error.orig).splitlines()[0]
            raise InvalidInput(f"A value cannot be kept: {words}. Correct it.", kind="value", reason=words) from error
        except (OperationalError, InterfaceError) as error:
            state = _sqlstate(error)
            if state in _RETRIED:
                raise
            if state == _DISK_FULL:
                self._full_at[0] = time.monotonic()
                raise DiskFull from error
            if state == _TIMED_OUT:
                raise Unavailable("This took the database too long. Nothing was written; ask for less.") from error
            if committing:
                raise Unavailable(
                    "The database went away while it was writing this: it may be there or not. Send it again with the "
                    "same Idempotency-Key, and it will be there once."
                ) from error
            raise Unavailable("The database is away for a moment. Nothing was written; try again.") from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the database, and only reads; Unavailable as in `transaction`."""
        with self._one_transaction(self.engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
            yield connection

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, again from the start (three times, with jitter) after a deadlock.

        Also where another request took its Idempotency-Key: `work` finds that one's answer then.
        """
        for attempt in range(_TRIES):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DBAPIError as error:
                if _sqlstate(error) not in _RETRIED and not _is_twin(error):
                    raise
                time.sleep(random.uniform(0.005, 0.02) * 2**attempt)
        raise Unavailable("The database is too contended at the moment. Nothing was written; try again.")

    @property
    def refused_for_space(self) -> bool:
        """Whether the database had no room for something within the last ten seconds."""
        return time.monotonic() - self._full_at[0] < _FULL_FOR_S

    @property
    def is_ours(self) -> bool:
        """Whether it is the embedded cluster, which lies in the data folder."""
        return self._heal is not None

    def close(self) -> None:
        """Give every pooled connection back."""
        self.engine.dispose()


def _tell_scope(connection: Connection) -> None:
    options = connection.get_execution_options()
    # A connection that commits by itself has no transaction to tell: it is told for good.
    _tell(connection, options.get("scope", NOTHING), local=options.get("isolation_level") != "AUTOCOMMIT")


def _tell(connection: Connection, scope: Scope, *, local: bool = True) -> None:
    district, grid, grids = scope_settings(scope)
    told = (district, local, grid, local, grids, local)
    try:
        # Straight to the driver: at the begin of every transaction SQLAlchemy's way is three times as dear.
        connection.connection.dbapi_connection.execute(_TELL, told)  # type: ignore[union-attr]
    except psycopg.Error:
        connection.exec_driver_sql(_TELL, told)  # fails alike, and as SQLAlchemy tells it


def scope_settings(scope: Scope) -> tuple[str, str, str]:
    """Return the values of gridsvc.district, gridsvc.grid and gridsvc.grids."""
    district = "*" if scope.district is None else scope.district
    return district, scope.grid or "", ",".join(scope.grids)


def scope_of(connection: Connection) -> Scope:
    """Return for whom a connection's transactions are."""
    scope: Scope = connection.get_execution_options().get("scope", NOTHING)
    return scope


@contextmanager
def whole_district(connection: Connection) -> Iterator[None]:
    """Let the statements within see the whole district: what the law decides, it decides over all teams.

    Costs nothing where the caller is not limited to a grid. What is found so must not reach him unsifted.
    """
    scope = scope_of(connection)
    if scope.grid is None:
        yield
        return
    _tell(connection, scope.whole_district)
    yield
    _tell(connection, scope)  # after a failure there is no transaction to limit


def _sqlstate(error: BaseException) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _is_twin(error: DBAPIError) -> bool:
    """Whether another request took this one's Idempotency-Key between its first look and its write."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) == _ANSWERS

"""Connections and transactions: retried where the database asks for it, healed where the embedded cluster died."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

T = TypeVar("T")

_RETRIED = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_TRIES = 4


class Database:
    """A pool of connections to one database as the application's role.

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
        self.engine = create_engine(
            parsed, pool_size=pool, max_overflow=pool, pool_timeout=5, pool_use_lifo=True,
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC -c statement_timeout=60000"},
        )  # fmt: skip
        event.listen(self.engine, "do_connect", self._connect)

    def _connect(self, _dialect: Any, _record: Any, args: list[Any], named: dict[str, Any]) -> Any:
        for wait_s in (0.0, 0.1, 0.3, 1.0):
            time.sleep(wait_s)
            try:
                return psycopg.connect(*args, **named)
            except psycopg.OperationalError:
                if self._heal is None or wait_s == 1.0:
                    raise
                self._heal()
        raise AssertionError

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in one transaction: committed at the end, rolled back by an exception.

        Raises
        ------
        Unavailable
            When the database cannot be reached or goes away on the way; nothing is written then.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            if _sqlstate(error) in _RETRIED:
                raise
            self.engine.dispose()  # other pooled connections lead to the same dead server
            raise Unavailable("The database is away for a moment. Nothing was written; try again.") from error

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, again from the start (three times, with jitter) after a deadlock."""
        for attempt in range(_TRIES):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DBAPIError as error:
                if _sqlstate(error) not in _RETRIED:
                    raise
                time.sleep(random.uniform(0.005, 0.02) * 2**attempt)
        raise Unavailable("The database is too contended at the moment. Nothing was written; try again.")

    def close(self) -> None:
        """Give every pooled connection back."""
        self.engine.dispose()


def _sqlstate(error: BaseException) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)

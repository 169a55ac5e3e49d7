"""Several statements in one round trip: libpq's pipeline mode.

`Connection.pipeline` of psycopg lets other threads run after each statement that it sends. In a busy process that takes
milliseconds each time, and the first statements hold their locks already. Here all leave in one message, and the thread
waits once.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.waiting import Ready, Wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection
    from psycopg.abc import Buffer, PQGen
    from psycopg.abc import Transformer as Adapting
    from psycopg.pq.abc import PGconn, PGresult

Statement = tuple[str, "Sequence[Any]"]
"""The text of a statement, with %s for values, and the values."""

Prepared = dict[tuple[bytes, tuple[int, ...]], bytes]
"""The names of the statements that a connection has prepared, by their text and the types of their values."""

_MOST_PREPARED = 100
_numbers = count()


def run_pipeline(
    driver: Connection[Any], statements: Sequence[Statement], prepared: Prepared
) -> list[list[tuple[Any, ...]]]:
    """Run statements in a transaction that has begun, and return the rows of each.

    Each begins when the one before it has ended, and sees what others committed until then. Those after one that fails
    do not run. `prepared` belongs to the connection; it learns what this call prepares.

    Raises
    ------
    psycopg.Error
        Of the first statement that fails.
    """
    pgconn, adapt = driver.pgconn, Transformer(driver)
    dumped = [_dump(adapt, statement, prepared) for statement in statements]
    try:
        pgconn.enter_pipeline_mode()
        for each in dumped:
            _send(pgconn, each)
        pgconn.pipeline_sync()
        with driver.lock:
            results = driver.wait(_receive(pgconn))
        pgconn.exit_pipeline_mode()
    except BaseException:
        driver.close()  # what is on its way would be taken for the answer to the next statement
        raise
    rows, answers = [], iter(results)
    for each in dumped:
        if each.new:
            _check(driver, next(answers))
            prepared[each.text, each.types] = each.name
        result = _check(driver, next(answers))
        adapt.set_pgresult(result)
        rows.append(adapt.load_rows(0, result.ntuples, tuple) if result.nfields else [])
    return rows


class _Dumped(NamedTuple):
    """A statement as it is sent; without a name it is not prepared, `new`: it is prepared now."""

    text: bytes
    values: Sequence[Buffer | None]
    types: tuple[int, ...]
    formats: Sequence[Format]
    name: bytes
    new: bool


def _dump(adapt: Adapting, statement: Statement, prepared: Prepared) -> _Dumped:
    query, values = statement
    text = _numbered(query)
    dumped = adapt.dump_sequence(values, [PyFormat.AUTO] * len(values))
    types = adapt.types or ()
    name = prepared.get((text, types))
    new = name is None and len(prepared) < _MOST_PREPARED
    if name is None:
        name = b"gridsvc_%d" % next(_numbers) if new else b""
    return _Dumped(text, dumped, types, adapt.formats or (), name, new)


@lru_cache(1024)
def _numbered(query: str) -> bytes:
    """Return a text with $1, $2 ... for its %s, and with % for its %%."""
    first, *rest = (part.replace("%%", "%") for part in query.split("%s"))
    return (first + "".join(f"${n}{part}" for n, part in enumerate(rest, 1))).encode()


def _send(pgconn: PGconn, each: _Dumped) -> None:
    if each.new:
        pgconn.send_prepare(each.name, each.text, each.types)
    if each.name:
        pgconn.send_query_prepared(each.name, each.values, each.formats, Format.BINARY)
    else:
        pgconn.send_query_params(each.text, each.values, each.types, each.formats, Format.BINARY)


def _receive(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Return the results until that of the synchronization."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # the results of one statement end here
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError(pgconn.get_error_message())
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)


def _check(driver: Connection[Any], result: PGresult) -> PGresult:
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        raise error_from_result(result, encoding=driver.info.encoding)
    return result

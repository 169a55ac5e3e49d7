"""The sealer: one session per database that gives every event its place in the chain (R18).

Elected by an advisory lock that belongs to its session: it is free again the moment the session ends. A sealer that
hangs (stopped, frozen) keeps its session: the next candidate then has the database end it, so that the old one
cannot write any more when it wakes.

A long transaction of another session is no obstacle: nothing here waits for a row. But it keeps vacuum from removing
the deleted marks, and a scan of all marks would read them again each time; so the quick scan begins at the events of
the last seconds, and a full scan once a second finds those that were committed late.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from gridsvc.db.schema.cases import event_seal
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.db.session.ids import uuid7_at
from gridsvc.evidence import chain

if TYPE_CHECKING:
    from threading import Event

    from sqlalchemy import Connection

    from gridsvc.db.session.connection import Database

SEALER_LOCK = 7_402_151_002
PAUSE_S = 0.015
"""Pause between two scans for new events; with the scan itself under 20 ms."""

_ELECTION_PAUSE_S = 0.25
_STALLED_AFTER_S = 1.0
_FULL_LOOK_EVERY_S = 1.0
_RECENT_S = 5.0
_BATCH = 500  # events are up to some 50 kB each

_log = logging.getLogger("gridsvc.sealer")

# Asked every 15 ms: straight to the driver.
_WAITING = """
    select e.district, e.id, e.body
    from unnest(%s::text[]) as d (code)
    cross join lateral (
        select i.district, i.id, i.body
        from event_unsealed u
        join incident_event i on i.district = u.district and i.id = u.event_id
        where u.district = d.code and u.event_id >= %s
        order by u.event_id
        limit %s
    ) as e
"""
_districts = text("select distinct district from event_unsealed")

# One statement, so one transaction and one round trip: seals, marks taken off. No NOTIFY: every role of the database,
# the viewer of another district too, hears what is said there.
_SEAL = """
    with batch as (
        select * from unnest(%s::text[], %s::bigint[], %s::uuid[], %s::bytea[])
                      as b (district, position, event_id, hash)
    ), sealed as (
        insert into event_seal (district, position, event_id, hash) select * from batch
    ), unmarked as (
        delete from event_unsealed u using batch b where u.district = b.district and u.event_id = b.event_id
    )
    select 1
"""
_unmark_sealed = text(
    "delete from event_unsealed u using event_seal s where s.district = u.district and s.event_id = u.event_id "
    "returning u.event_id"
)
_holder = text(
    """
    select a.pid, a.state like 'idle%' and a.state_change < clock_timestamp() - make_interval(secs => :patience)
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid = cast(:high as bigint) and l.objid = cast(:low as bigint)
    """
).bindparams(high=SEALER_LOCK >> 32, low=SEALER_LOCK & 0xFFFF_FFFF)


def seal_until(database: Database, stop: Event) -> None:
    """Seal events as they come while this session is the elected sealer; stand for election otherwise.

    Nothing but `stop` ends it: it waits for a database that is away, and logs every other error and tries again.
    """
    while not stop.is_set():
        try:
            _serve_term(database, stop)
        except Exception as error:  # noqa: BLE001 - the chain continues after any error
            _log.warning("the sealer begins a new term: %s", (str(error) or type(error).__name__).splitlines()[0])
            stop.wait(_ELECTION_PAUSE_S)


def _serve_term(database: Database, stop: Event) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            while not stop.is_set() and not may_seal(connection):
                _end_stalled_sealer(connection)
                stop.wait(_ELECTION_PAUSE_S)
            term = Term()
            while not stop.is_set():
                if not seal_waiting(connection, term):
                    stop.wait(PAUSE_S)
        finally:
            connection.invalidate()  # the session's lock must not go back into the pool


def may_seal(connection: Connection) -> bool:
    """Whether this session is the one sealer of the database now; the lock ends with the session."""
    return bool(connection.scalar(select(func.pg_try_advisory_lock(SEALER_LOCK))))


def _end_stalled_sealer(connection: Connection) -> None:
    """End the session of a sealer that has sent no statement for some time: a running one always does."""
    row = connection.execute(_holder, {"patience": _STALLED_AFTER_S}).one_or_none()
    if row is not None and row[1]:
        _log.warning("the sealer's session %s hangs and is ended", row[0])
        connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": row[0]})


@dataclass(slots=True)
class Term:
    """State of an elected sealer: the ends of the chains (no other session moves them), and its last full look."""

    ends: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    full_look_at: float = 0.0


def seal_waiting(connection: Connection, term: Term) -> int:
    """Give the unsealed events the next positions of their districts, all at once; return how many.

    The connection must commit by itself (AUTOCOMMIT) and hold the sealer's lock. A late commit gets a later position.
    """
    full = time.monotonic() - term.full_look_at >= _FULL_LOOK_EVERY_S
    if full:
        for code in connection.scalars(_districts):
            if code not in term.ends:
                term.ends[code] = _chain_end(connection, code)
    low = uuid7_at(0.0 if full else time.time() - _RECENT_S)
    rows = fetch_all(connection, _WAITING, (list(term.ends), low, _BATCH))
    if full and len(rows) < _BATCH:
        term.full_look_at = time.monotonic()
    if not rows:
        return 0
    try:
        _write(connection, term, rows)
    except IntegrityError:
        # The event was marked again after its seal: it keeps its seal.
        again = list(connection.scalars(_unmark_sealed))
        _log.error("%d events were marked as unsealed that are sealed; their marks are removed", len(again))
        term.ends = {code: _chain_end(connection, code) for code in term.ends}
    return len(rows)


def _write(connection: Connection, term: Term, rows: list[tuple[Any, ...]]) -> None:
    ends = dict(term.ends)
    positions, hashes = [], []
    for district, _, body in rows:
        position, previous = ends[district]
        position += 1
        hashed = chain.seal(previous, position, body)
        ends[district] = (position, hashed)
        positions.append(position)
        hashes.append(hashed)
    fetch_all(connection, _SEAL, ([row[0] for row in rows], positions, [row[1] for row in rows], hashes))
    term.ends = ends  # only what is committed is remembered


def _chain_end(connection: Connection, district: str) -> tuple[int, bytes]:
    query = (
        select(event_seal.c.position, event_seal.c.hash)
        .where(event_seal.c.district == district)
        .order_by(event_seal.c.position.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (0, chain.GENESIS) if row is None else (row[0], bytes(row[1]))


def seal_all(database: Database) -> int:
    """Seal everything that waits, unless another session is the sealer; return how many events were sealed."""
    total = 0
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            if not may_seal(connection):
                return 0
            while sealed := seal_waiting(connection, Term()):
                total += sealed
        finally:
            connection.invalidate()
    return total

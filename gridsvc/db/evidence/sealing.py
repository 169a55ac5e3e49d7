"""The sealers: sessions that give every event its place in the chain of its district (R18).

Any number of services may seal at once: each district has one sealer at a time. All sealers hold one advisory lock
together (shared), so that each sees who the others are; a district goes to one of them by rendezvous hashing (Thaler
and Ravishankar 1998), and that one holds the lock of the district. Locks belong to their session: they are free again
the moment it ends. A sealer that hangs (stopped, frozen) keeps its session: the others then have the database end it,
so that it cannot write any more when it wakes. The keys of `event_seal` would refuse a second seal in any case.

A long transaction of another session is no obstacle: nothing here waits for a row. But it keeps vacuum from removing
the deleted marks, and a scan of all marks would read them again each time; so the quick scan begins at the events of
the last seconds, and a full scan once a second finds those that were committed late.
"""

from __future__ import annotations

import hashlib
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
    from collections.abc import Iterable, Sequence
    from threading import Event
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.session.connection import Database

SEALER_LOCK = 7_402_151_002
"""Held by all sealers (shared), or by one that seals every district (exclusive)."""

DISTRICT_LOCK = 740_215_104
"""With the hash of a district: held by its sealer. Districts of one hash have one sealer."""

PAUSE_S = 0.015
"""Pause between two scans for new events; with the scan itself under 20 ms."""

_ELECTION_PAUSE_S = 0.25
_STALLED_AFTER_S = 1.0
_FULL_LOOK_EVERY_S = 1.0
_RECENT_S = 5.0
_BATCH = 500  # events are up to some 50 kB each

_log = logging.getLogger("gridsvc.sealer")

# Asked every 15 ms: straight to the driver.
_NEW = "select distinct district from event_unsealed where district = any(%s) and event_id >= %s"
# In the order of writing (`written`, a place in the log of the server): the time in an id is wrong in order after the
# clock was set back.
_WAITING = """
    with batch as materialized (
        select district, event_id, written from event_unsealed
        where district = %s and event_id >= %s order by written, event_id limit %s
    )
    select i.id, i.body from batch join incident_event i on i.district = batch.district and i.id = batch.event_id
    order by batch.written, batch.event_id
"""
_districts = text("select distinct district from event_unsealed")

# One statement, so one transaction and one round trip: seals, marks taken off. No NOTIFY: every role of the database,
# the viewer of another district too, hears what is said there.
_SEAL = """
    with batch as (
        select * from unnest(%s::bigint[], %s::uuid[], %s::bytea[]) as b (position, event_id, hash)
    ), sealed as (
        insert into event_seal (district, position, event_id, hash) select %s, position, event_id, hash from batch
    ), unmarked as (
        delete from event_unsealed u using batch b where u.district = %s and u.event_id = b.event_id
    )
    select 1
"""
_unmark_sealed = text(
    "delete from event_unsealed u using event_seal s where s.district = u.district and s.event_id = u.event_id "
    "and u.district = :district returning u.event_id"
)
_holders = text(
    """
    select a.pid, a.state like 'idle%' and a.state_change < clock_timestamp() - make_interval(secs => :patience),
           a.pid = pg_backend_pid()
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid = cast(:high as bigint) and l.objid = cast(:low as bigint)
    """
).bindparams(high=SEALER_LOCK >> 32, low=SEALER_LOCK & 0xFFFF_FFFF)
_take = text(
    "select code from unnest(cast(:codes as text[])) as d (code) where pg_try_advisory_lock(:key, hashtext(code))"
)
_release = text("select pg_advisory_unlock(:key, hashtext(code)) from unnest(cast(:codes as text[])) as d (code)")


def seal_until(database: Database, stop: Event) -> None:
    """Seal events as they come, together with the sealers of other services, each its own districts.

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
            joined = select(func.pg_try_advisory_lock_shared(SEALER_LOCK))
            while not stop.is_set() and not connection.scalar(joined):
                _list_sealers(connection)  # one that seals every district, and hangs, is ended
                stop.wait(_ELECTION_PAUSE_S)
            term = Term(shares=True)
            while not stop.is_set():
                if not seal_waiting(connection, term):
                    stop.wait(PAUSE_S)
        finally:
            connection.invalidate()  # the session's locks must not go back into the pool


def may_seal(connection: Connection) -> bool:
    """Whether this session alone seals, every district of the database; the lock ends with the session."""
    return bool(connection.scalar(select(func.pg_try_advisory_lock(SEALER_LOCK))))


def _list_sealers(connection: Connection) -> tuple[int, list[int]]:
    """Return this session's process id and those of all sealers that run; end sessions of those that hang.

    One that runs sends a statement every few milliseconds.
    """
    own, running = 0, []
    for pid, hangs, is_own in connection.execute(_holders, {"patience": _STALLED_AFTER_S}):
        if is_own:
            own = pid
        if not hangs or is_own:
            running.append(pid)
            continue
        _log.warning("the sealer's session %s hangs and is ended", pid)
        connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    return own, sorted(running)


@dataclass(slots=True)
class Term:
    """State of a sealer: the ends of the chains that only it moves, and its last looks.

    `shares`: it holds SEALER_LOCK together with others, and seals its own share of the districts.
    """

    shares: bool = False
    ends: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    sealers: list[int] = field(default_factory=list)
    full_look_at: float = 0.0
    elected_at: float = 0.0


def seal_waiting(connection: Connection, term: Term) -> int:
    """Give unsealed events the next positions of their districts, those of a district at once; return how many.

    The connection must commit by itself (AUTOCOMMIT) and hold the sealer's lock. A late commit gets a later position.
    """
    now = time.monotonic()
    full = now - term.full_look_at >= _FULL_LOOK_EVERY_S
    own = 0
    if term.shares and (full or now - term.elected_at >= _ELECTION_PAUSE_S):
        own, sealers = _list_sealers(connection)
        full = full or sealers != term.sealers  # the districts of one that is gone have no sealer
        term.sealers, term.elected_at = sealers, now
    if full:
        _share_out(connection, term, own)
    low = uuid7_at(0.0 if full else time.time() - _RECENT_S)
    counts = [
        _seal_district(connection, term, code, low) for (code,) in fetch_all(connection, _NEW, (list(term.ends), low))
    ]
    if full and max(counts, default=0) < _BATCH:
        term.full_look_at = time.monotonic()
    return sum(counts)


def _seal_district(connection: Connection, term: Term, district: str, low: UUID) -> int:
    rows = fetch_all(connection, _WAITING, (district, low, _BATCH))
    try:
        _write(connection, term, district, rows)
    except IntegrityError:
        # The event was marked again after its seal: it keeps its seal.
        again = list(connection.scalars(_unmark_sealed, {"district": district}))
        _log.error("%d events were marked as unsealed that are sealed; their marks are removed", len(again))
        term.ends[district] = _chain_end(connection, district)
    return len(rows)


def _share_out(connection: Connection, term: Term, own: int) -> None:
    """Take the districts with new events that are this sealer's, and release those that are another's now."""
    waiting = [code for code in connection.scalars(_districts) if code not in term.ends]
    if term.shares:
        surplus = [code for code in term.ends if sealer_of(code, term.sealers) != own]
        if surplus:
            connection.execute(_release, {"codes": surplus, "key": DISTRICT_LOCK})
        for code in surplus:
            del term.ends[code]
        mine = [code for code in waiting if sealer_of(code, term.sealers) == own]
        # One that its sealer has not released yet is taken at the next look.
        waiting = list(connection.scalars(_take, {"codes": mine, "key": DISTRICT_LOCK})) if mine else []
    for code in waiting:
        term.ends[code] = _chain_end(connection, code)


def sealer_of(district: str, sealers: Iterable[int]) -> int:
    """Return which of the sealers (process ids) has a district: all of them find the same.

    When one comes or goes, only districts that it gets or had change their sealer.
    """
    return max(sealers, key=lambda pid: hashlib.sha256(f"{district} {pid}".encode()).digest())


def _write(connection: Connection, term: Term, district: str, rows: Sequence[tuple[Any, ...]]) -> None:
    position, hashed = term.ends[district]
    positions, hashes = [], []
    for _, body in rows:
        position += 1
        hashed = chain.seal(hashed, position, body)
        positions.append(position)
        hashes.append(hashed)
    fetch_all(connection, _SEAL, (positions, [row[0] for row in rows], hashes, district, district))
    term.ends[district] = (position, hashed)  # only what is committed is remembered


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
    """Seal everything that waits, unless another session is a sealer; return how many events were sealed."""
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

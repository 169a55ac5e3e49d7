"""Versions, size and backlog of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Versions and size in words; how many events wait for a seal, and since when at most, in seconds.

    now: the database's clock. wal_bytes: log since the last checkpoint, replayed after a crash. failed_jobs: of a week.
    """

    words: str
    unsealed: int
    oldest_unsealed_s: float
    now: datetime
    wal_bytes: int
    failed_jobs: int


_facts = text(
    """
    select current_setting('server_version'), postgis_lib_version(), pg_database_size(current_database()),
           current_user, (select count(*) from event_unsealed),
           (select coalesce(extract(epoch from clock_timestamp() - min(e.at)), 0)
            from event_unsealed u join incident_event e on e.district = u.district and e.id = u.event_id),
           clock_timestamp(), pg_wal_lsn_diff(pg_current_wal_lsn(), (select redo_lsn from pg_control_checkpoint())),
           (select count(*) from job where state = 'failed' and finished_at > clock_timestamp() - interval '7 days')
    """
)


def database_facts(connection: Connection) -> DatabaseFacts:
    """Return what `gridsvc doctor` shows of the database."""
    server, postgis, size, role, unsealed, oldest, now, wal, failed = connection.execute(_facts).one()
    words = f"PostgreSQL {server}, PostGIS {postgis}, {size / 1e6:.0f} MB, as {role}"
    return DatabaseFacts(words, unsealed, float(oldest), now, int(wal), failed)


@dataclass(frozen=True, slots=True)
class ArchiverFacts:
    """Whether the server archives its log, the last segment with its time, and the segment that fails now."""

    on: bool
    last_segment: str | None
    last_at: datetime | None
    failing: str | None


_archiver = text(
    """
    select current_setting('archive_mode') <> 'off', last_archived_wal, last_archived_time,
           case when last_failed_time > coalesce(last_archived_time, '-infinity') then last_failed_wal end
    from pg_stat_archiver
    """
)


def archiver_facts(connection: Connection) -> ArchiverFacts:
    """Return the state of the server's archiving."""
    return ArchiverFacts(*connection.execute(_archiver).one())

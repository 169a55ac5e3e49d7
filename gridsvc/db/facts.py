"""What the database says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Versions and size in words; how many events wait for a seal, and since when at most, in seconds."""

    words: str
    unsealed: int
    oldest_unsealed_s: float


_facts = text(
    """
    select current_setting('server_version'), postgis_lib_version(), pg_database_size(current_database()),
           current_user, (select count(*) from event_unsealed),
           (select coalesce(extract(epoch from clock_timestamp() - min(e.at)), 0)
            from event_unsealed u join incident_event e on e.district = u.district and e.id = u.event_id)
    """
)


def database_facts(connection: Connection) -> DatabaseFacts:
    """Return what `gridsvc doctor` says of the database."""
    server, postgis, size, role, unsealed, oldest = connection.execute(_facts).one()
    words = f"PostgreSQL {server}, PostGIS {postgis}, {size / 1e6:.0f} MB, as {role}"
    return DatabaseFacts(words, unsealed, float(oldest))

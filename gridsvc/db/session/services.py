"""The services that share a database, known by the names of their sessions: no heartbeat, and no rows to clean up."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PREFIX = "gridsvc serve "
_LONGEST_HOST = 35
"""The server cuts a name after 63 bytes."""

_LIST = """
    select distinct application_name from pg_stat_activity
    where datname = current_database() and starts_with(application_name, %s) order by 1
"""


def new_service_name() -> str:
    """Return a name for the sessions of a service that starts: its machine, and a part that no other one has."""
    return f"{_PREFIX}{socket.gethostname()[:_LONGEST_HOST]} {secrets.token_hex(4)}"


def list_services(connection: Connection) -> list[str]:
    """Return the machine and the number of each service that has a session in this database."""
    names = connection.exec_driver_sql(_LIST, (_PREFIX,)).scalars()
    return [str(name).removeprefix(_PREFIX) for name in names]

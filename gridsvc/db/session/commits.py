"""Commits that were not replicated, though the server says that they are done.

With synchronous replication a commit waits for the standby. Where somebody ends the wait (pg_cancel_backend; no time
limit does), PostgreSQL commits on the primary alone and says so in a warning only (manual, 26.2.8). Such a change is
not acknowledged: it would be lost with the primary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    import psycopg
    from psycopg.errors import Diagnostic
    from sqlalchemy import Connection

_KEY = "gridsvc unreplicated"
_WAIT = "SyncRepWaitForLSN"
"""The function of the server that warns; its words depend on the language of the server."""


def watch(driver: psycopg.Connection[Any], info: dict[Any, Any]) -> None:
    """Note in `info`, the facts of a pooled connection, when a commit was not replicated."""

    def note(diagnostic: Diagnostic) -> None:
        if diagnostic.source_function == _WAIT:
            info[_KEY] = True

    driver.add_notice_handler(note)


def refuse_unreplicated(connection: Connection) -> None:
    """Raise Unavailable where the last commit of a connection was not replicated."""
    if connection.info.pop(_KEY, False):
        raise Unavailable(
            "The standby of the database did not confirm the change: it may be lost with the primary. Send the "
            "request again with the same Idempotency-Key; it takes effect once."
        )

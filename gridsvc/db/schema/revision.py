"""Which revision the schema has, and which this program needs; without Alembic, which only a migration loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCRIPTS = Path(__file__).parents[1] / "migrations"

HEAD = max(script.name[:4] for script in (SCRIPTS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))
"""The newest revision; revisions are numbered without gaps."""


def find_revision(connection: Connection) -> str | None:
    """Return the revision of the schema; None for an empty database."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("select version_num from alembic_version"))
    return revision

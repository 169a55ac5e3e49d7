"""Which revision the schema has, and which this program needs; without Alembic, which only a migration loads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCRIPTS = Path(__file__).parents[1] / "migrations"


def _read_chain() -> tuple[str, ...]:
    """Return all revisions, each after the one that it builds on."""
    after: dict[str | None, str] = {}
    for script in (SCRIPTS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"):
        before = re.search(r"^down_revision = (?:\"(\d{4})\"|None)$", script.read_text(encoding="utf-8"), re.MULTILINE)
        assert before is not None
        after[before.group(1)] = script.name[:4]
    chain: list[str] = []
    while (following := after.get(chain[-1] if chain else None)) is not None:
        chain.append(following)
    return tuple(chain)


CHAIN = _read_chain()
HEAD = CHAIN[-1]
"""The newest revision: the one that no other builds on."""


def find_revision(connection: Connection) -> str | None:
    """Return the revision of the schema; None for an empty database."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("select version_num from alembic_version"))
    return revision

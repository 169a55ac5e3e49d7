"""Migrations by Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from gridsvc.db.schema.revision import CHAIN, HEAD, SCRIPTS, find_revision
from gridsvc.db.session.urls import read_url
from gridsvc.errors import Refusal, Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 7_402_151_001  # two processes that start together: one migrates, the other waits


def upgrade(admin_url: str) -> bool:
    """Bring the schema to HEAD as its owner; True if anything was done.

    Raises
    ------
    Refusal
        When the schema is newer than this program, or the role may not create in it.
    Unavailable
        When the database cannot be reached.
    """
    engine = create_engine(read_url(admin_url))
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                return _upgrade_locked(connection)
            finally:
                connection.rollback()
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    except OperationalError as error:
        raise Unavailable(f"The database cannot be reached: {str(error.orig).strip()}.") from error
    except ProgrammingError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise Refusal(
            f"The migration was refused: {reason}. Give the schema's owner in GRIDSVC_DATABASE_ADMIN_URL.",
            kind="migration-refused",
        ) from error
    finally:
        engine.dispose()


def _upgrade_locked(connection: Connection) -> bool:

    before = find_revision(connection)
    if before == HEAD:
        return False
    if before is not None and before not in CHAIN:
        raise Refusal(
            f"The database's schema is {before}, newer than this program's {HEAD}. Install the newer gridsvc.",
            kind="schema-newer",
        )
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    return True

"""Back up the whole service, and restore it into an empty one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gridsvc.db.cluster import backup as files
from gridsvc.db.evidence import sealing
from gridsvc.db.jobs import last_runs
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.schema.revision import CHAIN, HEAD
from gridsvc.db.session.connection import Database
from gridsvc.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.db.cluster.backup import Backup
    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]

KEPT = 7
"""Backups that the job keeps in the folder of backups; older ones are removed when a new one is complete."""


def back_up(service: Service, file: Path, *, progress: Progress | None = None) -> Backup:
    """Write a backup of one snapshot to a new file, and record the run."""
    if service.owner_url is None:
        raise Refusal("This process does not know the schema's owner. Use `gridsvc db backup FILE`.", kind="no-owner")
    done = files.write_backup(service.owner_url(), file.absolute(), progress)
    service.database.run(lambda connection: _note(connection, done))
    return done


def _note(connection: Connection, done: Backup) -> None:
    value = {"file": str(done.file), "bytes": done.size_bytes, "sha256": done.sha256}
    last_runs.put_last_run(connection, "backup", value)


def backups_folder(service: Service) -> Path:
    """Return the folder of the daily backups."""
    return service.backups or service.folder / "backups"


def run_backup(run: Run) -> Json:
    """Back up into the folder of backups as a job; the newest KEPT backups stay."""
    folder = backups_folder(run.service)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"gridsvc-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup"
    done = back_up(run.service, file, progress=run.progress)
    result = run.finish(lambda _connection: done.as_json())
    for old in list(files.list_backups(folder))[:-KEPT]:
        old.unlink(missing_ok=True)
    return result


def restore(owner_url: str, file: Path, *, progress: Progress | None = None) -> Backup:
    """Restore a backup into an empty service, bring its schema up to date, and seal the events that waited for it.

    A damaged file is refused before anything is written. A restore that fails leaves the database empty.

    Raises
    ------
    InvalidInput
        For a damaged file, or one that is not a backup.
    Conflict
        When the database is not empty.
    Refusal
        For a backup of a newer gridsvc, or one that the database refuses.
    """
    backup = files.read_backup(file.absolute())
    if backup.manifest["schema"] not in CHAIN:
        raise Refusal(
            f"The backup's schema is {backup.manifest['schema']}, newer than this program's {HEAD}. "
            "Install the newer gridsvc.",
            kind="schema-newer",
            schema=backup.manifest["schema"],
            newest=HEAD,
        )
    files.restore_backup(owner_url, backup, progress)
    finish_restore(owner_url)
    return backup


def finish_restore(owner_url: str) -> None:
    """Bring the schema of a restored database up to date, and seal the events that waited for their seal."""
    upgrade(owner_url)
    database = Database(owner_url)
    try:
        sealing.seal_all(database)
    finally:
        database.close()

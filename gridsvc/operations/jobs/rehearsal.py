"""The rehearsal of a restore: the newest backup is restored into a database of its own, and its evidence verified."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsvc.db.cluster.backup import list_backups
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.db.cluster.recovery import Target
from gridsvc.db.jobs import last_runs
from gridsvc.db.session.connection import Database
from gridsvc.errors import NotFound
from gridsvc.operations.evidence import verify
from gridsvc.operations.jobs.backup import backups_folder, restore
from gridsvc.operations.jobs.recovery import archive_of, recover
from gridsvc.operations.runtime.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run


def run_rehearsal(run: Run) -> Json:
    """Rehearse the restore of the newest backup as a job, and record the run; a backup that fails fails the job.

    The database of the rehearsal is an embedded cluster in the data folder, and needs as much space as the service's
    own. It is removed at the end. Where the log is archived, the archive is recovered likewise, to its end.

    Raises
    ------
    NotFound
        When there is no backup in the folder of backups.
    Refusal
        When the backup is damaged, cannot be restored, or its evidence does not hold.
    """
    folder = backups_folder(run.service)
    newest = next(reversed(list(list_backups(folder))), None)
    if newest is None:
        raise NotFound(f"There is no backup in {folder}. `gridsvc jobs run backup` makes one.", folder=str(folder))
    done = rehearse(newest, run.service.folder, run)
    if (archive := archive_of(run.service)) is not None:
        done |= {"archive": rehearse_recovery(archive, run.service.folder)}
    return run.finish(lambda connection: _note(connection, done))


def rehearse(file: Path, within: Path, run: Run | None = None) -> dict[str, Any]:
    """Restore a backup into a cluster of its own `within` a folder, verify it, remove the cluster.

    Return {file, cases, events}. Raises as `run_rehearsal`.
    """
    progress = None if run is None else lambda done, total: run.progress(done, total, "restore")

    def fill(cluster: EmbeddedCluster) -> None:
        cluster.ensure()
        restore(cluster.url("owner"), file, progress=progress)

    return {"file": str(file)} | _verify_filled(within, fill)


def rehearse_recovery(archive: Path, within: Path) -> dict[str, Any]:
    """Recover an archive to its end into a cluster of its own `within` a folder, verify it, remove the cluster.

    Return {base, last_change_at, cases, events}. Raises Refusal where a part is missing or damaged, or the evidence
    does not hold.
    """
    done: dict[str, Any] = {}

    def fill(cluster: EmbeddedCluster) -> None:
        done.update(recover(cluster, archive, Target()).as_json())

    return _verify_filled(within, fill) | done


def _verify_filled(within: Path, fill: Callable[[EmbeddedCluster], None]) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-rehearsal-", dir=within))
    folder.chmod(0o755)  # the server's user must be able to enter; what is in it is readable by that user alone
    cluster = EmbeddedCluster(folder)
    try:
        fill(cluster)
        service = Service(Database(cluster.url("app")), folder)
        try:
            reports = verify.verify(service)
        finally:
            service.database.close()
        verify.refuse_faults(reports)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {"cases": sum(r.cases for r in reports), "events": sum(r.sealed for r in reports)}


def _note(connection: Connection, done: dict[str, Any]) -> Json:
    last_runs.put_last_run(connection, "rehearsal", done)
    return done

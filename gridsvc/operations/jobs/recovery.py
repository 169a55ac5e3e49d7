"""Base backups of the embedded cluster, and the recovery of a service to a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.cluster import base_backup, recovery
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.db.jobs import last_runs
from gridsvc.operations.jobs.backup import finish_restore

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.cluster.base_backup import BaseBackup
    from gridsvc.db.cluster.recovery import Recovered, Target
    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

MARK = "base-backup"


def archive_of(service: Service) -> Path | None:
    """Return the archive of the service's own cluster; None where it archives nothing, or is not ours."""
    return EmbeddedCluster(service.folder).archive if service.database.is_ours else None


def make_base_backup(service: Service) -> BaseBackup:
    """Make a base backup in the archive of the embedded cluster, and record the run.

    Raises as `base_backup.make_base_backup`.
    """
    made = base_backup.make_base_backup(EmbeddedCluster(service.folder))
    service.database.run(lambda connection: last_runs.put_last_run(connection, MARK, made.as_json()))
    return made


def run_base_backup(run: Run) -> Json:
    """Make a base backup as a job; nothing is done where the cluster has no archive any more."""
    if archive_of(run.service) is None:
        return {"made": False}
    return make_base_backup(run.service).as_json() | {"made": True}


def recover(cluster: EmbeddedCluster, archive: Path, target: Target) -> Recovered:
    """Recover a service into an empty data folder, bring its schema up to date, and seal the events that waited for it.

    Raises as `recovery.recover`.
    """
    done = recovery.recover(cluster, archive, target)
    cluster.prepare()
    finish_restore(cluster.url("owner"))
    return done

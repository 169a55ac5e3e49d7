"""Deletes expired data; what a case refers to is never deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.artifacts import remove_files
from gridsvc.db.jobs import due, jobs, retention
from gridsvc.files.derived import remove_unfinished

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run

IDEMPOTENCY_DAYS = 30
POSITION_DAYS = 90
JOB_DAYS = 90
ARTIFACT_DAYS = 7
"""An artifact without a reference is kept for so long, since a load may be about to refer to it."""

UNFINISHED_S = 24 * 3600
"""A file that is still being written after a day belongs to a process that was killed."""

_DAYS_AHEAD = 3
_BATCH = 5000


def run_tidy(run: Run) -> Json:
    """Remove old answers for retries, positions and jobs, artifacts that nothing names, and unfinished files."""
    database = run.service.database
    removed_counts: dict[str, Any] = {"answers": 0}
    while removed := database.run(lambda c: retention.remove_answers(c, IDEMPOTENCY_DAYS, _BATCH)):
        removed_counts["answers"] += removed
        run.progress(removed_counts["answers"], None, "answers kept for retries")

    def rest(connection: Connection) -> None:
        made, dropped = retention.keep_position_days(connection, _DAYS_AHEAD, POSITION_DAYS)
        removed_counts["position_days"] = {"made": made, "dropped": dropped}
        removed_counts["jobs"] = jobs.remove_old_jobs(connection, JOB_DAYS)
        removed_counts["due"] = due.remove_old_due(connection, JOB_DAYS)

    database.run(rest)
    gone = database.run(lambda connection: retention.remove_unnamed_artifacts(connection, ARTIFACT_DAYS))
    removed_counts["artifacts"] = len(gone)
    remove_files(run.service.folder, gone)
    folder = run.service.folder
    removed_counts["unfinished"] = sum(
        remove_unfinished(folder / name, UNFINISHED_S) for name in ("artifacts", "derived")
    )
    return removed_counts

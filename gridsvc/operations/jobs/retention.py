"""What need not be kept any longer goes; what a case names never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.artifacts import remove_files
from gridsvc.db.jobs import due, jobs, retention

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run

IDEMPOTENCY_DAYS = 30
POSITION_DAYS = 90
JOB_DAYS = 90
ARTIFACT_DAYS = 7
"""An artifact that nothing names stays so long: whoever is about to name it has time."""

_DAYS_AHEAD = 3
_BATCH = 5000


def run_tidy(run: Run) -> Json:
    """Remove answers kept for retries after 30 days, old positions and jobs, and artifacts that nothing names."""
    database = run.service.database
    told: dict[str, Any] = {"answers": 0}
    while removed := database.run(lambda c: retention.remove_answers(c, IDEMPOTENCY_DAYS, _BATCH)):
        told["answers"] += removed
        run.progress(told["answers"], None, "answers kept for retries")

    def rest(connection: Connection) -> None:
        made, dropped = retention.keep_position_days(connection, _DAYS_AHEAD, POSITION_DAYS)
        told["position_days"] = {"made": made, "dropped": dropped}
        told["jobs"] = jobs.remove_old_jobs(connection, JOB_DAYS)
        told["due"] = due.remove_old_due(connection, JOB_DAYS)

    database.run(rest)
    gone = database.run(lambda connection: retention.remove_unnamed_artifacts(connection, ARTIFACT_DAYS))
    told["artifacts"] = len(gone)
    remove_files(run.service.folder, gone)
    return told

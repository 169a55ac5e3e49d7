"""The jobs that put a generation in force: heavy work, so outside of the HTTP processes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gridsvc.db.grids.versions import get_versions
from gridsvc.operations.grids import generations

if TYPE_CHECKING:
    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run


def run_activation(run: Run) -> Json:
    """Activate the job's generation; do nothing if an earlier attempt has put it in force."""
    code, number = run.job.arguments["district"], int(run.job.arguments["generation"])
    with run.service.database.transaction() as connection:
        in_force = get_versions(connection, code).generation
    if in_force == number:
        return {"district": code, "generation": number, "already": True}
    at = run.job.arguments.get("at")
    moment = None if at is None else datetime.fromisoformat(at)
    done = generations.activate(
        run.service, code, number, at=moment, approved_by=run.job.asked_by, progress=run.progress
    )
    return {"district": code, "generation": number, "before": done.before}


def run_rollback(run: Run) -> Json:
    """Put the generation before the job's `from` in force again; do nothing if `from` is in force no more."""
    code, number = run.job.arguments["district"], int(run.job.arguments["from"])
    with run.service.database.transaction() as connection:
        in_force = get_versions(connection, code).generation
    if in_force != number:
        return {"district": code, "generation": in_force, "already": True}
    done = generations.rollback(run.service, code, approved_by=run.job.asked_by)
    return {"district": code, "generation": done.generation, "before": done.before}

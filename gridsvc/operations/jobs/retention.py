"""Deletes expired data; what a case refers to is never deleted."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.artifacts import remove_files
from gridsvc.db.grids.versions import get_clock
from gridsvc.db.jobs import due, jobs, retention
from gridsvc.db.session.connection import lift_time_limit
from gridsvc.errors import LockTimedOut
from gridsvc.files.derived import remove_unfinished
from gridsvc.teams.positions import KEPT_DAYS, WHOLE_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from sqlalchemy import Connection

    from gridsvc.db.session.connection import Database
    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run

IDEMPOTENCY_DAYS = 30
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
    for district in database.run(lambda c: retention.list_districts_with_old_answers(c, IDEMPOTENCY_DAYS)):
        remove = partial(retention.remove_answers, district=district, after_days=IDEMPOTENCY_DAYS, batch=_BATCH)
        while removed := database.run(remove):
            removed_counts["answers"] += removed
            run.progress(removed_counts["answers"], None, "answers kept for retries")

    removed_counts |= keep_positions(database, database.run(get_clock), run.progress)

    def rest(connection: Connection) -> None:
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


def keep_positions(database: Database, now: datetime, progress: Callable[..., None] = lambda *_: None) -> Json:
    """Give each day to come its partition, drop the days that are too old, thin those between.

    A day is one transaction, so that its lock is short. Positions keep arriving in the meantime; those of a day that
    is being thinned wait.

    Parameters
    ----------
    now
        The database's clock; another time in tests.
    progress
        Called with (days done, days in all, what).

    Returns
    -------
    {"position_days": {"made", "dropped"}, "positions_thinned"}
    """
    made, dropped = database.run(lambda c: retention.keep_position_days(c, now, _DAYS_AHEAD, KEPT_DAYS))
    today = now.astimezone(UTC).date()
    ages = range(WHOLE_DAYS + 1, KEPT_DAYS + 1)

    def thin(connection: Connection, day: date) -> int:
        lift_time_limit(connection)
        return retention.thin_position_day(connection, day)

    removed = 0
    for done, age in enumerate(ages):
        with suppress(LockTimedOut):  # somebody reads or writes that day for long; the next run thins it
            removed += database.run(partial(thin, day=today - timedelta(days=age)))
        progress(done + 1, len(ages), "days of positions")
    return {"position_days": {"made": made, "dropped": dropped}, "positions_thinned": removed}

"""Entries that take effect at a moment: effect and end are one transaction, so each takes effect once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.jobs import due, jobs
from gridsvc.errors import BlockedByFaults, Conflict, InvalidInput, Refusal
from gridsvc.operations.grids.checks import check
from gridsvc.operations.jobs.recovery import archive_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.jobs.due import Due
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

    Effect = Callable[[Connection, Due], Json]

ACTOR = "gridsvc"
TIDY_EVERY = timedelta(hours=6)
BACKUP_EVERY = timedelta(days=1)
BASE_BACKUP_EVERY = timedelta(days=1)
REHEARSAL_EVERY = timedelta(days=7)
ANCHOR_EVERY = timedelta(days=1)
REPORTS_EVERY = timedelta(days=1)
TEAM_DATUMS_EVERY = timedelta(hours=1)
_TRIES = 5
_AGAIN_AFTER_S = 30.0


def _activate_grids(connection: Connection, entry: Due) -> Json:
    """Queue a job that puts the generation in force; its index is built outside of any transaction."""
    arguments = {"district": entry.district, "generation": int(entry.subject), "at": entry.at.isoformat()}
    return {"job": str(jobs.add_job(connection, "activate-grids", arguments, asked_by=entry.asked_by).id)}


def _queue_again(connection: Connection, entry: Due, every: timedelta) -> Json:
    """Queue the job of a recurring entry and plan the next one; what was missed while nothing ran is done once.

    Where the last one still waits, because no runner took it, it is the one.
    """
    job = jobs.find_waiting(connection, entry.kind, {}) or jobs.add_job(connection, entry.kind, {}, asked_by=ACTOR)
    due.finish_due(connection, entry, "done", {"job": str(job.id)})
    missed = max((connection.execute(due.clock).scalar_one() - entry.at) // every, 0)
    due.set_due(connection, entry.kind, "all", entry.at + every * (missed + 1), asked_by=ACTOR)
    return {"job": str(job.id)}


EFFECTS: Mapping[str, Effect] = {
    "activate-grids": _activate_grids,
    "tidy": lambda connection, entry: _queue_again(connection, entry, TIDY_EVERY),
    "backup": lambda connection, entry: _queue_again(connection, entry, BACKUP_EVERY),
    "base-backup": lambda connection, entry: _queue_again(connection, entry, BASE_BACKUP_EVERY),
    "rehearsal": lambda connection, entry: _queue_again(connection, entry, REHEARSAL_EVERY),
    "anchor": lambda connection, entry: _queue_again(connection, entry, ANCHOR_EVERY),
    "compliance-report": lambda connection, entry: _queue_again(connection, entry, REPORTS_EVERY),
    "team-datums": lambda connection, entry: _queue_again(connection, entry, TEAM_DATUMS_EVERY),
}
RECURRING = {
    "tidy": timedelta(minutes=1),
    "backup": timedelta(hours=1),
    "base-backup": timedelta(minutes=1),
    "rehearsal": timedelta(days=1),
    "anchor": timedelta(minutes=2),
    "compliance-report": timedelta(hours=2),
    "team-datums": timedelta(minutes=30),
}
"""When the recurring entries are due for the first time, after the first start; see `ensure_standing`."""


def take_effect(service: Service, effects: Mapping[str, Effect] = EFFECTS) -> Due | None:
    """Apply the next due entry and return it; None when nothing is due.

    A refusal ends the entry as failed, with its message. Any other error is retried a few times, later each time.
    """

    def work(connection: Connection) -> tuple[Due | None, Exception | None]:
        entry = due.claim_due(connection)
        if entry is None:
            return None, None
        savepoint = connection.begin_nested()
        try:
            outcome = effects[entry.kind](connection, entry)
        except Refusal as refusal:
            savepoint.rollback()
            due.finish_due(connection, entry, "failed", {"refused": refusal.detail})
        except Exception as error:  # noqa: BLE001 - one entry must not stop those after it
            savepoint.rollback()
            _failed(connection, entry, error)
            return entry, error
        else:
            savepoint.commit()
            due.finish_due(connection, entry, "done", outcome)
        return entry, None

    entry, error = service.database.run(work)
    if error is not None:
        raise error
    return entry


def _failed(connection: Connection, entry: Due, error: Exception) -> None:
    outcome = {"error": f"{type(error).__name__}: {error}"[:500]}
    if entry.attempt + 1 >= _TRIES:
        due.finish_due(connection, entry, "failed", outcome)
    else:
        due.postpone(connection, entry, _AGAIN_AFTER_S * 2**entry.attempt, outcome)


def ensure_standing(service: Service) -> None:
    """Schedule the recurring entries if they are missing, as in a new database.

    Base backups want an archive, and anchors an address.
    """
    left_out = {"base-backup"} if archive_of(service) is None else set()
    left_out |= {"anchor"} if service.anchor_url is None else set()

    def work(connection: Connection) -> None:
        now = connection.execute(due.clock).scalar_one()
        for kind, first in RECURRING.items():
            if kind not in left_out and not due.list_due(connection, kind=kind):
                due.set_due(connection, kind, "all", now + first, asked_by=ACTOR)

    service.database.run(work)


def plan_activation(service: Service, district: str, number: int, at: datetime, *, actor: str) -> UUID:
    """Schedule the activation of a generation; an earlier schedule of it is replaced.

    Raises
    ------
    InvalidInput
        For a moment in the past.
    Refusal
        For an unknown generation, or one with blocking faults.
    """
    check_plan(service, district, number, at)
    return service.database.run(lambda connection: set_activation(connection, district, number, at, actor=actor))


def set_activation(connection: Connection, district: str, number: int, at: datetime, *, actor: str) -> UUID:
    """Schedule an activation that `check_plan` has passed."""
    return due.set_due(connection, "activate-grids", str(number), at, district=district, asked_by=actor)


def check_plan(service: Service, district: str, number: int, at: datetime) -> None:
    """Raise where an activation may not be scheduled, as `plan_activation` does."""
    with service.database.transaction() as connection:
        generation = store.get_generation(connection, district, number)
        versions = get_versions(connection, district)
    if at <= versions.now:
        raise InvalidInput(
            f"{at.isoformat()} has passed. Leave `--at` out to activate now.", kind="past", at=at.isoformat()
        )
    if versions.generation == number:
        raise Conflict(f"Generation {number} is in force already.", kind="in-force", generation=number)
    if generation.state == "draft" and (checked := check(service, district)).blocking:
        first = next(fault for fault in checked.faults if fault.blocking)
        raise BlockedByFaults(
            f"Generation {number} has blocking faults: {first.words} `gridsvc grids check` lists all.",
            faults=[fault.as_json() for fault in checked.faults if fault.blocking][:100],
            generation=number,
            fault=first.words,
        )


def cancel_activation(service: Service, district: str, number: int) -> bool:
    """Cancel a scheduled activation; return False if there is none."""
    return service.database.run(
        lambda connection: due.cancel_due(connection, "activate-grids", str(number), district=district)
    )


def list_planned(service: Service) -> list[dict[str, Any]]:
    """Return all scheduled entries, the next one first."""
    with service.database.transaction() as connection:
        return [entry.as_json() for entry in due.list_due(connection)]

"""Jobs as rows: claimed by one, fenced by the number of the attempt, so that nothing takes effect twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text, update

from gridsvc.db.schema.jobs import WHOLE_SERVICE, job
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.json_types import Json

HEARTBEAT_LOST_S = 10.0
"""A running job without a heartbeat for so long is started again."""

YIELDING = ("service-areas",)
"""Kinds of jobs of the lowest priority."""

_CLAIMING = 7_402_151_003
_ASKING = 7_402_151_007
_FINISHED = ("done", "failed", "cancelled")


class JobLost(Conflict):
    """Another attempt has the job, or it was cancelled: this one may write nothing more."""

    kind = "job-lost"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of heavy work. state: waiting, running, done, failed or cancelled; `total` None = not known yet."""

    district: str
    id: UUID
    kind: str
    arguments: dict[str, Any]
    asked_by: str
    state: str
    attempt: int
    attempts_allowed: int
    done: int
    total: int | None
    words: str
    result: Json
    error: str | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    cancel_asked_at: datetime | None
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in _FINISHED

    def as_json(self) -> dict[str, Any]:
        """Return the job as the interface has it."""
        times = ("created_at", "started_at", "cancel_asked_at", "finished_at")
        stamps = {name: None if (at := getattr(self, name)) is None else at.isoformat() for name in times}
        return {
            "id": str(self.id),
            "district": None if self.district == WHOLE_SERVICE else self.district,
            "kind": self.kind,
            "arguments": self.arguments,
            "asked_by": self.asked_by,
            "state": self.state,
            "attempt": self.attempt,
            "progress": {"done": self.done, "total": self.total, "words": self.words},
            "result": self.result,
            "error": self.error,
            **stamps,
        }


_columns = tuple(job.c[name] for name in Job.__slots__)
_returned = ", ".join(f"j.{name}" for name in Job.__slots__)


def add_job(
    connection: Connection, kind: str, arguments: dict[str, Any], *, asked_by: str, district: str = WHOLE_SERVICE
) -> Job:
    """Put a job in the queue."""
    row = {"district": district, "id": uuid7(), "kind": kind, "arguments": arguments, "asked_by": asked_by}
    return Job(*connection.execute(insert(job).values(row).returning(*_columns)).one())


def find_waiting(connection: Connection, kind: str, arguments: dict[str, Any]) -> Job | None:
    """Return the oldest job of a kind with these arguments that no process has taken yet; None where there is none."""
    query = select(*_columns).where(job.c.state == "waiting", job.c.kind == kind, job.c.arguments == arguments)
    row = connection.execute(query.order_by(job.c.created_at, job.c.id).limit(1)).one_or_none()
    return None if row is None else Job(*row)


def get_job(connection: Connection, job_id: UUID) -> Job:
    """Return a job; NotFound for an unknown one."""
    row = connection.execute(select(*_columns).where(job.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}. See GET /jobs.", kind="no-job", job_id=str(job_id))
    return Job(*row)


def list_jobs(connection: Connection, *, states: Sequence[str] | None = None, limit: int = 100) -> list[Job]:
    """Return jobs, the newest first."""
    query = select(*_columns).order_by(job.c.created_at.desc(), job.c.id.desc()).limit(limit)
    if states:
        query = query.where(job.c.state.in_(states))
    return [Job(*row) for row in connection.execute(query)]


def list_newest(connection: Connection, kind: str, district: str, *, limit: int = 10) -> list[Job]:
    """Return the jobs of a kind that are for a district or for all of them, the newest first."""
    of = job.c.arguments["district"].astext
    query = select(*_columns).where(job.c.kind == kind, (of == district) | of.is_(None))
    rows = connection.execute(query.order_by(job.c.created_at.desc(), job.c.id.desc()).limit(limit))
    return [Job(*row) for row in rows]


def has_turn(connection: Connection) -> bool:
    """Take the lock for automatic jobs until the transaction ends; return False if another process holds it."""
    return bool(connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": _ASKING}))


# A heartbeat in the future is of before the clock was set back: its holder beats again within a second, or is gone.
_early = text(
    "update job set heartbeat_at = clock_timestamp() where state = 'running' and heartbeat_at > clock_timestamp()"
)
# A job whose holder went silent too often is given up, so that it cannot take the service down for ever.
_give_up = text(
    """
    update job set state = 'failed', finished_at = clock_timestamp(),
        error = 'its process ended ' || attempt || ' times without a result; see the log of `gridsvc work`'
    where state = 'running' and heartbeat_at < clock_timestamp() - make_interval(secs => :lost)
      and attempt >= attempts_allowed
    """
)
_claim = text(
    f"""
    update job as j
    set state = 'running', attempt = j.attempt + 1, holder = :holder, started_at = clock_timestamp(),
        heartbeat_at = clock_timestamp()
    from (
        select district, id from job
        where (state = 'waiting'
               or state = 'running' and heartbeat_at < clock_timestamp() - make_interval(secs => :lost))
          and (select count(*) from job
               where state = 'running' and heartbeat_at >= clock_timestamp() - make_interval(secs => :lost)) < :at_once
        order by kind = any(cast(:last as text[])), created_at <= clock_timestamp(), created_at, id
        for update skip locked
        limit 1
    ) as next
    where j.district = next.district and j.id = next.id
    returning {_returned}
    """
)


def claim_job(connection: Connection, holder: str, *, at_once: int = 1) -> Job | None:
    """Take the oldest job that waits, or whose holder went silent; None where none may start now.

    The kinds in YIELDING come after all others; what seems to be of the future was asked for before the clock was set
    back, and comes first. `at_once` is the largest number of jobs that run in all processes
    together. Returns None while another process claims a job.
    """
    if not connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": _CLAIMING}):
        return None
    connection.execute(_early)
    connection.execute(_give_up, {"lost": HEARTBEAT_LOST_S})
    named = {"holder": holder, "lost": HEARTBEAT_LOST_S, "at_once": at_once, "last": list(YIELDING)}
    row = connection.execute(_claim, named).one_or_none()
    return None if row is None else Job(*row)


_mine = "where district = :district and id = :id and attempt = :attempt and state = 'running'"


def _fence(held: Job) -> dict[str, Any]:
    return {"district": held.district, "id": held.id, "attempt": held.attempt}


def _lost(held: Job) -> JobLost:
    return JobLost(f"Job {held.id} is no longer attempt {held.attempt}'s; nothing more is written for it.")


def beat(connection: Connection, held: Job) -> bool:
    """Write the heartbeat of a running job; return whether its cancellation was requested.

    Raises
    ------
    JobLost
        When another attempt has it.
    """
    query = text(f"update job set heartbeat_at = clock_timestamp() {_mine} returning cancel_asked_at is not null")
    row = connection.execute(query, _fence(held)).one_or_none()
    if row is None:
        raise _lost(held)
    return bool(row[0])


def set_progress(connection: Connection, held: Job, done: int, total: int | None, words: str) -> None:
    """Write the progress of a job; raises JobLost if another attempt runs it or its cancellation was requested."""
    query = text(
        f"update job set heartbeat_at = clock_timestamp(), done = :done, total = :total, words = :words {_mine} "
        "and cancel_asked_at is null"
    )
    named = _fence(held) | {"done": done, "total": total, "words": words}
    if connection.execute(query, named).rowcount != 1:
        raise _lost(held)


def finish_job(connection: Connection, held: Job, state: str, *, result: Json = None, error: str | None = None) -> None:
    """End a job, in the transaction of its effect: together they happen once or not at all; JobLost if too late."""
    statement = (
        update(job)
        .where(
            job.c.district == held.district,
            job.c.id == held.id,
            job.c.attempt == held.attempt,
            job.c.state == "running",
        )
        .values(state=state, result=result, error=error, finished_at=func.clock_timestamp())
    )
    if connection.execute(statement).rowcount != 1:
        raise _lost(held)


def put_back(connection: Connection, held: Job, *, counts: bool) -> None:
    """Let a job wait again; `counts`: the attempt was a failure and counts against those allowed."""
    query = text(
        "update job set state = case when :counts and attempt >= attempts_allowed then 'failed' else 'waiting' end, "
        "finished_at = case when :counts and attempt >= attempts_allowed then clock_timestamp() end, "
        "error = case when :counts then 'its process ended without a result; see the log of `gridsvc work`' end, "
        "attempts_allowed = attempts_allowed + case when :counts then 0 else 1 end "
        f"{_mine}"
    )
    connection.execute(query, _fence(held) | {"counts": counts})


def ask_cancel(connection: Connection, job_id: UUID) -> Job:
    """Cancel a waiting job at once, and request the cancellation of a running one; a finished job stays as it is."""
    connection.execute(
        text(
            "update job set cancel_asked_at = coalesce(cancel_asked_at, clock_timestamp()), "
            "state = case when state = 'waiting' then 'cancelled' else state end, "
            "finished_at = case when state = 'waiting' then clock_timestamp() end "
            "where id = :id and state in ('waiting', 'running')"
        ),
        {"id": job_id},
    )
    return get_job(connection, job_id)


def remove_old_jobs(connection: Connection, after_days: int) -> int:
    """Remove jobs that ended long ago; return how many."""
    query = text("delete from job where finished_at < clock_timestamp() - make_interval(days => :days)")
    return connection.execute(query, {"days": after_days}).rowcount

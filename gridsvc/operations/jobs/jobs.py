"""Heavy work as jobs: queued, run once in a separate process, watched, cancelled."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gridsvc.db.jobs import jobs
from gridsvc.db.schema.jobs import WHOLE_SERVICE
from gridsvc.errors import InvalidInput, NotAllowed, Refusal
from gridsvc.operations.runtime.idempotency import answer_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.jobs.jobs import Job
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class JobKind:
    """What a kind of job does: `module:function` called with a Run, returning a JSON value; its arguments by name."""

    target: str
    words: str
    arguments: tuple[str, ...] = ()

    def load(self) -> Callable[[Run], Json]:
        """Return the function; its module is imported only where it runs."""
        module, _, name = self.target.partition(":")
        function: Callable[[Run], Json] = getattr(importlib.import_module(module), name)
        return function


KINDS: Mapping[str, JobKind] = {
    "activate-grids": JobKind("gridsvc.operations.grids.activation:run_activation",
                              "put a generation of grids in force",
                              ("district", "generation", "at")),
    "rollback-grids": JobKind("gridsvc.operations.grids.activation:run_rollback",
                              "put the generation before the one in force in force again", ("district", "from")),
    "service-areas": JobKind("gridsvc.operations.isochrones.service_areas:run_areas",
                             "draw the service areas of teams that are not drawn yet", ("district",)),
    "backup": JobKind("gridsvc.operations.jobs.backup:run_backup", "back up the whole service into its data folder"),
    "base-backup": JobKind("gridsvc.operations.jobs.recovery:run_base_backup",
                           "copy the embedded cluster into its archive"),
    "rehearsal": JobKind("gridsvc.operations.jobs.rehearsal:run_rehearsal",
                         "restore the newest backup into a database of its own and verify it"),
    "anchor": JobKind("gridsvc.operations.evidence.anchoring:run_anchor",
                      "verify every chain and send its end to GRIDSVC_ANCHOR_URL"),
    "verify": JobKind("gridsvc.operations.evidence.verify:run_verify", "prove every chain of events"),
    "compliance-report": JobKind("gridsvc.operations.compliance.kept:run_reports",
                                 "make and keep the reports of response times of the months that have ended",
                                 ("district", "month")),
    "team-datums": JobKind("gridsvc.operations.teams.datums:run_check",
                           "compare the positions of teams with the roads, as if by another datum"),
    "cover-plan": JobKind("gridsvc.operations.coverage.plan:run_plan", "plan where the posts of a unit should be",
                          ("district", "scenario")),
    "simulate": JobKind("gridsvc.operations.simulation.simulate:run_simulation",
                        "simulate the posts of today against those of plans", ("district", "simulation")),
    "tidy": JobKind("gridsvc.operations.jobs.retention:run_tidy", "delete expired data"),
}  # fmt: skip


@dataclass(slots=True)
class Run:
    """One attempt at a job.

    `progress` may be called at any rate. `finish` writes the effect and the end of the job in one transaction. Both
    raise JobLost if another attempt runs the job, or its cancellation was requested.
    """

    service: Service
    job: Job
    _said_at: float = field(default=0.0, repr=False)
    _finished: bool = field(default=False, repr=False)

    def progress(self, done: int, total: int | None = None, words: str = "") -> None:
        """Report the progress of the work; written at most twice a second."""
        if time.monotonic() - self._said_at < 0.5 and done != total:
            return
        self._said_at = time.monotonic()
        self.service.database.run(lambda c: jobs.set_progress(c, self.job, done, total, words))

    def finish(self, effect: Callable[[Connection], Json]) -> Json:
        """Write the effect and the end of the job in one transaction; the effect's value is the job's result."""

        def work(connection: Connection) -> Json:
            result = effect(connection)
            jobs.finish_job(connection, self.job, "done", result=result)
            return result

        result = self.service.database.run(work)
        self._finished = True
        return result

    @property
    def finished(self) -> bool:
        """Whether the end was written."""
        return self._finished


def ask(
    service: Service,
    kind: str,
    arguments: dict[str, Any] | None = None,
    *,
    asked_by: str,
    request: RequestKey | None = None,
) -> KeptAnswer:
    """Queue a job and return it as the answer (202); the background process runs it.

    Raises
    ------
    InvalidInput
        For an unknown kind, or an unknown argument.
    NotAllowed
        For a caller of one district: a job is for the whole service.
    """
    need_whole_service(service)
    known = KINDS.get(kind)
    if known is None:
        raise InvalidInput(
            f"There is no kind of job {kind[:40]!r}. Use one of: {', '.join(sorted(KINDS))}.",
            kind="unknown-job",
            job=kind[:40],
            known=sorted(KINDS),
        )
    given = arguments or {}
    if unknown := sorted(set(given) - set(known.arguments)):
        allowed = ", ".join(known.arguments) or "none"
        raise InvalidInput(
            f"A {kind} job has no argument {unknown[0][:40]!r}; it takes: {allowed}.",
            kind="unknown-argument",
            job=kind,
            argument=unknown[0][:40],
            known=list(known.arguments),
        )

    def work(connection: Connection) -> KeptAnswer:
        def add() -> dict[str, Any]:
            return jobs.add_job(connection, kind, given, asked_by=asked_by).as_json()

        return answer_once(connection, WHOLE_SERVICE, request, 202, add)

    return service.database.run(work)


def need_whole_service(service: Service) -> None:
    """Raise NotAllowed for a caller of one district: a job is for the whole service."""
    if service.caller.scope.district is not None:
        raise NotAllowed(
            "A job is done for all districts, and your key is for one. Use a key for all districts.",
            kind="whole-service",
        )


def get(service: Service, job_id: UUID) -> dict[str, Any]:
    """Return a job; NotFound for an unknown one."""
    with service.database.transaction() as connection:
        return jobs.get_job(connection, job_id).as_json()


def list_all(service: Service, states: Sequence[str] | None = None, limit: int = 100) -> dict[str, Any]:
    """Return {items}: jobs, the newest first, only those in `states` if it is given."""
    with service.database.transaction() as connection:
        return {"items": [job.as_json() for job in jobs.list_jobs(connection, states=states, limit=limit)]}


def cancel(service: Service, job_id: UUID, *, request: RequestKey | None = None) -> KeptAnswer:
    """Request the cancellation of a job and return it (200); a finished job stays as it is."""

    def work(connection: Connection) -> KeptAnswer:
        def end() -> dict[str, Any]:
            return jobs.ask_cancel(connection, job_id).as_json()

        return answer_once(connection, WHOLE_SERVICE, request, 200, end)

    return service.database.run(work)


def run_attempt(service: Service, job_id: UUID, attempt: int, kinds: Mapping[str, JobKind] = KINDS) -> bool:
    """Run a claimed attempt of a job to its end; return True when the job is done.

    A refusal ends the job as failed, with the refusal's message. Any other exception is raised: the attempt failed, and
    the process that started this one decides whether there is another attempt.
    """
    with service.database.transaction() as connection:
        job = jobs.get_job(connection, job_id)
    if job.attempt != attempt or job.state != "running":
        return False
    run = Run(service, job)
    try:
        result = kinds[job.kind].load()(run)
        if not run.finished:
            run.finish(lambda _connection: result)
    except jobs.JobLost:
        return False
    except Refusal as refusal:
        words = refusal.detail
        service.database.run(lambda connection: jobs.finish_job(connection, job, "failed", error=words))
        return False
    return True

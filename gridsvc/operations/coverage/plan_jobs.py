"""Plans as jobs: a scenario is checked at once and solved in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.db.jobs import jobs
from gridsvc.errors import NotFound
from gridsvc.operations.coverage.scenario import Scenario
from gridsvc.operations.jobs import jobs as jobs_of

if TYPE_CHECKING:
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.operations.runtime.service import Service

JOB = "cover-plan"


def ask_plan(
    service: Service, district: str, scenario: dict[str, Any], *, asked_by: str, request: RequestKey | None = None
) -> KeptAnswer:
    """Queue a plan of a district and return its job as the answer (202).

    Raises
    ------
    InvalidInput
        For a scenario that no plan can be made of.
    NotAllowed
        For a caller of one district or grid: jobs, and what plans tell of a whole district, are not for them.
    """
    given = {"district": district, "scenario": Scenario.from_json(scenario).as_json()}
    return jobs_of.ask(service, JOB, given, asked_by=asked_by, request=request)


def get_plan(service: Service, plan_id: str) -> dict[str, Any]:
    """Return the job of a plan; NotFound for an unknown id, and for that of another job."""
    try:
        number = UUID(plan_id)
        with service.database.transaction() as connection:
            job = jobs.get_job(connection, number)
    except (ValueError, NotFound):
        job = None
    if job is None or job.kind != JOB:
        raise NotFound(f"There is no plan {plan_id[:60]!r}.", kind="no-cover-plan", plan_id=plan_id[:60])
    return job.as_json()

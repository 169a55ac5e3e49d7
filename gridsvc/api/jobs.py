"""Heavy work over HTTP: ask for it, watch it, end it; and proposals that a person decides on."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from gridsvc.api.http.requests import Body, IdempotencyKey, Text, as_response, caller_of, request_key, service_of
from gridsvc.errors import NotFound
from gridsvc.operations.cases import timers
from gridsvc.operations.jobs import jobs

router = APIRouter(tags=["background"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_JOB = {
    "id": _ID, "kind": "verify", "state": "running", "attempt": 1,
    "progress": {"done": 120_000, "total": 310_000, "words": "events"}, "result": None, "error": None,
}  # fmt: skip
_PROPOSAL = {
    "id": _ID, "kind": "yellow-card", "incident_id": _ID, "subject": "330703001000-1", "decision": None,
    "grounds": {"step": "feedback", "over_s": 120.0},
}  # fmt: skip


class JobBody(Body):
    """What is to be done."""

    kind: Annotated[Text, Field(max_length=40)]
    arguments: Annotated[dict[str, Any], Field(default_factory=dict)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"kind": "verify"}]}}


class DecisionBody(Body):
    """A person's decision on a proposal; a rejection says why."""

    decision: Annotated[Text, Field(max_length=20)]
    reason: Annotated[Text, Field(max_length=2000)] | None = None

    model_config = Body.model_config | {
        "json_schema_extra": {"examples": [{"decision": "rejected", "reason": "the site was closed by flood"}]}
    }


class TimersBody(Body):
    """Timers as GET /timers shows them; without `holidays` or `make_up_days` those in force stay."""

    rules: list[dict[str, Any]]
    holidays: list[Annotated[Text, Field(max_length=10)]] | None = None
    make_up_days: list[Annotated[Text, Field(max_length=10)]] | None = None

    model_config = Body.model_config | {
        "json_schema_extra": {
            "examples": [
                {"rules": [{"step": "accept", "urgency": "emergency", "warn_s": 30, "limit_s": 60, "again_s": 60}]}
            ]
        }
    }


def _example(value: Any, about: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": about, "content": {"application/json": {"example": value}}}}


def _id_of(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(
            f"There is no {what} {text[:60]!r}. See GET /{what}s.", kind=f"no-{what}", id=text[:60]
        ) from None


@router.get("/jobs", summary="Jobs, the newest first", responses=_example({"items": [_JOB]}, "jobs"))
def get_jobs(
    request: Request,
    state: Annotated[list[str] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """List jobs; `state` is waiting, running, done, failed or cancelled."""
    return jobs.list_all(service_of(request), state, limit)


@router.post("/jobs", status_code=202, summary="Have heavy work done", responses=_example(_JOB, "the job", 202))
def post_job(request: Request, body: JobBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Put a job in the queue of the background process."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    asked_by = caller_of(request)
    return as_response(jobs.ask(service_of(request), body.kind, body.arguments, asked_by=asked_by, request=key))


@router.get("/jobs/{job_id}", summary="How far a job is", responses=_example(_JOB, "the job"))
def get_job(request: Request, job_id: str) -> dict[str, Any]:
    """Return a job with its progress, and in the end its result or its error."""
    return jobs.get(service_of(request), _id_of(job_id, "job"))


@router.delete("/jobs/{job_id}", summary="End a job", responses=_example(_JOB | {"state": "cancelled"}, "the job"))
def delete_job(request: Request, job_id: str, idempotency_key: IdempotencyKey = None) -> Response:
    """Cancel a job that waits, ask a running one to end; asking twice changes nothing."""
    key = request_key(request, idempotency_key, None)
    return as_response(jobs.cancel(service_of(request), _id_of(job_id, "job"), request=key))


@router.get(
    "/proposals", summary="What waits for a person's decision", responses=_example({"items": [_PROPOSAL]}, "proposals")
)
def get_proposals(
    request: Request, *, all: bool = False, incident_id: str | None = None,  # noqa: A002 - the name of the parameter
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:  # fmt: skip
    """List proposals that nobody has decided on; with `all` those decided on too."""
    case = None if incident_id is None else _id_of(incident_id, "incident")
    return timers.list_proposals(service_of(request), undecided=not all, incident_id=case, limit=limit)


@router.post(
    "/proposals/{proposal_id}/decision",
    summary="Decide on a proposal",
    responses=_example(_PROPOSAL | {"decision": "accepted"}, "the proposal with its decision"),
)
def post_decision(
    request: Request, proposal_id: str, body: DecisionBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Write the decision of the person who asks; it is made once."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    return as_response(
        timers.decide(
            service_of(request), _id_of(proposal_id, "proposal"), body.decision, reason=body.reason,
            actor=caller_of(request), request=key,
        )
    )  # fmt: skip


_TIMERS = {"version": "…", "rules": [], "holidays": ["2026-10-01"], "make_up_days": ["2026-10-10"]}


@router.get("/timers", summary="How long each step may take", responses=_example(_TIMERS, "timers"))
def get_timers(request: Request, district: str) -> dict[str, Any]:
    """Return the timers in force in a district, with their version."""
    return timers.get_timers(service_of(request), district)


@router.put("/timers", summary="Put timers in force", responses=_example(_TIMERS, "timers"))
def put_timers(request: Request, district: str, body: TimersBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Put timers in force in a district; the same timers again change nothing but the event."""
    told = body.model_dump(exclude_none=True)
    key = request_key(request, idempotency_key, told | {"district": district})
    return as_response(timers.put_timers(service_of(request), district, told, actor=caller_of(request), request=key))

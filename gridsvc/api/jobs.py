"""Background jobs over HTTP: start, watch and cancel them; proposals, timers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from gridsvc.api.answers.jobs import DecidedProposal, Job, JobList, ProposalList, Timers
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import Body, IdempotencyKey, Text, as_response, caller_of, request_key, service_of
from gridsvc.errors import NotFound
from gridsvc.operations.cases import timers
from gridsvc.operations.jobs import jobs

router = APIRouter(tags=["background"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_AT = "2026-03-01T04:41:00+00:00"
_JOB = {
    "id": _ID, "district": None, "kind": "verify", "arguments": {}, "asked_by": "王小明", "state": "running",
    "attempt": 1, "progress": {"done": 120_000, "total": 310_000, "words": "events"}, "result": None, "error": None,
    "created_at": _AT, "started_at": _AT, "cancel_asked_at": None, "finished_at": None,
}  # fmt: skip
_PROPOSAL = {
    "id": _ID, "district": "330703", "kind": "yellow-card", "incident_id": _ID, "subject": "330703001000-1",
    "grounds": {"step": "feedback", "since": _AT, "over_s": 120.0, "timers": "…"}, "proposed_at": _AT,
    "decision": None, "decided_by": None, "decided_at": None, "drill": False,
}  # fmt: skip


class JobBody(Body):
    """The kind of job and its arguments."""

    kind: Annotated[Text, Field(max_length=40)]
    arguments: Annotated[dict[str, Any], Field(default_factory=dict)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"kind": "verify"}]}}


class DecisionBody(Body):
    """A person's decision on a proposal; a rejection has a reason."""

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


def _id_of(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(
            f"There is no {what} {text[:60]!r}. See GET /{what}s.", kind=f"no-{what}", id=text[:60]
        ) from None


@router.get("/jobs", summary="Jobs, the newest first", responses=answer(JobList, {"items": [_JOB]}))
def get_jobs(
    request: Request,
    state: Annotated[list[str] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List jobs; `state` is waiting, running, done, failed or cancelled."""
    return JSONResponse(jobs.list_all(service_of(request), state, limit))


@router.post("/jobs", status_code=202, summary="Start a job", responses=answer(Job, _JOB, status=202))
def post_job(request: Request, body: JobBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Put a job into the queue of the background process."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    asked_by = caller_of(request)
    return as_response(jobs.ask(service_of(request), body.kind, body.arguments, asked_by=asked_by, request=key))


@router.get("/jobs/{job_id}", summary="The state of a job", responses=answer(Job, _JOB))
def get_job(request: Request, job_id: str) -> Response:
    """Return a job with its progress; at its end with its result or its error."""
    return JSONResponse(jobs.get(service_of(request), _id_of(job_id, "job")))


@router.delete("/jobs/{job_id}", summary="Cancel a job", responses=answer(Job, _JOB | {"state": "cancelled"}))
def delete_job(request: Request, job_id: str, idempotency_key: IdempotencyKey = None) -> Response:
    """Cancel a waiting job, or request the end of a running one; a second request changes nothing."""
    key = request_key(request, idempotency_key, None)
    return as_response(jobs.cancel(service_of(request), _id_of(job_id, "job"), request=key))


@router.get(
    "/proposals",
    summary="Proposals that wait for a decision",
    responses=answer(ProposalList, {"items": [_PROPOSAL | {"reason": None}]}),
)
def get_proposals(
    request: Request,
    *,
    all: bool = False,  # noqa: A002 - the name of the parameter
    incident_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """List the proposals without a decision; with `all` every proposal."""
    case = None if incident_id is None else _id_of(incident_id, "incident")
    found = timers.list_proposals(service_of(request), undecided=not all, incident_id=case, limit=limit)
    return JSONResponse(found)


@router.post(
    "/proposals/{proposal_id}/decision",
    summary="Decide on a proposal",
    responses=answer(DecidedProposal, _PROPOSAL | {"decision": "accepted"}),
)
def post_decision(
    request: Request, proposal_id: str, body: DecisionBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Write the decision of the caller; a proposal is decided once."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    return as_response(
        timers.decide(
            service_of(request),
            _id_of(proposal_id, "proposal"),
            body.decision,
            reason=body.reason,
            actor=caller_of(request),
            request=key,
        )
    )


_TIMERS = {"version": "…", "rules": [], "holidays": ["2026-10-01"], "make_up_days": ["2026-10-10"]}


@router.get("/timers", summary="How long each step may take", responses=answer(Timers, _TIMERS))
def get_timers(request: Request, district: str) -> Response:
    """Return the timers in force in a district, with their version."""
    return JSONResponse(timers.get_timers(service_of(request), district))


@router.put("/timers", summary="Put timers in force", responses=answer(Timers, _TIMERS))
def put_timers(request: Request, district: str, body: TimersBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Put timers in force in a district; the same timers again change nothing but the event."""
    rules = body.model_dump(exclude_none=True)
    key = request_key(request, idempotency_key, rules | {"district": district})
    return as_response(timers.put_timers(service_of(request), district, rules, actor=caller_of(request), request=key))

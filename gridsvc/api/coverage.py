"""Over HTTP: who is covered now, and which teams should move up."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from gridsvc.api.answers.coverage import CoverNow, MoveUps, PlanJob
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import (
    Body,
    IdempotencyKey,
    Text,
    as_response,
    caller_of,
    incident_id_of,
    request_key,
    service_of,
)
from gridsvc.operations.coverage import now, plan_jobs
from gridsvc.operations.grids.generations import choose_district

router = APIRouter(tags=["coverage"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_TEAM = "01a20c85-95e1-7e22-969f-63cda45f0510"
_AT = "2026-03-01T04:41:00+00:00"
_COVER = {"demand": 812.0, "outside": 143.0, "covered_share": 0.8239}
_GRID = {"code": "330703100000", "name": "孝顺镇"}
_NOW = {
    "district": "330703", "at": _AT, "level": "township", "basis": "free-flow",
    "demand": {"source": "history", "cells": 214},
    "teams": {"free": 71, "of": 75}, "leads": _COVER, "classes": [{"class": "urban", "target_s": 300.0} | _COVER],
    "units": [{"unit": "bureau"} | _COVER], "grids": [_GRID | _COVER | {"preparedness": 0.31}],
    "outside": [{"cell": "88309a4c51fffff", "lon": 119.81, "lat": 29.21, "demand": 7.0}], "versions": {},
}  # fmt: skip
_PLAN = {
    "id": _ID, "district": "330703", "kind": "cover-plan", "arguments": {"district": "330703",
    "scenario": {"model": "mclp", "p": 12}}, "asked_by": "王小明", "state": "waiting", "attempt": 0,
    "progress": {"done": 0, "total": None, "words": ""}, "result": None, "error": None, "created_at": _AT,
    "started_at": None, "cancel_asked_at": None, "finished_at": None,
}  # fmt: skip
_MOVES = {
    "incident_id": _ID, "at": _AT, "teams": [_TEAM], "lost_share": 0.0182, "lost": [_GRID | {"demand": 31.0}],
    "moves": [{"team_id": _TEAM, "to": {"team_id": _TEAM, "lon": 119.7, "lat": 29.1}, "gain_share": 0.0121,
               "drive_s": 412.5, "grids": [_GRID | {"demand": 20.0}]}], "versions": {},
}  # fmt: skip


@router.get("/coverage/now", summary="Who is covered by the teams that are free", responses=answer(CoverNow, _NOW))
def get_now(
    request: Request,
    district: Text | None = None,
    level: Literal["regional", "township", "area", "village"] = "township",
) -> Response:
    """Return the cover at this moment by class, unit and grid, and the cells that are outside the target."""
    service = service_of(request)
    return JSONResponse(now.cover_now(service, choose_district(service, district), level=level))


class PlanBody(Body):
    """A district and a scenario: what `gridsvc cover plan` takes as options, docs/coverage.md."""

    district: Annotated[Text, Field(max_length=40)] | None = None
    scenario: dict[str, Any]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"scenario": {"model": "mclp", "p": 12}}]}}


@router.post(
    "/coverage/plans",
    status_code=202,
    summary="Plan where the posts of a unit should be",
    responses=answer(PlanJob, _PLAN, status=202),
)
def post_plan(request: Request, body: PlanBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Have the background process solve a scenario; a wrong one is refused at once."""
    service = service_of(request)
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    district = choose_district(service, body.district)
    return as_response(plan_jobs.ask_plan(service, district, body.scenario, asked_by=caller_of(request), request=key))


@router.get("/coverage/plans/{plan_id}", summary="A plan, or how far it is", responses=answer(PlanJob, _PLAN))
def get_plan(request: Request, plan_id: str) -> Response:
    """Return the job of a plan; at its end with the posts, the bound and what they change in `result`."""
    return JSONResponse(plan_jobs.get_plan(service_of(request), plan_id))


@router.get(
    "/incidents/{incident_id}/move-ups",
    summary="What a case takes out of reach, and the best moves",
    responses=answer(MoveUps, _MOVES),
)
def get_move_ups(request: Request, incident_id: str) -> Response:
    """Return the grids that lose cover by the teams of a case, and which free teams should wait where instead."""
    return JSONResponse(now.move_ups(service_of(request), incident_id_of(incident_id)))

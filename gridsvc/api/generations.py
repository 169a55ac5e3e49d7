"""Generations of grids over HTTP: listed, put in force now or at a time, taken back. `grids` has their review."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from gridsvc.api.answers.generations import GenerationList, GenerationOrder
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import (
    Body,
    IdempotencyKey,
    Moment,
    Text,
    as_response,
    caller_of,
    request_key,
    service_of,
)
from gridsvc.operations.grids import approval
from gridsvc.operations.grids.generations import choose_district

router = APIRouter(tags=["grids"])

_AT = "2026-03-01T04:41:00+00:00"
_ITEM = {
    "generation": 4, "state": "planned", "created_at": _AT,
    "loads": [{"level": "township", "file": "townships-2026.shp", "crs": "EPSG:4490"}],
    "grids": {"regional": 3, "township": 11, "area": 58, "village": 361}, "blocking": False, "in_force": [],
    "planned": {"at": "2026-04-01T00:00:00+08:00", "by": "王小明"},
}  # fmt: skip
_LIST = {"district": "330703", "in_force": 3, "rollback_to": 2, "work": None, "items": [_ITEM]}
_ORDER = {"district": "330703", "generation": 4, "planned_for": "2026-04-01T00:00:00+08:00", "job": None}
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_District = Annotated[Text, Field(max_length=40)] | None


class ActivationBody(Body):
    """When a generation takes effect; without `at` as soon as its index is built."""

    district: _District = None
    at: Moment | None = None

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"at": "2026-04-01T00:00:00+08:00"}]}}


class RollbackBody(Body):
    """The district whose generation is taken back."""

    district: _District = None

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"district": "330703"}]}}


@router.get("/generations", summary="The generations of grids", responses=answer(GenerationList, _LIST))
def get_generations(request: Request, district: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """List draft, scheduled, in force and past generations, the newest first, with who approved them."""
    service = service_of(request)
    return JSONResponse(approval.list_generations(service, choose_district(service, district)))


@router.post(
    "/generations/{generation}/activation",
    status_code=202,
    summary="Approve a generation: put it in force, now or at a time",
    responses=answer(GenerationOrder, _ORDER, status=202),
)
def post_activation(
    request: Request, generation: _Number, body: ActivationBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Queue the activation, or schedule it; open cases keep their owner. The caller is who approved it."""
    service = service_of(request)
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    code, asked_by = choose_district(service, body.district), caller_of(request)
    return as_response(approval.ask_activation(service, code, generation, body.at, asked_by=asked_by, request=key))


@router.delete(
    "/generations/{generation}/activation",
    summary="Cancel an activation that is scheduled",
    responses=answer(GenerationOrder, _ORDER | {"planned_for": None}),
)
def delete_activation(
    request: Request,
    generation: _Number,
    district: Annotated[str | None, Query(max_length=40)] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Cancel it; what is in force stays."""
    service = service_of(request)
    key = request_key(request, idempotency_key, {"district": district})
    return as_response(approval.cancel_activation(service, choose_district(service, district), generation, request=key))


@router.post(
    "/generations/{generation}/rollback",
    status_code=202,
    summary="Take back the generation that is in force",
    responses=answer(GenerationOrder, _ORDER | {"generation": 2, "planned_for": None}, status=202),
)
def post_rollback(
    request: Request, generation: _Number, body: RollbackBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Queue the roll-back to the generation before; 409 where `generation` is not in force."""
    service = service_of(request)
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    code, asked_by = choose_district(service, body.district), caller_of(request)
    return as_response(approval.ask_rollback(service, code, generation, asked_by=asked_by, request=key))

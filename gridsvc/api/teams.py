"""Teams over HTTP: who they are, where they are, on duty or not."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from gridsvc.api.http.requests import (
    Body,
    IdempotencyKey,
    Moment,
    Text,
    as_response,
    caller_of,
    request_key,
    service_of,
    team_id_of,
)
from gridsvc.operations.teams import fleet

router = APIRouter(tags=["teams"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_TEAM = {
    "id": _ID, "name": "多湖中队", "unit": "bureau", "status": "available",
    "position": {"lon": 119.69, "lat": 29.09}, "age_s": 12.0,
}  # fmt: skip


class PositionBody(Body):
    """Where a team is; `at` is the device's clock."""

    lon: Annotated[float, Field(strict=True)]
    lat: Annotated[float, Field(strict=True)]
    datum: Text = "WGS-84"
    at: Moment | None = None
    accuracy_m: Annotated[float | None, Field(strict=True)] = None

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"lon": 119.69, "lat": 29.09}]}}


class DutyBody(Body):
    """On or off duty."""

    on_duty: Annotated[bool, Field(strict=True)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"on_duty": False}]}}


@router.get(
    "/teams",
    summary="Every team: status, position, age of the position",
    responses={200: {"content": {"application/json": {"example": {"items": [_TEAM]}}}}},
)
def get_teams(request: Request, district: str | None = None) -> dict[str, Any]:
    """List all teams; a team without a device stands at its station and its `age_s` is null."""
    return fleet.list_fleet(service_of(request), district)


@router.post(
    "/teams/{team_id}/positions",
    summary="Report a team's position",
    responses={200: {"content": {"application/json": {"example": {"team_id": _ID}}}}},
)
def post_position(request: Request, team_id: str, body: PositionBody) -> dict[str, Any]:
    """Keep a position; the newest stamp wins, late ones go into the history."""
    return fleet.put_position(
        service_of(request), team_id_of(team_id), body.lon, body.lat, datum=body.datum, at=body.at,
        accuracy_m=body.accuracy_m,
    )  # fmt: skip


@router.patch(
    "/teams/{team_id}",
    summary="Put a team on or off duty",
    responses={200: {"content": {"application/json": {"example": {"team_id": _ID, "on_duty": False}}}}},
)
def patch_team(request: Request, team_id: str, body: DutyBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Change a team's duty; a team on a case stays on it until it clears."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    return as_response(
        fleet.set_duty(service_of(request), team_id_of(team_id), on_duty=body.on_duty, actor=caller_of(request),
                       request=key)
    )  # fmt: skip

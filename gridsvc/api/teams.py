"""Teams over HTTP: positions and their datum, duty."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from gridsvc.api.answers.teams import TeamDatum, TeamDuty, TeamList, TeamPosition
from gridsvc.api.http.lanes import with_case_threads
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
    team_id_of,
)
from gridsvc.operations.teams import datums, fleet
from gridsvc.operations.teams.positions import SentPosition, put_position

router = APIRouter(tags=["teams"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_TEAM = {
    "id": _ID, "district": "330703", "name": "多湖中队", "unit": "bureau", "kind": "squadron", "status": "available",
    "incident_id": None, "position": {"lon": 119.69, "lat": 29.09}, "at_station": False, "age_s": 12.0,
    "datum": "WGS-84", "datum_shift": None,
    "station": {"lon": 119.69, "lat": 29.09}, "township": None, "areas": ["330703001000-1"], "region": "330703-1",
    "skills": [], "equipment": [], "turnout_s": 60,
}  # fmt: skip


class PositionBody(Body):
    """The position of a team; `at` is the time of the device."""

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


class DatumBody(Body):
    """The datum of a team's positions from now on: wgs84, gcj02 or bd09; why, for the event."""

    datum: Text
    reason: Text | None = None

    model_config = Body.model_config | {
        "json_schema_extra": {"examples": [{"datum": "gcj02", "reason": "The tracker shows places of an Amap map"}]}
    }


class RetireBody(Body):
    """The team leaves the roster; loading a roster with the team puts it back."""

    retired: Literal[True]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"retired": True}]}}


@router.get(
    "/teams",
    summary="Every team: status, position, age of the position",
    responses=answer(TeamList, {"items": [_TEAM]}),
)
def get_teams(request: Request, district: str | None = None) -> Response:
    """List all teams; a team without a position is at its station and its `age_s` is null."""
    return JSONResponse(fleet.list_fleet(service_of(request), district))


@router.post(
    "/teams/{team_id}/positions",
    summary="Report a team's position",
    responses=answer(TeamPosition, {"team_id": _ID, "position": _TEAM["position"], "at": "2026-03-01T04:41:00+00:00"}),
)
def post_position(request: Request, team_id: str, body: PositionBody) -> Response:
    """Store a position; the newest time wins, later arrivals of older ones go into the history."""
    sent = SentPosition(str(team_id_of(team_id)), body.lon, body.lat, body.at, body.datum, body.accuracy_m)
    taken = put_position(service_of(request), sent)
    place = {"lon": taken.lon, "lat": taken.lat}
    return JSONResponse({"team_id": str(taken.team_id), "position": place, "at": taken.at.isoformat()})


@router.post(
    "/teams/{team_id}/datum",
    summary="Say which datum the positions of a team arrive in",
    responses=answer(TeamDatum, {"team_id": _ID, "datum": "GCJ-02", "since": "2026-03-01T04:41:00+00:00"}),
)
def post_datum(request: Request, team_id: str, body: DatumBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Have positions that arrive from now on converted; a person decides, those of the past stay as they are.

    A position that says GCJ-02 or BD-09 itself is taken at its word.
    """
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    service, number, actor = service_of(request), team_id_of(team_id), caller_of(request)
    return as_response(datums.decide(service, number, body.datum, reason=body.reason, actor=actor, request=key))


@router.patch(
    "/teams/{team_id}",
    summary="Put a team on or off duty, or retire it",
    responses=answer(TeamDuty, {"team_id": _ID, "on_duty": False, "retired": False}),
)
@with_case_threads("steps")
def patch_team(
    request: Request, team_id: str, body: DutyBody | RetireBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Put a team on or off duty, or retire it; a team on a case stays on it until it clears."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    service, number, actor = service_of(request), team_id_of(team_id), caller_of(request)
    if isinstance(body, RetireBody):
        return as_response(fleet.retire(service, number, actor=actor, request=key))
    return as_response(fleet.set_duty(service, number, on_duty=body.on_duty, actor=actor, request=key))

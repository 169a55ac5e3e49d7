"""Positions from trackers: OsmAnd, Traccar Client, and the forwarding of a Traccar server. See docs/trackers.md.

These clients send a position again until they get an answer of 2xx, some without end and before all later positions.
So a position that is not usable is answered with 200 and named in `rejected`. A sender that is not usable (a wrong
token, an unknown team) gets an error: its positions stay in its buffer until a person has corrected the setting.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from gridsvc.access.scopes import Caller, Right
from gridsvc.api.answers.teams import StoredPositions
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.problems import problem
from gridsvc.api.http.requests import service_of, team_id_of
from gridsvc.api.http.sign_in import STRANGER, SignIn
from gridsvc.api.positions import STORED_EXAMPLE, stored_response
from gridsvc.api.tracker_forms import TrackerRequest, read_osmand, read_traccar
from gridsvc.operations.access.credentials import is_key

router = APIRouter(tags=["teams"])

_ABOUT = {
    "id": "Token of a tracker (`gridsvc keys tracker`) or of a device; with a key in the header, the id of the team.",
    "token": "The token, where `id` is something else.",
    "lat": "Degrees.",
    "lon": "Degrees.",
    "timestamp": "Seconds or milliseconds since 1970, or RFC 3339 with offset; without it, now.",
    "accuracy": "Metres.",
    "datum": "Of the place; WGS-84 without it.",
}
_PARAMETERS = [
    {"name": name, "in": "query", "required": False, "description": about, "schema": {"type": "string"}}
    for name, about in _ABOUT.items()
]
_FORM = {"type": "object", "properties": {name: {"type": "string"} for name in _ABOUT}}
_OSMAND_BODY = {
    "required": False,
    "content": {
        "application/x-www-form-urlencoded": {"schema": _FORM},
        "application/json": {
            "schema": {
                "description": "{device_id, location: {timestamp, coords: {latitude, longitude, accuracy}}}, "
                "or a list of {id, lat, lon, timestamp, accuracy}",
            }
        },
    },
}
_TRACCAR = {
    "position": {
        "fixTime": "2026-03-01T04:41:00.000+00:00", "latitude": 29.09, "longitude": 119.69, "accuracy": 8.0,
        "valid": True, "outdated": False,
    },
    "device": {"uniqueId": "01a20c85-95e1-7e22-969f-63cda45f0508", "attributes": {}},
}  # fmt: skip
_TRACCAR_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"position": {"type": "object"}, "device": {"type": "object"}},
                "required": ["position", "device"],
                "examples": [_TRACCAR],
            }
        }
    },
}


@router.get(
    "/osmand",
    summary="Report a position with the OsmAnd protocol, in the address",
    responses=answer(StoredPositions, STORED_EXAMPLE),
    openapi_extra={"parameters": _PARAMETERS},
)
async def get_osmand(request: Request) -> Response:
    """Store a position from OsmAnd, or from any program that can send a GET."""
    return await _take(request, read_osmand(request.url.query, "", b""))


@router.post(
    "/osmand",
    summary="Report positions with the OsmAnd protocol, or as Traccar Client does",
    responses=answer(StoredPositions, STORED_EXAMPLE),
    openapi_extra={"parameters": _PARAMETERS, "requestBody": _OSMAND_BODY},
)
async def post_osmand(request: Request) -> Response:
    """Store positions from Traccar Client: in the address, as a form or as JSON."""
    content_type = request.headers.get("content-type", "")
    return await _take(request, read_osmand(request.url.query, content_type, await request.body()))


@router.post(
    "/positions/traccar",
    summary="Report a position as a Traccar server forwards it (forward.type=json)",
    responses=answer(StoredPositions, STORED_EXAMPLE),
    openapi_extra={"requestBody": _TRACCAR_BODY},
)
async def post_traccar(request: Request) -> Response:
    """Store a position; the team is the device's attribute `team_id`, else its identifier."""
    return await _store(request, read_traccar(await request.body()))


async def _take(request: Request, sent: TrackerRequest) -> Response:
    """Store what a tracker sent, after its sign-in: with a header, or with the token that it sent instead of one."""
    if request.state.caller is STRANGER:
        refused = await _sign_in(request, sent.sender)
        if refused is not None:
            return refused
    caller: Caller = request.state.caller
    caller.need(Right.POSITION)
    return await _store(request, sent)


async def _sign_in(request: Request, token: str | None) -> Response | None:
    """Set the caller of a token, or return the refusal."""
    headers = {"WWW-Authenticate": 'Bearer realm="gridsvc"'}
    if token is None:
        detail = "Send the token of a tracker as `id`; `gridsvc keys tracker NAME --team TEAM` gives one."
        return problem(401, "sign-in-required", detail, headers=headers)
    if is_key(token):
        detail = (
            "A key does not belong into an address, which proxies write into logs: revoke this one. Send the token of "
            "a tracker; `gridsvc keys tracker NAME --team TEAM` gives one."
        )
        return problem(401, "key-in-address", detail, headers=headers)
    sign_in: SignIn = request.state.sign_in
    admitted = await sign_in.admit(request.scope, token)
    if isinstance(admitted, Response):
        return admitted
    if not admitted.is_device:  # the token of a browser's session
        return problem(401, "key-refused", "This token is not that of a tracker or device.", headers=headers)
    request.state.caller = admitted
    return None


async def _store(request: Request, sent: TrackerRequest) -> Response:
    caller: Caller = request.state.caller
    team = str(caller.team_id if caller.is_device else team_id_of(sent.sender or ""))
    fixes: list[Any] = [each if isinstance(each, Exception) else each.of_team(team) for each in sent.fixes]
    return await run_in_threadpool(stored_response, service_of(request), fixes, of_one_team=True)

"""Positions of teams over HTTP, many in one request."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool

from gridsvc.api.answers.teams import StoredPositions
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.problems import described, list_errors, name_errors
from gridsvc.api.http.requests import Body, Moment, Text, service_of
from gridsvc.api.teams import PositionBody
from gridsvc.errors import InvalidInput, NotAllowed, NotFound, Refusal, TooLarge
from gridsvc.operations.runtime.service import Service
from gridsvc.operations.teams import positions as work
from gridsvc.operations.teams.positions import SentPosition
from gridsvc.teams.positions import MOST_AT_ONCE

router = APIRouter(tags=["teams"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_SENT: dict[str, Any] = {
    "team_id": _ID,
    "lon": 119.69,
    "lat": 29.09,
    "at": "2026-03-01T12:41:00+08:00",
    "accuracy_m": 8.0,
}
STORED_EXAMPLE: dict[str, Any] = {"stored": 1, "repeated": 0, "corrected": 0, "rejected": []}

_log = logging.getLogger("gridsvc.api")


class TeamPositionBody(PositionBody):
    """A position of one of several teams; `at` is the time of the device."""

    team_id: Text
    at: Moment

    model_config = Body.model_config | {"json_schema_extra": {"examples": [_SENT]}}


_ROWS = TypeAdapter(list[TeamPositionBody])
_ROW = TypeAdapter(TeamPositionBody)
_ANYTHING = {"description": "What is no position is in `rejected`, by its index; the others are stored."}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "array",
                "items": {"anyOf": [TeamPositionBody.model_json_schema(), _ANYTHING]},
                "maxItems": MOST_AT_ONCE,
                "examples": [[_SENT]],
            }
        }
    },
}


@router.post(
    "/positions",
    summary=f"Report up to {MOST_AT_ONCE} positions of teams",
    responses=answer(StoredPositions, STORED_EXAMPLE),
    openapi_extra={"requestBody": _BODY},
)
async def post_positions(request: Request) -> Response:
    """Store positions in any order, also late ones; the newest time of a team is its position.

    One that is not usable is in `rejected`, by its index in the request, and the others are stored.
    """
    body = await request.body()
    # In a thread, so that reading thousands of positions holds up no other request of the process.
    return await run_in_threadpool(_store, service_of(request), body)


def _store(service: Service, body: bytes) -> Response:
    sent = _read(body)
    return stored_response(service, sent)


def stored_response(service: Service, sent: Sequence[SentPosition | Refusal], *, of_one_team: bool = False) -> Response:
    """Store what could be read and return what became of all of it; what could not be read is a refusal.

    `of_one_team`: the refusal of the team is that of the request.
    """
    readable = [index for index, each in enumerate(sent) if isinstance(each, SentPosition)]
    found = work.put_positions(service, [each for each in sent if isinstance(each, SentPosition)])
    for refusal in found.rejected.values() if of_one_team else ():
        if isinstance(refusal, NotFound | NotAllowed):
            raise refusal
    refusals = {index: each for index, each in enumerate(sent) if isinstance(each, Refusal)}
    refusals |= {readable[index]: each for index, each in found.rejected.items()}
    if refusals:
        kinds = Counter(each.kind for each in refusals.values())
        facts = {"caller": service.caller.name, "rejected": kinds.total(), "kinds": dict(kinds)}
        _log.info("positions rejected", extra={"facts": facts})
    rejected = [
        {"index": index, **described(each.kind, each.detail, each.parameters)}
        for index, each in sorted(refusals.items())
    ]
    return JSONResponse(
        {"stored": found.new, "repeated": found.repeated, "corrected": found.corrected, "rejected": rejected}
    )


def _read(body: bytes) -> list[SentPosition | Refusal]:
    """Return the positions of a body; one without the declared shape is a refusal.

    Raises
    ------
    RequestValidationError
        For a body that is no JSON, or no list.
    TooLarge
        Where it has too many positions.
    """
    try:
        rows: list[TeamPositionBody | Refusal] = list(_ROWS.validate_json(body))
    except ValidationError as error:
        rows = [_row(each) for each in _list(body, error)]
    if len(rows) > MOST_AT_ONCE:
        raise TooLarge(
            f"{len(rows)} positions are more than {MOST_AT_ONCE}. Send them in several requests.",
            count=len(rows),
            most=MOST_AT_ONCE,
        )
    return [each if isinstance(each, Refusal) else _sent(each) for each in rows]


def _list(body: bytes, error: ValidationError) -> list[Any]:
    """Return the list of a body; raise RequestValidationError for what is none."""
    first = error.errors(include_url=False)[0]
    with suppress(ValueError):  # of a text that is no JSON
        if isinstance(rows := from_json(body), list):
            return rows
    raise RequestValidationError([first | {"loc": ("body", *first["loc"])}])


def _row(value: object) -> TeamPositionBody | Refusal:
    try:
        return _ROW.validate_python(value)
    except ValidationError as error:
        found = list_errors([dict(each) for each in error.errors()])
        return InvalidInput(f"The position is not valid. {name_errors(found)}.", errors=found)


def _sent(row: TeamPositionBody) -> SentPosition:
    return SentPosition(row.team_id, row.lon, row.lat, row.at, row.datum, row.accuracy_m)

"""Addresses over HTTP: candidates, suggestions while typing, names learned from cases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from gridsvc.api.answers.geocode import GeocodeAnswer, LearnedName, SuggestionList
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
from gridsvc.operations.places import geocode, learned

router = APIRouter(tags=["addresses"])

_CANDIDATE = {
    "lon": 119.7506, "lat": 29.2045, "radius_m": 30.0, "confidence": 0.97, "level": "house", "name": "人民路12号",
    "township": "曹宅镇", "village": "曹宅村委会", "words": ["曹宅镇", "人民路", "12号"], "district": "330703",
}  # fmt: skip
_GEOCODED = {
    "candidates": [_CANDIDATE], "confirm": False, "question": None, "searched": ["330703"], "left_out": 0,
    "outside": None,
}  # fmt: skip
_LEARNED = {"incident_id": "01a20c85-95e1-7e22-969f-63cda45f0508", "persons": 2, "acted_on": True}
_District = Annotated[str | None, Query(max_length=40)]


@router.get("/geocode", summary="The places that an address may mean", responses=answer(GeocodeAnswer, _GEOCODED))
def get_geocode(
    request: Request,
    q: Annotated[Text, Query(max_length=geocode.LONGEST_ADDRESS, examples=["曹宅镇人民路12号"])],
    district: _District = None,
) -> Response:
    """Return candidates, the most probable first; where none may be acted on, the question to put to the caller."""
    service = service_of(request)
    found = geocode.shown(service, geocode.geocode_text(service, q, district=district))
    return JSONResponse(found.as_json())


@router.get(
    "/geocode/suggestions",
    summary="Places whose name begins with what was typed",
    responses=answer(SuggestionList, {"items": [_CANDIDATE]}),
)
def get_suggestions(
    request: Request,
    q: Annotated[Text, Query(max_length=geocode.LONGEST_ADDRESS, examples=["caozhai"])],
    district: _District = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """Return places by Chinese characters, pinyin, or the initials of pinyin; only the gazetteer is asked."""
    found = geocode.suggest_text(service_of(request), q, district=district, most=limit)
    return JSONResponse({"items": [each.as_json() for each in found]})


class NameBody(Body):
    """How the place of a case is called."""

    name: Annotated[Text, Field(max_length=200)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"name": "老供销社"}]}}


@router.post(
    "/incidents/{incident_id}/names",
    status_code=201,
    summary="Confirm how the place of a case is called",
    responses=answer(LearnedName, _LEARNED, status=201),
)
def post_name(request: Request, incident_id: str, body: NameBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Teach the gazetteer a name: one person's is a question, that of two different persons is acted on."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    case_id = incident_id_of(incident_id)
    done = learned.learn_name_once(service_of(request), case_id, body.name, actor=caller_of(request), request=key)
    return as_response(done)

"""Over HTTP: who is covered now, and which teams should move up."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gridsvc.api.answers.coverage import CoverNow, MoveUps
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import Text, incident_id_of, service_of
from gridsvc.operations.coverage import now
from gridsvc.operations.grids.generations import choose_district

router = APIRouter(tags=["coverage"])

_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_TEAM = "01a20c85-95e1-7e22-969f-63cda45f0510"
_AT = "2026-03-01T04:41:00+00:00"
_COVER = {"demand": 812.0, "outside": 143.0, "covered_share": 0.8239}
_GRID = {"code": "330703100000", "name": "孝顺镇"}
_NOW = {
    "district": "330703", "at": _AT, "level": "township", "demand": {"source": "history", "cells": 214},
    "teams": {"free": 71, "of": 75}, "leads": _COVER, "classes": [{"class": "urban", "target_s": 300.0} | _COVER],
    "units": [{"unit": "bureau"} | _COVER], "grids": [_GRID | _COVER | {"preparedness": 0.31}],
    "outside": [{"cell": "88309a4c51fffff", "lon": 119.81, "lat": 29.21, "demand": 7.0}], "versions": {},
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


@router.get(
    "/incidents/{incident_id}/move-ups",
    summary="What a case takes out of reach, and the best moves",
    responses=answer(MoveUps, _MOVES),
)
def get_move_ups(request: Request, incident_id: str) -> Response:
    """Return the grids that lose cover by the teams of a case, and which free teams should wait where instead."""
    return JSONResponse(now.move_ups(service_of(request), incident_id_of(incident_id)))

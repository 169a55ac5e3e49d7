"""Liveness and readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gridsvc import __version__
from gridsvc.api.answers.service import Health, Readiness
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import caller
from gridsvc.operations.runtime.districts import list_views
from gridsvc.operations.runtime.doctor import refuse_full_disk

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    summary="The process is alive",
    responses=answer(Health, {"status": "alive", "version": "0.1.0"}),
)
def get_health() -> Response:
    """Answer without using the database or any file."""
    return JSONResponse({"status": "alive", "version": __version__})


@router.get(
    "/readyz",
    summary="The process can answer: database up, grids and roads loaded",
    responses=answer(Readiness, {"status": "ready", "districts": []}),
)
def get_readiness(request: Request) -> Response:
    """Load everything that is in force and list it; 503 while the database is unavailable or its disk is full."""
    service: Service = request.app.state.whole_service
    refuse_full_disk(service)
    with service.database.transaction() as connection:
        views = list_views(service, connection)  # loads what is in force, for all callers
    seen = caller(request).scope
    views = [view for view in views if seen.holds_district(view.code)]
    districts = [
        {
            "code": view.code,
            "name": view.district.name,
            "synthetic": view.district.synthetic,
            "grids": view.index is not None,
            "roads": view.network is not None,
            "law": view.law is not None,
            "versions": view.versions.as_json(),
            "unknown": [each.as_json() for each in view.lost],
        }
        for view in views
    ]
    return JSONResponse({"status": "ready", "districts": districts})

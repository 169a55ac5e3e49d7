"""Is the process alive, and can it answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from gridsvc import __version__
from gridsvc.api.http.requests import caller
from gridsvc.operations.runtime.districts import list_views

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    summary="The process is alive",
    responses={200: {"content": {"application/json": {"example": {"status": "alive", "version": "0.1.0"}}}}},
)
def get_health() -> dict[str, str]:
    """Answer without touching anything."""
    return {"status": "alive", "version": __version__}


@router.get(
    "/readyz",
    summary="The process can answer: database up, grids and roads mapped",
    responses={
        200: {"content": {"application/json": {"example": {"status": "ready", "districts": []}}}},
        503: {"description": "not yet"},
    },
)
def get_readiness(request: Request) -> dict[str, Any]:
    """Map everything that is in force and say what it is; 503 while the database is away or its disk is full."""
    from gridsvc.operations.runtime.doctor import refuse_full_disk

    service: Service = request.app.state.whole_service
    refuse_full_disk(service)
    with service.database.transaction() as connection:
        views = list_views(service, connection)  # maps what is in force, for everybody
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
            "unknown": [each.as_json() for each in view.unknown],
        }
        for view in views
    ]
    return {"status": "ready", "districts": districts}

"""Liveness and readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gridsvc import __version__
from gridsvc.api.answers.service import Health, Readiness
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import caller
from gridsvc.operations.runtime.districts import list_in_force
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
    responses=answer(Readiness, {"status": "ready", "districts": [], "replica": None}),
)
def get_readiness(request: Request) -> Response:
    """List the districts and what is in force; 503 while the database is unavailable or its disk is full.

    `replica` says how far the replica for reads is behind; the service is ready without it, too. A district is loaded
    when its first place is asked for; `unknown` names the files that this process cannot read.
    """
    service: Service = request.app.state.whole_service
    refuse_full_disk(service)
    seen = caller(request).scope
    found = [each for each in list_in_force(service) if seen.holds_district(each.versions.district)]
    districts = [
        {
            "code": each.versions.district,
            "name": each.district.name,
            "synthetic": each.district.synthetic,
            "grids": each.grids,
            "roads": each.roads,
            "law": each.law,
            "versions": each.versions.as_json(),
            "unknown": [part.as_json() for part in each.lost],
        }
        for each in found
    ]
    lag = service.database.replica_lag()
    replica = None if lag is None or seen.district is not None else lag.as_json()
    return JSONResponse({"status": "ready", "districts": districts, "replica": replica})

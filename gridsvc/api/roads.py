"""Roads over HTTP: travel times, service areas, closures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from gridsvc.api.answers.roads import ClosureList, Isochrones, NewClosure, Route, TravelTimes
from gridsvc.api.http.lanes import in_queue, run_in
from gridsvc.api.http.openapi import GeoJson, answer
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
from gridsvc.errors import InvalidInput, NotFound, Unavailable
from gridsvc.operations.cases import offline
from gridsvc.operations.places.extents import read_extent
from gridsvc.operations.roads import closures, travel_times

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

router = APIRouter(tags=["roads"])

_MOST_TIMES = 1_000_000
_LARGE_MATRIX = 50_000
_MOST_BUDGETS = 12
_MOST_MINUTES = 120
"""Of one isochrone over HTTP; `gridsvc isochrone` draws up to a day."""

_ROUTE = {
    "type": "Feature",
    "geometry": {"type": "LineString", "coordinates": [[119.70, 29.10], [119.71, 29.10]]},
    "properties": {
        "seconds": 412.5,
        "length_m": 4830.0,
        "profile": "emergency",
        "basis": "free-flow",
        "from_road": {"name": "光南路", "class": "secondary", "level": "surface", "offroad_m": 20.5},
        "to_road": {"name": None, "class": "residential", "level": "surface", "offroad_m": 3.1},
    },
    "versions": {"generation": 3},
}

Pair = Annotated[list[Annotated[float, Field(strict=True)]], Field(min_length=2, max_length=2)]
Profile = Literal["normal", "emergency"]


class TravelTimesBody(Body):
    """Origins and destinations as [lon, lat] pairs, WGS-84."""

    origins: Annotated[list[Pair], Field(min_length=1)]
    destinations: Annotated[list[Pair], Field(min_length=1)]
    profile: Profile = "normal"
    district: Text | None = None

    model_config = Body.model_config | {
        "json_schema_extra": {"examples": [{"origins": [[119.69, 29.09]], "destinations": [[119.72, 29.11]]}]}
    }


@router.post(
    "/travel-times",
    summary="Travel times from every origin to every destination",
    responses=answer(TravelTimes, {"seconds": [[412.5, None]], "basis": "free-flow"}),
)
async def post_travel_times(request: Request, body: TravelTimesBody) -> Response:
    """Return seconds by road, a row for each origin; null = unreachable."""
    size = len(body.origins) * len(body.destinations)
    if size > _MOST_TIMES:
        raise InvalidInput(
            f"{len(body.origins)} times {len(body.destinations)} travel times are more than {_MOST_TIMES} at once. "
            "Send several requests, or use `gridsvc travel-times`.",
            origins=len(body.origins),
            destinations=len(body.destinations),
            most=_MOST_TIMES,
        )
    work = partial(_times, service_of(request), body)
    return await (run_in_threadpool(work) if size <= _LARGE_MATRIX else run_in("drawings", request, work))


def _times(service: Service, body: TravelTimesBody) -> Response:
    ends = (np.array(body.origins, float), np.array(body.destinations, float))
    age_s: float | None = None
    try:
        seconds = travel_times.travel_times(service, *ends, profile=body.profile, district=body.district)
    except Unavailable as away:
        seconds, age_s = offline.travel_times(service, away, *ends, profile=body.profile, district=body.district)
    infinite = float("inf")
    rows = [[None if s == infinite else round(s, 3) for s in row] for row in seconds.tolist()]
    return JSONResponse({"seconds": rows, "basis": travel_times.BASIS} | offline.degraded(age_s))


@router.get(
    "/isochrones",
    summary="The area within some minutes of a place, with its certificate",
    response_class=GeoJson,
    responses=answer(
        Isochrones,
        {"type": "FeatureCollection", "features": [], "versions": {"generation": 3}},
        media_type=GeoJson.media_type,
    ),
)
@in_queue("drawings")
def get_isochrones(
    request: Request,
    lon: float,
    lat: float,
    minutes: Annotated[str, Query(max_length=200, description="Budgets separated by commas")] = "5,15",
    direction: Literal["to", "from"] = "to",
    profile: Profile = "normal",
    district: str | None = None,
) -> Response:
    """Draw isochrones as GeoJSON; each feature has minutes, direction and certificate {points, wrong, share}."""
    try:
        budgets = [float(part) for part in minutes.split(",") if part.strip()]
    except ValueError:
        raise InvalidInput(
            f"`minutes` is {minutes[:60]!r}; give numbers separated by commas, such as 5,15.", minutes=minutes[:60]
        ) from None
    if len(budgets) > _MOST_BUDGETS:
        raise InvalidInput(
            f"`minutes` has {len(budgets)} numbers; give at most {_MOST_BUDGETS}.",
            count=len(budgets),
            most=_MOST_BUDGETS,
        )
    if budgets and max(budgets) > _MOST_MINUTES:
        raise InvalidInput(
            f"`minutes` has {max(budgets):g}; over HTTP at most {_MOST_MINUTES} are drawn. Use `gridsvc isochrone`.",
            minutes=max(budgets),
            most=_MOST_MINUTES,
        )
    areas = travel_times.service_areas(
        service_of(request),
        lon,
        lat,
        budgets,
        direction=direction,
        profile=profile,
        district=district,
        check=request.state.wanted.check,
    )
    return Response(areas, media_type=GeoJson.media_type)


@router.get(
    "/routes",
    summary="The quickest route between two places",
    response_class=GeoJson,
    responses=answer(Route, _ROUTE, media_type=GeoJson.media_type),
)
def get_route(
    request: Request,
    from_lon: float,
    from_lat: float,
    to_lon: float,
    to_lat: float,
    profile: Profile = "emergency",
    district: str | None = None,
) -> Response:
    """Draw the route as a GeoJSON line along the roads, with its seconds (walking beside the road included)."""
    here, there = (from_lon, from_lat), (to_lon, to_lat)
    return GeoJson(travel_times.find_route(service_of(request), here, there, profile=profile, district=district))


class ClosureBody(Body):
    """A closure: GeoJSON in lon/lat WGS-84; factor 0 = closed, up to 1; `from` absent = now, `until` absent = open."""

    geometry: dict[str, Any]
    factor: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.0
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Moment | None = None
    reason: Annotated[Text, Field(min_length=1, max_length=500)]
    profiles: Annotated[list[Profile], Field(min_length=1, default_factory=lambda: ["normal", "emergency"])]
    district: Text | None = None

    model_config = Body.model_config | {
        "populate_by_name": True,
        "json_schema_extra": {
            "examples": [
                {
                    "geometry": {"type": "LineString", "coordinates": [[119.70, 29.10], [119.71, 29.10]]},
                    "factor": 0,
                    "until": "2026-03-01T18:00:00+08:00",
                    "reason": "flooded",
                }
            ]
        },
    }


_BOTH = {
    "id": "01a20c85-95e1-7e22-969f-63cda45f0508", "district": "330703", "factor": 0,
    "profiles": ["normal", "emergency"], "from": "2026-03-01T04:41:00+00:00", "until": None,
    "geometry": {"type": "Point", "coordinates": [119.70, 29.10]},
}  # fmt: skip
_MADE = _BOTH | {"edges": 3, "km": 0.8, "version": 1}
_CLOSURE = _BOTH | {"reason": "flooded", "acts": ["normal", "emergency"]}


@router.post(
    "/closures",
    status_code=201,
    summary="Close or slow roads",
    responses=answer(NewClosure, _MADE, status=201),
)
def post_closure(request: Request, body: ClosureBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Close (factor 0) or slow roads along or across a line, in an area or at a point; the next query uses it."""
    return as_response(
        closures.add_closure(
            service_of(request),
            closures.NewClosure(
                read_extent(body.geometry),
                factor=body.factor,
                reason=body.reason,
                since=body.since,
                until=body.until,
                profiles=tuple(body.profiles),
            ),
            actor=caller_of(request),
            district=body.district,
            request=request_key(request, idempotency_key, body.model_dump(mode="json")),
        )
    )


@router.get(
    "/closures",
    summary="Closures, now and in future",
    responses=answer(ClosureList, {"items": [_CLOSURE]}),
)
def get_closures(request: Request, district: str | None = None) -> Response:
    """List the closures that were not ended; `acts` has the profiles that each binds now; `reason` null: erased."""
    return JSONResponse(closures.list_closures(service_of(request), district))


@router.delete("/closures/{closure_id}", status_code=204, summary="End a closure")
def delete_closure(request: Request, closure_id: str, idempotency_key: IdempotencyKey = None) -> Response:
    """End a closure at once."""
    try:
        number = UUID(closure_id)
    except ValueError:
        raise NotFound(
            f"There is no closure {closure_id[:60]!r}. See GET /closures.",
            kind="no-closure",
            closure_id=closure_id[:60],
        ) from None
    key = request_key(request, idempotency_key, None)
    return as_response(closures.delete_closure(service_of(request), number, actor=caller_of(request), request=key))

"""Roads over HTTP: travel times, service areas, closures."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
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
)
from gridsvc.errors import InvalidInput, NotFound, Unavailable
from gridsvc.operations.cases import offline
from gridsvc.operations.places.extents import read_extent
from gridsvc.operations.roads import closures, travel_times

router = APIRouter(tags=["roads"])

_MOST_TIMES = 1_000_000

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
    responses={200: {"content": {"application/json": {"example": {"seconds": [[412.5, None]]}}}}},
)
def post_travel_times(request: Request, body: TravelTimesBody) -> dict[str, Any]:
    """Return seconds by road, a row an origin; null = unreachable."""
    import numpy as np

    if len(body.origins) * len(body.destinations) > _MOST_TIMES:
        raise InvalidInput(
            f"{len(body.origins)} times {len(body.destinations)} travel times are more than {_MOST_TIMES} at once. "
            "Ask in parts, or use `gridsvc travel-times`.",
            origins=len(body.origins),
            destinations=len(body.destinations),
            most=_MOST_TIMES,
        )
    service, ends = service_of(request), (np.array(body.origins, float), np.array(body.destinations, float))
    asked = {"profile": body.profile, "district": body.district}
    age_s: float | None = None
    try:
        seconds = travel_times.travel_times(service, *ends, **asked)  # type: ignore[arg-type]
    except Unavailable as away:
        seconds, age_s = offline.travel_times(service, away, *ends, **asked)  # type: ignore[arg-type]
    infinite = float("inf")
    rows = [[None if s == infinite else round(s, 3) for s in row] for row in seconds.tolist()]
    return {"seconds": rows} | offline.told(age_s)


@router.get(
    "/isochrones",
    summary="The area within so many minutes of a place, with its certificate",
    responses={200: {"content": {"application/geo+json": {"example": {"type": "FeatureCollection", "features": []}}}}},
)
def get_isochrones(
    request: Request,
    lon: float,
    lat: float,
    minutes: Annotated[str, Query(max_length=200, description="Budgets separated by commas")] = "5,15",
    direction: Literal["to", "from"] = "to",
    profile: Profile = "normal",
    district: str | None = None,
) -> dict[str, Any]:
    """Draw service areas as GeoJSON; each feature has minutes, direction and certificate {points, wrong, share}."""
    try:
        budgets = [float(part) for part in minutes.split(",") if part.strip()]
    except ValueError:
        raise InvalidInput(
            f"`minutes` is {minutes[:60]!r}; give numbers separated by commas, such as 5,15.", minutes=minutes[:60]
        ) from None
    if len(budgets) > 12:
        raise InvalidInput("At most 12 budgets at once.")
    return travel_times.service_areas(
        service_of(request), lon, lat, budgets, direction=direction, profile=profile, district=district
    )


@router.get(
    "/routes",
    summary="The quickest way between two places",
    responses={
        200: {"content": {"application/geo+json": {"example": {"type": "Feature", "properties": {"seconds": 412.5}}}}}
    },
)
def get_route(
    request: Request,
    from_lon: float,
    from_lat: float,
    to_lon: float,
    to_lat: float,
    profile: Profile = "emergency",
    district: str | None = None,
) -> dict[str, Any]:
    """Draw the way as a GeoJSON line along the road, with its seconds (walks beside the road included)."""
    here, there = (from_lon, from_lat), (to_lon, to_lat)
    return travel_times.find_route(service_of(request), here, there, profile=profile, district=district)


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


_MADE = {"id": "01a20c85-95e1-7e22-969f-63cda45f0508", "factor": 0, "edges": 3, "km": 0.8}
_CLOSURE = {"id": _MADE["id"], "factor": 0, "reason": "flooded", "acts": ["normal", "emergency"]}


@router.post(
    "/closures",
    status_code=201,
    summary="Close or slow roads",
    responses={201: {"content": {"application/json": {"example": _MADE}}}},
)
def post_closure(request: Request, body: ClosureBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Close (factor 0) or slow roads along a line, across one, in an area or at a point; acts on the next query."""
    return as_response(
        closures.add_closure(
            service_of(request), read_extent(body.geometry), factor=body.factor, reason=body.reason,
            actor=caller_of(request), since=body.since, until=body.until, profiles=tuple(body.profiles),
            district=body.district,
            request=request_key(request, idempotency_key, body.model_dump(mode="json")),
        )
    )  # fmt: skip


@router.get(
    "/closures",
    summary="The closures, now and to come",
    responses={200: {"content": {"application/json": {"example": {"items": [_CLOSURE]}}}}},
)
def get_closures(request: Request, district: str | None = None) -> dict[str, Any]:
    """List closures that were not ended; `acts` names the profiles that each binds now; `reason` null: erased."""
    return closures.list_closures(service_of(request), district)


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

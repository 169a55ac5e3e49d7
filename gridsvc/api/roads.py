"""Roads over HTTP: travel times and service areas."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from gridsvc.api.requests import Body, Text, service_of
from gridsvc.errors import InvalidInput
from gridsvc.operations import travel

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
            "Ask in parts, or use `gridsvc travel-times`."
        )
    seconds = travel.travel_times(
        service_of(request), np.array(body.origins, float), np.array(body.destinations, float), profile=body.profile,
        district=body.district,
    )  # fmt: skip
    infinite = float("inf")
    return {"seconds": [[None if s == infinite else round(s, 3) for s in row] for row in seconds.tolist()]}


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
        raise InvalidInput(f"`minutes` is {minutes[:60]!r}; give numbers separated by commas, such as 5,15.") from None
    if len(budgets) > 12:
        raise InvalidInput("At most 12 budgets at once.")
    return travel.service_areas(
        service_of(request), lon, lat, budgets, direction=direction, profile=profile, district=district
    )

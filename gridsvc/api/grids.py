"""Grids and owners over HTTP: of one place, or of hundreds of thousands in one request."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

import gridsvc.grids.compiled  # noqa: F401  the kernels are loaded before the first request, not by it
from gridsvc.api.answers.grids import Differences, GridList, ManyOwners, PlaceOwners
from gridsvc.api.answers.people import GridPeople
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import service_of
from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.operations.cases import offline
from gridsvc.operations.grids import generations
from gridsvc.operations.grids.people import people_of
from gridsvc.operations.grids.review import MOST_GRIDS, review_generation
from gridsvc.operations.places import owners
from gridsvc.operations.places.in_force import list_indexes
from gridsvc.operations.places.questions import Around
from gridsvc.times import check_time, read_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

_LIVE: float | None = None  # the age of an answer that is not from memory

router = APIRouter(tags=["grids"])

_OWNERS = {
    "district": "330703",
    "owners": {
        "regional": None, "township": {"code": "330703001000", "name": "多湖街道"}, "area": None,
        "village": {"code": "330703001001", "name": "王坦社区居委会"},
    },
    "rule": "interior",
    "generation": 3,
}  # fmt: skip
_MANY = {"lon": [119.70, 119.81], "lat": [29.09, 29.12]}
_MANY_OWNERS = {
    "district": ["330703", "330703"], "regional": [None, None], "township": ["330703001000", "330703104000"],
    "area": [None, None], "village": ["330703001001", None], "rule": ["interior", "gap"], "generations": {"330703": 3},
}  # fmt: skip
_MANY_SCHEMA = {
    "type": "object",
    "required": ["lon", "lat"],
    "additionalProperties": False,
    "properties": {
        "lon": {"type": "array", "items": {"type": "number"}},
        "lat": {"type": "array", "items": {"type": "number"}},
        "datum": {"type": "string", "default": "WGS-84"},
    },
}
MOST_POINTS = 2_000_000


@router.get(
    "/owners",
    summary="The owners of a place, at every level",
    responses=answer(PlaceOwners, _OWNERS),
)
def get_owners(
    request: Request,
    lon: Annotated[float, Query(examples=[119.7])],
    lat: Annotated[float, Query(examples=[29.1])],
    datum: Annotated[str, Query(max_length=40)] = "WGS-84",
    radius_m: Annotated[
        float | None, Query(description="How uncertain the place is: adds `shares`, `confirm` and `question`")
    ] = None,
    as_of: Annotated[
        str | None, Query(max_length=40, description="By the grids in force then (RFC 3339, or a date)")
    ] = None,
    known_at: Annotated[str | None, Query(max_length=40, description="By what was known at that time")] = None,
    district: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Return the owner chain of a place, the rule that decided and the generation of the grids."""
    service = service_of(request)
    at, known = _moment("as_of", as_of), _moment("known_at", known_at)
    try:
        indexes, age_s = list_indexes(service, district=district, as_of=at, known_at=known), _LIVE
    except Unavailable as away:
        if at is not None or known is not None:
            raise
        indexes, age_s = offline.indexes(service, away, district)
    found = owners.locate(indexes, lon, lat, datum=datum, radius_m=radius_m, around=Around(service))
    return JSONResponse(owners.within(service.caller.scope, found).as_json() | offline.degraded(age_s))


@router.post(
    "/owners",
    summary="The owners of many places",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": _MANY_SCHEMA, "example": _MANY}}}
    },
    responses=answer(ManyOwners, _MANY_OWNERS),
)
async def post_owners(request: Request) -> Response:
    """Return a code (or null) for every place at every level, and the rule; outside: all null, rule `outside`."""
    body = await request.body()
    return Response(await run_in_threadpool(_many, service_of(request), body), media_type="application/json")


_GRID = {"code": "330703001000", "name": "多湖街道", "level": "township", "parent": "330703R01", "area_m2": 2.4e7}


@router.get(
    "/grids",
    summary="The grids in force",
    responses=answer(GridList, {"items": [_GRID]}),
)
def get_grids(request: Request, district: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """List code, name, level, parent and area_m2 of every grid in force."""
    service = service_of(request)
    items = generations.list_grids(service, generations.choose_district(service, district))
    return JSONResponse({"items": items})


_HELD = {"post": "officer", "name": "王小明", "phone": "138****1234", "from": "2026-03-01", "until": None}
_PEOPLE = {
    "grid": "330703001001", "name": "王坦社区居委会", "level": "village", "on": "2026-05-01", "people": [_HELD],
    "responsible": _HELD | {"grid": "330703001001"},
}  # fmt: skip


@router.get(
    "/grids/{code}/people",
    summary="Who answers for a grid",
    responses=answer(GridPeople, _PEOPLE),
)
def get_people(
    request: Request,
    code: Annotated[str, Path(max_length=40)],
    on: Annotated[str | None, Query(max_length=10, description="a date; today without it")] = None,
    district: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Return who holds the posts of a grid in force on a day, and who answers for it; numbers are masked."""
    service = service_of(request)
    day = None if on is None else _day("on", on)
    return JSONResponse(people_of(service, generations.choose_district(service, district), code, on=day))


_GROUND = {"type": "Polygon", "coordinates": [[[119.7, 29.1], [119.71, 29.1], [119.71, 29.11], [119.7, 29.1]]]}
_MOVED = {
    "level": "township", "from": "330703001000", "to": "330703002000", "from_name": "多湖街道", "to_name": "东孝街道",
    "area_m2": 540000.0, "addresses": 12, "teams": 0, "open_cases": 1,
}  # fmt: skip
_CHANGE = {
    "code": "330703001000", "level": "township", "changes": ["moved"], "name": "多湖街道", "former_name": "多湖街道",
    "parent": None, "former_parent": None, "from": [], "to": [], "area_m2": 2.4e7, "former_area_m2": 2.5e7,
    "gained_m2": 0.0, "lost_m2": 540000.0, "addresses": 12, "teams": 0, "open_cases": 1,
}  # fmt: skip
_MATCH = {
    "level": "village", "rule": "renamed", "before": "330703102219", "before_name": "水角村委会",
    "before_parent": "330703102000", "after": "330703102219", "after_name": "水阁村委会",
    "after_parent": "330703102000", "why": "",
}  # fmt: skip
_DIFFERENCES = {
    "type": "FeatureCollection", "features": [{"type": "Feature", "geometry": _GROUND, "properties": _MOVED}],
    "district": "330703", "generation": 4, "against": 3, "added": [], "removed": [], "renamed": [], "reparented": [],
    "reshaped": ["330703001000"], "grids": [_CHANGE], "addresses": 12, "teams": 0, "open_cases": 1,
    "codes": {"counts": {"village": {"same-code": 34, "renamed": 1}}, "gone": 0, "new": 0, "matches": [_MATCH]},
}  # fmt: skip


@router.get(
    "/generations/{generation}/differences",
    summary="What a generation changes",
    responses=answer(Differences, _DIFFERENCES),
)
def get_differences(
    request: Request,
    generation: Annotated[int, Path(ge=1, le=2**31 - 1)],
    district: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Return the ground that changes owner against what is in force as GeoJSON, and what becomes of each grid."""
    service = service_of(request)
    code = generations.choose_district(service, district)
    return JSONResponse(review_generation(service, code, generation, most_grids=MOST_GRIDS).as_collection())


def _many(service: Service, body: bytes) -> bytes:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput('The body is no JSON. Send {"lon": [...], "lat": [...]}.', kind="not-json") from None
    if not isinstance(asked, dict) or not {"lon", "lat"} <= asked.keys() <= {"lon", "lat", "datum"}:
        raise InvalidInput('Send {"lon": [...], "lat": [...]}, and `datum` where it is not WGS-84.')
    datum = asked.get("datum", "WGS-84")
    if not isinstance(datum, str):
        raise InvalidInput("`datum` must be a text: WGS-84, CGCS2000, GCJ-02 or BD-09.")
    try:
        indexes, age_s = list_indexes(service), _LIVE
    except Unavailable as away:
        indexes, age_s = offline.indexes(service, away)
    found = owners.locate_many(indexes, _degrees("lon", asked["lon"]), _degrees("lat", asked["lat"]), datum=datum)
    found = owners.within_many(service.caller.scope, found)
    # Every distinct text is encoded once, then only joined: a million answers in a second.
    parts = [
        f'"{name}":[{",".join(_encoded(found.words[name])[numbers].tolist())}]'
        for name, numbers in found.columns.items()
    ]
    rest = json.dumps({"generations": found.generations} | offline.degraded(age_s))
    return f"{{{','.join(parts)},{rest[1:]}".encode()


def _encoded(texts: list[str | None]) -> NDArray[np.object_]:
    return np.array([json.dumps(text, ensure_ascii=False) for text in texts], dtype=object)


def _degrees(name: str, values: Json) -> NDArray[np.float64]:
    if not isinstance(values, list) or not set(map(type, values)) <= {float, int}:
        raise InvalidInput(f"`{name}` must be a list of numbers.", name=name)
    if len(values) > MOST_POINTS:
        raise InvalidInput(
            f"`{name}` has {len(values)} numbers; send at most {MOST_POINTS} at once.",
            name=name,
            count=len(values),
            most=MOST_POINTS,
        )
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        raise InvalidInput(f"`{name}` has a number that is out of range.", kind="out-of-range", name=name) from None


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"`{name}` is {text[:40]!r}. Write a date as 2026-03-01.", kind="not-a-date", name=name, value=text[:40]
        ) from None


def _moment(name: str, text: str | None) -> datetime | None:
    """Read RFC 3339 with offset, or a date (the end of that day, UTC)."""
    if text is None:
        return None
    try:
        if len(text) == 10:
            return check_time(datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC))
        return read_time(text.replace(" ", "+"))  # a plus sign that a URL turned into a space
    except ValueError as wrong:
        raise InvalidInput(
            f"`{name}` {text[:60]!r} {wrong}. A date alone is accepted, too: the end of that day, UTC.",
            name=name,
            value=text[:60],
            wrong=str(wrong),
        ) from None

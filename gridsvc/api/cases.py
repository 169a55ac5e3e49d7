"""Cases over HTTP: reports, lists, steps, and recommendations without a case."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, model_validator
from starlette.concurrency import run_in_threadpool

from gridsvc.api.answers.case_events import CaseEventList
from gridsvc.api.answers.case_examples import AFTER_STEP, CASE, EVENT, LISTED, PREVIEW, REPORTED, WITH_TEXTS
from gridsvc.api.answers.cases import (
    CaseAfterStep,
    CasePage,
    CaseWithPersons,
    CaseWithTexts,
    Preview,
)
from gridsvc.api.answers.recommendation import ConsideredList
from gridsvc.api.http.lanes import run_in, with_case_threads
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import (
    Body,
    IdempotencyKey,
    Moment,
    Text,
    as_response,
    caller_of,
    incident_id_of,
    request_key,
    service_of,
    team_id_of,
)
from gridsvc.cases.decide import Report
from gridsvc.cases.model import Status
from gridsvc.db.cases.filters import CaseFilter
from gridsvc.errors import InvalidInput
from gridsvc.operations.cases import considered, preview, read, steps
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.places.extents import read_extent

router = APIRouter(tags=["incidents"])

_LARGE = 200


class LocationBody(Body):
    """A place; `datum` is WGS-84 by default, `radius_m` is its uncertainty."""

    lon: Annotated[float, Field(strict=True)]
    lat: Annotated[float, Field(strict=True)]
    datum: Text = "WGS-84"
    radius_m: Annotated[float | None, Field(strict=True)] = None

    @model_validator(mode="before")
    @classmethod
    def _without_road(cls, given: object) -> object:
        """Take a place as an answer gave it: its `road` is found again."""
        return {name: each for name, each in given.items() if name != "road"} if isinstance(given, dict) else given


class ReporterBody(Body):
    """The reporter: stored in a separate table, masked in answers, erasable."""

    name: Text | None = None
    phone: Text | None = None
    address: Text | None = None


class ReportBody(Body):
    """An incident: exactly one of type and matter, and exactly one of location, address, geometry."""

    type: Annotated[Text, Field(max_length=200)] | None = None
    matter: Annotated[Text, Field(max_length=200)] | None = None
    location: LocationBody | None = None
    address: Annotated[Text, Field(max_length=500)] | None = None
    geometry: dict[str, Any] | None = None
    description: Text | None = None
    reporter: ReporterBody | None = None
    reported_at: Moment | None = None
    source: Annotated[Text, Field(max_length=200)] | None = None
    external_ref: Annotated[Text, Field(max_length=200)] | None = None
    subject: Annotated[Text, Field(max_length=200)] | None = None
    site: Annotated[Text, Field(max_length=200)] | None = None
    drill: Annotated[bool, Field(strict=True)] = False

    model_config = Body.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "food-poisoning",
                    "location": {"lon": 119.6867, "lat": 29.0926, "datum": "GCJ-02", "radius_m": 50},
                    "description": "Seven people sick after lunch in the canteen",
                    "reported_at": "2026-03-01T12:41:00+08:00",
                }
            ]
        }
    }

    def as_report(self) -> Report:
        """Return the report; its geometry is read and checked."""
        place = self.location
        return Report(
            type=self.type,
            matter=self.matter,
            lon=None if place is None else place.lon,
            lat=None if place is None else place.lat,
            datum="WGS-84" if place is None else place.datum,
            radius_m=None if place is None else place.radius_m,
            address=self.address,
            extent=None if self.geometry is None else read_extent(self.geometry),
            description=self.description,
            reporter=None if self.reporter is None else self.reporter.model_dump(exclude_none=True),
            reported_at=self.reported_at,
            source=self.source,
            external_ref=self.external_ref,
            subject=self.subject,
            site=self.site,
            drill=self.drill,
        )


class StepBody(Body):
    """A step of the case, or of `team_id` on it; `at` back-fills a late stamp, `note` is the reason of a decline.

    An `assign` with a `team_id` that fills no slot of the law, and is no substitute that was proposed, needs its reason
    in `note`.

    `recommendation_id`: which recommendation an `assign` is compared with in `differs`: the one that the case has, or
    that an earlier order of it answered; without one, that of the report. POST /recommendations keeps none.
    """

    step: Annotated[Text, Field(max_length=40)]
    team_id: Annotated[Text, Field(max_length=60)] | None = None
    at: Moment | None = None
    note: Text | None = None
    recommendation_id: Annotated[Text, Field(max_length=60)] | None = None
    alarm: Literal[1, 2] = 1

    model_config = Body.model_config | {
        "json_schema_extra": {
            "examples": [{"step": "assign"}, {"step": "on_scene", "team_id": "01a20c85-95e1-7e22-969f-63cda45f0508"}]
        }
    }


@router.post(
    "/incidents",
    status_code=201,
    summary="Report an incident: its owners, its joint team, and whether they arrive in time",
    responses=answer(CaseWithPersons, REPORTED, status=201),
)
@with_case_threads("reports")
def post_incident(request: Request, body: ReportBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Make a case. A located emergency is never refused: without a team or a road near, it waits visibly."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    report = body.as_report()
    return as_response(report_incident(service_of(request), report, actor=caller_of(request), request=key))


@router.post(
    "/recommendations",
    summary="The same answer as POST /incidents, nothing written",
    responses=answer(Preview, PREVIEW),
)
def post_recommendation(request: Request, body: ReportBody) -> Response:
    """Return the recommendation of a report, without making a case."""
    return JSONResponse(preview.recommend(service_of(request), body.as_report()))


class CaseQuery(BaseModel):
    """Which cases are listed, and which page of them; a filter that is not set admits every case."""

    status: list[str] | None = None
    owner: str | None = None
    response_class: Annotated[str | None, Field(alias="class")] = None
    since: Moment | None = None
    bbox: Annotated[str | None, Field(description="west,south,east,north in degrees")] = None
    late: bool | None = None
    waiting: bool | None = None
    district: str | None = None
    limit: Annotated[int, Field(ge=1, le=read.LONGEST_PAGE)] = 100
    after: str | None = None


@router.get("/incidents", summary="Cases, newest first", responses=answer(CasePage, {"items": [LISTED], "next": None}))
async def get_incidents(request: Request, query: Annotated[CaseQuery, Query()]) -> Response:
    """List cases, drills and closed ones included; `next` is the cursor of the following page."""
    unknown = [word for word in query.status or [] if word not in set(Status)]
    if unknown:
        raise InvalidInput(
            f"There is no status {unknown[0][:40]!r}. Use: {', '.join(Status)}.",
            kind="unknown-status",
            status=unknown[0][:40],
            known=list(Status),
        )
    wanted = CaseFilter(
        district=query.district,
        statuses=tuple(query.status) if query.status else None,
        owner=query.owner,
        response_class=query.response_class,
        since=query.since,
        bbox=_bbox(query.bbox),
        late=query.late,
        waiting=query.waiting,
    )
    service = service_of(request)

    def page() -> Response:
        return JSONResponse(read.list_cases(service, wanted, limit=query.limit, after=query.after))

    # A page of a thousand takes 200 MB while it is made: one at a time, and no other request waits for it.
    return await (run_in("lists", request, page) if query.limit > _LARGE else run_in_threadpool(page))


@router.get("/incidents/{incident_id}", summary="One case as it is now", responses=answer(CaseWithTexts, WITH_TEXTS))
def get_incident(request: Request, incident_id: str) -> Response:
    """Return the answer of its report, with status, clocks and assignments of now."""
    return JSONResponse(read.get_case(service_of(request), incident_id_of(incident_id)))


@router.get(
    "/incidents/{incident_id}/events",
    summary="What happened to a case, oldest first",
    responses=answer(CaseEventList, {"items": [EVENT]}),
)
def get_incident_events(request: Request, incident_id: str) -> Response:
    """List the events of a case as they are sealed."""
    return JSONResponse(read.list_case_events(service_of(request), incident_id_of(incident_id)))


@router.get(
    "/incidents/{incident_id}/considered",
    summary="Every team that was considered at the report",
    responses=answer(ConsideredList, {"items": CASE["recommendation"]["considered"]}),
)
def get_considered(request: Request, incident_id: str) -> Response:
    """List every team with its seconds and verdict, the nearest first; recomputed from what was recorded."""
    return JSONResponse(considered.list_case_considered(service_of(request), incident_id_of(incident_id)))


@router.post(
    "/incidents/{incident_id}/steps",
    summary="Take a step of the case, or of a team on it",
    responses=answer(CaseAfterStep, AFTER_STEP),
)
@with_case_threads("steps")
def post_step(request: Request, incident_id: str, body: StepBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Take a legal step, or refuse and list the legal ones. `assign` without `team_id` sends the joint team."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    step = steps.Step(
        step=body.step,
        team_id=None if body.team_id is None else team_id_of(body.team_id),
        at=body.at,
        note=body.note,
        recommendation_id=recommendation_id_of(body.recommendation_id),
        alarm=body.alarm,
    )
    case_id = incident_id_of(incident_id)
    return as_response(steps.step_incident(service_of(request), case_id, step, actor=caller_of(request), request=key))


def recommendation_id_of(text: str | None) -> UUID | None:
    """Return the id of a recommendation; InvalidInput for what cannot be one."""
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"{text[:60]!r} is no recommendation's id. Send the `recommendation_id` that the case or an order of it "
            "has, unchanged, or none.",
            kind="unknown-recommendation",
            recommendation_id=text[:60],
        ) from None


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput("`bbox` is four numbers: west,south,east,north in degrees.") from None
    if not all(map(isfinite, (west, south, east, north))) or west > east or south > north:
        raise InvalidInput("`bbox` must be finite, west before east and south before north.")
    return west, south, east, north

"""Over HTTP: why responses were late, where, and the reports that are kept."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from gridsvc.api.answers.lateness import CauseName, Causes, KeptReportList, LateAreas, LateCases, ReportDocument
from gridsvc.api.http.lanes import in_queue
from gridsvc.api.http.openapi import GeoJson, answer
from gridsvc.api.http.requests import Text, service_of
from gridsvc.compliance.lateness import AS_REPORTED
from gridsvc.compliance.report.page import page
from gridsvc.errors import NotFound
from gridsvc.operations.compliance import kept, late
from gridsvc.operations.compliance.question import Question

router = APIRouter(prefix="/compliance", tags=["compliance"])

MOST_LATE = 5_000
"""Late cases that one answer explains; `gridsvc compliance causes` takes as many as there are."""
MOST_CASES = 200_000
_PAGE_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
}

_HTML = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>"}}
_SHARE = {"count": 168, "n": 382, "share": 0.4398, "low": 0.3893, "high": 0.4912}
_PERIOD = {"district": "330703", "since": "2026-10-01T00:00:00+08:00", "until": "2026-11-01T00:00:00+08:00"}
_LATENESS = {
    "late": 382, "uncertain": 21,
    "causes": [{"cause": "no-team-free", "main": _SHARE, "touched": 178, "overrun_s": 220944.4,
                "seconds_share": 0.7512, "seconds_low": 0.6634, "seconds_high": 0.839}],
    "remedies": [{"kind": "nearest-team-free", "met": _SHARE}],
}  # fmt: skip
_LATE = {
    "incident_id": "01a20c85-95e1-7e22-969f-63cda45f0508", "number": 812, "type": "fire", "type_name": "火灾",
    "clock_policy": "received-to-lead-p90", "township": {"code": "330703100000", "name": "孝顺镇"},
    "reported_at": "2026-10-03T08:30:00+00:00", "target_s": 900, "response_s": 1200.0, "overrun_s": 300.0,
    "cause": "travel", "parts_s": {"handling": 100.0, "travel": 200.0}, "uncertain": False,
    "response_class": "rural",
    "remedies": [{"kind": "travel", "response_s": 800.0, "meets_target": True, "team_id": None, "team": None,
                  "station": None}],
}  # fmt: skip
_AREA = {
    "id": "330703100000/874194782ffffff", "townships": ["330703100000"],
    "township_names": ["孝顺镇"], "resolution": 7, "n": 52, "judged": 49,
    "late": 12, "late_share": 0.2449, "late_low": 0.1334, "late_high": 0.3887,
    "above_district": False, "p90_n": 49, "p90_s": 1775.4, "p90_low_s": 1102.0, "p90_high_s": 2210.0,
    "policy": "received-to-lead-p90",
}  # fmt: skip
_AREAS = {
    "type": "FeatureCollection", **_PERIOD, "policy": "received-to-lead-p90", "policy_version": "19220016",
    "resolution": 8, "least": 30,
    "features": [{"type": "Feature", "id": _AREA["id"], "geometry": {"type": "Polygon", "coordinates": []},
                  "properties": _AREA}],
    "townships": [{"townships": ["330703100000"], "township_names": ["孝顺镇"], "n": 180, "late": _SHARE,
                   "p90_n": 171, "p90_s": 675.0, "p90_low_s": 488.0, "p90_high_s": 2366.0}],
}  # fmt: skip
_KEPT = {
    "id": "01a237c1-f812-7dd6-bda8-71e6fcb7af45", **_PERIOD, "policy": "received-to-lead-p90", "cases": 118,
    "digest": "355a903a7565c70c", "made_by": "gridsvc", "made_at": "2026-11-03T02:00:00+00:00",
}  # fmt: skip


class Period(BaseModel):
    """Which cases are asked about."""

    district: Text | None = None
    since: Text | None = Field(None, description="Cases received from then on: a date of the district, or RFC 3339.")
    until: Text | None = Field(None, description="Cases received before then.")

    def question(self, policy: str | None = None) -> Question:
        """Return what is asked."""
        return Question(self.since, self.until, policy=policy)


class OneCause(Period):
    """The query of GET /compliance/late."""

    cause: CauseName | None = Field(None, description="Only cases whose main cause it is.")
    limit: int = Field(200, ge=1, le=1000)


class AreasAsked(Period):
    """The query of GET /compliance/cells."""

    policy: Text | None = Field(None, description="A clock policy; without it the default one.")
    resolution: int | None = Field(None, description="The finest H3 resolution, 6 to 8; 8 if it is not given.")


@router.get("/causes", summary="Why responses were late, and what would have met the target",
            responses=answer(Causes, {**_PERIOD, "policy": AS_REPORTED, **_LATENESS,
                                      "by_class": {"rural": _LATENESS}}))  # fmt: skip
@in_queue("lists")
def get_causes(request: Request, asked: Annotated[Period, Query()]) -> Response:
    """Count the causes of the late cases that the caller may see, by the clock policy that each was reported under."""
    return JSONResponse(late.get_causes(service_of(request), asked.district, asked.question(), most=MOST_LATE))


@router.get("/late", summary="The late cases themselves, each with its causes",
            responses=answer(LateCases, {**_PERIOD, "policy": AS_REPORTED, "total": 1,
                                         "items": [_LATE]}))  # fmt: skip
@in_queue("lists")
def get_late(request: Request, asked: Annotated[OneCause, Query()]) -> Response:
    """List late cases, those that are latest first."""
    wanted = late.Chosen(asked.cause, asked.limit, MOST_LATE)
    return JSONResponse(late.list_late_cases(service_of(request), asked.district, asked.question(), wanted))


@router.get("/cells", summary="Where responses are late: areas of at least five cases, and the same by township",
            response_class=GeoJson,
            responses=answer(LateAreas, _AREAS, media_type=GeoJson.media_type))  # fmt: skip
@in_queue("lists")
def get_cells(request: Request, asked: Annotated[AreasAsked, Query()]) -> Response:
    """Return areas as GeoJSON. No area has fewer than five cases, and none follows from others by subtraction."""
    found = late.get_cells(
        service_of(request),
        asked.district,
        asked.question(asked.policy),
        resolution=asked.resolution,
        most=MOST_CASES,
    )
    return GeoJson(found)


@router.get("/reports", summary="The reports that are kept", responses=answer(KeptReportList, {"items": [_KEPT]}))
def get_reports(request: Request, district: Text | None = None) -> Response:
    """List reports, the newest first. A report is of a whole district: a caller of a grid sees none."""
    return JSONResponse(kept.list_kept(service_of(request), district))


@router.get("/reports/{report_id}", summary="A report that is kept, with all its figures",
            responses=answer(ReportDocument, _KEPT | {"document": {}}))  # fmt: skip
@in_queue("lists")
def get_report(request: Request, report_id: str) -> Response:
    """Return a report with its document."""
    report, document = kept.get_kept(service_of(request), _report_id(report_id))
    return JSONResponse(report.as_json() | {"document": document})


@router.get("/reports/{report_id}/page", summary="A report that is kept, as a page for A4",
            response_class=HTMLResponse,
            responses={200: {"description": "The page; it loads nothing.", "content": _HTML}})  # fmt: skip
@in_queue("lists")
def get_report_page(request: Request, report_id: str, language: Literal["zh", "en"] = "zh") -> Response:
    """Return the page that `gridsvc compliance report` writes, byte for byte."""
    _, document = kept.get_kept(service_of(request), _report_id(report_id))
    return HTMLResponse(page(document, language), headers=_PAGE_POLICY)


def _report_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(
            f"There is no report {text[:60]!r}. See GET /compliance/reports.", kind="no-report", report_id=text[:60]
        ) from None

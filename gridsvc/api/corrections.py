"""Corrections of a case over HTTP: its place, or its owner."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from gridsvc.api.answers.case_examples import AFTER_CORRECTION, CORRECTION_PREVIEW
from gridsvc.api.answers.corrections import CaseAfterCorrection, CorrectionPreview
from gridsvc.api.cases import LocationBody, recommendation_id_of
from gridsvc.api.http.lanes import with_case_threads
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import (
    Body,
    IdempotencyKey,
    Text,
    as_response,
    caller_of,
    incident_id_of,
    request_key,
    service_of,
)
from gridsvc.cases.decide import Report
from gridsvc.operations.cases import corrections
from gridsvc.operations.places.extents import read_extent

router = APIRouter(tags=["incidents"])


class CaseSeenBody(Body):
    """What a correction is for.

    `recommendation_id`: that of the case as the caller saw it; where it was corrected since, the answer is 409.
    """

    recommendation_id: Annotated[Text, Field(max_length=60)] | None = None

    def seen(self) -> UUID | None:
        """Return what the caller saw."""
        return recommendation_id_of(self.recommendation_id)


class PlacePreviewBody(CaseSeenBody):
    """Another place of a case: exactly one of location, address, geometry."""

    location: LocationBody | None = None
    address: Annotated[Text, Field(max_length=500)] | None = None
    geometry: dict[str, Any] | None = None

    model_config = Body.model_config | {
        "json_schema_extra": {"examples": [{"location": {"lon": 119.6867, "lat": 29.0926, "radius_m": 30}}]}
    }

    def as_report(self) -> Report:
        """Return a report with the place alone; its geometry is read and checked."""
        place = self.location
        return Report(
            lon=None if place is None else place.lon,
            lat=None if place is None else place.lat,
            datum="WGS-84" if place is None else place.datum,
            radius_m=None if place is None else place.radius_m,
            address=self.address,
            extent=None if self.geometry is None else read_extent(self.geometry),
        )


class PlaceBody(PlacePreviewBody):
    """The right place of a case, and why it is corrected: exactly one of location, address, geometry."""

    reason: Text

    model_config = Body.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "location": {"lon": 119.6867, "lat": 29.0926, "radius_m": 30},
                    "reason": "The caller is at the north gate",
                }
            ]
        }
    }


class OwnerPreviewBody(CaseSeenBody):
    """Another owner of a case: a grid in force, with the grids above it; `level` is compared."""

    code: Annotated[Text, Field(max_length=60)]
    level: Literal["regional", "township", "area", "village"] | None = None

    model_config = Body.model_config | {
        "json_schema_extra": {"examples": [{"code": "330703001000", "level": "township"}]}
    }


class OwnerBody(OwnerPreviewBody):
    """The owner of a case by the word of a person, with the reason."""

    reason: Text

    model_config = Body.model_config | {
        "json_schema_extra": {
            "examples": [{"code": "330703001000", "level": "township", "reason": "The two townships agreed on it"}]
        }
    }


@router.post(
    "/incidents/{incident_id}/place",
    summary="Correct the place of a case: it is routed again, and keeps its clock and its teams",
    responses=answer(CaseAfterCorrection, AFTER_CORRECTION),
)
@with_case_threads("reports")
def post_place(request: Request, incident_id: str, body: PlaceBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Decide owners, class, target and team by the new place; the answer names the teams that do not belong there."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    where, why, case_id = body.as_report(), corrections.Why(body.reason, body.seen()), incident_id_of(incident_id)
    service, actor = service_of(request), caller_of(request)
    return as_response(corrections.correct_place(service, case_id, where, why, actor=actor, request=key))


@router.post(
    "/incidents/{incident_id}/owner",
    summary="Give a case the owner that a person names, with the reason",
    responses=answer(CaseAfterCorrection, AFTER_CORRECTION),
)
@with_case_threads("reports")
def post_owner(request: Request, incident_id: str, body: OwnerBody, idempotency_key: IdempotencyKey = None) -> Response:
    """Decide class, target and team by the owner named; `ownership.rule` is then `person`."""
    key = request_key(request, idempotency_key, body.model_dump(mode="json"))
    why, case_id = corrections.Why(body.reason, body.seen()), incident_id_of(incident_id)
    service, actor = service_of(request), caller_of(request)
    return as_response(
        corrections.override_owner(service, case_id, body.code, why, level=body.level, actor=actor, request=key)
    )


@router.post(
    "/incidents/{incident_id}/place/preview",
    summary="What a correction of the place would change; nothing is written",
    responses=answer(CorrectionPreview, CORRECTION_PREVIEW),
)
def post_place_preview(request: Request, incident_id: str, body: PlacePreviewBody) -> Response:
    """Return the answer that POST /incidents/{incident_id}/place would have now, and what would change by it."""
    where, seen, case_id = body.as_report(), body.seen(), incident_id_of(incident_id)
    return JSONResponse(corrections.preview_place(service_of(request), case_id, where, seen=seen))


@router.post(
    "/incidents/{incident_id}/owner/preview",
    summary="What an owner named by a person would change; nothing is written",
    responses=answer(CorrectionPreview, CORRECTION_PREVIEW),
)
def post_owner_preview(request: Request, incident_id: str, body: OwnerPreviewBody) -> Response:
    """Return the answer that POST /incidents/{incident_id}/owner would have now, and what would change by it."""
    seen, case_id = body.seen(), incident_id_of(incident_id)
    found = corrections.preview_owner(service_of(request), case_id, body.code, level=body.level, seen=seen)
    return JSONResponse(found)

"""Service areas of teams over HTTP: where they arrive in time, net of call handling and turnout."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from gridsvc.api.answers.roads import ServiceAreas
from gridsvc.api.http.lanes import in_queue
from gridsvc.api.http.openapi import GeoJson, answer
from gridsvc.api.http.requests import Text, service_of, team_id_of
from gridsvc.operations.isochrones import export
from gridsvc.operations.isochrones.export import Asked

router = APIRouter(tags=["roads"])

_VERSIONS = {
    "network": "666acadf",
    "closures": 3,
    "closures_acting": 1,
    "catalogue": "5d41402a",
    "plans": "7d793037",
    "clock_policies": "19220016",
    "teams": 1,
}
_EXAMPLE = {
    "type": "FeatureCollection",
    "complete": True,
    "stale": False,
    "districts": [
        {"district": "330703", "complete": True, "stale": False, "words": "of the versions in force",
         "at": "2026-03-01T08:30:00+00:00", "versions": _VERSIONS}
    ],
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "MultiPolygon", "coordinates": []},
            "properties": {"district": "330703", "kind": "first", "response_class": "urban",
                           "team_id": "01a20c85-95e1-7e22-969f-63cda45f0508", "team": "多湖中队", "k": None,
                           "minutes": 3.25, "drawn_at": "2026-03-01T08:30:00+00:00", "versions": _VERSIONS},
        }
    ],
}  # fmt: skip


@router.get(
    "/service-areas",
    summary="Where teams on duty arrive in time: each, the first of them, and how many",
    response_class=GeoJson,
    responses=answer(ServiceAreas, _EXAMPLE, media_type=GeoJson.media_type),
)
@in_queue("drawings")
def get_service_areas(
    request: Request,
    kind: Annotated[Literal["own", "first", "reached_by"] | None, Query(description="all, if not given")] = None,
    response_class: Annotated[
        Literal["urban", "rural"] | None, Query(alias="class", description="both, if not given")
    ] = None,
    team_id: Text | None = None,
    district: Text | None = None,
) -> Response:
    """Return the stored areas as GeoJSON.

    `own`: the area that a team reaches in time from its station; `first`: where it is the first whose arrival stops
    the clock; `reached_by`: where `k` such teams arrive. `stale`: versions have changed since; they are being redrawn.
    """
    asked = Asked(
        kinds=() if kind is None else (kind,),
        response_classes=() if response_class is None else (response_class,),
        team_id=None if team_id is None else team_id_of(team_id),
        district=district,
    )
    return Response(export.areas_document(service_of(request), asked), media_type=GeoJson.media_type)

"""Open cases near a new one in place, time and kind (R23): the tenth call about one fire is attached, not sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gridsvc.cases.model import Duplicate
from gridsvc.coordinates import distance_m, metres_per_degree
from gridsvc.db.cases import incidents
from gridsvc.dispatch import MATTER_TYPE
from gridsvc.operations.cases.recommend import law_of, plan_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.cases.decide import Report
    from gridsvc.operations.places.locate import Placement

WITHIN_M = 300.0
WITHIN = timedelta(hours=2)
SHOWN = 5


def list_duplicates(connection: Connection, placed: Placement, report: Report, now: datetime) -> tuple[Duplicate, ...]:
    """Return the open cases of the same field within 300 m (and the report's radius) and two hours, newest first."""
    plans = law_of(placed.view).plans.plans
    field = plan_of(placed.view, report).field
    kinds = [plan.type for plan in plans.values() if plan.field == field] + [MATTER_TYPE] * (report.matter is not None)
    at = placed.location
    east_m, north_m = metres_per_degree(at.lat)
    reach_m = WITHIN_M + (at.radius_m or 0.0)
    dx, dy = reach_m / max(east_m, 1.0), reach_m / north_m
    box = (at.lon - dx, at.lat - dy, at.lon + dx, at.lat + dy)
    found = incidents.list_near(connection, placed.view.code, box, kinds, now - WITHIN, 4 * SHOWN)
    near = [(case, distance_m(at.lon, at.lat, case.lon, case.lat)) for case in found]
    return tuple(
        Duplicate(
            str(case.id),
            case.number,
            case.type,
            case.status,
            round(metres),
            round((now - case.triggered_at).total_seconds()),
        )
        for case, metres in near
        if metres <= reach_m
    )[:SHOWN]

"""Open cases near a new one in place, time and kind (R23): the tenth call about one fire is attached, not sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gridsvc.cases.model import Duplicate
from gridsvc.coordinates import distance_m, metres_per_degree
from gridsvc.db.cases.incidents import NearQuery
from gridsvc.dispatch import MATTER_TYPE
from gridsvc.operations.cases.recommend import law_of, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from gridsvc.cases.decide import Report
    from gridsvc.db.cases.incidents import NearCase
    from gridsvc.operations.places.locate import Placement

WITHIN_M = 300.0
WITHIN = timedelta(hours=2)
SHOWN = 5


def near_query(placed: Placement, report: Report) -> NearQuery:
    """Return the query for the open cases of the same field within 300 m (and the report's radius) and two hours.

    Raises
    ------
    InvalidInput
        For an unknown type or matter.
    Conflict
        Where the district has no response plans.
    """
    plans = law_of(placed.view).plans.plans
    field = plan_of(placed.view, report).field
    kinds = [plan.type for plan in plans.values() if plan.field == field] + [MATTER_TYPE] * (report.matter is not None)
    at, reach_m = placed.location, _reach_m(placed)
    east_m, north_m = metres_per_degree(at.lat)
    dx, dy = reach_m / max(east_m, 1.0), reach_m / north_m
    box = (at.lon - dx, at.lat - dy, at.lon + dx, at.lat + dy)
    return NearQuery(placed.view.code, box, tuple(kinds), placed.view.versions.now - WITHIN, 4 * SHOWN)


def duplicates_of(placed: Placement, found: Iterable[NearCase], now: datetime) -> tuple[Duplicate, ...]:
    """Return the possible duplicates among the cases of `near_query`, newest first."""
    at = placed.location
    near = [
        (case, distance_m(at.lon, at.lat, case.lon, case.lat)) for case in found if case.triggered_at > now - WITHIN
    ]
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
        if metres <= _reach_m(placed)
    )[:SHOWN]


def _reach_m(placed: Placement) -> float:
    return WITHIN_M + (placed.location.radius_m or 0.0)

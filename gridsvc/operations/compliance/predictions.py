"""Predicted against recorded responses of a period, and the dispatches that would have been better in hindsight."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from gridsvc.compliance.hindsight import Dispatched, count_better
from gridsvc.compliance.predictions import LEVELS, Predicted, judge_predictions
from gridsvc.db.cases.columns import list_team_units
from gridsvc.db.cases.late import list_predicted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.compliance.hindsight import HindsightCount
    from gridsvc.compliance.predictions import Honesty
    from gridsvc.db.cases.late import PredictedRow

_QUANTILES = ("p05_s", "p50_s", "p90_s", "p95_s")
_FREE = frozenset({"slower", "coverage"})
"""Verdicts on a team that was lawful and free, and did not go."""


def judge_period(
    connection: Connection, district: str, time_zone: str, since: datetime | None, until: datetime | None
) -> tuple[Honesty, tuple[HindsightCount, ...]]:
    """Return how honest the predictions of a period were, and which dispatches would have been better in hindsight.

    Predictions are of the recommended lead at the report: cases in which no team was free then, another team was sent
    first, or the lead did not arrive are left out of the first and counted by reason.
    """
    rows = list_predicted(connection, district, since, until)
    units = {team: unit for team, unit, _ in list_team_units(connection, district)}
    left_out: Counter[str] = Counter()
    kept = []
    for row in rows:
        reason = _left_out(row)
        left_out[reason] += 1
        if not reason:
            kept.append(row)
    del left_out[""]
    honest = judge_predictions(_predicted(kept, ZoneInfo(time_zone)), dict(sorted(left_out.items())))
    return honest, count_better(_dispatched(rows, units))


def _left_out(row: PredictedRow) -> str:
    """Return why a case says nothing of the prediction; "" where it does."""
    if row.lead is None or row.lead["response_s"] is None:
        return "no-prediction"
    if row.on_scene_at is None or row.target_s is None:
        return "not-arrived"
    if row.first_team_id != row.lead["team_id"]:
        return "another-team"
    return "" if row.since == row.first_since else "sent-again"


def _predicted(rows: list[PredictedRow], zone: ZoneInfo) -> Predicted:
    ranges = [(row.lead or {}).get("range") or {} for row in rows]
    quantiles = [[each.get(name, np.nan) for name in _QUANTILES] for each in ranges]
    return Predicted(
        [f"{row.reported_at.astimezone(zone):%Y-%m}" for row in rows],
        [row.response_class for row in rows],
        np.array([(row.lead or {})["response_s"] for row in rows], dtype=np.float64),
        np.array(quantiles, dtype=np.float64).reshape(-1, len(LEVELS)),
        np.array([_recorded_s(row) for row in rows], dtype=np.float64),
        np.array([row.target_s for row in rows], dtype=np.float64),
    )


def _recorded_s(row: PredictedRow) -> float:
    assert row.on_scene_at is not None
    return (row.on_scene_at - row.reported_at).total_seconds()


def _dispatched(rows: Iterable[PredictedRow], units: Mapping[str, str]) -> Iterable[Dispatched]:
    for row in rows:
        lead: Any = row.lead
        if lead is not None and _left_out(row) in {"", "another-team"}:
            yield Dispatched(
                row.case_id,
                float(row.target_s or 0),
                _recorded_s(row),
                lead["response_s"],
                _next_s(row, units),
                as_recommended=row.first_team_id == lead["team_id"],
            )


def _next_s(row: PredictedRow, units: Mapping[str, str]) -> float | None:
    """Return the predicted response of the nearest free team of the lead's unit that did not go."""
    lead: Any = row.lead
    before_s = lead["response_s"] - lead["travel_s"]
    free = [
        each["travel_s"]
        for each in row.considered or ()
        if each["verdict"] in _FREE and each["travel_s"] is not None and units.get(each["team_id"]) == lead["unit"]
    ]
    return None if not free else round(before_s + min(free), 3)

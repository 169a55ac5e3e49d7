"""Small histories for tests: cases written as one line each, times as seconds after the report."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.compliance.history import CaseColumns, History, Period, RecordedPolicy, TeamColumns
from gridsvc.compliance.labels import Labels
from gridsvc.law import ClockPolicy
from gridsvc.times import to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LEFT_OUT = ("drill", "duplicate", "cancelled-before-dispatch")
LEAD = ClockPolicy("received-to-lead-p90", "", "received", "lead_on_scene", 90, 45, LEFT_OUT)
FIRST = ClockPolicy("received-to-first-p90", "", "received", "first_on_scene", 90, 45, ("drill",))
FULL = ClockPolicy("received-to-full-p90", "", "received", "full_team_on_scene", 90, 45, ("drill",))
ORDERED = ClockPolicy("dispatched-to-lead-p90", "", "dispatched", "lead_on_scene", 90, 45, ("drill", "duplicate"))


@dataclass(frozen=True)
class Sent:
    """A team on a case; times in seconds after the case was received, None = not stamped."""

    team: str = "A"
    since_s: float = 30
    en_route_s: float | None = 90
    on_scene_s: float | None = 240
    lead: bool = True
    slot: str = "1"
    unit: str | None = "bureau"
    outcome: str | None = "cleared"


@dataclass(frozen=True)
class Made:
    """A case of a test; `facts` are fields of `CaseColumns`."""

    facts: dict[str, Any]
    at: datetime
    sent: tuple[Sent, ...]


def case(
    name: str,
    at: datetime,
    sent: Sequence[Sent] = (),
    *,
    target_s: int = 300,
    assigned_s: float | None = None,
    **values: Any,
) -> Made:
    """Return a closed urban emergency; its first order is that of the first team, unless `assigned_s` says other."""
    first = min((each.since_s for each in sent), default=None) if assigned_s is None else assigned_s
    found = {
        "id": name, "number": -1, "open": False, "cancelled": False, "duplicate": False, "drill": False,
        "emergency": True, "synthetic": False, "target_s": target_s, "policy": 0, "lon": np.nan, "lat": np.nan,
        "response_class": "urban", "type": "fire", "regional": None, "township": "T1", "area": None, "village": None,
        "timing": None, "assigned_us": first,
    } | values  # fmt: skip
    return Made(found, at, tuple(sent))


def _us(made: Made, seconds: float | None) -> int:
    return to_us(None if seconds is None else made.at + timedelta(seconds=seconds))


_WORDS = {each.name for each in fields(CaseColumns) if each.type == "Labels"}
_TYPES: dict[str, Any] = {
    "id": object, "target_s": np.int32, "policy": np.int16, "lon": float, "lat": float, "number": np.int64,
}  # fmt: skip


def history(
    *made: Made,
    policies: Sequence[ClockPolicy] = (LEAD,),
    now: datetime = NOW,
    time_zone: str = "Asia/Shanghai",
    since: datetime | None = None,
    until: datetime | None = None,
) -> History:
    """Return the history of some cases."""
    columns: dict[str, Any] = {}
    for each in fields(CaseColumns):
        name = each.name
        if name.endswith("_us"):
            seconds = [m.facts.get(name, 0 if name in {"received_us", "triggered_us"} else None) for m in made]
            columns[name] = np.array([_us(m, s) for m, s in zip(made, seconds, strict=True)], dtype=np.int64)
        elif name in _WORDS:
            columns[name] = Labels.of(m.facts[name] for m in made)
        else:
            columns[name] = np.array([m.facts[name] for m in made], dtype=_TYPES.get(name, bool))
    teams = [(row, m, each) for row, m in enumerate(made) for each in m.sent]
    return History(
        CaseColumns(**columns),
        TeamColumns(
            case=np.array([row for row, _, _ in teams], dtype=np.int32),
            team=Labels.of(each.team for _, _, each in teams),
            unit=Labels.of(each.unit for _, _, each in teams),
            slot=Labels.of(each.slot for _, _, each in teams),
            lead=np.array([each.lead for _, _, each in teams], dtype=bool),
            since_us=np.array([_us(m, each.since_s) for _, m, each in teams], dtype=np.int64),
            acknowledged_us=np.array([_us(m, None) for _, m, _ in teams], dtype=np.int64),
            en_route_us=np.array([_us(m, each.en_route_s) for _, m, each in teams], dtype=np.int64),
            on_scene_us=np.array([_us(m, each.on_scene_s) for _, m, each in teams], dtype=np.int64),
            until_us=np.array([_us(m, None) for _, m, _ in teams], dtype=np.int64),
            outcome=Labels.of(each.outcome for _, _, each in teams),
            predicted_travel_s=np.full(len(teams), np.nan),
            predicted_response_s=np.full(len(teams), np.nan),
        ),
        Period(now, time_zone, since, until),
        tuple(RecordedPolicy(each, "v1") for each in policies),
        "live",
        {},
    )

"""A case told again from its events alone, and where its rows say something else (R18)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gridsvc.cases.model import CASE_STEPS, TEAM_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

_OUTCOMES = {"clear": "cleared", "decline": "declined", "withdraw": "withdrawn"}
_ENDS = {"archive": "archived", "cancel": "cancelled"}

# A column of the case's row, and how its report tells it.
_TOLD: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "number": lambda answer: answer["number"],
    "type": lambda answer: answer["type"],
    "urgency": lambda answer: answer["urgency"],
    "response_class": lambda answer: answer["response_class"],
    "target_s": lambda answer: answer["target_s"],
    "clock_policy": lambda answer: answer["clock_policy"],
    "drill": lambda answer: answer["drill"],
    "rule": lambda answer: answer["ownership"]["rule"],
    "generation": lambda answer: answer["versions"]["generation"],
    "handler": lambda answer: None if answer["handler"] is None else answer["handler"]["team_id"],
    "regional": lambda answer: _code(answer, "regional"),
    "township": lambda answer: _code(answer, "township"),
    "area": lambda answer: _code(answer, "area"),
    "village": lambda answer: _code(answer, "village"),
    "lon": lambda answer: answer["location"]["lon"],
    "lat": lambda answer: answer["location"]["lat"],
    "reported_at": lambda answer: answer["reported_at"],
    "triggered_at": lambda answer: answer["triggered_at"],
    "details": lambda answer: answer,
    "versions": lambda answer: answer["versions"],
}


@dataclass(slots=True)
class ToldCase:
    """What the events of a case say: its columns, and its engagements by their id."""

    columns: dict[str, Any]
    engagements: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def live(self) -> list[dict[str, Any]]:
        """The engagements that have not ended."""
        return [each for each in self.engagements.values() if each["until"] is None]


def tell(bodies: Iterable[str]) -> ToldCase | None:
    """Tell a case from its events; None where no report is among them."""
    happened = sorted((json.loads(body) for body in bodies), key=lambda e: (datetime.fromisoformat(e["at"]), e["id"]))
    case: ToldCase | None = None
    for event in happened:
        if event["kind"] == "report":
            case = _report(event)
        elif case is not None:
            _apply(case, event)
    return case


def _report(event: dict[str, Any]) -> ToldCase:
    answer = event["data"]["answer"]
    columns = {name: told(answer) for name, told in _TOLD.items()}
    clocks = ("accepted_at", "assigned_at", "handled_at", "feedback_at", "archived_at", "cancelled_at")
    return ToldCase(columns | dict.fromkeys(clocks) | {"status": "triggered", "waiting": True})


def _apply(case: ToldCase, event: dict[str, Any]) -> None:
    kind, data = event["kind"], event["data"]
    if kind in TEAM_STEPS:
        mine = case.engagements[data["engagement_id"]]
        mine |= data["stamps"]
        if kind in _OUTCOMES:
            mine["outcome"] = _OUTCOMES[kind]
        if "status" in data:
            case.columns |= {"status": data["status"], "waiting": data["waiting"]}
        return
    if kind not in CASE_STEPS:
        return
    if kind == "assign":
        _engage(case, event)
    if kind in _ENDS:
        for each in case.live:
            each |= {"until": event["at"], "outcome": _ENDS[kind]}
    case.columns |= {"status": data["status"]} | data["stamps"]
    open_again = kind == "reopen" and data["status"] in {"triggered", "accepted"}
    case.columns["waiting"] = open_again or (data["status"] == "accepted" and not case.live)


def _engage(case: ToldCase, event: dict[str, Any]) -> None:
    data = event["data"]
    since = event["at"]
    if data["backfilled"] and event["client_at"] is not None:
        since = max(event["client_at"], case.columns["triggered_at"], key=datetime.fromisoformat)
    for each in data["engagements"]:
        case.engagements[each["id"]] = {
            "team_id": each["team_id"], "slot": each["slot"], "lead": each["lead"], "since": since, "until": None,
            "acknowledged_at": None, "en_route_at": None, "on_scene_at": None, "outcome": None,
        }  # fmt: skip


def differences(told: ToldCase, row: Mapping[str, Any], engagements: Mapping[UUID, Mapping[str, Any]]) -> list[str]:
    """Return what the rows of a case say otherwise than its events; empty where they agree."""
    found = [name for name, value in told.columns.items() if not _same(value, row[name])]
    known = {str(key) for key in engagements}
    if missing := sorted(set(told.engagements) - known):
        found.append(f"engagement {missing[0]} is gone")
    if extra := sorted(known - set(told.engagements)):
        found.append(f"engagement {extra[0]} was never ordered")
    for key, values in engagements.items():
        expected = told.engagements.get(str(key), {})
        found += [f"engagement {key}: {name}" for name, value in expected.items() if not _same(value, values[name])]
    return found


def _same(told: Any, stored: Any) -> bool:
    """Whether a column says what an event says: times as moments, numbers as numbers (60.0 is 60), ids as text."""
    if isinstance(stored, datetime):
        return told is not None and bool(datetime.fromisoformat(told) == stored)
    if stored is None or isinstance(stored, (bool, int, float, str, dict, list)):
        return bool(stored == told)
    return bool(str(stored) == told)


def _code(answer: dict[str, Any], level: str) -> str | None:
    owner = answer["owners"][level]
    return None if owner is None else owner["code"]

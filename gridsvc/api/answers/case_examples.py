"""Examples of answers about cases, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_AT = "2026-03-01T04:41:00+00:00"
_ID = "01a20c85-95e1-7e22-969f-63cda45f0508"
_RECOMMENDATION_ID = "01a20c85-95e1-7e22-969f-63cda45f0509"
_LEAD_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

PREVIEW: dict[str, Any] = {
    "district": "330703",
    "type": "food-poisoning",
    "type_name": "群体性食物中毒",
    "matter": None,
    "waiting": True,
    "lead_wanted": False,
    "timing": "open",
    "due_at": "2026-03-01T04:46:00+00:00",
    "location": {
        "lon": 119.6867,
        "lat": 29.0926,
        "radius_m": 50,
        "road": {"name": "多湖街", "class": "tertiary", "level": "surface", "offroad_m": 12.4},
    },
    "owners": {
        "regional": {"code": "330703-1", "name": "城市+工业"},
        "township": {"code": "330703001000", "name": "多湖街道"},
        "area": {"code": "330703001000-1", "name": "多湖一片区"},
        "village": {"code": "330703001001", "name": "王坦社区"},
    },
    "ownership": {"rule": "interior", "generation": 1},
    "urgency": "emergency",
    "response_class": "urban",
    "target_s": 300,
    "clock_policy": "received-to-lead-p90",
    "handler": {"team_id": _LEAD_ID, "unit": "bureau", "rule": "area-squadron"},
    "possible_duplicates": [],
    "recommendation": {
        "lead": {
            "slot": "1",
            "team_id": _LEAD_ID,
            "unit": "bureau",
            "travel_s": 121.4,
            "response_s": 226.4,
            "late": False,
            "range": {
                "p05_s": 206.9,
                "p50_s": 238.0,
                "p90_s": 281.2,
                "p95_s": 297.5,
                "basis": "hour",
                "calibration": "6449c593abcdd41d718fb8fcc5cb44e33a248204c6714bb336e514617ad1c409",
            },
            "range_reason": None,
        },
        "members": [],
        "unfilled": [],
        "lead_response_s": 226.4,
        "full_team_response_s": 226.4,
        "meets_target": True,
        "team_meets_target": True,
        "target_s": 300,
        "clock_policy": "received-to-lead-p90",
        "considered": [{"team_id": _LEAD_ID, "travel_s": 121.4, "verdict": "chosen-lead"}],
        "considered_counts": {"engaged": 2, "other-township": 10},
        "coverage_loss": None,
        "competence": [],
        "transfer": [],
    },
    "reported_at": _AT,
    "triggered_at": _AT,
    "source": None,
    "external_ref": None,
    "drill": False,
    "synthetic": True,
    "unknown": [],
    "versions": {"generation": 1},
}
_STEP_TIMES = ("accepted_at", "assigned_at", "handled_at", "feedback_at", "archived_at", "cancelled_at")
CASE: dict[str, Any] = (
    PREVIEW
    | dict.fromkeys(_STEP_TIMES)
    | {
        "id": _ID,
        "number": 41,
        "status": "triggered",
        "recommendation_id": _RECOMMENDATION_ID,
        "arrived_at": None,
        "legal_steps": ["accept", "assign", "cancel"],
        "assignments": [],
        "work_list": [],
        "alerts": [],
        "correction": None,
    }
)
_ASSIGNMENT: dict[str, Any] = {
    "team_id": _LEAD_ID,
    "slot": "1",
    "lead": True,
    "outside_slots": False,
    "since": _AT,
    "until": None,
    "acknowledged_at": None,
    "en_route_at": None,
    "on_scene_at": None,
    "outcome": None,
    "travel_s": 121.4,
    "response_s": 226.4,
    "preempted_from": None,
    "preempted_by": None,
    "legal_steps": ["acknowledge", "decline", "en_route", "on_scene", "withdraw"],
}
_NOT_LISTED = (
    "handler", "possible_duplicates", "recommendation", "recommendation_id", "synthetic", "versions", "unknown",
    "legal_steps", "work_list", "alerts", "correction",
)  # fmt: skip
LISTED: dict[str, Any] = {name: value for name, value in CASE.items() if name not in _NOT_LISTED}
AFTER_STEP: dict[str, Any] = CASE | {
    "status": "assigned",
    "waiting": False,
    "accepted_at": _AT,
    "assigned_at": _AT,
    "legal_steps": ["assign", "handle", "cancel"],
    "assignments": [_ASSIGNMENT],
    "sent": [_LEAD_ID],
    "unfilled": [],
    "differs": {"added": [], "missing": []},
}
_LEADER = {"grid": "330703001000", "post": "leader", "name": "王小明"}
REPORTED: dict[str, Any] = CASE | {
    "posts": {"regional": [], "township": [_LEADER], "area": [], "village": []},
    "responsible": {"regional": None, "township": _LEADER, "area": _LEADER, "village": _LEADER},
}
AFTER_CORRECTION: dict[str, Any] = REPORTED | {
    "recommendation_id": "01a20c85-95e1-7e22-969f-63cda45f050a",
    "correction": {"kind": "place", "by": "Li Wei", "at": _AT, "event_id": "01a20c85-95e1-7e22-969f-63cda45f050a"},
    "before": {
        "location": {"lon": 119.69, "lat": 29.1, "radius_m": 300},
        "owners": PREVIEW["owners"],
        "ownership": {"rule": "interior", "generation": 1},
        "response_class": "urban",
        "target_s": 300,
    },
    "teams_wrong": [],
    "teams_missing": [{"team_id": _LEAD_ID, "slot": "1"}],
}
CORRECTION_PREVIEW: dict[str, Any] = AFTER_CORRECTION | {
    "recommendation_id": CASE["recommendation_id"],
    "correction": None,
    "before": AFTER_CORRECTION["before"]
    | {name: CASE[name] for name in ("timing", "due_at", "handler")}
    | {
        "recommendation": {
            name: CASE["recommendation"][name]
            for name in (
                "lead", "members", "lead_response_s", "full_team_response_s", "meets_target", "team_meets_target",
            )
        }
    },
    "changes": ["place", "owners", "lead"],
    "expected": {"arrival_at": _AT, "late": False},
}  # fmt: skip
WITH_TEXTS: dict[str, Any] = REPORTED
EVENT: dict[str, Any] = {
    "schema": 1,
    "district": "330703",
    "id": _RECOMMENDATION_ID,
    "incident_id": _ID,
    "kind": "report",
    "actor": "local",
    "at": _AT,
    "client_at": None,
    "data": {},
    "position": 1,
}

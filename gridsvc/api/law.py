"""Response plans (run cards) over HTTP: the types of incident and the teams that each needs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gridsvc.api.answers.law import ResponsePlanList
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import service_of
from gridsvc.operations.law.in_force import list_plans

router = APIRouter(tags=["response plans"])

_LEAD = {"unit": "bureau", "count": 1, "staff": 2, "skills": [], "equipment": []}
_PLAN = {
    "type": "food-poisoning", "name": "群体性食物中毒", "name_en": "Mass food poisoning", "field": "market",
    "urgency": "emergency", "priority": 1, "matters": [], "clock_policy": "received-lead-90", "lead": "fastest",
    "lead_need": _LEAD, "township_need": _LEAD | {"unit": "township"}, "needs": [], "partners": [], "conditions": [],
    "second_alarm": [], "target_s": {"urban": 300, "rural": 900}, "working_days": None, "major": False,
}  # fmt: skip


@router.get(
    "/response-plans",
    summary="The types of incident and their run cards",
    responses=answer(ResponsePlanList, {"items": [_PLAN]}),
)
def get_response_plans(request: Request, district: str | None = None) -> Response:
    """List the run cards in force."""
    return JSONResponse(list_plans(service_of(request), district))

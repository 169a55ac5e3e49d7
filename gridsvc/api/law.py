"""Run cards over HTTP: which types of incident there are, and whom each needs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gridsvc.api.http.requests import service_of
from gridsvc.operations.law.in_force import list_plans

router = APIRouter(tags=["response plans"])

_PLAN = {"type": "food-poisoning", "name": "群体性食物中毒", "field": "market", "urgency": "emergency"}


@router.get(
    "/response-plans",
    summary="The types of incident and their run cards",
    responses={200: {"content": {"application/json": {"example": {"items": [_PLAN]}}}}},
)
def get_response_plans(request: Request, district: str | None = None) -> dict[str, Any]:
    """List the run cards in force."""
    return list_plans(service_of(request), district)

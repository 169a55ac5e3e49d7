"""Answers about the law in force: response plans."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.law import ResponseClass, Urgency
from gridsvc.law.plans import LeadRule


class PlanNeed(TypedDict):
    """Teams of one unit, and what each must bring."""

    unit: str
    count: int
    staff: int
    skills: list[str]
    equipment: list[str]


class PlanCondition(TypedDict):
    """Further needs at some hours, in some months or in one class; null = always."""

    name: str
    add: list[PlanNeed]
    hours: Annotated[list[int] | None, Field(description="start and end in minutes after local midnight")]
    months: list[int] | None
    response_class: ResponseClass | None


class ResponsePlan(TypedDict):
    """A type of incident with its run card."""

    type: str
    name: str
    name_en: str
    field: str
    urgency: Urgency
    priority: int
    matters: list[str]
    clock_policy: str
    lead: LeadRule
    lead_need: PlanNeed
    township_need: PlanNeed
    needs: list[PlanNeed]
    partners: list[PlanNeed]
    conditions: list[PlanCondition]
    second_alarm: list[PlanNeed]
    target_s: Annotated[dict[str, int], Field(description="seconds by response class; empty for a routine type")]
    working_days: int | None
    major: bool


class ResponsePlanList(TypedDict):
    """The run cards in force, in the order of their types."""

    items: list[ResponsePlan]

"""Response plans (run cards) and the clocks that a response is timed with."""

from __future__ import annotations

from gridsvc.response_plans.clocks import (
    START_EVENTS,
    STOP_EVENTS,
    ClockPolicy,
    ClockRules,
    ResponseClass,
    ResponseClassMapping,
)
from gridsvc.response_plans.plans import (
    NEIGHBOUR_TOWNSHIP,
    REGIONAL_JOINT,
    SPECIAL_UNITS,
    TOWNSHIP,
    URBAN_MANAGEMENT,
    Condition,
    LeadRule,
    Need,
    PlanBook,
    ResponsePlan,
    Urgency,
    check_plan,
)

__all__ = [
    "NEIGHBOUR_TOWNSHIP",
    "REGIONAL_JOINT",
    "SPECIAL_UNITS",
    "START_EVENTS",
    "STOP_EVENTS",
    "TOWNSHIP",
    "URBAN_MANAGEMENT",
    "ClockPolicy",
    "ClockRules",
    "Condition",
    "LeadRule",
    "Need",
    "PlanBook",
    "ResponseClass",
    "ResponseClassMapping",
    "ResponsePlan",
    "Urgency",
    "check_plan",
]

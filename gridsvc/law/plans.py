"""Response plans 预案 (run cards): what the law and practice want to be sent to each incident type, and how fast."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput
from gridsvc.law.catalogue import BUREAU, Catalogue, canonical_json
from gridsvc.law.clocks import ResponseClass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

TOWNSHIP = "township"
"""In a run card: the team of the incident's own township."""
NEIGHBOUR_TOWNSHIP = "neighbour-township"
"""In a run card: the team of any other township."""
REGIONAL_JOINT = "regional-joint"
"""In a run card: a regional joint team."""
SPECIAL_UNITS = (BUREAU, TOWNSHIP, NEIGHBOUR_TOWNSHIP, REGIONAL_JOINT)

URBAN_MANAGEMENT = "urban-management"
"""Field of types that belong to none of the eight specialty fields: housing, construction, city appearance."""


class Urgency(StrEnum):
    EMERGENCY = "emergency"
    ROUTINE = "routine"


class LeadRule(StrEnum):
    FASTEST = "fastest"
    """Any squadron of the bureau, the first to arrive."""
    AREA = "area"
    """The squadron of the incident's area grid."""


@dataclass(frozen=True, slots=True)
class Need:
    """Teams of one unit, and what each must bring. `unit`: an id of the catalogue or one of SPECIAL_UNITS."""

    unit: str
    count: int = 1
    staff: int = 0
    skills: frozenset[str] = frozenset()
    equipment: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Need:
        """Read back what a plan's document holds."""
        return cls(**{**value, "skills": frozenset(value["skills"]), "equipment": frozenset(value["equipment"])})


@dataclass(frozen=True, slots=True)
class Condition:
    """Further needs at certain hours, in certain months or in one response class; None = always.

    hours: (start, end), minutes after local midnight, end exclusive; past midnight where start > end.
    """

    name: str
    add: tuple[Need, ...]
    hours: tuple[int, int] | None = None
    months: frozenset[int] | None = None
    response_class: ResponseClass | None = None

    def holds(self, local_time: datetime, response_class: ResponseClass) -> bool:
        """Whether the condition holds for an incident at a local time in a place of a class."""
        if self.months is not None and local_time.month not in self.months:
            return False
        if self.response_class is not None and self.response_class is not response_class:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        minute = local_time.hour * 60 + local_time.minute
        return start <= minute < end if start <= end else minute >= start or minute < end

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Condition:
        """Read back what a plan's document holds."""
        return cls(
            name=value["name"],
            add=_needs(value["add"]),
            hours=None if value["hours"] is None else (value["hours"][0], value["hours"][1]),
            months=None if value["months"] is None else frozenset(value["months"]),
            response_class=None if value["response_class"] is None else ResponseClass(value["response_class"]),
        )


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """One run card.

    `field` is a field's id or `urban-management`. `target_s` by class for emergencies (empty for routine cases,
    which have `working_days`). `matters` are keys of the catalogue: the unit competent on the day gets a slot each.
    `needs` says what the team of a unit must bring, and adds units that practice wants besides; `partners` come too.
    `second_alarm` lists what a second alarm adds. `major` cases 重大复杂 are led by the regional joint team.
    """

    type: str
    name: str
    name_en: str
    field: str
    urgency: Urgency
    priority: int
    matters: tuple[str, ...]
    clock_policy: str
    lead: LeadRule
    lead_need: Need = Need(BUREAU)
    township_need: Need = Need(TOWNSHIP)
    needs: tuple[Need, ...] = ()
    partners: tuple[Need, ...] = ()
    conditions: tuple[Condition, ...] = ()
    second_alarm: tuple[Need, ...] = ()
    target_s: dict[ResponseClass, int] = dataclasses.field(default_factory=dict)
    working_days: int | None = None
    major: bool = False

    def target(self, response_class: ResponseClass) -> int | None:
        """Seconds that the lead has from the clock's start, None for a routine type."""
        return self.target_s.get(response_class)

    def all_needs(self) -> Iterable[tuple[str, Need]]:
        """Every need with its place on the card, for checks and listings."""
        yield "lead", self.lead_need
        yield "township", self.township_need
        for name, needs in (("need", self.needs), ("partner", self.partners), ("second_alarm.add", self.second_alarm)):
            for number, need in enumerate(needs, start=1):
                yield f"{name} {number}", need
        for condition in self.conditions:
            for number, need in enumerate(condition.add, start=1):
                yield f"condition {condition.name!r}, add {number}", need

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ResponsePlan:
        """Read back what a book's document holds."""
        return cls(
            **{
                **value,
                "urgency": Urgency(value["urgency"]),
                "lead": LeadRule(value["lead"]),
                "matters": tuple(value["matters"]),
                "lead_need": Need.from_json(value["lead_need"]),
                "township_need": Need.from_json(value["township_need"]),
                "needs": _needs(value["needs"]),
                "partners": _needs(value["partners"]),
                "conditions": tuple(Condition.from_json(each) for each in value["conditions"]),
                "second_alarm": _needs(value["second_alarm"]),
                "target_s": {ResponseClass(name): seconds for name, seconds in value["target_s"].items()},
            }
        )


@dataclass(frozen=True, slots=True)
class PlanBook:
    """All response plans of one version, by type; `version` is the SHA-256 of `document()`."""

    plans: dict[str, ResponsePlan]
    version: str = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plans", {slug: self.plans[slug] for slug in sorted(self.plans)})
        object.__setattr__(self, "version", hashlib.sha256(self.document().encode()).hexdigest())

    def get(self, type_slug: str) -> ResponsePlan:
        """Raise InvalidInput, with the nearest known types, for an unknown type."""
        if found := self.plans.get(type_slug):
            return found
        candidates = get_close_matches(type_slug[:100], self.plans, n=3, cutoff=0.5)
        hint = f"nearest are {', '.join(candidates)}" if candidates else "GET /response-plans lists them"
        raise InvalidInput(
            f"{type_slug[:100]!r} is no incident type; {hint}.",
            kind="unknown-type",
            type=type_slug[:100],
            nearest=candidates,
        )

    def strictest_targets(self) -> dict[ResponseClass, int]:
        """Return the shortest target in seconds of each class over all emergency types; empty without any."""
        found: dict[ResponseClass, int] = {}
        for plan in self.plans.values():
            for response_class, seconds in plan.target_s.items():
                found[response_class] = min(seconds, found.get(response_class, seconds))
        return found

    def document(self) -> str:
        """Return the whole version as canonical JSON text: it is stored, digested and replayed."""
        return canonical_json([asdict(plan) for plan in self.plans.values()])

    @classmethod
    def from_document(cls, text: str) -> PlanBook:
        """Read back what `document` wrote."""
        plans = [ResponsePlan.from_json(value) for value in json.loads(text)]
        return cls({plan.type: plan for plan in plans})


def check_plan(
    plan: ResponsePlan,
    catalogue: Catalogue,
    *,
    skills: Iterable[str],
    equipment: Iterable[str],
    clock_policies: Iterable[str],
) -> None:
    """Check a response plan against the catalogue, the known skills and equipment, and the clock policies.

    Raises
    ------
    InvalidInput
        With the place in the plan and the cure.
    """
    _check_matters(plan, catalogue)
    if plan.clock_policy not in (known := sorted(clock_policies)):
        raise InvalidInput(f"`clock_policy` is {plan.clock_policy!r}; use one of {', '.join(known)}.")
    _check_targets(plan)
    if not 1 <= plan.priority <= 5:
        raise InvalidInput(f"`priority` is {plan.priority}; give 1 (first) to 5.")
    words = {"skill": sorted(skills), "equipment": sorted(equipment)}
    for place, need in plan.all_needs():
        _check_need(place, need, catalogue, words)
    for condition in plan.conditions:
        if condition.hours is None and condition.months is None and condition.response_class is None:
            raise InvalidInput(f"condition {condition.name!r} always holds; give `hours`, `months` or `class`.")
        if not condition.add:
            raise InvalidInput(f"condition {condition.name!r} adds nothing; list what it adds.")


def _check_matters(plan: ResponsePlan, catalogue: Catalogue) -> None:
    fields = [each.id for each in catalogue.fields] + [URBAN_MANAGEMENT]
    if plan.field not in fields:
        raise InvalidInput(f"`field` is {plan.field!r}; use one of {', '.join(fields)}.")
    if not plan.matters:
        raise InvalidInput("`matters` is empty; name the rows of the catalogue that the type touches.")
    for number, key in enumerate(plan.matters, start=1):
        catalogue.get_matter(key)
        if key in plan.matters[: number - 1]:
            raise InvalidInput(f"`matters` names {key} twice; keep one.")


def _check_targets(plan: ResponsePlan) -> None:
    """Emergencies have targets in seconds for each response class; routine types have working days."""
    if plan.urgency is Urgency.EMERGENCY:
        if set(plan.target_s) != set(ResponseClass) or plan.working_days is not None:
            raise InvalidInput("an emergency has `targets` urban_s and rural_s, and no `working_days`.")
    elif plan.target_s or not plan.working_days or plan.working_days < 1:
        raise InvalidInput("a routine type has `working_days` of at least 1, and no `targets`.")
    for response_class, seconds in plan.target_s.items():
        if not 0 < seconds <= 86400:
            raise InvalidInput(f"`targets.{response_class}_s` is {seconds}; give seconds above 0.")


def _check_need(place: str, need: Need, catalogue: Catalogue, words: dict[str, list[str]]) -> None:
    if need.unit not in SPECIAL_UNITS and not any(unit.id == need.unit for unit in catalogue.units):
        candidates = get_close_matches(
            need.unit, [*SPECIAL_UNITS, *(unit.id for unit in catalogue.units)], n=1, cutoff=0.5
        )
        raise InvalidInput(
            f"{place}: no unit {need.unit!r}{f'; did you mean {candidates[0]}' if candidates else ''}; see units.toml."
        )
    if place.startswith("partner") and need.unit in SPECIAL_UNITS:
        raise InvalidInput(f"{place}: {need.unit} is no partner; list it under `need`.")
    if not 1 <= need.count <= 9:
        raise InvalidInput(f"{place}: `count` is {need.count}; give 1 to 9.")
    if not 0 <= need.staff <= 200:
        raise InvalidInput(f"{place}: `staff` is {need.staff}; give 0 to 200.")
    for what, asked in (("skill", need.skills), ("equipment", need.equipment)):
        for word in sorted(asked):
            if word not in words[what]:
                raise InvalidInput(f"{place}: no {what} {word!r}; known are {', '.join(words[what])}.")


def _needs(values: list[dict[str, Any]]) -> tuple[Need, ...]:
    return tuple(Need.from_json(value) for value in values)

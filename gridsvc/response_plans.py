"""Response plans 预案 (run cards): for each incident type what the law and practice want to be sent, and how fast."""
from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


class Urgency(StrEnum):
    EMERGENCY = "emergency"
    ROUTINE = "routine"


class ResponseClass(StrEnum):
    URBAN = "urban"
    RURAL = "rural"


@dataclass(frozen=True, slots=True)
class ResponseClassMapping:
    """Which urban-rural codes of villages count as urban (R15); versioned data with an id."""

    id: str
    name: str
    urban_codes: frozenset[str]

    def class_of(self, village_code: str | None, township_seat_code: str | None = None) -> ResponseClass:
        """Class of a place from its village's three-digit urban-rural code, else its township seat's, else rural."""
        ...


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """From which event to which event a response is timed, which share must make it, and what is left out (R17).

    start_event: `received` | `dispatched`. stop_event: `first_on_scene` | `lead_on_scene` | `full_team_on_scene`.
    `call_handling_s` is the planning value from received to dispatched. `exclusions`: slugs, e.g. `drill`.
    """

    id: str
    name: str
    start_event: str
    stop_event: str
    percentile: float
    call_handling_s: int
    exclusions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """One or more teams of one unit. `unit` "bureau" in `lead_need` = the "1"; "township" = the own township's."""

    unit: str
    count: int = 1
    staff: int = 0
    skills: frozenset[str] = frozenset()
    equipment: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """Further needs at certain hours, months or in one response class; None = always.

    hours: (start, end) minutes after local midnight, end exclusive, wrapping past midnight where start > end.
    """

    name: str
    add: tuple[Need, ...]
    hours: tuple[int, int] | None = None
    months: frozenset[int] | None = None
    response_class: ResponseClass | None = None

    def holds(self, local_time: datetime, response_class: ResponseClass) -> bool: ...


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """One run card.

    `field` is a field's id or `urban-management`. `target_s` by class for emergencies (empty for routine cases,
    which have `working_days`). `lead` is `fastest` (any bureau squadron) or `area` (the squadron of the area grid).
    `matters` are keys of the catalogue; their competent units each get a slot, `needs` says what these teams must
    bring, `partners` come besides, `second_alarm` lists what a second alarm adds.
    """

    type: str
    name: str
    name_en: str
    field: str
    urgency: Urgency
    priority: int
    matters: tuple[str, ...]
    clock_policy: str
    lead: str
    lead_need: Need
    township_need: Need
    needs: tuple[Need, ...] = ()
    partners: tuple[Need, ...] = ()
    conditions: tuple[Condition, ...] = ()
    second_alarm: tuple[Need, ...] = ()
    target_s: dict[ResponseClass, int] = field(default_factory=dict)
    working_days: int | None = None
    major: bool = False
    """Cases of this type are 重大复杂 from the start: the regional joint team leads."""

    def target(self, response_class: ResponseClass) -> int | None:
        """Seconds that the lead has, None for a routine type."""
        return self.target_s.get(response_class)

    def as_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ResponsePlan: ...


@dataclass(frozen=True, slots=True)
class PlanBook:
    """All response plans, clock policies and class mappings of one version (a digest of their content)."""

    plans: dict[str, ResponsePlan]
    clock_policies: dict[str, ClockPolicy]
    response_classes: ResponseClassMapping
    version: str = field(init=False)

    def get(self, type_slug: str) -> ResponsePlan:
        """Raise InvalidInput, with the nearest known types, for an unknown type."""
        ...

    def as_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PlanBook: ...

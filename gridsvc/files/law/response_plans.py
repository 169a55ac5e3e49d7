"""Read response plans (a folder of TOML run cards, or one file) and the clock rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from gridsvc.errors import InvalidInput, Refusal
from gridsvc.files.law.catalogue import UnitsFile, only_keys, read_toml
from gridsvc.law import (
    BUREAU,
    TOWNSHIP,
    Catalogue,
    ClockPolicy,
    ClockRules,
    Condition,
    LeadRule,
    Need,
    PlanBook,
    ResponseClass,
    ResponseClassMapping,
    ResponsePlan,
    Urgency,
    check_plan,
)

if TYPE_CHECKING:
    from pathlib import Path

CARD_KEYS = {
    "type",
    "name",
    "name_en",
    "field",
    "urgency",
    "priority",
    "clock_policy",
    "matters",
    "lead",
    "township",
    "targets",
    "working_days",
    "major",
    "need",
    "partner",
    "condition",
    "second_alarm",
}
CARD_NEEDS = {"type", "name", "name_en", "field", "urgency", "priority", "matters"}
ROUTINE_CLOCK = "routine-working-days"

_Kind = TypeVar("_Kind")


def read_clock_rules(path: Path) -> ClockRules:
    """Read clock_policies.toml. Raises InvalidInput with the place and the cure."""
    value = read_toml(path)
    only_keys(value, {"default", "policy", "response_classes"}, {"default", "policy", "response_classes"}, str(path))
    policies: dict[str, ClockPolicy] = {}
    for number, row in enumerate(value["policy"], start=1):
        where = f"{path}: policy {number} ({row.get('id', 'without id')})"
        needed = {"id", "name", "start_event", "stop_event", "percentile", "call_handling_s"}
        only_keys(row, needed | {"exclusions", "name_en"}, needed, where)
        for key in ("percentile", "call_handling_s"):
            if isinstance(row[key], bool) or not isinstance(row[key], (int, float)):
                raise InvalidInput(f"{where}: `{key}` is {row[key]!r}; give a number.")
        if row["id"] in policies:
            raise InvalidInput(f"{where}: the id occurs twice; keep one.")
        policies[row["id"]] = ClockPolicy(**{**row, "exclusions": tuple(row.get("exclusions", ()))})
    mapping = value["response_classes"]
    needed = {"id", "name", "urban_codes"}
    only_keys(mapping, needed, needed, f"{path}: response_classes")
    classes = ResponseClassMapping(mapping["id"], mapping["name"], frozenset(map(str, mapping["urban_codes"])))
    try:
        return ClockRules(policies, value["default"], classes)
    except InvalidInput as refusal:
        raise InvalidInput(f"{path}: {refusal.detail}") from None


def read_plan_book(path: Path, clock_rules: ClockRules, catalogue: Catalogue, units: UnitsFile) -> PlanBook:
    """Read every *.toml of a folder (or one file); a card that cannot be meant is refused with file, place and cure.

    `units` supplies the vocabulary of skills and equipment.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(f"{path} holds no *.toml; put the run cards there, one file a type.")
    plans: dict[str, ResponsePlan] = {}
    origin: dict[str, Path] = {}
    for file in files:
        plan = read_plan(file, clock_rules, catalogue, units)
        if plan.type in plans:
            raise InvalidInput(f"{file}: type {plan.type} is in {origin[plan.type].name} already; keep one.")
        plans[plan.type], origin[plan.type] = plan, file
    return PlanBook(plans)


def read_plan(path: Path, clock_rules: ClockRules, catalogue: Catalogue, units: UnitsFile) -> ResponsePlan:
    """Read one run card. Raises InvalidInput with file, place and cure."""
    card = read_toml(path)
    try:
        plan = _plan(card, clock_rules)
        check_plan(
            plan,
            catalogue,
            skills=units.skills,
            equipment=units.equipment,
            clock_policies=clock_rules.policies,
        )
    except Refusal as refusal:
        raise InvalidInput(f"{path}: {refusal.detail}", kind="invalid-run-card") from None
    return plan


def _plan(card: dict[str, Any], clock_rules: ClockRules) -> ResponsePlan:
    only_keys(card, CARD_KEYS, CARD_NEEDS, "run card")
    for key in ("type", "name", "name_en", "field", "urgency"):
        _expect(card[key], str, f"`{key}`", "text")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card["type"]) or len(card["type"]) > 64:
        raise InvalidInput(
            f"`type` is {card['type']!r}; use lower case letters, digits and hyphens, e.g. food-poisoning."
        )
    if card["urgency"] not in list(Urgency):
        raise InvalidInput(f"`urgency` is {card['urgency']!r}; use emergency or routine.")
    urgency = Urgency(card["urgency"])
    emergency = urgency is Urgency.EMERGENCY
    lead = _expect(card.get("lead", {}), dict, "`lead`", "a table")
    rule = lead.get("rule", "fastest" if emergency else "area")
    if rule not in list(LeadRule):
        raise InvalidInput(f"`lead.rule` is {rule!r}; use {' or '.join(LeadRule)}.")
    targets = _expect(card.get("targets", {}), dict, "`targets`", "a table")
    only_keys(targets, {"urban_s", "rural_s"}, set(), "`targets`")
    second = _expect(card.get("second_alarm", {}), dict, "`second_alarm`", "a table")
    only_keys(second, {"add"}, set(), "`second_alarm`")
    return ResponsePlan(
        type=card["type"],
        name=card["name"],
        name_en=card["name_en"],
        field=card["field"],
        urgency=urgency,
        priority=_expect(card["priority"], int, "`priority`", "a whole number"),
        matters=tuple(_texts(card["matters"], "`matters`")),
        clock_policy=card.get("clock_policy", clock_rules.default_policy if emergency else ROUTINE_CLOCK),
        lead=LeadRule(rule),
        lead_need=_need({key: lead[key] for key in lead if key != "rule"}, "`lead`", BUREAU),
        township_need=_need(card.get("township", {}), "`township`", TOWNSHIP),
        needs=_needs(card.get("need", []), "need"),
        partners=_needs(card.get("partner", []), "partner"),
        conditions=tuple(_condition(each, n) for n, each in enumerate(card.get("condition", []), start=1)),
        second_alarm=_needs(second.get("add", []), "second_alarm.add"),
        target_s={
            ResponseClass(key.removesuffix("_s")): _expect(value, int, f"`targets.{key}`", "whole seconds")
            for key, value in targets.items()
        },
        working_days=None
        if (days := card.get("working_days")) is None
        else _expect(days, int, "`working_days`", "a whole number"),
        major=_expect(card.get("major", False), bool, "`major`", "true or false"),
    )


def _condition(entry: object, number: int) -> Condition:
    where = f"condition {number}"
    row = _expect(entry, dict, where, "a table")
    only_keys(row, {"name", "hours", "months", "class", "add"}, {"name", "add"}, where)
    hours = None
    if "hours" in row:
        pair = _texts(row["hours"], f"{where}, `hours`")
        if len(pair) != 2:
            raise InvalidInput(f'{where}: `hours` is {pair!r}; give two times, e.g. ["20:00", "06:00"].')
        hours = (_minute(pair[0], where), _minute(pair[1], where))
        if hours[0] == hours[1]:
            raise InvalidInput(f"{where}: `hours` begins and ends at {pair[0]}; leave it out if it always holds.")
    months = None
    if "months" in row:
        months = frozenset(_expect(row["months"], list, f"{where}, `months`", "a list"))
        if not months or not all(isinstance(month, int) and 1 <= month <= 12 for month in months):
            raise InvalidInput(f"{where}: `months` is {row['months']!r}; give numbers from 1 to 12.")
    if "class" in row and row["class"] not in list(ResponseClass):
        raise InvalidInput(f"{where}: `class` is {row['class']!r}; use urban or rural.")
    response_class = ResponseClass(row["class"]) if "class" in row else None
    return Condition(row["name"], _needs(row["add"], f"{where}, add"), hours, months, response_class)


def _needs(entries: object, what: str) -> tuple[Need, ...]:
    rows = _expect(entries, list, f"`{what}`", f"a list of tables ([[{what}]])")
    return tuple(_need(row, f"{what} {number}") for number, row in enumerate(rows, start=1))


def _need(entry: object, where: str, unit: str | None = None) -> Need:
    row = _expect(entry, dict, where, "a table")
    known = {"count", "staff", "skills", "equipment"} | ({"unit"} if unit is None else set())
    only_keys(row, known, {"unit"} if unit is None else set(), where)
    return Need(
        unit=_expect(row["unit"], str, f"{where}, `unit`", "a unit's id") if unit is None else unit,
        count=_expect(row.get("count", 1), int, f"{where}, `count`", "a whole number"),
        staff=_expect(row.get("staff", 0), int, f"{where}, `staff`", "a whole number"),
        skills=frozenset(_texts(row.get("skills", []), f"{where}, `skills`")),
        equipment=frozenset(_texts(row.get("equipment", []), f"{where}, `equipment`")),
    )


def _minute(text: str, where: str) -> int:
    found = re.fullmatch(r"(\d{2}):(\d{2})", text)
    if not found or int(found[2]) > 59 or (int(found[1]), int(found[2])) > (24, 0):
        raise InvalidInput(f"{where}: {text!r} is no time of day; write 06:30.")
    return int(found[1]) * 60 + int(found[2])


def _texts(value: object, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidInput(f"{where} is {value!r}; give a list of texts.")
    return value


def _expect(value: object, kind: type[_Kind], where: str, meant: str) -> _Kind:
    """Return the value if it is of a kind; True and False are no numbers."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidInput(f"{where} is {value!r}; give {meant}.")
    return value

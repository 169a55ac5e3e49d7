"""How long each step of a case may take: warn, then escalate one grid level up, then propose a card (R14).

Versioned data like the run cards: every alert and every card names the digest of the rules that it rests on.
Emergencies run on the clock, routine cases on working time: Monday to Friday, 09:00 to 17:00 in the district's zone,
without the holidays that are listed, and with the weekend days that are worked for them (调休).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.law.catalogue import canonical_json
from gridsvc.law.clocks import ResponseClass
from gridsvc.law.plans import Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

AWAITED_STEPS = ("accept", "assign", "on_scene", "handle", "feedback", "archive")
WORKING_DAY_S = 8 * 3600
_OPENS, _CLOSES = time(9), time(17)
_SATURDAY = 5
CARDS = ("yellow-card", "orange-card", "red-card")
MOST_RANKS = 5
"""Rank 0 warns; 1 to 4 reach area, township, region and district from a village."""


@dataclass(frozen=True, slots=True)
class TimerRule:
    """How long one step of some cases may take; the most particular rule that fits a case counts.

    response_class, priority: None = any. Seconds since the step before it: `warn_s`, then `limit_s` escalates one
    level up, and every `again_s` one more. `plan_days`: the limit is the run card's working days instead, the warning
    at three quarters of it. `cards_s`: seconds beyond the limit after which each of CARDS is proposed; empty = never.
    """

    step: str
    urgency: Urgency
    warn_s: float
    limit_s: float
    again_s: float
    response_class: ResponseClass | None = None
    priority: int | None = None
    plan_days: bool = False
    cards_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("warn_s", "limit_s", "again_s"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "cards_s", tuple(map(float, self.cards_s)))
        where = f"Timer of {self.step}, {self.urgency}"
        if self.step not in AWAITED_STEPS:
            raise InvalidInput(
                f"{where}: `step` is one of {', '.join(AWAITED_STEPS)}.", rule=where, known=list(AWAITED_STEPS)
            )
        if not 0 < self.warn_s <= self.limit_s < 1e9 or not 0 < self.again_s < 1e9:
            raise InvalidInput(f"{where}: give 0 < warn_s <= limit_s and 0 < again_s, in seconds.", rule=where)
        if len(self.cards_s) not in {0, len(CARDS)} or list(self.cards_s) != sorted(self.cards_s):
            raise InvalidInput(
                f"{where}: `cards_s` has {len(CARDS)} seconds in rising order ({', '.join(CARDS)}).",
                rule=where,
                count=len(CARDS),
                known=list(CARDS),
            )

    def limits(self, working_days: int | None) -> tuple[float, float]:
        """Return (warn, limit) in seconds for a case whose run card allows `working_days`."""
        if self.plan_days and working_days is not None:
            limit_s = float(working_days * WORKING_DAY_S)
            return 0.75 * limit_s, limit_s
        return self.warn_s, self.limit_s


@dataclass(frozen=True, slots=True)
class TimerRules:
    """All rules and the calendar of their working time; `version` is the SHA-256 of `document()`.

    `holidays` are days off, weekends among them or not; `make_up_days` are Saturdays and Sundays that are worked.
    """

    rules: tuple[TimerRule, ...]
    holidays: frozenset[date] = frozenset()
    make_up_days: frozenset[date] = frozenset()
    version: str = field(init=False)

    def __post_init__(self) -> None:
        keys = [(rule.step, rule.urgency, rule.response_class, rule.priority) for rule in self.rules]
        if doubled := [key for key in keys if keys.count(key) > 1]:
            rule = " ".join(str(part) for part in doubled[0])
            raise InvalidInput(f"Two timers for {rule}. Keep one of them.", rule=rule)
        for day in sorted(self.make_up_days):
            if day.weekday() < _SATURDAY:
                raise InvalidInput(
                    f"{day} is worked anyway: only a Saturday or Sunday can be a make-up day.", day=day.isoformat()
                )
            if day in self.holidays:
                raise InvalidInput(f"{day} is both a holiday and worked. Keep one of them.", day=day.isoformat())
        object.__setattr__(self, "version", hashlib.sha256(self.document().encode()).hexdigest())

    def find(self, step: str, urgency: str, response_class: str | None, priority: int | None) -> TimerRule | None:
        """Return the most particular rule for a step; None where it is not timed."""
        fitting = [
            rule
            for rule in self.rules
            if rule.step == step
            and rule.urgency == urgency
            and rule.response_class in (None, response_class)
            and rule.priority in (None, priority)
        ]
        return max(fitting, key=lambda rule: (rule.priority is not None, rule.response_class is not None), default=None)

    def elapsed_s(self, urgency: str, since: datetime, now: datetime, zone: ZoneInfo) -> float:
        """Return the seconds that count: all of an emergency's, the working ones of a routine case."""
        if urgency == Urgency.EMERGENCY:
            return (now - since).total_seconds()
        return working_s(since.astimezone(zone), now.astimezone(zone), self.holidays, self.make_up_days)

    def with_years(self, holidays: frozenset[date], make_up_days: frozenset[date]) -> TimerRules:
        """Return these rules with other days in the years that are given; the other years stay as they are."""
        years = {day.year for day in holidays | make_up_days}

        def joined(before: frozenset[date], given: frozenset[date]) -> frozenset[date]:
            return frozenset(day for day in before if day.year not in years) | given

        return TimerRules(self.rules, joined(self.holidays, holidays), joined(self.make_up_days, make_up_days))

    def document(self) -> str:
        """Return the whole version as canonical JSON text: it is stored and digested, and alerts refer to it."""
        document = {"rules": [asdict(rule) for rule in self.rules], "holidays": _written(self.holidays)}
        if self.make_up_days:  # a version from before there were any keeps its digest
            document["make_up_days"] = _written(self.make_up_days)
        return canonical_json(document)

    @classmethod
    def from_document(cls, text: str) -> TimerRules:
        """Read back what `document` wrote."""
        return cls.from_json(json.loads(text))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TimerRules:
        """Read {rules: [...], holidays: ["2026-10-01", ...], make_up_days: [...]}; InvalidInput if invalid."""
        try:
            rules = tuple(_rule(each) for each in value["rules"])
            return cls(rules, _days(value.get("holidays", ())), _days(value.get("make_up_days", ())))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(
                f"These are no timers: {error}. GET /timers shows how they are written.", reason=str(error)
            ) from None


def _rule(value: dict[str, Any]) -> TimerRule:
    response_class = value.get("response_class")
    seconds = {name: float(value[name]) for name in ("warn_s", "limit_s", "again_s")}
    return TimerRule(
        step=str(value["step"]),
        urgency=Urgency(value["urgency"]),
        response_class=None if response_class is None else ResponseClass(response_class),
        priority=None if value.get("priority") is None else int(value["priority"]),
        plan_days=bool(value.get("plan_days", False)),
        cards_s=tuple(float(each) for each in value.get("cards_s", ())),
        **seconds,
    )


def _days(values: Iterable[str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(each) for each in values)


def _written(days: frozenset[date]) -> list[str]:
    return sorted(day.isoformat() for day in days)


def working_s(
    since: datetime, now: datetime, holidays: frozenset[date] = frozenset(), make_up_days: frozenset[date] = frozenset()
) -> float:
    """Return the working seconds between two local times."""
    if now <= since:
        return 0.0
    first, last = since.date(), now.date()
    if first == last:
        return _within(since, now, holidays, make_up_days)
    midnight = datetime.combine(first + timedelta(days=1), time(0), since.tzinfo)
    between = int(np.busday_count(first + timedelta(days=1), last, holidays=sorted(holidays)))
    between += sum(first < day < last for day in make_up_days)
    last_day = datetime.combine(last, time(0), now.tzinfo)
    ends = _within(since, midnight, holidays, make_up_days) + _within(last_day, now, holidays, make_up_days)
    return between * WORKING_DAY_S + ends


def _within(since: datetime, until: datetime, holidays: frozenset[date], make_up_days: frozenset[date]) -> float:
    """Return the working seconds of the day of `since`."""
    day = since.date()
    if day not in make_up_days and (day.weekday() >= _SATURDAY or day in holidays):
        return 0.0
    opens = datetime.combine(day, _OPENS, since.tzinfo)
    closes = datetime.combine(day, _CLOSES, since.tzinfo)
    return max(0.0, (min(until, closes) - max(since, opens)).total_seconds())


def default_timers() -> TimerRules:
    """Return the rules of a district that has set none."""
    emergency, routine = Urgency.EMERGENCY, Urgency.ROUTINE
    urban, rural = ResponseClass.URBAN, ResponseClass.RURAL
    day = float(WORKING_DAY_S)
    return TimerRules(
        (
            TimerRule("accept", emergency, 30, 60, 60),
            TimerRule("accept", emergency, 15, 30, 30, priority=1),
            TimerRule("assign", emergency, 60, 120, 120),
            TimerRule("assign", emergency, 30, 60, 60, priority=1),
            TimerRule("on_scene", emergency, 240, 300, 300, response_class=urban),
            TimerRule("on_scene", emergency, 720, 900, 900, response_class=rural),
            TimerRule("handle", emergency, 1800, 3600, 3600),
            TimerRule("feedback", emergency, 14_400, 28_800, 28_800),
            TimerRule("archive", emergency, 86_400, 259_200, 259_200),
            TimerRule("accept", routine, 3600, 7200, 7200),
            TimerRule("assign", routine, 7200, 14_400, 14_400),
            TimerRule("handle", routine, day, 2 * day, day, plan_days=True, cards_s=(0.0, day, 3 * day)),
            TimerRule("feedback", routine, day, 2 * day, day, plan_days=True, cards_s=(0.0, day, 3 * day)),
            TimerRule("archive", routine, 3 * day, 5 * day, 5 * day),
        )
    )

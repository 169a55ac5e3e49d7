"""From the law and the run card to the slots of a joint team "1+X" (R6, R7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridsvc.dispatch.facts import LEAD_SLOT
from gridsvc.errors import NotFound
from gridsvc.law import (
    BUREAU,
    REGIONAL_JOINT,
    TOWNSHIP,
    Catalogue,
    CompetenceLevel,
    CompetentUnit,
    Need,
    ResponsePlan,
    Urgency,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in the joint team. `id`: "1", else the unit, with #2, #3 for further teams of it."""

    id: str
    need: Need


@dataclass(frozen=True, slots=True)
class LawfulTeam:
    """The slots of a case in order of importance, and the law they rest on."""

    slots: tuple[Slot, ...]
    competence: tuple[CompetentUnit, ...]
    transfer: tuple[CompetentUnit, ...]


def lawful_team(
    plan: ResponsePlan,
    catalogue: Catalogue,
    on: date,
    township: str | None,
    *,
    regional_leads: bool,
    active: Iterable[int],
    alarm: int,
) -> LawfulTeam:
    """Return the slots that a case of this plan has on a day in a township.

    `active`: numbers of the plan's conditions that hold. Order: the lead, the own township, each unit competent for a
    matter, what the card wants besides, partners, conditions, second alarm. A slot earlier in this order is filled
    first where teams are short.
    """
    competence = tuple(_competent(catalogue, key, on, township) for key in plan.matters)
    acting: dict[str, list[str]] = {}
    for key, found in zip(plan.matters, competence, strict=True):
        units = acting.setdefault(key.split("/", 1)[0], [])
        if found.unit not in units:
            units.append(found.unit)
    needs: dict[str, list[Need]] = {}
    for found in competence:
        if found.level is CompetenceLevel.DISTRICT and found.unit != BUREAU:
            needs.setdefault(found.unit, [Need(found.unit)])
    for need in _in_force(plan.needs, acting):
        _require(needs, need)
    for need in plan.partners:
        _require(needs, need)
    more = [need for number in active for need in plan.conditions[number].add]
    if alarm >= 2:
        more.extend(plan.second_alarm)
    for need in _in_force(more, acting):
        needs.setdefault(need.unit, []).extend([replace(need, count=1)] * need.count)
    lead = replace(plan.lead_need, unit=REGIONAL_JOINT) if regional_leads else plan.lead_need
    slots = [Slot(LEAD_SLOT, replace(lead, count=1))]
    own = [replace(plan.township_need, count=1)] * plan.township_need.count + needs.pop(TOWNSHIP, [])
    for unit, wanted in {TOWNSHIP: own, **needs}.items():
        slots.extend(Slot(unit if n == 1 else f"{unit}#{n}", need) for n, need in enumerate(wanted, start=1))
    transfer: tuple[CompetentUnit, ...] = ()
    if plan.urgency is Urgency.ROUTINE:
        transfer = tuple(c for c in competence if c.level is CompetenceLevel.DISTRICT and c.unit != BUREAU)
    return LawfulTeam(tuple(slots), competence, transfer)


def _competent(catalogue: Catalogue, key: str, on: date, township: str | None) -> CompetentUnit:
    try:
        return catalogue.competent_unit(key, on, township)
    except NotFound:
        # A catalogue loaded after the card: an emergency is still answered, by the unit that the card names.
        unit = key.split("/", 1)[0]
        return CompetentUnit(
            key, unit, CompetenceLevel.DISTRICT, "named by the run card; not in the catalogue in force"
        )


def _in_force(needs: Iterable[Need], acting: dict[str, list[str]]) -> Iterable[Need]:
    """Yield the needs, each moved to whoever acts for its unit on the day: the department before approval."""
    for need in needs:
        for unit in acting.get(need.unit, [need.unit]) if need.unit != BUREAU else [BUREAU]:
            yield need if unit == need.unit else replace(need, unit=unit)


def _require(needs: dict[str, list[Need]], need: Need) -> None:
    """Let the first `count` teams of a unit bring what the card asks, adding teams up to that count."""
    wanted = needs.setdefault(need.unit, [])
    one = replace(need, count=1)
    wanted[: need.count] = [one] * need.count

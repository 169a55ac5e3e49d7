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
    UnitKind,
    Urgency,
    township_unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in the joint team. `id`: "1", else the unit, with #2, #3 for further teams of it.

    `township`: of a case in several townships, the township whose team may fill the slot.
    """

    id: str
    need: Need
    township: str | None = None


@dataclass(frozen=True, slots=True)
class LawfulTeam:
    """The slots of a case in order of importance, and the law they rest on.

    `holder`: the unit that leads and handles the case instead of the bureau: TOWNSHIP for delegated matters, a
    department before approval; None otherwise.
    """

    slots: tuple[Slot, ...]
    competence: tuple[CompetentUnit, ...]
    transfer: tuple[CompetentUnit, ...]
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides, beside plan and catalogue, which slots a case has.

    `on`: the day whose law applies. `townships`: the own township, or all that a line or area touches; empty where it
    is unknown. `regional_leads`: the case is regional, across regions or major. `active`: numbers of the plan's
    conditions that hold. `rules`: the version of the rules (`facts.RULES`).
    """

    on: date
    townships: tuple[str, ...]
    regional_leads: bool
    active: tuple[int, ...]
    alarm: int
    rules: int

    @property
    def township(self) -> str | None:
        """The own township; None where it is unknown or there are several."""
        return self.townships[0] if len(self.townships) == 1 else None


def lawful_team(plan: ResponsePlan, catalogue: Catalogue, around: Circumstances) -> LawfulTeam:
    """Return the slots that a case of this plan has (R6, R7).

    Order: the lead, the own townships, each unit competent for a matter, what the card wants besides, partners,
    conditions, second alarm. A slot earlier in this order is filled first where teams are short.
    """
    competence = tuple(_competent(catalogue, key, around.on, around.township) for key in plan.matters)
    needs = _needs(plan, competence, around)
    holder = None if around.regional_leads or around.rules < 2 else _holder(plan, catalogue, competence)
    own = [replace(plan.township_need, count=1)] * plan.township_need.count + needs.pop(TOWNSHIP, [])
    if around.regional_leads:
        lead = replace(plan.lead_need, unit=REGIONAL_JOINT)
    elif holder == TOWNSHIP:
        lead, *own = own
    elif holder is not None:
        lead, *rest = needs.pop(holder)
        needs |= {holder: rest} if rest else {}
    else:
        lead = plan.lead_need
    slots = [Slot(LEAD_SLOT, replace(lead, count=1))]
    if len(around.townships) > 1:
        slots += [Slot(township_unit(code), plan.township_need, code) for code in around.townships]
    else:
        slots += _numbered(TOWNSHIP, own)
    for unit, wanted in needs.items():
        slots += _numbered(unit, wanted)
    transfer: tuple[CompetentUnit, ...] = ()
    if plan.urgency is Urgency.ROUTINE and holder is None:
        transfer = tuple(c for c in competence if c.level is CompetenceLevel.DISTRICT and c.unit != BUREAU)
    return LawfulTeam(tuple(slots), competence, transfer, holder)


def _needs(plan: ResponsePlan, competence: tuple[CompetentUnit, ...], around: Circumstances) -> dict[str, list[Need]]:
    """Return what is needed beside the lead, by unit: of the law first, then of the response plan."""
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
    more = [need for number in around.active for need in plan.conditions[number].add]
    if around.alarm >= 2:
        more.extend(plan.second_alarm)
    for need in _in_force(more, acting):
        needs.setdefault(need.unit, []).extend([replace(need, count=1)] * need.count)
    return needs


def _holder(plan: ResponsePlan, catalogue: Catalogue, competence: tuple[CompetentUnit, ...]) -> str | None:
    """Return who leads and handles a routine case instead of the bureau (R7); an emergency is the bureau's to lead."""
    if plan.urgency is not Urgency.ROUTINE or not competence:
        return None
    if all(found.level is CompetenceLevel.TOWNSHIP for found in competence):
        return TOWNSHIP
    units = [catalogue.find_unit(found.unit) for found in competence]
    if all(unit is not None and unit.kind is UnitKind.DEPARTMENT for unit in units):
        return competence[0].unit
    return None


def _numbered(unit: str, wanted: list[Need]) -> list[Slot]:
    return [Slot(unit if n == 1 else f"{unit}#{n}", need) for n, need in enumerate(wanted, start=1)]


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
    """Yield the needs, each moved to the unit that acts for its own on the day: the department before approval."""
    for need in needs:
        for unit in acting.get(need.unit, [need.unit]) if need.unit != BUREAU else [BUREAU]:
            yield need if unit == need.unit else replace(need, unit=unit)


def _require(needs: dict[str, list[Need]], need: Need) -> None:
    """Require skills and equipment of the first `count` teams of a unit, adding teams up to that count."""
    wanted = needs.setdefault(need.unit, [])
    one = replace(need, count=1)
    wanted[: need.count] = [one] * need.count

"""Teams, catalogue, plans and clocks of one version vector, arranged so that a recommendation reads no law twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.dispatch.slots import Circumstances, LawfulTeam, Slot, lawful_team
from gridsvc.law import (
    BUREAU,
    NEIGHBOUR_TOWNSHIP,
    REGIONAL_JOINT,
    TOWNSHIP,
    URBAN_MANAGEMENT,
    Catalogue,
    ClockRules,
    LeadRule,
    PlanBook,
    ResponsePlan,
    UnitKind,
    Urgency,
    township_unit,
)
from gridsvc.teams.model import Roster, Team, TeamKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.dispatch.facts import CaseFacts
    from gridsvc.law import Need

REGIONAL_LEVELS = frozenset({"regional", "district"})
FORMS_KEPT = 2048
"""The most forms in memory; they are small and quick to make, so all are dropped at once."""
MATTER_TYPE = "matter"
"""The type of a case that was reported by a row of the catalogue instead of a type."""
MATTER_WORKING_DAYS = 7
MATTER_PRIORITY = 4
"""For a row of the catalogue that no response plan names: a routine case of ordinary priority."""


@dataclass(frozen=True, slots=True)
class SlotForm:
    """One slot with the team numbers that may fill it, and those that may not, with what bars them.

    `substitutes`: lawful teams of other kinds, with what they would be. `least_staff`: the fewest people that an option
    needs to be complete.
    """

    slot: Slot
    unit: str
    options: tuple[int, ...]
    barred: tuple[tuple[int, str], ...]
    substitutes: tuple[tuple[int, str], ...]
    no_option: str
    least_staff: int


@dataclass(frozen=True, slots=True)
class Form:
    """Everything about a case that does not depend on the time: slots, options, and a first verdict per team.

    `verdicts` has "" for teams that are an option of some slot; `lawful` lists these. `handlers`: team numbers that may
    keep the case, with the rule that names them; empty where the grids name no team.
    """

    plan: ResponsePlan
    law: LawfulTeam
    slots: tuple[SlotForm, ...]
    verdicts: tuple[str, ...]
    lawful: tuple[int, ...]
    handlers: tuple[int, ...]
    handler_rule: str
    competence: tuple[dict[str, str], ...]
    transfer: tuple[dict[str, str], ...]


class Prepared:
    """Teams, catalogue, plans and clocks of one version vector; share it between requests.

    `teams` is sorted by id, `index` maps a team id to its place there, `turnout_ms` is from the station, in that order.
    `versions` names the digests of all four, `version` is one digest over them.
    """

    __slots__ = (
        "_by_unit",
        "_forms",
        "_represents",
        "catalogue",
        "clocks",
        "index",
        "plans",
        "roster",
        "team_ids",
        "teams",
        "turnout_ms",
        "version",
        "versions",
    )

    def __init__(self, roster: Roster, catalogue: Catalogue, plans: PlanBook, clocks: ClockRules) -> None:
        self.roster = roster
        self.catalogue = catalogue
        self.plans = plans
        self.clocks = clocks
        self.teams: tuple[Team, ...] = tuple(roster.by_id[team_id] for team_id in sorted(roster.by_id))
        self.team_ids = tuple(team.id for team in self.teams)
        self.index = {team_id: number for number, team_id in enumerate(self.team_ids)}
        self.turnout_ms = tuple(team.station_turnout_s * 1000 for team in self.teams)
        self.versions = {
            "teams": roster.version,
            "catalogue": catalogue.version,
            "plans": plans.version,
            "clock_policies": clocks.version,
        }
        self.version = hashlib.sha256("".join(self.versions.values()).encode()).hexdigest()
        # 区域网格联合执法队 is drawn from the bureau and the six brigades (plan, two (one) 3).
        self._represents = (BUREAU, *(unit.id for unit in catalogue.units if unit.kind is UnitKind.BRIGADE))
        self._forms: dict[tuple[object, ...], Form] = {}
        self._by_unit: dict[str, list[tuple[int, Team]]] = {}

    @classmethod
    def of(cls, teams: Iterable[Team], catalogue: Catalogue, plans: PlanBook, clocks: ClockRules) -> Prepared:
        """Prepare; raises InvalidInput for a team that is not valid or an id that occurs twice."""
        return cls(Roster(tuple(teams)), catalogue, plans, clocks)

    @classmethod
    def from_documents(cls, *, teams: str, catalogue: str, plans: str, clock_policies: str) -> Prepared:
        """Prepare from the four stored documents of one version vector."""
        return cls(
            Roster.from_document(teams),
            Catalogue.from_document(catalogue),
            PlanBook.from_document(plans),
            ClockRules.from_document(clock_policies),
        )

    def plan_of(self, case: CaseFacts) -> ResponsePlan:
        """Return the response plan of a case; raises InvalidInput for an unknown type, NotFound for a matter."""
        return self.plans.get(case.type) if case.matter is None else self.matter_plan(case.matter)

    def matter_plan(self, key: str) -> ResponsePlan:
        """Return the plan for a row of the catalogue: a routine case of its competent unit. Raises NotFound."""
        matter = self.catalogue.get_matter(key)
        fields = (field.id for field in self.catalogue.fields if field.brigade == matter.unit)
        routine = (plan.clock_policy for plan in self.plans.plans.values() if plan.urgency is Urgency.ROUTINE)
        return ResponsePlan(
            type=MATTER_TYPE,
            name=matter.field,
            name_en="",
            field=next(fields, URBAN_MANAGEMENT),
            urgency=Urgency.ROUTINE,
            priority=MATTER_PRIORITY,
            matters=(key,),
            clock_policy=next(routine, self.clocks.default_policy),
            lead=LeadRule.AREA,
            working_days=MATTER_WORKING_DAYS,
        )

    def form(self, case: CaseFacts) -> Form:
        """Return the form of a case; raises InvalidInput for an unknown type, NotFound for an unknown matter."""
        plan = self.plan_of(case)
        townships = case.townships or (() if case.township is None else (case.township,))
        active = (
            number
            for number, condition in enumerate(plan.conditions)
            if condition.holds(case.local_time, case.response_class)
        )
        around = Circumstances(
            on=case.local_time.date(),
            townships=townships,
            active=tuple(active),
            alarm=case.alarm,
            rules=case.rules,
            regional_leads=case.major or plan.major or case.owned_level in REGIONAL_LEVELS,
        )
        region = None if case.owned_level == "district" else case.regional
        key = (plan.type, case.matter, around, case.area, region)
        found = self._forms.get(key)
        if found is None:
            if len(self._forms) >= FORMS_KEPT:
                self._forms.clear()
            found = self._forms[key] = self._make_form(plan, around, case.area, region)
        return found

    def _make_form(self, plan: ResponsePlan, around: Circumstances, area: str | None, region: str | None) -> Form:
        law = lawful_team(plan, self.catalogue, around)
        slots = []
        first = {kind: _first_verdict(kind, law, around) for kind in TeamKind}
        verdicts = [first[team.kind] for team in self.teams]
        for slot in law.slots:
            form = self._slot_form(slot, plan, around, area, region)
            for number, bar in form.barred:
                if verdicts[number]:
                    verdicts[number] = bar
            slots.append(form)
        for form in slots:
            for number in form.options:
                verdicts[number] = ""
        handlers, rule = self._handlers(law, around, area, region)
        return Form(
            plan=plan,
            law=law,
            slots=tuple(slots),
            verdicts=tuple(verdicts),
            lawful=tuple(number for number, verdict in enumerate(verdicts) if not verdict),
            handlers=handlers,
            handler_rule=rule,
            competence=tuple(
                {"matter": each.matter, "unit": each.unit, "level": str(each.level), "basis": each.basis}
                for each in law.competence
            ),
            transfer=tuple({"matter": each.matter, "to_unit": each.unit, "basis": each.basis} for each in law.transfer),
        )

    def _slot_form(
        self, slot: Slot, plan: ResponsePlan, around: Circumstances, area: str | None, region: str | None
    ) -> SlotForm:
        need = slot.need
        own = (slot.township,) if slot.township is not None else around.townships[:1]
        if need.unit == NEIGHBOUR_TOWNSHIP:
            own = around.townships
        leads_of_area = slot.id == "1" and need.unit == BUREAU and plan.lead is LeadRule.AREA
        leads_of_region = slot.id == "1" and need.unit == REGIONAL_JOINT and region is not None
        options, barred, substitutes = [], [], []
        for number, team in self._candidates(need.unit):
            place = self._place(team, need.unit, own)
            if place == "own" and leads_of_region and team.region != region:
                place = "other-region"
            elif place == "own" and leads_of_area and area not in team.areas:
                place = "neighbour-squadron"
            bar = _missing(need, team) if place == "own" else None
            if bar is not None:
                barred.append((number, bar))
                substitutes.append((number, bar))
            elif place == "own":
                options.append(number)
            elif place is not None:
                substitutes.append((number, place))
        no_option = barred[0][1] if barred else "no-such-unit"
        if need.unit == TOWNSHIP and not own:
            no_option = "township-unknown"
        elif leads_of_area and area is None:
            no_option = "area-unknown"
        unit = {TOWNSHIP: township_unit(own[0]) if own else TOWNSHIP}.get(need.unit, need.unit)
        least_staff = min((self.teams[number].staff_needed for number in options), default=0)
        return SlotForm(slot, unit, tuple(options), tuple(barred), tuple(substitutes), no_option, least_staff)

    def _candidates(self, unit: str) -> list[tuple[int, Team]]:
        """Return the numbered teams that a slot of a unit may have as option or substitute, wherever it is."""
        found = self._by_unit.get(unit)
        if found is None:
            found = [pair for pair in enumerate(self.teams) if self._place(pair[1], unit, ()) is not None]
            self._by_unit[unit] = found
        return found

    def _place(self, team: Team, unit: str, own: tuple[str, ...]) -> str | None:
        """`own` = a team that the slot asks for, another word = what it would be as a substitute, None = neither.

        `own` are the codes of the slot's own townships.
        """
        kind = team.kind
        if unit == TOWNSHIP:
            if kind is TeamKind.TOWNSHIP:
                return "own" if team.township in own else "neighbour-township"
            return "regional-joint-team" if kind is TeamKind.REGIONAL else None
        if unit == NEIGHBOUR_TOWNSHIP:
            if kind is TeamKind.TOWNSHIP:
                return "own" if team.township not in own else None
            return "regional-joint-team" if kind is TeamKind.REGIONAL else None
        if unit == REGIONAL_JOINT:
            if kind is TeamKind.REGIONAL:
                return "own"
            return "bureau-squadron" if kind is TeamKind.SQUADRON else None
        if kind is TeamKind.REGIONAL:
            return "regional-joint-team" if unit in (team.represents or self._represents) else None
        if unit == BUREAU:
            return "own" if kind is TeamKind.SQUADRON else None
        return "own" if team.unit == unit else None

    def _handlers(
        self, law: LawfulTeam, around: Circumstances, area: str | None, region: str | None
    ) -> tuple[tuple[int, ...], str]:
        """Return the numbers of the teams that may keep the case, and the rule that names them."""
        numbered = tuple(enumerate(self.teams))
        if law.holder == TOWNSHIP:
            kind, rule = TeamKind.TOWNSHIP, "township"
            return tuple(n for n, team in numbered if team.kind is kind and team.township in around.townships), rule
        if law.holder is not None:
            return tuple(n for n, team in numbered if team.unit == law.holder), "power-holder"
        if around.regional_leads:
            joint = tuple(n for n, team in numbered if team.kind is TeamKind.REGIONAL and region in {None, team.region})
            if joint:
                return joint, "regional-joint-team"
        squadrons = [(n, team) for n, team in numbered if team.kind is TeamKind.SQUADRON]
        if area is not None and (own := tuple(n for n, team in squadrons if area in team.areas)):
            return own, "area-squadron"
        township = around.township
        if township is not None and (near := tuple(n for n, team in squadrons if team.township == township)):
            return near, "township-squadron"
        return (), "lead"


def _missing(need: Need, team: Team) -> str | None:
    """Return what bars a team from a slot: `skill`, `equipment`, or None."""
    if not need.skills <= team.skills:
        return "skill"
    return None if need.equipment <= team.equipment else "equipment"


def _first_verdict(kind: TeamKind, law: LawfulTeam, around: Circumstances) -> str:
    """Return the verdict on a team of a kind that no slot asks for."""
    if kind is TeamKind.PARTNER:
        return "not-called"
    if kind is TeamKind.TOWNSHIP:
        return "other-township"
    if kind is TeamKind.REGIONAL:
        return "other-region" if around.regional_leads else "not-regional"
    if kind is TeamKind.SQUADRON and law.holder is None:
        return "regional-leads" if around.regional_leads else "other-area"
    return "not-competent"

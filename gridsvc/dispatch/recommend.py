"""Recommend the lawful joint team for one case: law first, time second, every team with its reason."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gridsvc.dispatch.assignment import assign
from gridsvc.dispatch.facts import LEAD_SLOT, CaseFacts, ChosenTeam, Handler, Recommendation, Substitute, Unfilled
from gridsvc.law import Urgency
from gridsvc.teams.model import AVAILABLE, TURNOUT_ON_ROAD_S, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.dispatch.prepared import Form, Prepared, SlotForm
    from gridsvc.teams.model import Team, TeamState

BUSY_MS = 10**10
"""A routine case may wait on the work list of a busy team, but a free one comes first."""
LOSS_UNITS = 10**6

OFF_DUTY = {TeamStatus.OFF_DUTY: "off-duty", TeamStatus.OUT_OF_SERVICE: "out-of-service"}


def recommend(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_s: Sequence[float | None],
    coverage_loss: Sequence[float] | None = None,
) -> Recommendation:
    """Recommend the lawful joint team for a case.

    states, travel_s, coverage_loss are in the order of `prepared.teams`. travel_s: seconds by road from each team to
    the place, None or inf = unreachable (all None where no road is near). coverage_loss: the price of sending each.

    An emergency takes only teams that are free, complete, located and can get there. A routine case goes onto a
    team's work list: the law alone decides, and among several the one that is free, then near. Raises InvalidInput
    for an unknown incident type.
    """
    travel_ms = [None if t is None or not 0 <= t < inf else round(t * 1000) for t in travel_s]
    return recommend_ms(prepared, case, states, travel_ms, coverage_loss)


def recommend_ms(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_ms: Sequence[int | None],
    coverage_loss: Sequence[float] | None = None,
) -> Recommendation:
    """`recommend` with travel in whole milliseconds, None = unreachable: what is kept for a replay."""
    form = prepared.form(case)
    moment = _Moment(prepared, form, case, states, travel_ms, coverage_loss)
    return moment.recommendation()


class _Moment:
    """One case at one moment: the form of its law, filled with the state of the teams."""

    __slots__ = ("arrival", "case", "form", "handling_ms", "loss", "loss_given", "obstacles", "policy_id", "prepared",
                 "routine", "sent", "states", "teams", "travel_ms")  # fmt: skip

    def __init__(
        self, prepared: Prepared, form: Form, case: CaseFacts, states: Sequence[TeamState],
        travel_ms: Sequence[int | None], coverage_loss: Sequence[float] | None,
    ) -> None:  # fmt: skip
        self.prepared, self.form, self.case = prepared, form, case
        self.teams: tuple[Team, ...] = prepared.teams
        self.states, self.travel_ms = states, travel_ms
        policy = prepared.clocks.policies.get(form.plan.clock_policy) or prepared.clocks.get(
            prepared.clocks.default_policy
        )
        self.policy_id, self.handling_ms = policy.id, policy.handling_s * 1000
        self.routine = form.plan.urgency is Urgency.ROUTINE
        self.sent = frozenset(case.held.values())
        self.loss_given = coverage_loss
        self.loss = [0] * len(self.teams)
        self.arrival: list[int] = [0] * len(self.teams)
        self.obstacles: dict[int, str] = {}

    def recommendation(self) -> Recommendation:
        form, case = self.form, self.case
        open_slots = [slot for slot in form.slots if slot.slot.id not in case.held]
        able = [self._able(slot) for slot in open_slots]
        options, arrival = list(able), self.arrival
        if open_slots and open_slots[0].slot.id == LEAD_SLOT and len(options[0]) > 1:
            first = min(arrival[number] for number in options[0])
            options[0] = [number for number in options[0] if arrival[number] == first]
        chosen = assign(options, arrival, self.loss)
        taken = {number for number in chosen if number is not None}
        lead: ChosenTeam | None = None
        members: list[ChosenTeam] = []
        empty: list[SlotForm] = []
        for slot, number in zip(open_slots, chosen, strict=True):
            if number is None:
                empty.append(slot)
            elif slot.slot.id == LEAD_SLOT:
                lead = self._chosen(slot, number)
            else:
                members.append(self._chosen(slot, number))
        unfilled = self._unfilled(empty, taken)
        lead_response_s = None if lead is None else lead.response_s
        target_s = form.plan.target(case.response_class)
        meets: bool | None = None
        if target_s is not None and LEAD_SLOT not in case.held:
            meets = lead_response_s is not None and lead_response_s <= target_s
        responses = [team.response_s for team in (lead, *members) if team is not None]
        whole = [seconds for seconds in responses if seconds is not None]
        full = max(whole) if whole and len(whole) == len(responses) and not unfilled else None
        return Recommendation(
            type=form.plan.type,
            urgency=form.plan.urgency,
            response_class=case.response_class,
            target_s=target_s,
            clock_policy=self.policy_id,
            handler=self._handler(lead),
            lead=lead,
            members=tuple(members),
            unfilled=unfilled,
            lead_response_s=lead_response_s,
            full_team_response_s=full,
            meets_target=meets,
            considered=self._considered(open_slots, able, chosen),
            competence=form.competence,
            transfer=form.transfer,
            coverage_loss=None if self.loss_given is None else sum(self.loss[n] for n in taken) / LOSS_UNITS,
        )

    def _able(self, slot: SlotForm) -> list[int]:
        """Return the teams that can fill a slot now; set arrival and loss of each, and what hinders the others."""
        staff, loss, able = slot.slot.need.staff, self.loss_given, []
        for number in slot.options:
            obstacle = self._obstacle(number, staff)
            if obstacle is None:
                able.append(number)
                self.arrival[number] = self._arrival(number)
                if loss is not None:
                    self.loss[number] = round(loss[number] * LOSS_UNITS)
            else:
                self.obstacles[number] = obstacle
        return able

    def _obstacle(self, number: int, staff: int) -> str | None:
        team, state = self.teams[number], self.states[number]
        if self.sent and team.id in self.sent:
            return "already-sent"
        if self.case.excluded and team.id in self.case.excluded:
            return "declined"
        if state is AVAILABLE and staff <= team.staff_needed and not self.routine:
            return "out-of-reach" if self.travel_ms[number] is None else None
        status = state.status
        if status is TeamStatus.OUT_OF_SERVICE:
            return "out-of-service"
        if self.routine:
            return None
        if status is not TeamStatus.AVAILABLE:
            return OFF_DUTY.get(status, "engaged")
        needed = max(staff, team.staff_needed)
        if (team.staff_needed if state.staff_present is None else state.staff_present) < needed:
            return "understaffed"
        if state.is_stale():
            return "stale-position"
        return "out-of-reach" if self.travel_ms[number] is None else None

    def _response_ms(self, number: int, travel_ms: int) -> int:
        turnout_ms = self.prepared.turnout_ms[number]
        if self.states[number].on_road and turnout_ms > TURNOUT_ON_ROAD_S * 1000:
            turnout_ms = TURNOUT_ON_ROAD_S * 1000
        return self.handling_ms + turnout_ms + travel_ms

    def _arrival(self, number: int) -> int:
        travel_ms = self.travel_ms[number]
        if travel_ms is None:
            return 2 * BUSY_MS
        response_ms = self._response_ms(number, travel_ms)
        return response_ms if self.states[number].status is TeamStatus.AVAILABLE else response_ms + BUSY_MS

    def _chosen(self, slot: SlotForm, number: int) -> ChosenTeam:
        team, arrival = self.teams[number], self.arrival[number]
        if arrival >= BUSY_MS:
            return ChosenTeam(slot.slot.id, team.id, team.unit, None, None)
        travel_ms = self.travel_ms[number]
        assert travel_ms is not None
        return ChosenTeam(slot.slot.id, team.id, team.unit, travel_ms / 1000, arrival / 1000)

    def _unfilled(self, empty: list[SlotForm], taken: set[int]) -> tuple[Unfilled, ...]:
        used = set(taken)
        told = []
        for slot in empty:
            substitute = self._substitute(slot, used)
            if substitute is not None:
                used.add(self.prepared.index[substitute.team_id])
            told.append(Unfilled(slot.slot.id, slot.unit, self._reason(slot), substitute))
        return tuple(told)

    def _reason(self, slot: SlotForm) -> str:
        """Return what keeps the team that would have been there first."""
        if not slot.options:
            if len(slot.barred) > 1:
                return min(slot.barred, key=lambda bar: self._nearness(bar[0]))[1]
            return slot.no_option
        hindered = [number for number in slot.options if self._obstacle(number, slot.slot.need.staff) is not None]
        if not hindered:
            return "no-further-team"
        return self._obstacle(min(hindered, key=self._nearness), slot.slot.need.staff) or "no-further-team"

    def _nearness(self, number: int) -> tuple[bool, int, int]:
        travel_ms = self.travel_ms[number]
        return (True, 0, number) if travel_ms is None else (False, self._response_ms(number, travel_ms), number)

    def _substitute(self, slot: SlotForm, used: set[int]) -> Substitute | None:
        """Return the nearest lawful team of another kind, or of the unit with less than the card asks."""
        able: list[tuple[int, int, str]] = []
        for number, why in slot.substitutes:
            if number not in used and self._obstacle(number, 0) is None:
                able.append((self._arrival(number), number, why))
        for number in slot.options:
            if number not in used and self.travel_ms[number] is not None:
                obstacle = self._obstacle(number, slot.slot.need.staff)
                if obstacle == "stale-position":
                    able.append((self._arrival(number), number, obstacle))
        if not able:
            return None
        arrival, number, why = min(able)
        team, travel_ms = self.teams[number], self.travel_ms[number]
        if travel_ms is None or arrival >= BUSY_MS:
            return Substitute(team.id, team.unit, None, None, why)
        return Substitute(team.id, team.unit, travel_ms / 1000, arrival / 1000, why)

    def _handler(self, lead: ChosenTeam | None) -> Handler | None:
        form = self.form
        if form.handlers:
            led = None if lead is None else self.prepared.index[lead.team_id]
            team = self.teams[led if led is not None and led in form.handlers else form.handlers[0]]
            return Handler(team.id, team.unit, form.handler_rule)
        return None if lead is None else Handler(lead.team_id, lead.unit, "lead")

    def _considered(
        self, open_slots: list[SlotForm], able: list[list[int]], chosen: list[int | None]
    ) -> tuple[tuple[str, float | None, str], ...]:
        verdicts = list(self.form.verdicts)
        for free, number in zip(able, chosen, strict=True):
            latest = 0 if number is None else self.arrival[number]
            for option in free:
                if self.arrival[option] < latest:
                    verdicts[option] = "coverage"
                elif not verdicts[option]:
                    verdicts[option] = "slower"
        for slot, number in zip(open_slots, chosen, strict=True):
            if number is not None:
                verdicts[number] = "chosen-lead" if slot.slot.id == LEAD_SLOT else "chosen-member"
        for number, verdict in enumerate(verdicts):
            if not verdict:
                # An obstacle in every slot it could fill, or all these slots are held already.
                verdicts[number] = self.obstacles.get(number) or self._obstacle(number, 0) or "slower"
        travel_s = [None if ms is None else ms / 1000 for ms in self.travel_ms]
        return tuple(zip(self.prepared.team_ids, travel_s, verdicts, strict=True))

"""Recommend the lawful joint team for one case: law first, time second, every team with its reason."""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest
from math import inf
from typing import TYPE_CHECKING

from gridsvc.dispatch.assignment import assign
from gridsvc.dispatch.facts import (
    CONSIDERED_SHOWN,
    LEAD_SLOT,
    CaseFacts,
    ChosenTeam,
    Considered,
    Handler,
    Recommendation,
    Substitute,
    Unfilled,
)
from gridsvc.law import Urgency
from gridsvc.teams.model import AVAILABLE, TURNOUT_ON_ROAD_S, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.dispatch.prepared import Prepared, SlotForm
    from gridsvc.teams.model import Team, TeamState

BUSY_MS = 10**10
"""A routine case may wait on the work list of a busy team, but a free one comes first."""
FAR_MS = 2 * BUSY_MS
"""Later than any arrival: no road leads there."""
LOSS_UNITS = 10**6

OFF_DUTY = {TeamStatus.OFF_DUTY: "off-duty", TeamStatus.OUT_OF_SERVICE: "out-of-service"}


def recommend(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_s: Sequence[float | None],
    coverage_loss: Sequence[float] | None = None,
) -> Recommendation:
    """Recommend the lawful joint team for a case (R6 to R8).

    states, travel_s, coverage_loss are in the order of `prepared.teams`. travel_s: seconds by road from each team to
    the place, None or inf = unreachable (all None where no road is near). coverage_loss: the price of sending each.

    An emergency takes only teams that are free, complete, located and can get there; a live one also takes teams
    from drills. A routine case goes onto a team's work list: the law alone decides, and among several the one that is
    free, then near. Raises InvalidInput for an unknown incident type.
    """
    return Moment(prepared, case, states, milliseconds(travel_s), coverage_loss).recommendation()


def list_considered(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_s: Sequence[float | None],
    coverage_loss: Sequence[float] | None = None,
) -> list[Considered]:
    """Return every team with its verdict, in the order of `prepared.teams`; the arguments are those of `recommend`."""
    moment = Moment(prepared, case, states, milliseconds(travel_s), coverage_loss)
    moment.recommendation()
    return [moment.considered(number) for number in range(len(moment.teams))]


def milliseconds(travel_s: Sequence[float | None]) -> list[int | None]:
    """Return seconds as whole milliseconds, None = unreachable: what is kept for a replay."""
    return [None if t is None or not 0 <= t < inf else round(t * 1000) for t in travel_s]


class Moment:
    """One case at one time: the form of its law, filled with the state of the teams.

    travel_ms: whole milliseconds, None = unreachable. `recommendation` decides; then `considered` and `relevant` say
    what became of each team, and which teams the decision rests on.
    """

    __slots__ = (
        "arrival",
        "case",
        "form",
        "handling_ms",
        "loss",
        "loss_given",
        "nearness",
        "obstacles",
        "offered",
        "policy_id",
        "prepared",
        "ready",
        "routine",
        "sent",
        "states",
        "target_ms",
        "teams",
        "travel",
        "travel_ms",
        "verdicts",
    )

    def __init__(
        self,
        prepared: Prepared,
        case: CaseFacts,
        states: Sequence[TeamState],
        travel_ms: Sequence[int | None],
        coverage_loss: Sequence[float] | None = None,
    ) -> None:
        self.prepared, self.form, self.case = prepared, prepared.form(case), case
        self.teams: tuple[Team, ...] = prepared.teams
        self.states, self.travel_ms = states, travel_ms
        policy = prepared.clocks.policies.get(self.form.plan.clock_policy) or prepared.clocks.get(
            prepared.clocks.default_policy
        )
        self.policy_id, self.handling_ms = policy.id, policy.handling_s * 1000
        self.routine = self.form.plan.urgency is Urgency.ROUTINE
        target_s = self.form.plan.target(case.response_class)
        self.target_ms = None if target_s is None else target_s * 1000
        self.sent = frozenset(case.held.values())
        self.loss_given = coverage_loss
        self.loss = [0] * len(self.teams)
        self.travel = [FAR_MS if ms is None else ms for ms in travel_ms]
        handling_ms = self.handling_ms
        self.nearness = [
            FAR_MS if ms is None else handling_ms + turnout_ms + ms
            for turnout_ms, ms in zip(prepared.turnout_ms, travel_ms, strict=True)
        ]
        self.arrival = self.nearness.copy()
        self.ready = [self.routine or ms is not None for ms in travel_ms]
        self._note_states()
        self.obstacles: dict[int, str] = {}
        self.offered: set[int] = set()
        self.verdicts: list[str] = []

    def _note_states(self) -> None:
        """Correct what holds for a team that is free at its station, by the states of the others.

        `nearness`: ms until a team arrives if it is sent now. `arrival`: the same, much later where it is busy, FAR_MS
        where it cannot get there. `ready`: nothing but a requirement of staff can hinder it. `travel`: as `travel_ms`.
        """
        left_out = self.sent | self.case.excluded
        for team_id in left_out:
            if (number := self.prepared.index.get(team_id)) is not None:
                self.ready[number] = False
        for number, state in enumerate(self.states):
            if state is AVAILABLE:
                continue
            self.ready[number] = False
            travel_ms = self.travel_ms[number]
            if travel_ms is None:
                continue
            turnout_ms = self.prepared.turnout_ms[number]
            if state.on_road and turnout_ms > TURNOUT_ON_ROAD_S * 1000:
                turnout_ms = TURNOUT_ON_ROAD_S * 1000
            self.nearness[number] = self.arrival[number] = self.handling_ms + turnout_ms + travel_ms
            if self._status(number) is not TeamStatus.AVAILABLE:
                self.arrival[number] += BUSY_MS

    def recommendation(self) -> Recommendation:
        """Decide, and return the joint team with its reasons."""
        form, case = self.form, self.case
        open_slots = [slot for slot in form.slots if slot.slot.id not in case.held]
        able = [self._able(slot) for slot in open_slots]
        chosen = self._assign(open_slots, able)
        self.verdicts = self._judge(open_slots, able, chosen)
        taken = {number for number in chosen if number is not None}
        filled = [(slot, number) for slot, number in zip(open_slots, chosen, strict=True) if number is not None]
        empty = [slot for slot, number in zip(open_slots, chosen, strict=True) if number is None]
        self.offered = set(taken)
        unfilled = self._unfilled(empty)
        team = [self._chosen(slot, number) for slot, number in filled]
        lead = next((each for each in team if each.slot == LEAD_SLOT), None)
        responses = [each.response_s for each in team]
        known = [seconds for seconds in responses if seconds is not None]
        whole = bool(known) and len(known) == len(responses) and not unfilled
        meets: bool | None = None
        team_meets: bool | None = None
        if self.target_ms is not None and LEAD_SLOT not in case.held:
            meets = lead is not None and not lead.late
            team_meets = meets and whole and not any(each.late for each in team)
        shown = nsmallest(CONSIDERED_SHOWN, form.lawful, key=self.travel.__getitem__)
        others = Counter(self.verdicts)
        others.subtract(self.verdicts[number] for number in shown)
        return Recommendation(
            type=form.plan.type,
            urgency=form.plan.urgency,
            response_class=case.response_class,
            target_s=form.plan.target(case.response_class),
            clock_policy=self.policy_id,
            handler=self._handler(lead),
            lead=lead,
            members=tuple(each for each in team if each.slot != LEAD_SLOT),
            unfilled=unfilled,
            lead_response_s=None if lead is None else lead.response_s,
            full_team_response_s=max(known) if whole else None,
            meets_target=meets,
            team_meets_target=team_meets,
            considered=tuple(self.considered(number) for number in shown),
            considered_counts={verdict: n for verdict, n in sorted(others.items()) if n},
            competence=form.competence,
            transfer=form.transfer,
            coverage_loss=None
            if self.loss_given is None or not taken
            else sum(self.loss[n] for n in taken) / LOSS_UNITS,
        )

    def considered(self, number: int) -> Considered:
        """Return what became of a team, by its number in `prepared.teams`; after `recommendation`."""
        travel_ms = self.travel_ms[number]
        return Considered(self.teams[number].id, None if travel_ms is None else travel_ms / 1000, self.verdicts[number])

    def relevant(self) -> list[int]:
        """Return the numbers of the teams that the decision rests on; how many depends on the slots, not on the fleet.

        For each open slot these are the nearest teams that can go, one more than there are slots that these teams may
        fill, for no team further away can be chosen; and the nearest that cannot go, the reason of an empty slot. Of
        the teams of another kind only those that were offered.
        """
        found = set(nsmallest(CONSIDERED_SHOWN, self.form.lawful, key=self.travel.__getitem__)) | self.offered
        open_slots = [slot for slot in self.form.slots if slot.slot.id not in self.case.held]
        obstacles = [self._obstacles(slot) for slot in open_slots]
        able = [{number for number, obstacle in each if obstacle is None} for each in obstacles]
        for slot, each, free in zip(open_slots, obstacles, able, strict=True):
            rivals = sum(not free.isdisjoint(other) for other in able)
            found.update(nsmallest(rivals + 1, sorted(free), key=self.arrival.__getitem__))
            hindered = [number for number, obstacle in each if obstacle is not None]
            found.update(nsmallest(1, hindered, key=self.nearness.__getitem__))
            found.update(nsmallest(1, (number for number, _ in slot.barred), key=self.nearness.__getitem__))
        index = self.prepared.index
        return sorted(found | {index[team_id] for team_id in self.sent if team_id in index})

    def _assign(self, open_slots: list[SlotForm], able: list[list[int]]) -> list[int | None]:
        """Return the number of the team in each open slot: the earliest lead first, then the earliest whole team."""
        options = list(able)
        if open_slots and open_slots[0].slot.id == LEAD_SLOT and len(options[0]) > 1:
            first = min(self.arrival[number] for number in options[0])
            options[0] = [number for number in options[0] if self.arrival[number] == first]
        return assign(options, self.arrival, self.loss)

    def _able(self, slot: SlotForm) -> list[int]:
        """Return the teams that can fill a slot now; set arrival and loss of each, and what hinders the others."""
        able, loss = [], self.loss_given
        for number, obstacle in self._obstacles(slot):
            if obstacle is None:
                able.append(number)
            else:
                self.obstacles[number] = obstacle
        if loss is not None:
            for number in able:
                self.loss[number] = round(loss[number] * LOSS_UNITS)
        return able

    def _obstacles(self, slot: SlotForm) -> list[tuple[int, str | None]]:
        """Return the options of a slot with what hinders each, None = nothing."""
        staff, ready = slot.slot.need.staff, self.ready
        if staff <= slot.least_staff:
            return [(number, None if ready[number] else self._obstacle(number, staff)) for number in slot.options]
        return [(number, self._obstacle(number, staff)) for number in slot.options]

    def _obstacle(self, number: int, staff: int) -> str | None:
        team, state = self.teams[number], self.states[number]
        if self.sent and team.id in self.sent:
            return "already-sent"
        if self.case.excluded and team.id in self.case.excluded:
            return "declined"
        if state is AVAILABLE and staff <= team.staff_needed and not self.routine:
            return "out-of-reach" if self.travel_ms[number] is None else None
        status = self._status(number)
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

    def _status(self, number: int) -> TeamStatus:
        """Return a team's status for this case: for a live case a team on a drill is available (R16)."""
        state = self.states[number]
        if state.on_drill and not self.case.drill and state.status is TeamStatus.ENGAGED:
            return TeamStatus.AVAILABLE
        return state.status

    def _chosen(self, slot: SlotForm, number: int) -> ChosenTeam:
        team, arrival, suspect = self.teams[number], self.arrival[number], self.states[number].suspect_datum
        if arrival >= BUSY_MS:
            return ChosenTeam(slot.slot.id, team.id, team.unit, None, None, suspect_datum=suspect)
        travel_ms = self.travel_ms[number]
        assert travel_ms is not None
        late = self.target_ms is not None and arrival > self.target_ms
        substitute = self._substitute(slot, before=arrival) if late else None
        return ChosenTeam(
            slot.slot.id,
            team.id,
            team.unit,
            travel_ms / 1000,
            arrival / 1000,
            late,
            substitute,
            self._drill(number),
            suspect,
        )

    def _drill(self, number: int) -> str | None:
        """Return the drill that a team would leave for this case (R16)."""
        state = self.states[number]
        return state.incident_id if state.on_drill and not self.case.drill and not self.routine else None

    def _unfilled(self, empty: list[SlotForm]) -> tuple[Unfilled, ...]:
        return tuple(Unfilled(slot.slot.id, slot.unit, self._reason(slot), self._substitute(slot)) for slot in empty)

    def _reason(self, slot: SlotForm) -> str:
        """Return what keeps the team that would have been there first."""
        if not slot.options:
            if len(slot.barred) > 1:
                return min(slot.barred, key=lambda bar: (self.nearness[bar[0]], bar[0]))[1]
            return slot.no_option
        hindered = [number for number, obstacle in self._obstacles(slot) if obstacle is not None]
        if not hindered:
            return "no-further-team"
        return self._obstacle(min(hindered, key=self.nearness.__getitem__), slot.slot.need.staff) or "no-further-team"

    def _substitute(self, slot: SlotForm, *, before: int | None = None) -> Substitute | None:
        """Return the nearest lawful team of another kind, or of the unit with less than the response plan requires.

        `before`: only one that arrives earlier than that, in ms. It is added to `offered`; the chosen teams, and those
        offered for another slot, are left out.
        """
        able: list[tuple[int, int, str]] = []
        for number, why in slot.substitutes:
            if number not in self.offered and (self.ready[number] or self._obstacle(number, 0) is None):
                able.append((self.arrival[number], number, why))
        for number, obstacle in self._obstacles(slot):
            if obstacle == "stale-position" and number not in self.offered and self.travel_ms[number] is not None:
                able.append((self.arrival[number], number, obstacle))
        if not able:
            return None
        arrival, number, why = min(able)
        if before is not None and arrival >= before:
            return None
        self.offered.add(number)
        team, travel_ms, suspect = self.teams[number], self.travel_ms[number], self.states[number].suspect_datum
        if travel_ms is None or arrival >= BUSY_MS:
            return Substitute(team.id, team.unit, None, None, why, suspect_datum=suspect)
        return Substitute(team.id, team.unit, travel_ms / 1000, arrival / 1000, why, self._drill(number), suspect)

    def _handler(self, lead: ChosenTeam | None) -> Handler | None:
        form = self.form
        if form.handlers:
            led = None if lead is None else self.prepared.index[lead.team_id]
            team = self.teams[led if led is not None and led in form.handlers else form.handlers[0]]
            return Handler(team.id, team.unit, form.handler_rule)
        return None if lead is None else Handler(lead.team_id, lead.unit, "lead")

    def _judge(self, open_slots: list[SlotForm], able: list[list[int]], chosen: list[int | None]) -> list[str]:
        """Return a verdict (a key of VERDICTS) for every team."""
        verdicts = list(self.form.verdicts)
        for free, number in zip(able, chosen, strict=True):
            # Earlier than the chosen team, or as early at a greater loss of coverage: its coverage is the reason.
            kept_ms, kept_loss = (-1, 0) if number is None else (self.arrival[number], self.loss[number])
            for option in free:
                arrival_ms = self.arrival[option]
                if arrival_ms < kept_ms or (arrival_ms == kept_ms and self.loss[option] > kept_loss):
                    verdicts[option] = "coverage"
                elif not verdicts[option]:
                    verdicts[option] = "slower" if self.ready[option] else self._later(option)
        for slot, number in zip(open_slots, chosen, strict=True):
            if number is not None:
                verdicts[number] = "chosen-lead" if slot.slot.id == LEAD_SLOT else "chosen-member"
        for number in self.form.lawful:
            if not verdicts[number]:
                # An obstacle in every slot it could fill, or all these slots are held already.
                verdicts[number] = self.obstacles.get(number) or self._obstacle(number, 0) or "slot-filled"
        return verdicts

    def _later(self, number: int) -> str:
        """Return why a team that may go does not: another arrives earlier, or for a routine case it is not free."""
        status = self._status(number)
        return "slower" if status is TeamStatus.AVAILABLE else OFF_DUTY.get(status, "engaged")

"""The demo's past: a finite fleet goes through planned incidents, decided by the service's own functions.

A team that is out is not sent twice: a case for which nobody is left waits until a team is clear. What goes wrong is
planned (`Mishap`), so that lateness has causes that can be found again in the stamps.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.cases.decide import Location, Report, facts_of
from gridsvc.cases.model import Decision
from gridsvc.db.session.ids import uuid7
from gridsvc.demo.cases import PastCase, PlannedStep, Sent
from gridsvc.demo.world.history import Mishap
from gridsvc.operations.cases import recommend
from gridsvc.operations.cases.report import Moment, decide
from gridsvc.operations.places.locate import locate_in
from gridsvc.operations.runtime.layout import Districts
from gridsvc.teams.model import AVAILABLE, TeamKind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from gridsvc.demo.world.history import PlannedIncident
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import TeamState

_GIVES_UP = timedelta(hours=4)
_NO_ON_SCENE, _NO_EN_ROUTE, _IMPOSSIBLE = 0.05, 0.03, 0.012


@dataclass(slots=True)
class _Fleet:
    """Who is out, and until when."""

    states: dict[str, TeamState]
    back: list[tuple[datetime, str]] = field(default_factory=list)

    def engage(self, team_id: str, case: str, until: datetime) -> None:
        self.states[team_id] = AVAILABLE.engaged_on(case)
        heapq.heappush(self.back, (until, team_id))

    def release(self, until: datetime) -> bool:
        """Free whoever is back by then; return whether anybody is."""
        came = False
        while self.back and self.back[0][0] <= until:
            self.states[heapq.heappop(self.back)[1]] = AVAILABLE
            came = True
        return came


@dataclass(frozen=True, slots=True)
class _Waiting:
    case: PastCase
    planned: PlannedIncident
    steps: list[PlannedStep]


class Replay:
    """Replay planned incidents, oldest first; iterate over it for the cases in the order of their reports."""

    def __init__(
        self,
        service: Service,
        view: DistrictView,
        now: datetime,
        seed: int,
        next_number: Callable[[], int],
    ) -> None:
        self._service, self._view, self._now = service, view, now
        self._random = np.random.default_rng(seed)
        self._next_number = next_number
        law = recommend.law_of(view)
        self._teams = {team.id: team for team in law.prepared.teams}
        self._fleet = _Fleet(dict.fromkeys(self._teams, AVAILABLE))
        self._waiting: deque[_Waiting] = deque()

    def run(self, planned: Sequence[PlannedIncident]) -> Iterator[PastCase]:
        """Yield every case once it is complete up to `now`."""
        for incident in planned:
            yield from self._until(incident.at)
            yield from self._report(incident)
        yield from self._until(self._now)
        yield from self._left_over()

    def _until(self, moment: datetime) -> Iterator[PastCase]:
        """Let teams come back until a moment, and send them on to the cases that wait."""
        while self._waiting and self._fleet.back and self._fleet.back[0][0] <= moment:
            at = self._fleet.back[0][0]
            self._fleet.release(at)
            for _ in range(len(self._waiting)):
                waiting = self._waiting.popleft()
                if not (yield from self._send_late(waiting, at)):
                    self._waiting.append(waiting)
        self._fleet.release(moment)

    def _report(self, incident: PlannedIncident) -> Iterator[PastCase]:
        placed = locate_in(Districts.of([self._view]), Location(incident.lon, incident.lat))
        report = Report(
            type=incident.type,
            lon=incident.lon,
            lat=incident.lat,
            description=incident.description,
            source="demo",
            drill=incident.drill,
        )
        new = decide(self._service, placed, report, Moment(incident.at, self._fleet.states, number=self._next_number()))
        case = PastCase.begin(new, {"description": incident.description})
        decision = new.decision
        if not case.urgent:
            case.take(self._routine(incident, decision), self._now)
            yield case
            return
        if decision.recommendation.lead is None:
            handling = timedelta(seconds=float(self._random.uniform(10, 25)))
            self._waiting.append(_Waiting(case, incident, [PlannedStep(incident.at + handling, "accept")]))
            return
        case.take(self._emergency(case, incident, decision, incident.at), self._now)
        yield case

    def _send_late(self, waiting: _Waiting, at: datetime) -> Generator[PastCase, None, bool]:
        """Try a waiting case again; a generator that returns whether the case is done with."""
        case, incident = waiting.case, waiting.planned
        if at - incident.at > _GIVES_UP:
            case.take(
                [*waiting.steps, PlannedStep(at, "cancel", note="no team came free; handed to the neighbour")],
                self._now,
            )
            yield case
            return True
        was = case.case
        facts = facts_of(was.place, was.type, was.matter, self._view.local_time(was.triggered_at), drill=was.drill)
        choice = recommend.choose(self._service, self._view, facts, self._fleet.states, was.place)
        if choice.recommendation.lead is None:
            return False
        decision = Decision(uuid7(at), choice.recommendation, recommend.versions_of(self._view), choice.inputs)
        case.take([*waiting.steps, *self._emergency(case, incident, decision, at, later=choice)], self._now)
        yield case
        return True

    def _left_over(self) -> Iterator[PastCase]:
        for waiting in self._waiting:
            waiting.case.take(waiting.steps, self._now)
            yield waiting.case

    def _seconds(self, low: float, high: float) -> timedelta:
        return timedelta(seconds=round(float(self._random.uniform(low, high)), 3))

    def _around(self, median_s: float, spread: float, low_s: float, high_s: float) -> timedelta:
        drawn = median_s * float(np.exp(self._random.normal(0, spread)))
        return timedelta(seconds=round(min(max(drawn, low_s), high_s), 3))

    def _emergency(
        self,
        case: PastCase,
        incident: PlannedIncident,
        decision: Decision,
        begin: datetime,
        *,
        later: recommend.Choice | None = None,
    ) -> list[PlannedStep]:
        """Return every step of an emergency from the order on, and engage its teams.

        later: the choice behind `decision` for a case that was accepted and waited for a team.
        """
        case_id = str(case.case.id)
        response = decision.recommendation.as_json()
        lead = response["lead"]
        target_s = float(case.case.target_s or 900)
        steps: list[PlannedStep] = []
        handling = self._around(30, 0.4, 10, 55)
        turnout = timedelta(seconds=self._turnout_s(lead["team_id"]) * float(self._random.uniform(0.6, 1.05)))
        travel = timedelta(seconds=lead["travel_s"] * float(np.exp(self._random.normal(-0.05, 0.08))))
        acknowledge = self._seconds(3, 15)
        short_s = target_s - (handling + turnout + travel).total_seconds()
        extra = timedelta(seconds=max(0.0, short_s)) + self._seconds(0.12 * target_s, 0.8 * target_s)
        mishap = incident.mishap if later is None else None
        nothing = timedelta(0)
        handling += extra if mishap is Mishap.SLOW_HANDLING else nothing
        acknowledge += extra if mishap is Mishap.SLOW_ACKNOWLEDGE else nothing
        turnout += extra if mishap in {Mishap.SLOW_ACKNOWLEDGE, Mishap.SLOW_TURNOUT} else nothing
        travel += extra if mishap is Mishap.SLOW_TRAVEL else nothing
        if later is None:
            steps.append(PlannedStep(begin + handling * 0.5, "accept"))
        order_at = begin + handling
        wrong = self._farther_squadron(decision) if mishap is Mishap.WRONG_TEAM else None
        if wrong is not None:
            steps += self._wrong_team(wrong, case_id, order_at, order_at + extra)
            order_at += extra + self._seconds(10, 30)
        sent = _sent(response)
        shown, now = case.case.decision.recommendation, {each.team_id for each in sent}
        missing = () if later is None else later.missing(shown, now, self._fleet.states)
        steps.append(PlannedStep(order_at, "assign", sent=sent, decision=decision, missing=missing))
        if mishap is Mishap.CALLED_OFF:
            off = order_at + self._seconds(20, 55)
            steps.append(PlannedStep(off, "cancel", note="called off by the caller"))
            for each in sent:
                self._fleet.engage(each.team_id, case_id, off)
            return steps
        there = order_at + max(turnout, acknowledge + timedelta(seconds=1)) + travel
        steps += self._team(lead["team_id"], order_at, acknowledge, turnout, travel, leads=True)
        work = self._around(2400, 0.5, 600, 10_800)
        clear = there + work
        ends = [clear]
        steps.append(PlannedStep(clear, "clear", lead["team_id"]))
        self._fleet.engage(lead["team_id"], case_id, clear)
        for member in response["members"]:
            out = timedelta(seconds=self._turnout_s(member["team_id"]) * float(self._random.uniform(0.6, 1.1)))
            drive = timedelta(seconds=(member["travel_s"] or 60.0) * float(np.exp(self._random.normal(0, 0.1))))
            steps += self._team(member["team_id"], order_at, self._seconds(3, 20), out, drive, leads=False)
            done = max(order_at + out + drive, there) + work * float(self._random.uniform(0.5, 0.98))
            steps.append(PlannedStep(done, "clear", member["team_id"]))
            ends.append(done)
            self._fleet.engage(member["team_id"], case_id, done)
        steps.append(PlannedStep(there + self._seconds(60, 300), "handle"))
        feedback = max(ends) + self._seconds(1200, 14_400)
        steps += [PlannedStep(feedback, "feedback"), PlannedStep(feedback + self._seconds(20_000, 250_000), "archive")]
        return steps

    def _turnout_s(self, team_id: str) -> float:
        return float(self._teams[team_id].station_turnout_s)

    def _team(
        self,
        team_id: str,
        since: datetime,
        acknowledge: timedelta,
        turnout: timedelta,
        travel: timedelta,
        *,
        leads: bool,
    ) -> list[PlannedStep]:
        """Return a team's way to the scene; some stamps are missing, a few are impossible."""
        dice = float(self._random.random())
        off = since + max(turnout, acknowledge + timedelta(seconds=1))
        there = off + travel
        steps = [PlannedStep(since + acknowledge, "acknowledge", team_id)]
        if leads and dice < _IMPOSSIBLE:  # pressed on the spot, and the arrival corrected afterwards
            late = there + self._seconds(60, 240)
            return [
                *steps,
                PlannedStep(late, "en_route", team_id),
                PlannedStep(late + timedelta(seconds=5), "on_scene", team_id, clock=there),
            ]
        if dice > _IMPOSSIBLE + _NO_EN_ROUTE:
            steps.append(PlannedStep(off, "en_route", team_id))
        if float(self._random.random()) > _NO_ON_SCENE * (1 if leads else 2):
            steps.append(PlannedStep(there, "on_scene", team_id))
        return steps

    def _farther_squadron(self, decision: Decision) -> Sent | None:
        """Return a free squadron that is farther than the recommended lead, None where none is recorded."""
        lead, team = decision.recommendation.lead, decision.recommendation.team
        assert lead is not None
        assert lead.travel_s is not None
        taken = {each.team_id for each in team}
        recorded = ((each["travel_ms"], team_id) for team_id, each in decision.inputs["teams"].items())
        farther = [
            (travel_ms / 1000, team_id)
            for travel_ms, team_id in recorded
            if travel_ms is not None
            and travel_ms > lead.travel_s * 1000
            and team_id not in taken
            and self._teams[team_id].kind is TeamKind.SQUADRON
            and self._fleet.states[team_id] is AVAILABLE
        ]
        if not farther:
            return None
        travel_s, team_id = sorted(farther)[min(2, len(farther) - 1)]
        return Sent(team_id, "1", lead=True, travel_s=travel_s, response_s=None)

    def _wrong_team(self, wrong: Sent, case_id: str, order_at: datetime, gone: datetime) -> list[PlannedStep]:
        self._fleet.engage(wrong.team_id, case_id, gone)
        return [
            PlannedStep(order_at, "assign", sent=(wrong,), note="sent by name"),
            PlannedStep(order_at + timedelta(seconds=9), "acknowledge", wrong.team_id),
            PlannedStep(order_at + timedelta(seconds=50), "en_route", wrong.team_id),
            PlannedStep(gone, "withdraw", wrong.team_id, note="not our area; a nearer squadron is free"),
        ]

    def _routine(self, incident: PlannedIncident, decision: Decision) -> list[PlannedStep]:
        """Return the steps of a routine case: on a work list for days, nobody is engaged."""
        accept = incident.at + self._seconds(120, 1800)
        steps = [PlannedStep(accept, "accept")]
        sent = _sent(decision.recommendation.as_json())
        if not sent:
            return steps
        order_at = accept + self._seconds(300, 5400)
        visit = order_at + self._seconds(20_000, 350_000)
        feedback = visit + self._seconds(20_000, 260_000)
        steps.append(PlannedStep(order_at, "assign", sent=sent, decision=decision))
        first = sent[0].team_id
        if float(self._random.random()) < 0.8:
            steps += [
                PlannedStep(visit, "on_scene", first),
                PlannedStep(visit + self._seconds(900, 7200), "clear", first),
            ]
        steps += [
            PlannedStep(visit + timedelta(seconds=30), "handle"),
            PlannedStep(feedback, "feedback"),
            PlannedStep(feedback + self._seconds(20_000, 200_000), "archive"),
        ]
        return steps


def _sent(response: dict[str, Any]) -> tuple[Sent, ...]:
    lead = response["lead"]
    first = [Sent(lead["team_id"], lead.get("slot", "1"), True, lead["travel_s"], lead["response_s"])] if lead else []
    return (
        *first,
        *(Sent(m["team_id"], m["slot"], False, m["travel_s"], m["response_s"]) for m in response["members"]),
    )

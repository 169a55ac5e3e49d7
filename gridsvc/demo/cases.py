"""One case of the demo's past, taken through its steps by the rules of `cases`, with every event it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.cases.events import Ordered, Reported, apply
from gridsvc.cases.model import Engagement, Status
from gridsvc.cases.records import write
from gridsvc.cases.steps import take_step, take_team_step
from gridsvc.cases.timing import evaluate
from gridsvc.db.cases import personal
from gridsvc.db.evidence import events
from gridsvc.db.session.ids import uuid7
from gridsvc.law import Urgency

if TYPE_CHECKING:
    from datetime import datetime

    from gridsvc.cases.events import Difference, Event
    from gridsvc.cases.model import Case, Decision

ACTOR = "demo"


@dataclass(frozen=True, slots=True)
class Sent:
    """A team as it is sent: its slot and what was predicted, seconds or None for a routine case."""

    team_id: str
    slot: str
    lead: bool
    travel_s: float | None
    response_s: float | None


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step to be taken `at` a moment; `clock` is the time that the team's device says, None = the same.

    missing: the teams that were recommended at the report and are not in the later `decision` that is ordered.
    """

    at: datetime
    step: str
    team_id: str | None = None
    note: str | None = None
    clock: datetime | None = None
    sent: tuple[Sent, ...] = ()
    decision: Decision | None = None
    missing: tuple[Difference, ...] = ()


@dataclass(slots=True)
class PastCase:
    """A case while it is being replayed: its state after the last step, and the rows of its events and notes."""

    case: Case
    event_rows: list[dict[str, Any]]
    personal: dict[str, Any] | None = None
    note_rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def begin(cls, case: Case, said: dict[str, Any]) -> PastCase:
        """Begin with the report, decided by the service itself; `said` are the personal data of the report."""
        event, at = Reported(case), case.triggered_at
        row = personal.personal_row(case.district, case.id, said)
        data = write(event) if row is None else write(event) | {"said": row.digests}
        first = events.event_row(
            case.district,
            event.kind,
            actor=ACTOR,
            at=at,
            data=data,
            incident_id=case.id,
            client_at=case.reported_at,
            event_id=case.decision.event_id,
        )
        return cls(case, [first], personal=None if row is None else row.row)

    def take(self, steps: list[PlannedStep], now: datetime) -> None:
        """Take the steps in the order of their moments, those after `now` not at all."""
        for step in sorted(steps, key=lambda planned: planned.at):
            if step.at > now:
                break
            self._take(step)

    def lead_response_s(self) -> float | None:
        """Return the seconds from the report until the lead was on the scene; None where that does not count.

        It does not count for routine cases, drills, cancelled cases, and where the stamp is missing.
        """
        if not self.urgent or self.case.drill or self.case.status is Status.CANCELLED:
            return None
        arrived_at = evaluate(self.case).arrived_at
        return None if arrived_at is None else (arrived_at - self.case.reported_at).total_seconds()

    @property
    def urgent(self) -> bool:
        """Whether it is an emergency: its teams are engaged."""
        return self.case.urgency is Urgency.EMERGENCY

    def _take(self, planned: PlannedStep) -> None:
        event: Event
        if planned.step == "assign":
            event = self._order(planned)
        elif planned.team_id is None:
            event = take_step(self.case, planned.step, at=None, now=planned.at)
        else:
            engagement = next(e for e in reversed(self.case.engagements) if str(e.team_id) == planned.team_id)
            if not engagement.live:
                return  # the case was cancelled first
            event = take_team_step(
                self.case, engagement, planned.step, at=planned.clock, now=planned.at, reason=planned.note
            )
        event_id = uuid7(planned.at)
        if isinstance(event, Ordered) and event.decision is not None:
            event = replace(event, decision=replace(event.decision, event_id=event_id))
        self.case = apply(self.case, event)
        row, note = events.noted_row(
            self.case.district,
            event.kind,
            note=planned.note,
            actor=ACTOR,
            at=planned.at,
            data=write(event),
            incident_id=self.case.id,
            client_at=planned.clock,
            event_id=event_id,
        )
        self.event_rows.append(row)
        if note is not None:
            self.note_rows.append(note)

    def _order(self, planned: PlannedStep) -> Ordered:
        change = take_step(self.case, "assign", at=None, now=planned.at)
        sent = tuple(
            Engagement(
                uuid7(),
                UUID(each.team_id),
                each.slot,
                each.lead,
                self.urgent,
                each.travel_s,
                each.response_s,
                planned.at,
            )
            for each in planned.sent
        )
        decision = planned.decision
        # As in an order of the service, a team that a person names is not compared with the recommendation.
        shown = () if decision is None else self.case.decision.recommendation.team
        before = {each.team_id for each in shown}
        return Ordered(
            planned.at,
            change.status,
            change.stamps,
            sent,
            decision,
            added=tuple(
                (each.slot, each.team_id)
                for each in planned.sent
                if decision is not None and each.team_id not in before
            ),
            missing=planned.missing,
        )

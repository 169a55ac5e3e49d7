"""One case of the demo's past, led through its steps by the rules of `incidents`, with every event it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.cases.model import CaseState, EngagementState, Status, status_after_leaving, take_step, take_team_step
from gridsvc.db.cases import personal
from gridsvc.db.evidence import events
from gridsvc.db.session.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from gridsvc.operations.cases.report import NewCase

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
    """A step to be taken `at` a moment; `clock` is the time that the team's device says, None = the same."""

    at: datetime
    step: str
    team_id: str | None = None
    note: str | None = None
    clock: datetime | None = None
    sent: tuple[Sent, ...] = ()
    choice: dict[str, Any] | None = None


@dataclass(slots=True)
class PastCase:
    """A case while it is being replayed; at the end its rows are written as they are."""

    row: dict[str, Any]
    event_rows: list[dict[str, Any]]
    status: Status = Status.TRIGGERED
    clocks: dict[str, datetime] = field(default_factory=dict)
    waiting: bool = True
    engagements: list[dict[str, Any]] = field(default_factory=list)
    personal: dict[str, Any] | None = None
    note_rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def begin(cls, new: NewCase, at: datetime) -> PastCase:
        """Begin with the report, decided by the service itself."""
        first = events.event_row(new.row["district"], "report", actor=ACTOR, at=at, data=new.event, incident_id=new.id,
                                 client_at=new.row["reported_at"], event_id=new.event_id)  # fmt: skip
        return cls(dict(new.row), [first], personal=new.personal)

    def take(self, steps: list[PlannedStep], now: datetime) -> None:
        """Take the steps in the order of their moments, those after `now` not at all."""
        for step in sorted(steps, key=lambda planned: planned.at):
            if step.at > now:
                break
            if step.step == "assign":
                self._assign(step)
            elif step.team_id is not None:
                self._team_step(step)
            else:
                self._case_step(step)

    def finished_row(self) -> dict[str, Any]:
        """Return the case's row as it is at the end."""
        return self.row | {"status": str(self.status), "waiting": self.waiting} | self.clocks

    def lead_response_s(self) -> float | None:
        """Return the seconds from the report until the lead was on the scene; None where that does not count.

        It does not count for routine cases, drills, cases called off, and where the stamp is missing.
        """
        if not self.urgent or self.row["drill"] or self.status is Status.CANCELLED:
            return None
        arrived = [row["on_scene_at"] for row in self.engagements if row["lead"] and row["on_scene_at"] is not None]
        return (min(arrived) - self.row["reported_at"]).total_seconds() if arrived else None

    @property
    def urgent(self) -> bool:
        """Whether it is an emergency: its teams are engaged."""
        return bool(self.row["urgency"] == "emergency")

    def _live(self) -> list[dict[str, Any]]:
        return [row for row in self.engagements if row["until"] is None]

    def _state(self) -> CaseState:
        return CaseState(
            self.status, self.row["triggered_at"], self.clocks.get("accepted_at"), self.clocks.get("assigned_at"),
            self.clocks.get("handled_at"), len(self._live()),
        )  # fmt: skip

    def _event(
        self, kind: str, at: datetime, data: dict[str, Any], note: str | None, client_at: datetime | None = None
    ) -> None:
        event, apart = personal.noted_row(self.row["district"], kind, note=note, actor=ACTOR, at=at, data=data,
                                          incident_id=self.row["id"], client_at=client_at)  # fmt: skip
        self.event_rows.append(event)
        if apart is not None:
            self.note_rows.append(apart)

    def _case_step(self, planned: PlannedStep) -> None:
        change = take_step(self._state(), planned.step, at=None, now=planned.at)
        freed = []
        if change.ends_engagements is not None:
            for row in self._live():
                row |= {"until": planned.at, "outcome": change.ends_engagements}
                freed.append(str(row["team_id"]))
        self.status, self.waiting = change.status, change.waiting
        self.clocks |= change.stamps
        data = {"status": str(change.status), "stamps": _texts(change.stamps),
                "backfilled": change.backfilled, "freed": freed}  # fmt: skip
        self._event(planned.step, planned.at, data, planned.note)

    def _assign(self, planned: PlannedStep) -> None:
        change = take_step(self._state(), "assign", at=None, now=planned.at)
        rows = [
            {"district": self.row["district"], "id": uuid7(), "incident_id": self.row["id"],
             "team_id": UUID(sent.team_id), "slot": sent.slot, "lead": sent.lead, "engaging": self.urgent,
             "travel_s": sent.travel_s, "response_s": sent.response_s, "since": planned.at, "until": None,
             "acknowledged_at": None, "en_route_at": None, "on_scene_at": None, "outcome": None}
            for sent in planned.sent
        ]  # fmt: skip
        self.engagements += rows
        self.status, self.waiting = change.status, False
        self.clocks |= change.stamps
        shown = self.row["details"]["recommendation"]
        before = {member["team_id"] for member in shown["members"]} | (
            {shown["lead"]["team_id"]} if shown["lead"] else set()
        )
        now = {str(row["team_id"]) for row in rows}
        data: dict[str, Any] = {
            "sent": [str(row["team_id"]) for row in rows],
            "unfilled": (planned.choice or shown)["unfilled"],
            "differs": {"added": sorted(now - before), "missing": sorted(before - now)},
            "status": str(change.status),
            "stamps": _texts(change.stamps),
            "backfilled": change.backfilled,
            "engagements": [
                {"id": str(row["id"]), "team_id": str(row["team_id"]), "slot": row["slot"], "lead": row["lead"]}
                for row in rows
            ],
        }
        self._event("assign", planned.at, data, planned.note)

    def _team_step(self, planned: PlannedStep) -> None:
        row = next(row for row in reversed(self.engagements) if str(row["team_id"]) == planned.team_id)
        if row["until"] is not None:
            return  # the case was called off first
        before = EngagementState(
            row["since"], row["until"], row["acknowledged_at"], row["en_route_at"], row["on_scene_at"]
        )
        change = take_team_step(before, planned.step, at=planned.clock, now=planned.at, reason=planned.note)
        after = change.state
        changed = {clock: getattr(after, clock) for clock in ("acknowledged_at", "en_route_at", "on_scene_at", "until")}
        stamps = {clock: at for clock, at in changed.items() if at is not None and at != row[clock]}
        row |= changed | {"outcome": after.outcome}
        data: dict[str, Any] = {"team_id": planned.team_id, "engagement_id": str(row["id"]), "stamps": _texts(stamps),
                                "backfilled": change.backfilled}  # fmt: skip
        if planned.step in {"decline", "withdraw"}:
            self.status, self.waiting = status_after_leaving(self.status, len(self._live()))
            data |= {"status": str(self.status), "waiting": self.waiting}
        self._event(planned.step, planned.at, data, planned.note, planned.clock)


def _texts(stamps: dict[str, datetime]) -> dict[str, str]:
    return {clock: at.isoformat() for clock, at in stamps.items()}

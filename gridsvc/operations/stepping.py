"""Steps of a case and of its teams: legal or refused, under the case's lock, with one event each (R13, R21)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.access import right_of_step
from gridsvc.db import engagements, idempotency, incidents, personal
from gridsvc.db.connection import whole_district
from gridsvc.db.versions import get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.incidents import (
    CASE_STEPS,
    TEAM_STEPS,
    EngagementState,
    legal_team_steps,
    status_after_leaving,
    take_step,
    take_team_step,
)
from gridsvc.operations.assigning import Order, assign
from gridsvc.operations.cases import case_json, get_stored
from gridsvc.operations.reporting import idempotency_answer
from gridsvc.operations.sifting import sieve

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.engagements import Engagement
    from gridsvc.db.idempotency import KeptAnswer, RequestKey
    from gridsvc.db.incidents import StoredCase
    from gridsvc.operations.service import Service


@dataclass(frozen=True, slots=True)
class Step:
    """What a caller wants done: `step` of the case, or of `team_id` on it; `at` = when it happened, None = now."""

    step: str
    team_id: UUID | None = None
    at: datetime | None = None
    note: str | None = None
    recommendation_id: str | None = None
    alarm: int = 1


def step_incident(
    service: Service, incident_id: UUID, step: Step, *, actor: str, request: RequestKey | None = None
) -> KeptAnswer:
    """Take a step and return the case as it is then (200 and its bytes).

    Raises
    ------
    NotFound
        For an unknown case.
    IllegalStep, TeamEngaged
        Where the state does not allow it; nothing is written.
    """
    if step.step not in CASE_STEPS and step.step not in TEAM_STEPS:
        known = ", ".join((*CASE_STEPS, *TEAM_STEPS))
        raise InvalidInput(f"There is no step {step.step[:40]!r}. Use one of: {known}.", kind="unknown-step")

    service.caller.need(right_of_step(step.step, named_team=step.team_id is not None))

    def work(connection: Connection) -> KeptAnswer:
        case = get_stored(connection, incident_id, lock=True)
        if request is not None:
            kept = idempotency.begin_answer(connection, case.district, request)
            if kept is not None:
                return kept
        now = get_versions(connection, case.district, lock="share").now
        if step.step in TEAM_STEPS:
            told = _team_step(connection, case, step, now=now, actor=actor)
        elif step.step == "assign":
            order = Order(step.team_id, step.at, step.note, step.alarm)
            with whole_district(connection):
                told = assign(service, connection, case, order, actor=actor)
        else:
            told = _case_step(connection, case, step, now=now, actor=actor)
        changed = incidents.find_incident(connection, incident_id)
        assert changed is not None
        answer = idempotency_answer(200, sieve(connection).case(case_json(connection, changed) | told))
        if request is not None:
            idempotency.keep_answer(connection, case.district, request, answer)
        return answer

    return service.database.run(work)


def _case_step(connection: Connection, case: StoredCase, step: Step, *, now: datetime, actor: str) -> dict[str, Any]:
    live = [e for e in engagements.list_engagements(connection, case.district, [case.id]) if e.state.until is None]
    change = take_step(case.state(len(live)), step.step, at=step.at, now=now)
    freed: list[UUID] = []
    if change.ends_engagements is not None:
        freed = engagements.end_engagements(connection, case.district, case.id, change.ends_engagements, now)
    incidents.set_status(
        connection, case.district, case.id, change.status, waiting=change.waiting, stamps=change.stamps
    )
    data: dict[str, Any] = {
        "status": str(change.status),
        "stamps": {clock: at.isoformat() for clock, at in change.stamps.items()},
        "backfilled": change.backfilled,
        "freed": [str(team) for team in freed],
    }
    personal.append_noted(connection, case.district, step.step, note=step.note, actor=actor, at=now, data=data,
                          incident_id=case.id, client_at=step.at)  # fmt: skip
    return {}


def _team_step(connection: Connection, case: StoredCase, step: Step, *, now: datetime, actor: str) -> dict[str, Any]:
    if step.team_id is None:
        raise InvalidInput(f"The step {step.step} is a team's. Give `team_id`.", kind="team-missing")
    on_case = engagements.list_engagements(connection, case.district, [case.id])
    mine = _latest(on_case, step.team_id)
    change = take_team_step(mine.state, step.step, at=step.at, now=now, reason=step.note)
    engagements.set_engagement(connection, case.district, mine.id, change.state)
    data: dict[str, Any] = {
        "team_id": str(step.team_id),
        "engagement_id": str(mine.id),
        "stamps": _stamps(mine.state, change.state),
        "backfilled": change.backfilled,
    }
    if step.step in {"decline", "withdraw"}:
        stay = sum(e.state.until is None and e.id != mine.id for e in on_case)
        status, waiting = status_after_leaving(case.status, stay)
        incidents.set_status(connection, case.district, case.id, status, waiting=waiting, stamps={})
        data |= {"status": str(status), "waiting": waiting}
    personal.append_noted(connection, case.district, step.step, note=step.note, actor=actor, at=now, data=data,
                          incident_id=case.id, client_at=step.at)  # fmt: skip
    return {"legal_team_steps": list(legal_team_steps(change.state))}


def _latest(on_case: list[Engagement], team_id: UUID) -> Engagement:
    mine = [e for e in on_case if e.team_id == team_id]
    if not mine:
        there = ", ".join(sorted({str(e.team_id) for e in on_case if e.state.until is None})) or "none"
        raise NotFound(f"Team {team_id} is not on this case. On it now: {there}.", kind="team-not-on-case")
    return mine[-1]


def _stamps(before: EngagementState, after: EngagementState) -> dict[str, str]:
    clocks = ("acknowledged_at", "en_route_at", "on_scene_at", "until")
    return {
        clock: getattr(after, clock).isoformat()
        for clock in clocks
        if getattr(after, clock) is not None and getattr(after, clock) != getattr(before, clock)
    }

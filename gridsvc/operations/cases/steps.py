"""Steps of a case and of its teams: legal or refused, under the case's lock, with one event each (R13, R21)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import right_of_step
from gridsvc.cases.model import (
    CASE_STEPS,
    TEAM_STEPS,
    EngagementState,
    legal_team_steps,
    status_after_leaving,
    take_step,
    take_team_step,
)
from gridsvc.db.cases import engagements, personal
from gridsvc.db.cases.steps import write_step
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.session import idempotency
from gridsvc.db.session.connection import whole_district
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import InvalidInput, NotFound, Unavailable
from gridsvc.operations.cases.assign import TRIES, Order, Taken, TeamsTakenError, assign
from gridsvc.operations.cases.read import case_json, get_stored
from gridsvc.operations.cases.redaction import sieve
from gridsvc.operations.runtime.idempotency import json_answer

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.cases.engagements import Engagement
    from gridsvc.db.cases.incidents import StoredCase
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Step:
    """What a caller wants done: `step` of the case, or of `team_id` on it; `at` = when it happened, None = now."""

    step: str
    team_id: UUID | None = None
    at: datetime | None = None
    note: str | None = None
    recommendation_id: UUID | None = None
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

    def work(connection: Connection, *, last: bool) -> KeptAnswer:
        case = get_stored(connection, incident_id, lock=True)
        if request is not None:
            kept = idempotency.begin_answer(connection, case.district, request)
            if kept is not None:
                return kept
        versions = get_versions(connection, case.district, lock="share")
        on_case = engagements.list_engagements(connection, case.district, [case.id])
        event_id = uuid7(versions.now)
        if step.step in TEAM_STEPS:
            taken = _team_step(connection, case, on_case, step, now=versions.now)
        elif step.step == "assign":
            order = Order(step.team_id, step.at, step.note, step.alarm, step.recommendation_id)
            with whole_district(connection):
                taken = assign(service, connection, case, on_case, order, versions, last=last)
            taken.told["recommendation_id"] = str(event_id)
        else:
            taken = _case_step(connection, case, on_case, step, now=versions.now)
        event, note = personal.noted_row(
            case.district, step.step, note=step.note, data=taken.data, incident_id=case.id, actor=actor,
            at=taken.at or versions.now, client_at=step.at, event_id=event_id,
        )  # fmt: skip
        told = case_json(connection, taken.case, taken.on_case) | taken.told
        answer = json_answer(200, sieve(connection).case(told))
        write_step(connection, case, taken.case, event, note=note, request=request, answer=answer)
        return answer

    for attempt in range(1, TRIES + 1):
        with suppress(TeamsTakenError):
            return service.database.run(partial(work, last=attempt == TRIES))
    raise Unavailable("Other orders take the same teams at the moment. Nothing was written; try again.")


def _case_step(
    connection: Connection, case: StoredCase, on_case: list[Engagement], step: Step, *, now: datetime
) -> Taken:
    live = [e for e in on_case if e.state.until is None]
    change = take_step(case.state(len(live)), step.step, at=step.at, now=now)
    freed: list[UUID] = []
    if change.ends_engagements is not None and live:
        freed = engagements.end_engagements(connection, case.district, case.id, change.ends_engagements, now)
        on_case = [e.ended(now, change.ends_engagements) if e in live else e for e in on_case]
    data: dict[str, Any] = {
        "status": str(change.status),
        "stamps": {clock: at.isoformat() for clock, at in change.stamps.items()},
        "backfilled": change.backfilled,
        "freed": [str(team) for team in freed],
    }
    return Taken(case.changed(change.status, waiting=change.waiting, stamps=change.stamps), on_case, data, {})


def _team_step(
    connection: Connection, case: StoredCase, on_case: list[Engagement], step: Step, *, now: datetime
) -> Taken:
    if step.team_id is None:
        raise InvalidInput(f"The step {step.step} is a team's. Give `team_id`.", kind="team-missing")
    mine = _latest(on_case, step.team_id)
    change = take_team_step(mine.state, step.step, at=step.at, now=now, reason=step.note)
    engagements.set_engagement(connection, case.district, mine.id, change.state)
    data: dict[str, Any] = {
        "team_id": str(step.team_id),
        "engagement_id": str(mine.id),
        "stamps": _stamps(mine.state, change.state),
        "backfilled": change.backfilled,
    }
    after = case
    if step.step in {"decline", "withdraw"}:
        stay = sum(e.state.until is None and e.id != mine.id for e in on_case)
        status, waiting = status_after_leaving(case.status, stay)
        after = case.changed(status, waiting=waiting, stamps={})
        data |= {"status": str(status), "waiting": waiting}
    on_case = [replace(e, state=change.state.in_utc()) if e.id == mine.id else e for e in on_case]
    return Taken(after, on_case, data, {"legal_team_steps": list(legal_team_steps(change.state))})


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

"""Steps of a case and of its teams: legal or refused, under the case's lock, with one event each (R13, R21)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gridsvc.cases.events import apply
from gridsvc.cases.records import write
from gridsvc.cases.steps import TEAM_STEPS, check_step, right_of_step, take_step, take_team_step
from gridsvc.db.cases.steps import write_step
from gridsvc.db.cases.turns import take_turn
from gridsvc.db.evidence import events
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.session import idempotency
from gridsvc.db.session.connection import whole_district
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import InvalidInput, LockTimedOut, NotFound, Unavailable
from gridsvc.operations.cases.answers import answer_of, give_again
from gridsvc.operations.cases.assign import Locks, Order, TeamsTakenError, assign
from gridsvc.operations.cases.read import get_stored
from gridsvc.operations.cases.redaction import redaction

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.events import Ordered, StepTaken, TeamStepTaken
    from gridsvc.cases.model import Case
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
    check_step(step.step)
    service.caller.need(right_of_step(step.step, named_team=step.team_id is not None))

    def work(connection: Connection, *, locks: Locks) -> KeptAnswer:
        if locks is Locks.TURN and not take_turn(connection, incident_id):
            locks = Locks.TEAMS
        case = get_stored(connection, incident_id, lock=True)
        if request is not None:
            kept = idempotency.begin_answer(connection, case.district, request)
            if kept is not None:
                return give_again(connection, case.district, kept)
        versions = get_versions(connection, case.district, lock="share")
        versions = replace(versions, now=case.next_moment(versions.now))
        event_id = uuid7(versions.now)
        event: Ordered | StepTaken | TeamStepTaken
        if step.step in TEAM_STEPS:
            event = _team_step(case, step, now=versions.now)
        elif step.step == "assign":
            order = Order(step.team_id, step.at, event_id, actor, step.alarm, step.recommendation_id, step.note)
            with whole_district(connection):
                event = assign(service, connection, case, order, versions, locks)
        else:
            event = take_step(case, step.step, at=step.at, now=versions.now)
        after = apply(case, event)
        row, note = events.noted_row(
            case.district,
            event.kind,
            note=step.note,
            data=write(event),
            incident_id=case.id,
            actor=actor,
            at=event.at,
            client_at=step.at,
            event_id=event_id,
        )
        given, kept = answer_of(connection, after, event, event_id, redaction(connection).case)
        write_step(connection, case, after, row, note=note, request=request, answer=kept)
        return given

    joint = step.step == "assign" and step.team_id is None
    for locks in (Locks.TURN if joint else Locks.TEAMS, Locks.TEAMS, Locks.TEAMS, Locks.ALL_TEAMS):
        with suppress(TeamsTakenError, LockTimedOut):
            return service.database.run(partial(work, locks=locks))
    raise Unavailable("Other orders take the same teams at the moment. Nothing was written; try again.")


def _team_step(case: Case, step: Step, *, now: datetime) -> TeamStepTaken:
    """Return the event of a team's step on its latest engagement."""
    if step.team_id is None:
        raise InvalidInput(
            f"The step {step.step} is a team's. Give `team_id`.", kind="team-missing", step=step.step, field="team_id"
        )
    mine = [each for each in case.engagements if each.team_id == step.team_id]
    if not mine:
        there = sorted({str(each.team_id) for each in case.live})
        raise NotFound(
            f"Team {step.team_id} is not on this case. On it now: {', '.join(there) or 'none'}.",
            kind="team-not-on-case",
            team_id=str(step.team_id),
            on_case=there,
        )
    return take_team_step(case, mine[-1], step.step, at=step.at, now=now, reason=step.note)

"""Steps of a case and of its teams: legal or refused, under the case's lock, with one event each (R13, R21)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gridsvc.cases.events import apply
from gridsvc.cases.records import write
from gridsvc.cases.steps import TEAM_STEPS, check_step, right_of_step, take_step, take_team_step
from gridsvc.db.cases.engagements import TeamsTakenError, noticing_taken_teams
from gridsvc.db.cases.steps import Written, begin_step, write_step
from gridsvc.db.evidence import events
from gridsvc.db.session.ids import uuid7
from gridsvc.db.session.scope import scope_of, whole_district, widen_to_district
from gridsvc.errors import InvalidInput, LockTimedOut, NotFound, Unavailable
from gridsvc.law import Urgency
from gridsvc.operations.cases.answers import answer_of, give_again
from gridsvc.operations.cases.assign import Locks, Order, assign
from gridsvc.operations.cases.read import no_case
from gridsvc.operations.cases.redaction import redaction

if TYPE_CHECKING:
    from collections.abc import Callable
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

    def work(connection: Connection, *, locks: Locks) -> Callable[[], KeptAnswer]:
        ground = begin_step(connection, incident_id, request, order=step.step == "assign", turn=locks is Locks.TURN)
        if ground is None:
            raise no_case(incident_id)
        case = ground.case
        if ground.kept is not None:
            again = give_again(connection, case.district, ground.kept)
            return lambda: again
        if locks is Locks.TURN and not ground.turn:
            locks = Locks.TEAMS
        versions = replace(ground.versions, now=case.next_moment(ground.versions.now))
        ground = replace(ground, versions=versions)
        event_id = uuid7(versions.now)
        event: Ordered | StepTaken | TeamStepTaken
        if step.step in TEAM_STEPS:
            event = _team_step(case, step, now=versions.now)
        elif step.step == "assign":
            order = Order(step.team_id, step.at, event_id, actor, step.alarm, step.recommendation_id, step.note)
            with whole_district(connection):
                event = assign(service, connection, ground, order, locks)
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
        redact = redaction(connection).case
        given, kept = answer_of(scope_of(connection), after, event, event_id, redact, ground.alerts)
        on_duty = False
        if step.step == "assign":
            widen_to_district(connection)  # the law may send teams from beyond the caller's grid
            on_duty = step.team_id is None and case.urgency is Urgency.EMERGENCY
        write_step(connection, Written(case, after, row, note, request, kept, on_duty=on_duty))
        return given

    joint = step.step == "assign" and step.team_id is None
    for locks in (Locks.TURN if joint else Locks.TEAMS, Locks.TEAMS, Locks.TEAMS, Locks.ALL_TEAMS):
        with suppress(TeamsTakenError, LockTimedOut), noticing_taken_teams():
            return service.database.run(partial(work, locks=locks))()
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

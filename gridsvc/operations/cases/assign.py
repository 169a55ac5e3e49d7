"""Sending teams: chosen, locked and engaged, so that no team is sent twice (R7, R8, R16).

The joint team is chosen from the states of one moment and from the case's stored place. Orders of emergencies take
turns in a district, so that each sees what the one before it sent. One that waits too long for its turn, because a
process hangs with it, goes on without.

In its turn an order reads, chooses, and engages the teams in the statement that it commits with: the database refuses a
team that is on another case or off duty by then. Without a turn, the rows of exactly the chosen teams are locked first.
An emergency does not wait: a team that another order is sending counts as engaged, and the choice is made again at
once. Where the database refuses, and where a slot would stay empty for a team that may become free again, the
transaction is rolled back and the order starts again. The last try locks all teams, in the order of their ids, and then
chooses.

Locks are taken in this order: the case, the turn, the drills that lose a team (by id), the teams (by id). Of an order
for a drill: the turn, then the drill.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from gridsvc.cases.decide import Standing, facts_of
from gridsvc.cases.events import Corrected, Ordered, Preempted, Reported, apply
from gridsvc.cases.model import LEFT, OUTSIDE, SUBSTITUTE, Decision, Engagement, Status
from gridsvc.cases.records import Record, read, write
from gridsvc.cases.steps import take_step
from gridsvc.db import teams
from gridsvc.db.cases.engagements import TeamsTakenError, find_holder
from gridsvc.db.cases.incidents import find_case
from gridsvc.db.cases.steps import Written, write_step_at_once
from gridsvc.db.evidence import events
from gridsvc.db.grids.versions import get_clock
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import Conflict, InvalidInput, NotFound, TeamEngaged
from gridsvc.law import Urgency
from gridsvc.operations.cases.recommend import choose, chosen_by_person, law_of, versions_of
from gridsvc.operations.runtime.districts import view_at
from gridsvc.teams.model import TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.cases.steps import Ground
    from gridsvc.dispatch import ChosenTeam, Recommendation
    from gridsvc.operations.cases.recommend import Choice
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

LEAD_SLOT = "1"
_BEING_SENT = TeamState(status=TeamStatus.ENGAGED)


class Locks(Enum):
    """What an order of a joint team has locked before it chooses: its turn, nothing (then the chosen teams), or all."""

    TURN = "turn"
    TEAMS = "teams"
    ALL_TEAMS = "all-teams"


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: one named team, or (None) every lawful free one; `alarm` 2 sends the difference only.

    `recommendation_id`: the recommendation that the dispatcher saw, None = that of the report. `event_id`: of the
    order's event. `reason`: why a team goes that fills no slot of the law.
    """

    team_id: UUID | None
    at: datetime | None
    event_id: UUID
    actor: str
    alarm: int = 1
    recommendation_id: UUID | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Context:
    """What an order is decided in: one transaction over one case in one district."""

    service: Service
    connection: Connection
    view: DistrictView
    case: Case
    order: Order

    def choose(self, states: Mapping[str, TeamState]) -> Choice:
        """Recommend from the stored place of the case: its owners and class were decided at the report."""
        case, order = self.case, self.order
        left = {str(each.team_id) for each in case.engagements if each.outcome in LEFT}
        standing = Standing(order.alarm, {each.slot: str(each.team_id) for each in case.live}, frozenset(left))
        # The conditions of the response plan hold at the time of the report, as the dispatcher saw them.
        at = case.triggered_at if order.alarm == 1 else self.view.versions.now
        facts = facts_of(
            case.place, case.type, case.matter, self.view.local_time(at), drill=case.drill, standing=standing
        )
        return choose(self.service, self.view, facts, states, case.place)

    def states(self) -> dict[str, TeamState]:
        """Return the state of each team that is not free at its station."""
        return teams.list_changed_states(self.connection, self.case.district, self.view.versions.now)


def assign(service: Service, connection: Connection, ground: Ground, order: Order, locks: Locks) -> Ordered:
    """Send teams to a case, and return the event of the order; neither it nor an engagement is written yet.

    `ground` was read in this transaction, with `Locks.TURN` in the turn. The teams of drills that are sent are taken
    from these, with their events (R16).

    Raises
    ------
    TeamEngaged
        When the named team is on a live case; says on which.
    Conflict
        When no lawful team is free: the case goes on waiting, visibly.
    IllegalStep
        When the case's status does not allow it.
    InvalidInput
        For a recommendation that is not kept with this case, or a team outside the slots without a reason.
    TeamsTakenError
        When a chosen team was taken in the meantime.
    """
    case, now = ground.case, ground.versions.now
    context = _Context(service, connection, view_at(service, connection, ground.versions), case, order)
    change = take_step(case, "assign", at=order.at, now=now)
    shown = _shown(connection, case, order.recommendation_id)
    states = ground.states
    choice, chosen = _named(context, states, shown) if order.team_id is not None else _joint(context, states, locks)
    if locks is not Locks.TURN or _from_drills(chosen):
        # The teams are locked: a transaction that released them did so at an earlier time.
        now = case.next_moment(get_clock(connection))
    if order.at is None:
        change = take_step(case, "assign", at=None, now=now)
    emergency = case.urgency is Urgency.EMERGENCY
    since = max(case.triggered_at, order.at.astimezone(UTC)) if change.backfilled and order.at is not None else now
    sent = tuple(_engagement(each, engaging=emergency, since=since) for each in chosen)
    _preempt(connection, case, sent, order.actor, now)
    there = {str(each.team_id) for each in (*sent, *case.live)}
    decision = Decision(order.event_id, choice.recommendation, versions_of(context.view), choice.inputs)
    return Ordered(
        at=now,
        status=change.status,
        stamps=change.stamps,
        sent=sent,
        decision=decision,
        added=_added(shown, sent) if order.team_id is None else (),
        missing=choice.missing(shown, there, states) if order.team_id is None else (),
        backfilled=change.backfilled,
        corrected=change.corrected,
    )


def _engagement(chosen: ChosenTeam, *, engaging: bool, since: datetime) -> Engagement:
    origin = None if chosen.preempts is None or not engaging else UUID(chosen.preempts)
    return Engagement(
        uuid7(),
        UUID(chosen.team_id),
        chosen.slot,
        chosen.slot == LEAD_SLOT,
        engaging,
        chosen.travel_s,
        chosen.response_s,
        since,
        preempted_from=origin,
    )


def _joint(context: _Context, states: dict[str, TeamState], locks: Locks) -> tuple[Choice, list[ChosenTeam]]:
    """Choose the joint team. `states` learns which teams are taken.

    An emergency takes what it chose, and does not wait for teams that another order is sending now, by name or without
    its turn: they count as engaged, and the choice is made again without them. Where that leaves a slot empty, they
    are waited for.
    """
    connection, case = context.connection, context.case
    if locks is Locks.ALL_TEAMS:
        everyone = [UUID(team.id) for team in law_of(context.view).prepared.teams]
        teams.lock_teams(connection, case.district, everyone)
        states |= context.states()
    choice = context.choose(states)
    sent = wanted = list(choice.recommendation.team)
    mine: set[str] = set()
    first_locked = locks is Locks.TEAMS or (locks is Locks.TURN and _from_drills(sent))
    while case.urgency is Urgency.EMERGENCY and first_locked:
        missing = {each.team_id for each in sent} - mine
        if not missing:
            break
        _lock_drills(connection, sent)
        mine |= teams.take_teams(connection, case.district, [UUID(team) for team in missing], drill=case.drill)
        states |= dict.fromkeys(missing - mine, _BEING_SENT)
        if missing <= mine:
            break
        choice = context.choose(states)
        sent = list(choice.recommendation.team)
        if len(sent) < len(wanted):
            raise TeamsTakenError
    if not sent:
        raise _nobody(choice.recommendation)
    return choice, sent


def _named(
    context: _Context, states: Mapping[str, TeamState], shown: Recommendation
) -> tuple[Choice, list[ChosenTeam]]:
    """Lock one team and send it: in the slot that the recommendation has for it, as a substitute, or outside the slots.

    A team that is proposed, or was when the dispatcher saw the case, needs no reason; any other does (R7).
    """
    case, team_id = context.case, context.order.team_id
    assert team_id is not None
    law = law_of(context.view)
    number = law.prepared.index.get(str(team_id))
    if number is None:
        raise NotFound(
            f"There is no team {team_id} in district {case.district}. See GET /teams.",
            kind="no-team",
            team_id=str(team_id),
            district=case.district,
        )
    if any(each.team_id == team_id for each in case.live):
        raise TeamEngaged(f"Team {team_id} is on this case already.", team_id=str(team_id), incident_id=str(case.id))
    from_drill = _lock_named(context, team_id)
    choice = context.choose(states)
    wanted = str(team_id)
    found = next((each for each in choice.recommendation.team if each.team_id == wanted), None)
    if found is None:
        proposed = {team for each in (shown, choice.recommendation) for team in each.proposed}
        if wanted not in proposed and not (context.order.reason or "").strip():
            raise _needs_reason(wanted)
        slot = SUBSTITUTE if wanted in proposed else OUTSIDE
        found = chosen_by_person(context.view, law.prepared.teams[number], choice.travel_s(wanted), slot)
    return choice, [replace(found, preempts=from_drill)]


def _lock_named(context: _Context, team_id: UUID) -> str | None:
    """Lock a named team, and return the drill that it has to leave; TeamEngaged where a live case has it."""
    connection, case = context.connection, context.case
    before = find_holder(connection, case.district, team_id)
    if before is not None and before[1]:
        find_case(connection, before[0], lock=True)
    teams.lock_teams(connection, case.district, [team_id])
    holder = find_holder(connection, case.district, team_id)
    if holder is None or case.urgency is not Urgency.EMERGENCY:
        return None
    incident_id, drill = holder
    if case.drill or not drill:
        raise TeamEngaged(
            f"Team {team_id} is engaged on case {incident_id}. Choose another, or clear it there first.",
            team_id=str(team_id),
            incident_id=str(incident_id),
        )
    if holder != before:  # another drill took it during the wait for the lock
        raise TeamsTakenError
    return str(incident_id)


def _from_drills(chosen: Sequence[ChosenTeam]) -> bool:
    return any(each.preempts is not None for each in chosen)


def _lock_drills(connection: Connection, chosen: Sequence[ChosenTeam]) -> None:
    for drill in sorted({each.preempts for each in chosen if each.preempts is not None}):
        find_case(connection, UUID(drill), lock=True)


def _preempt(connection: Connection, case: Case, sent: Sequence[Engagement], actor: str, now: datetime) -> None:
    """Take teams from their drills, each with an event of the drill (R16)."""
    for drill_id in sorted({each.preempted_from for each in sent if each.preempted_from is not None}):
        drill = find_case(connection, drill_id, lock=True)
        if drill is None:
            continue
        for each in sent:
            held = next((e for e in drill.live if e.team_id == each.team_id), None)
            if each.preempted_from != drill_id or held is None:
                continue
            stays = any(e.live and e.id != held.id for e in drill.engagements)
            status = Status.ACCEPTED if drill.status is Status.ASSIGNED and not stays else drill.status
            at = drill.next_moment(now)
            event = Preempted(at, held.id, held.team_id, case.id, status)
            row = events.event_row(
                drill.district, event.kind, actor=actor, at=at, data=write(event), incident_id=drill.id
            )
            after = apply(drill, event)
            write_step_at_once(connection, Written(drill, after, row))
            drill = after


def _needs_reason(team_id: str) -> InvalidInput:
    """Return the refusal; it has no verdict, since the team may be outside the grid of the caller."""
    return InvalidInput(
        f"Team {team_id} fills no slot of this case by law. To send it all the same, give the reason in `note`; "
        "to send the lawful teams, leave `team_id` out.",
        kind="outside-slots",
        team_id=team_id,
        field="note",
    )


def _nobody(recommendation: Recommendation) -> Conflict:
    unfilled = [each.as_json() for each in recommendation.unfilled]
    missing = "; ".join(f"{slot['slot']}: {slot['reason']}" for slot in unfilled) or "every slot is filled already"
    return Conflict(
        f"No lawful team can be sent now ({missing}). The case goes on waiting, visibly; a substitute can be sent "
        "by its team_id.",
        kind="no-team-free",
        unfilled=unfilled,
    )


def _shown(connection: Connection, case: Case, recommendation_id: UUID | None) -> Recommendation:
    """Return the recommendation that the dispatcher saw: the case's, an earlier one of it, or of an earlier order."""
    if recommendation_id in {None, case.decision.event_id}:
        return case.decision.recommendation
    assert recommendation_id is not None
    body = events.find_body(connection, case.district, case.id, recommendation_id)
    event = None if body is None else read(Record.of(body), case)
    if isinstance(event, Reported | Corrected):
        return event.case.decision.recommendation
    if not isinstance(event, Ordered) or event.decision is None:
        raise InvalidInput(
            f"No recommendation {recommendation_id} is kept with case {case.id}. Send the `recommendation_id` that "
            "the case or an order of it has; what POST /recommendations answers is not kept. Without one, the order "
            "is compared with the recommendation of the report.",
            kind="unknown-recommendation",
            recommendation_id=str(recommendation_id),
            incident_id=str(case.id),
        )
    return event.decision.recommendation


def _added(shown: Recommendation, sent: Sequence[Engagement]) -> tuple[tuple[str, str], ...]:
    known = {each.team_id for each in shown.team}
    return tuple((each.slot, str(each.team_id)) for each in sent if str(each.team_id) not in known)

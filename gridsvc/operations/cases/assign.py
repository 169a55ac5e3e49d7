"""Sending teams: chosen, locked and engaged, so that nobody is sent twice (R7, R8).

The joint team is chosen from the states of one moment, and the rows of exactly these teams are locked. An emergency
waits for nobody: who is being sent by somebody else counts as engaged, and the choice is made again at once. What was
committed meanwhile is met by the unique index when the teams are engaged; then, and where a slot would stay empty for a
team that somebody else may yet give back, the transaction is given up and the order begins again. The last try locks
all teams, in the order of their ids, before it chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.cases.model import EngagementState, take_step
from gridsvc.db import teams
from gridsvc.db.cases import engagements
from gridsvc.db.cases.engagements import Engagement
from gridsvc.db.evidence import events
from gridsvc.db.grids.versions import get_clock
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import Conflict, InvalidInput, NotFound, TeamEngaged
from gridsvc.operations.cases import recommend
from gridsvc.operations.places.locate import Location, place
from gridsvc.operations.runtime.districts import view_at
from gridsvc.teams.model import TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.cases.incidents import StoredCase
    from gridsvc.db.grids.versions import Versions
    from gridsvc.dispatch import ChosenTeam, Recommendation
    from gridsvc.operations.cases.recommend import Choice
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import Team

TRIES = 4
_BEING_SENT = TeamState(status=TeamStatus.ENGAGED)


class TeamsTakenError(Exception):
    """A team that was chosen is on another case by now: the transaction is to be given up, the order begun again."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: one named team, or (None) every lawful free one; `alarm` 2 sends the difference only.

    `recommendation_id`: the recommendation that the dispatcher saw, None = that of the report.
    """

    team_id: UUID | None
    at: datetime | None
    note: str | None
    alarm: int = 1
    recommendation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step made of a case: the case, its engagements, what the event has, and what the answer says besides.

    `at`: the moment of the step, where that is later than the versions it was decided by.
    """

    case: StoredCase
    on_case: list[Engagement]
    data: dict[str, Any]
    told: dict[str, Any]
    at: datetime | None = None


def assign(
    service: Service,
    connection: Connection,
    case: StoredCase,
    on_case: list[Engagement],
    order: Order,
    versions: Versions,
    *,
    last: bool,
) -> Taken:
    """Send teams to a case and return what was sent, what is missing, and where it differs from what was shown.

    `versions` are held for this transaction. `last`: choose under the locks of all teams, so that it ends.

    Raises
    ------
    TeamEngaged
        When the named team is on a case; says on which.
    Conflict
        When no lawful team is free: the case goes on waiting, visibly.
    IllegalStep
        When the case's status does not allow it.
    InvalidInput
        For a recommendation that is not kept with this case.
    TeamsTakenError
        When a chosen team was taken meanwhile.
    """
    live = [e for e in on_case if e.state.until is None]
    view = view_at(service, connection, versions)
    change = take_step(case.state(len(live)), "assign", at=order.at, now=versions.now)
    shown = _shown(connection, case, order.recommendation_id)
    if order.team_id is not None:
        choice, sent = _named(service, connection, view, case, order.team_id, on_case)
    else:
        choice, sent = _joint(service, connection, view, case, order, on_case, last=last)
    # the teams are held: whoever let them go did so at an earlier moment
    now = get_clock(connection)
    if order.at is None:
        change = take_step(case.state(len(live)), "assign", at=None, now=now)
    emergency = case.urgency == "emergency"
    since = max(case.triggered_at, order.at) if change.backfilled and order.at is not None else now
    begun = [
        Engagement(
            uuid7(), case.id, UUID(chosen.team_id), chosen.slot, lead, emergency, chosen.travel_s, chosen.response_s,
            EngagementState(since.astimezone(UTC)),
        )
        for chosen, lead in sent
    ]  # fmt: skip
    if not engagements.send(connection, case.district, begun, on_duty=emergency and order.team_id is None):
        raise TeamsTakenError
    recommendation = choice.recommendation.as_json()
    told: dict[str, Any] = {
        "sent": [str(each.team_id) for each in begun],
        "unfilled": recommendation["unfilled"],
        "differs": _differs(shown, begun),
    }
    data = told | {
        "status": str(change.status),
        "stamps": {clock: at.isoformat() for clock, at in change.stamps.items()},
        "backfilled": change.backfilled,
        "engagements": [
            {"id": str(each.id), "team_id": str(each.team_id), "slot": each.slot, "lead": each.lead} for each in begun
        ],
        "recommendation": recommendation,
        "inputs": choice.inputs,
        "versions": versions.as_json() | {"roster": recommend.law_of(view).roster_digest},
    }
    after = case.changed(change.status, waiting=False, stamps=change.stamps)
    together = sorted([*on_case, *begun], key=lambda e: (e.state.since, not e.lead, e.id))
    return Taken(after, together, data, told, at=now)


def _joint(
    service: Service,
    connection: Connection,
    view: DistrictView,
    case: StoredCase,
    order: Order,
    on_case: Sequence[Engagement],
    *,
    last: bool,
) -> tuple[Choice, list[tuple[ChosenTeam, bool]]]:
    """Choose the joint team; at the last try under the locks of all teams.

    An emergency takes what it chose, and does not wait for teams that somebody else is sending just now: they are as
    good as engaged, and the choice is made again without them. Where that leaves a slot empty, they are waited for.
    """
    if last:
        everyone = [UUID(team.id) for team in recommend.law_of(view).prepared.teams]
        teams.lock_teams(connection, case.district, everyone)
    states = dict(teams.list_states(connection, case.district, view.versions.now))
    choice = _choose(service, view, case, order, on_case, states)
    sent = wanted = _chosen(choice.recommendation)
    mine: set[str] = set()
    while case.urgency == "emergency" and not last:
        missing = {chosen.team_id for chosen, _ in sent} - mine
        if not missing:
            break
        mine |= teams.take_teams(connection, case.district, [UUID(team) for team in missing])
        states |= dict.fromkeys(missing - mine, _BEING_SENT)
        if missing <= mine:
            break
        choice = _choose(service, view, case, order, on_case, states)
        sent = _chosen(choice.recommendation)
        if len(sent) < len(wanted):
            raise TeamsTakenError
    if not sent:
        raise _nobody(choice.recommendation)
    return choice, sent


def _named(
    service: Service,
    connection: Connection,
    view: DistrictView,
    case: StoredCase,
    team_id: UUID,
    on_case: Sequence[Engagement],
) -> tuple[Choice, list[tuple[ChosenTeam, bool]]]:
    """Lock one team and send it: into the slot that the recommendation has for it, else as a reinforcement."""
    team = recommend.law_of(view).prepared.index.get(str(team_id))
    if team is None:
        raise NotFound(f"There is no team {team_id} in district {case.district}. See GET /teams.", kind="no-team")
    teams.lock_teams(connection, case.district, [team_id])
    if any(e.team_id == team_id and e.state.until is None for e in on_case):
        raise TeamEngaged(f"Team {team_id} is on this case already.", team_id=str(team_id), incident_id=str(case.id))
    emergency = case.urgency == "emergency"
    holder = engagements.find_holder(connection, case.district, team_id)
    if holder is not None and emergency:
        raise TeamEngaged(
            f"Team {team_id} is engaged on case {holder}. Choose another, or clear it there first.",
            team_id=str(team_id), incident_id=str(holder),
        )  # fmt: skip
    states = dict(teams.list_states(connection, case.district, view.versions.now))
    choice = _choose(service, view, case, Order(None, None, None), on_case, states)
    wanted = str(team_id)
    for chosen, lead in _chosen(choice.recommendation):
        if chosen.team_id == wanted:
            return choice, [(chosen, lead)]
    lawful: Team = recommend.law_of(view).prepared.teams[team]
    travel = {who: seconds for who, seconds, _ in choice.recommendation.considered}.get(wanted)
    return choice, [(recommend.reinforcement(view, lawful, travel), False)]


def _choose(
    service: Service,
    view: DistrictView,
    case: StoredCase,
    order: Order,
    on_case: Sequence[Engagement],
    states: Mapping[str, TeamState],
) -> Choice:
    views = [view]
    placed = place(views, Location(case.lon, case.lat)) if view.index is not None else None
    held = {e.slot: str(e.team_id) for e in on_case if e.state.until is None}
    gone = {str(e.team_id) for e in on_case if e.state.outcome in {"declined", "withdrawn"}}
    facts = recommend.case_facts(
        view, case.type, placed.ownership if placed else None, view.versions.now,
        alarm=order.alarm, held=held, excluded=frozenset(gone),
    )  # fmt: skip
    return recommend.choose(service, view, facts, states, case.lon, case.lat)


def _chosen(recommendation: Recommendation) -> list[tuple[ChosenTeam, bool]]:
    lead = [(recommendation.lead, True)] if recommendation.lead is not None else []
    return lead + [(member, False) for member in recommendation.members]


def _nobody(recommendation: Recommendation) -> Conflict:
    unfilled = recommendation.as_json()["unfilled"]
    missing = "; ".join(f"{slot['slot']}: {slot['reason']}" for slot in unfilled) or "every slot is filled already"
    return Conflict(
        f"No lawful team can be sent now ({missing}). The case goes on waiting, visibly; a substitute can be sent "
        "by its team_id.",
        kind="no-team-free",
        unfilled=unfilled,
    )


def _shown(connection: Connection, case: StoredCase, recommendation_id: UUID | None) -> dict[str, Any]:
    """Return the recommendation that the dispatcher saw: that of the report, or of an earlier order of the case."""
    if recommendation_id is None or str(recommendation_id) == case.details.get("recommendation_id"):
        shown: dict[str, Any] = case.details["recommendation"]
        return shown
    data = events.find_data(connection, case.district, case.id, recommendation_id) or {}
    kept: dict[str, Any] | None = data.get("recommendation")
    if kept is None:
        raise InvalidInput(
            f"No recommendation {recommendation_id} is kept with case {case.id}. Send the `recommendation_id` that "
            "the case or an order of it has; what POST /recommendations answers is not kept. Without one, the order "
            "is compared with the recommendation of the report.",
            kind="unknown-recommendation",
        )
    return kept


def _differs(shown: dict[str, Any], sent: Sequence[Engagement]) -> dict[str, list[str]]:
    """Where the order differs from the recommendation that was shown."""
    lead = [shown["lead"]["team_id"]] if shown["lead"] else []
    before = {*lead, *(member["team_id"] for member in shown["members"])}
    now = {str(each.team_id) for each in sent}
    return {"added": sorted(now - before), "missing": sorted(before - now)}

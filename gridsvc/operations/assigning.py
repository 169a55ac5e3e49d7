"""Sending teams: decided under the locks of exactly the teams that go, so that nobody is sent twice (R7, R8).

The joint team is chosen, its rows are locked in the order of their ids, and it is chosen again: where the answer is
another by now, the locks are given back and the choice is made anew. No two dispatchers wait for each other in a ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.db import engagements, incidents, personal, teams
from gridsvc.db.ids import uuid7
from gridsvc.db.versions import get_versions
from gridsvc.errors import Conflict, NotFound, TeamEngaged
from gridsvc.incidents import take_step
from gridsvc.operations import recommending
from gridsvc.operations.districts import view_at
from gridsvc.operations.placing import Location, place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.engagements import Engagement
    from gridsvc.db.incidents import StoredCase
    from gridsvc.dispatch import ChosenTeam, Recommendation
    from gridsvc.operations.districts import DistrictView
    from gridsvc.operations.recommending import Choice
    from gridsvc.operations.service import Service
    from gridsvc.teams import Team

_TRIES = 6


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: one named team, or (None) every lawful free one; `alarm` 2 sends the difference only."""

    team_id: UUID | None
    at: datetime | None
    note: str | None
    alarm: int = 1


def assign(service: Service, connection: Connection, case: StoredCase, order: Order, *, actor: str) -> dict[str, Any]:
    """Send teams to a case and return what was sent, what is missing, and where it differs from what was shown.

    Raises
    ------
    TeamEngaged
        When the named team is on a case; says on which.
    Conflict
        When no lawful team is free: the case goes on waiting, visibly.
    IllegalStep
        When the case's status does not allow it.
    """
    on_case = engagements.list_engagements(connection, case.district, [case.id])
    live = [e for e in on_case if e.state.until is None]
    view = view_at(service, connection, get_versions(connection, case.district, lock="share"))
    now = view.versions.now
    change = take_step(case.state(len(live)), "assign", at=order.at, now=now)
    if order.team_id is not None:
        choice, sent = _named(service, connection, view, case, order.team_id, on_case)
    else:
        choice, sent = _joint(service, connection, view, case, order, on_case)
    emergency = case.urgency == "emergency"
    since = max(case.triggered_at, order.at) if change.backfilled and order.at is not None else now
    rows = [
        {"district": case.district, "id": uuid7(), "incident_id": case.id, "team_id": UUID(chosen.team_id),
         "slot": chosen.slot, "lead": lead, "engaging": emergency, "travel_s": chosen.travel_s,
         "response_s": chosen.response_s, "since": since}
        for chosen, lead in sent
    ]  # fmt: skip
    engagements.add_engagements(connection, rows)
    incidents.set_status(connection, case.district, case.id, change.status, waiting=False, stamps=change.stamps)
    told: dict[str, Any] = {
        "sent": [str(row["team_id"]) for row in rows],
        "unfilled": choice.recommendation.as_json()["unfilled"],
        "differs": _differs(case, rows),
    }
    data = told | {
        "status": str(change.status),
        "stamps": {clock: at.isoformat() for clock, at in change.stamps.items()},
        "backfilled": change.backfilled,
        "engagements": [
            {"id": str(row["id"]), "team_id": str(row["team_id"]), "slot": row["slot"], "lead": row["lead"]}
            for row in rows
        ],
        "recommendation": choice.recommendation.as_json(),
        "inputs": choice.inputs,
        "versions": view.versions.as_json() | {"roster": recommending.law_of(view).roster_digest},
    }
    personal.append_noted(connection, case.district, "assign", note=order.note, actor=actor, at=now, data=data,
                          incident_id=case.id, client_at=order.at)  # fmt: skip
    return told


def _joint(
    service: Service,
    connection: Connection,
    view: DistrictView,
    case: StoredCase,
    order: Order,
    on_case: Sequence[Engagement],
) -> tuple[Choice, list[tuple[ChosenTeam, bool]]]:
    """Choose the joint team and lock it; all teams are locked at the last try, so that it always ends."""
    everyone = [UUID(team.id) for team in recommending.law_of(view).prepared.teams]
    choice = _choose(service, connection, view, case, order, on_case)
    for attempt in range(_TRIES):
        sent = _chosen(choice.recommendation)
        if not sent:
            raise _nobody(choice.recommendation)
        savepoint = connection.begin_nested()
        last = attempt == _TRIES - 1
        teams.lock_teams(connection, case.district, everyone if last else [UUID(c.team_id) for c, _ in sent])
        again = _choose(service, connection, view, case, order, on_case)
        if last or _ids(again.recommendation) == _ids(choice.recommendation):
            savepoint.commit()
            sent = _chosen(again.recommendation)
            if not sent:
                raise _nobody(again.recommendation)
            return again, sent
        savepoint.rollback()
        choice = again
    raise AssertionError


def _named(
    service: Service,
    connection: Connection,
    view: DistrictView,
    case: StoredCase,
    team_id: UUID,
    on_case: Sequence[Engagement],
) -> tuple[Choice, list[tuple[ChosenTeam, bool]]]:
    """Lock one team and send it: into the slot that the recommendation has for it, else as a reinforcement."""
    team = recommending.law_of(view).prepared.index.get(str(team_id))
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
    choice = _choose(service, connection, view, case, Order(None, None, None), on_case)
    wanted = str(team_id)
    for chosen, lead in _chosen(choice.recommendation):
        if chosen.team_id == wanted:
            return choice, [(chosen, lead)]
    lawful: Team = recommending.law_of(view).prepared.teams[team]
    travel = {who: seconds for who, seconds, _ in choice.recommendation.considered}.get(wanted)
    return choice, [(recommending.reinforcement(view, lawful, travel), False)]


def _choose(
    service: Service,
    connection: Connection,
    view: DistrictView,
    case: StoredCase,
    order: Order,
    on_case: Sequence[Engagement],
) -> Choice:
    views = [view]
    placed = place(views, Location(case.lon, case.lat)) if view.index is not None else None
    states = dict(teams.list_states(connection, case.district, view.versions.now))
    held = {e.slot: str(e.team_id) for e in on_case if e.state.until is None}
    gone = {str(e.team_id) for e in on_case if e.state.outcome in {"declined", "withdrawn"}}
    facts = recommending.case_facts(
        view, case.type, placed.ownership if placed else None, view.versions.now,
        alarm=order.alarm, held=held, excluded=frozenset(gone),
    )  # fmt: skip
    return recommending.choose(service, view, facts, states, case.lon, case.lat)


def _chosen(recommendation: Recommendation) -> list[tuple[ChosenTeam, bool]]:
    lead = [(recommendation.lead, True)] if recommendation.lead is not None else []
    return lead + [(member, False) for member in recommendation.members]


def _ids(recommendation: Recommendation) -> list[str]:
    return sorted(chosen.team_id for chosen, _ in _chosen(recommendation))


def _nobody(recommendation: Recommendation) -> Conflict:
    unfilled = recommendation.as_json()["unfilled"]
    missing = "; ".join(f"{slot['slot']}: {slot['reason']}" for slot in unfilled) or "every slot is filled already"
    return Conflict(
        f"No lawful team can be sent now ({missing}). The case goes on waiting, visibly; a substitute can be sent "
        "by its team_id.",
        kind="no-team-free",
        unfilled=unfilled,
    )


def _differs(case: StoredCase, rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Where the order differs from the recommendation that was shown at the report."""
    shown = case.details["recommendation"]
    lead = [shown["lead"]["team_id"]] if shown["lead"] else []
    before = {*lead, *(member["team_id"] for member in shown["members"])}
    now = {str(row["team_id"]) for row in rows}
    return {"added": sorted(now - before), "missing": sorted(before - now)}

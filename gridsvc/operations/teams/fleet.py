"""The teams of a district: list them, put them on and off duty, retire them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import Datum
from gridsvc.db import teams
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import get_versions, list_versions
from gridsvc.db.session.scope import scope_of
from gridsvc.db.team_datums import list_datums
from gridsvc.errors import Conflict
from gridsvc.operations.runtime.idempotency import answer_once
from gridsvc.operations.teams.positions import no_team
from gridsvc.teams.model import AVAILABLE, Team, TeamState, position, turnout_s

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.db.team_datums import TeamDatum
    from gridsvc.operations.runtime.service import Service


def list_fleet(service: Service, district: str | None = None) -> dict[str, Any]:
    """Return {items}: every team with its status, position and the position's age."""
    items = []
    with service.database.transaction() as connection:
        for versions in list_versions(connection):
            if district is not None and versions.district != district:
                continue
            states = dict(teams.list_states(connection, versions.district, versions.now))
            datums = {str(each.team_id): each for each in list_datums(connection, versions.district)}
            roster = teams.list_roster(connection, versions.district)
            scope = scope_of(connection)
            shown = None if scope.grid is None else frozenset(scope.grids)
            items += [
                _team_json(versions.district, team, states.get(team.id, AVAILABLE), shown) | _datum(datums.get(team.id))
                for team in roster
            ]
    return {"items": items}


def _datum(found: TeamDatum | None) -> dict[str, Any]:
    """Return the datum that a team's positions arrive in, and what speaks against it."""
    if found is None:  # retired a moment ago
        return {"datum": Datum.WGS84.value, "datum_shift": None}
    return {"datum": found.datum.value, "datum_shift": found.fit}


def _team_json(district: str, team: Team, state: TeamState, shown: frozenset[str] | None) -> dict[str, Any]:
    """Return a team; of its grids only those that are `shown` to the caller, None = all."""
    lon, lat = position(team, state)

    def seen(code: str | None) -> str | None:
        return code if shown is None or code in shown else None

    return {
        "id": team.id,
        "district": district,
        "name": team.name,
        "unit": team.unit,
        "kind": str(team.kind),
        "status": str(state.status),
        "incident_id": state.incident_id,
        "position": {"lon": lon, "lat": lat},
        "at_station": state.lon is None,
        "age_s": None if state.position_age_s is None else round(state.position_age_s, 1),
        "station": {"lon": team.lon, "lat": team.lat},
        "township": seen(team.township),
        "areas": [code for code in team.areas if seen(code)],
        "region": seen(team.region),
        "skills": sorted(team.skills),
        "equipment": sorted(team.equipment),
        "turnout_s": turnout_s(team, state),
    }


def district_of_team(connection: Connection, team_id: UUID) -> str:
    """Return the district of a team; NotFound for an unknown one."""
    code = teams.find_district(connection, team_id)
    if code is None:
        raise no_team(str(team_id))
    return code


def set_duty(
    service: Service, team_id: UUID, *, on_duty: bool, actor: str, request: RequestKey | None = None
) -> KeptAnswer:
    """Put a team on or off duty, with its event; an engaged team stays on its case."""

    def work(connection: Connection) -> KeptAnswer:
        district = district_of_team(connection, team_id)

        def change() -> dict[str, Any]:
            now = get_versions(connection, district, lock="share").now
            if not teams.set_duty(connection, district, team_id, on_duty=on_duty):
                raise team_retired(team_id)
            data = {"team_id": str(team_id), "on_duty": on_duty}
            append_event(connection, district, "duty", actor=actor, at=now, data=data)
            return data | {"retired": False}

        return answer_once(connection, district, request, 200, change)

    return service.database.run(work)


def retire(service: Service, team_id: UUID, *, actor: str, request: RequestKey | None = None) -> KeptAnswer:
    """Take a team out of the roster in force, with its event.

    A case that the team is on keeps it until it clears; cases of the past keep their version of the roster. Loading
    a roster with the team puts it back.

    Raises
    ------
    NotFound
        For an unknown team.
    Conflict
        For a team that is retired already.
    """

    def work(connection: Connection) -> KeptAnswer:
        district = district_of_team(connection, team_id)

        def change() -> dict[str, Any]:
            now = get_versions(connection, district, lock="update").now
            if not teams.retire(connection, district, team_id):
                raise team_retired(team_id)
            data = {"team_id": str(team_id), "on_duty": False, "retired": True}
            append_event(connection, district, "team-retired", actor=actor, at=now, data=data)
            return data

        return answer_once(connection, district, request, 200, change)

    return service.database.run(work)


def team_retired(team_id: UUID) -> Conflict:
    """Return the refusal of a team that is retired."""
    return Conflict(
        f"Team {team_id} is retired. `gridsvc load teams FILE` with the team puts it back.",
        kind="team-retired",
        team_id=str(team_id),
    )

"""Every team that was considered for a case, recomputed from what was recorded (R11).

A case names the nearest ten lawful teams. The whole list is computed on demand: the state of each team at that moment
from engagements, duties and positions, the travel times from the network and closures of then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.teams import list_states_at as teams_then
from gridsvc.dispatch import CaseFacts, list_considered
from gridsvc.dispatch.replay import loss_of, recorded_numbers, states_of, travel_ms_of
from gridsvc.operations.cases.read import get_stored
from gridsvc.operations.cases.recommend import OFF_DUTY
from gridsvc.operations.cases.redaction import redaction
from gridsvc.operations.evidence.past_views import past_view
from gridsvc.operations.roads.team_times import travel_seconds

if TYPE_CHECKING:
    from uuid import UUID

    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service


def list_case_considered(service: Service, incident_id: UUID) -> dict[str, Json]:
    """Return {items}: every team that was considered at the report or last correction, the nearest first.

    Each has its seconds and verdict.

    Teams that are not recorded with the case are taken as they were then, by engagements, duties and positions; a
    position that was deleted since is replaced by the station.
    """
    with service.database.transaction() as connection:
        case = get_stored(connection, incident_id)
        decision = case.decision
        at = case.triggered_at if case.correction is None else case.correction.at
        view = past_view(service, connection, case, decision.versions, decision.inputs, at)
        law = view.law
        assert law is not None
        prepared = law.prepared
        found = dict(teams_then(connection, case.district, at))
        states = [found.get(team_id, OFF_DUTY) for team_id in prepared.team_ids]
        recorded = states_of(prepared, decision.inputs)
        travel_s = travel_seconds(service, view, law, states, case.place.lon, case.place.lat)
        travel_ms = travel_ms_of(prepared, decision.inputs)
        for number in recorded_numbers(prepared, decision.inputs):
            states[number] = recorded[number]
            ms = travel_ms[number]
            travel_s[number] = None if ms is None else ms / 1000
        facts = CaseFacts.from_json(decision.inputs["case"])
        rows = list_considered(prepared, facts, states, travel_s, loss_of(prepared, decision.inputs))
        allowed = redaction(connection).teams
    far = float("inf")
    rows.sort(key=lambda each: (far if each.travel_s is None else each.travel_s, each.team_id))
    return {"items": [each.as_json() for each in rows if allowed is None or each.team_id in allowed]}

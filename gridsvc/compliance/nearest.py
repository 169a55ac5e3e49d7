"""The plan of a case from its recorded law, roster and roads: who would have gone, had every team been free."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from gridsvc.compliance.causes import FreeTeam, Plan
from gridsvc.dispatch import CaseFacts, recommend
from gridsvc.teams.model import AVAILABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.cases.model import Case
    from gridsvc.dispatch import Prepared


def plan_of(
    prepared: Prepared, case: Case, from_stations_s: Sequence[float | None], off_place_m: float | None = None
) -> Plan:
    """Return what was planned for a case.

    Parameters
    ----------
    prepared
        The law and the roster of the case's decision.
    from_stations_s
        Seconds by road from each team's station to the place, in the order of `prepared.teams`; None = unreachable.
    off_place_m
        See `Plan`.
    """
    facts = replace(CaseFacts.from_json(case.decision.inputs["case"]), held={}, excluded=frozenset())
    chosen = recommend(prepared, facts, [AVAILABLE] * len(prepared.teams), from_stations_s)
    nearest = {
        each.slot: FreeTeam(each.team_id, each.response_s) for each in chosen.team if each.response_s is not None
    }
    handling_s = 0.0
    if case.clock.start == "received":
        policy = prepared.clocks.policies.get(case.clock.policy) or prepared.clocks.get(prepared.clocks.default_policy)
        handling_s = float(policy.call_handling_s)
    turnout_s = {team.id: float(team.station_turnout_s) for team in prepared.teams}
    first = min(
        (
            (handling_s + turnout_s[team.id] + travel_s, number)
            for number, (team, travel_s) in enumerate(zip(prepared.teams, from_stations_s, strict=True))
            if travel_s is not None and travel_s < inf
        ),
        default=None,
    )
    station = None
    if first is not None:
        team = prepared.teams[first[1]]
        station = FreeTeam(team.id, round(first[0], 3), team.name)
    return Plan(handling_s, turnout_s, nearest, station, off_place_m)

"""Which lawful team would go: travel times from where every team is now, then the law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridsvc import dispatch
from gridsvc.errors import Conflict
from gridsvc.grids.levels import LEVEL_KEYS, Level
from gridsvc.grids.ownership import Rule
from gridsvc.operations.roads.team_times import travel_seconds
from gridsvc.teams.model import TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gridsvc.dispatch import Prepared, Recommendation
    from gridsvc.grids.ownership import Ownership
    from gridsvc.law import ResponseClass
    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import Team

OFF_DUTY = TeamState(status=TeamStatus.OFF_DUTY)


@dataclass(frozen=True, slots=True)
class Choice:
    """A recommendation and all that it was made from (R11)."""

    recommendation: Recommendation
    inputs: dict[str, Any]


def law_of(view: DistrictView) -> Law:
    """Return the district's law and teams; Conflict where none are loaded yet."""
    if view.law is None:
        raise Conflict(
            f"District {view.code} has no run cards or catalogue yet. "
            "Load them: `gridsvc load catalogue FILE`, `gridsvc load plans FILE`.",
            kind="no-response-plans",
        )
    return view.law


def states_in_order(prepared: Prepared, states: Mapping[str, TeamState]) -> list[TeamState]:
    """Return the states in the order of `prepared.teams`; a team that the database does not know is off duty."""
    return [states.get(team.id, OFF_DUTY) for team in prepared.teams]


def response_class_of(view: DistrictView, ownership: Ownership | None) -> ResponseClass:
    """Return urban or rural (R15): by the village's code, else its township's."""
    classes = law_of(view).clocks.response_classes
    if ownership is None:
        return classes.class_of(None)
    township = ownership.owner(Level.TOWNSHIP)
    seat = None if township is None else view.seat_codes.get(township.code)
    return classes.class_of(ownership.urban_rural_code, seat)


def owned_level(ownership: Ownership | None) -> str | None:
    """Return the finest level that holds the whole place.

    None where it is not known (no owner, or a hole in the finer grids, which makes no case a regional one);
    `district` for a line or area that no single region holds.
    """
    if ownership is None or ownership.rule is Rule.GAP:
        return None
    held = [key for key, owner in zip(LEVEL_KEYS, ownership.owners, strict=True) if owner is not None]
    if held:
        return held[-1]
    return "district" if ownership.shares else None


def case_facts(
    view: DistrictView,
    incident_type: str,
    ownership: Ownership | None,
    now: datetime,
    **more: Any,
) -> dispatch.CaseFacts:
    """Return what dispatch needs to know of a case; `more` are further fields of CaseFacts (alarm, held, excluded)."""
    codes = [None if owner is None else owner.code for owner in ownership.owners] if ownership else [None] * 4
    return dispatch.CaseFacts(
        type=incident_type,
        local_time=now.astimezone(ZoneInfo(view.district.time_zone)),
        response_class=response_class_of(view, ownership),
        regional=codes[0],
        township=codes[1],
        area=codes[2],
        village=codes[3],
        owned_level=owned_level(ownership),
        **more,
    )


def choose(
    service: Service,
    view: DistrictView,
    facts: dispatch.CaseFacts,
    states: Mapping[str, TeamState],
    lon: float,
    lat: float,
) -> Choice:
    """Recommend the lawful joint team for a place, and keep what the answer was made from."""
    prepared = law_of(view).prepared
    ordered = states_in_order(prepared, states)
    travel_s = travel_seconds(service, view, law_of(view), ordered, lon, lat)
    recommendation = dispatch.recommend(prepared, facts, ordered, travel_s)
    choice = Choice(recommendation, dispatch.inputs_record(prepared, facts, ordered, travel_s))
    if view.calibration is None or recommendation.lead is None:
        return choice
    from gridsvc.operations.cases.response_range import with_range

    return with_range(service, view, view.calibration, facts, ordered, choice, lon, lat)


def reinforcement(view: DistrictView, team: Team, travel_s: float | None) -> dispatch.ChosenTeam:
    """Return a team that a person sends besides the lawful joint team."""
    from gridsvc.dispatch import ChosenTeam

    policy = law_of(view).clocks.get(law_of(view).clocks.default_policy)
    response_s = None if travel_s is None else policy.handling_s + team.station_turnout_s + travel_s
    return ChosenTeam(f"reinforcement {team.id}", team.id, team.unit, travel_s, response_s)

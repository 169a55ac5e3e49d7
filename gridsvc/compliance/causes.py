"""Why a response was late: its seconds by cause, and what would have met the target (K7).

::

    response - target = handling + no-team-free + re-assignment + sign-off + turnout + travel + wrong-place
                      + turnout-or-travel
                      + (plan of the team that came - plan of the nearest lawful team, had it been free)
                      + (plan of the nearest lawful team, had it been free - target)

Each term is recorded minus planned. `turnout-or-travel` is both, where the stamp between them is missing or impossible.
The plan of the team that came beyond that of the nearest one counts as `no-team-free`, or as `re-assignment` where a
person sent another team than the recommended one. The last is `far-station` where it is above zero, else the reserve
that the plan leaves. Terms above zero are what cost time; terms below zero are reserve, and take away from every cause
in proportion, so that the parts of a case add up to the seconds by which it was late. The largest is its main cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from gridsvc.cases.timing import Timeliness, evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gridsvc.cases.model import Case, Engagement
    from gridsvc.cases.timing import Timing
    from gridsvc.json_types import Json

SIGN_OFF_S = 30.0
"""Planned from the order to the team's acknowledgement; a part of the planned turnout."""
OFF_PLACE_M = 500.0
"""A team that reports its arrival farther from the case's place went to a wrong place."""


class Cause(StrEnum):
    """What made a response late."""

    HANDLING = "handling"
    NO_TEAM_FREE = "no-team-free"
    REASSIGNMENT = "re-assignment"
    SIGN_OFF = "sign-off"
    TURNOUT = "turnout"
    TRAVEL = "travel"
    TURNOUT_OR_TRAVEL = "turnout-or-travel"
    """Nobody knows which: `en route` is missing or impossible."""
    WRONG_PLACE = "wrong-place"
    FAR_STATION = "far-station"


@dataclass(frozen=True, slots=True)
class FreeTeam:
    """A team that would have gone at the report: seconds of response by the plan, from the roads of then.

    `station` names the place it starts at, None where only the team is meant.
    """

    team_id: str
    response_s: float
    station: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was planned for a case, from recorded inputs.

    handling_s: call handling of the clock policy, 0 where the clock starts at the order. turnout_s: by team id, from
    its station. nearest: by slot, the nearest lawful team if every team had been free at its station. `station`: the
    station, of any unit, from which a team would have been there first. off_place_m: how far from the case's place the
    team stood when it reported its arrival, None = no position is recorded.
    """

    handling_s: float
    turnout_s: Mapping[str, float] = field(default_factory=dict)
    nearest: Mapping[str, FreeTeam] = field(default_factory=dict)
    station: FreeTeam | None = None
    off_place_m: float | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would have changed the outcome: its kind, the response that it gives, and whether that meets the target.

    kind: a cause whose part is then as planned, `recommended-team`, `nearest-team-free` or `other-station`.
    """

    kind: str
    response_s: float
    meets_target: bool
    team_id: str | None = None
    station: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class LateCase:
    """A case whose response was late: seconds of each cause, their sum is `overrun_s`; and what would have met it.

    `excess_s`: seconds above the plan before the reserve is taken off. `uncertain`: a stamp is missing or impossible,
    so that turnout and travel cannot be separated: both are `turnout-or-travel`.
    """

    case: Case
    response_s: float
    overrun_s: float
    main: Cause
    parts_s: Mapping[Cause, float]
    excess_s: Mapping[Cause, float]
    remedies: tuple[Remedy, ...]
    uncertain: bool = False


def explain(case: Case, plan: Plan) -> LateCase | None:
    """Explain a late response; None for a case that was in time, or that nobody has arrived at yet."""
    timing = evaluate(case)
    team = stopped_by(case, timing)
    if timing.outcome is not Timeliness.LATE or team is None or timing.due_at is None or case.target_s is None:
        return None
    assert timing.arrived_at is not None
    overrun_s = _seconds(timing.due_at, timing.arrived_at)
    response_s = case.target_s + overrun_s
    terms, uncertain = _terms(case, plan, team)
    planned_s, nearest_s = _planned(plan, team)
    beyond = planned_s - nearest_s
    another = _another_than_recommended(case, team)
    terms[Cause.REASSIGNMENT if another else Cause.NO_TEAM_FREE] += max(0.0, beyond)
    terms[Cause.FAR_STATION] += max(0.0, nearest_s - case.target_s)
    excess_s = {cause: round(seconds, 3) for cause, seconds in terms.items() if seconds > 0}
    if not excess_s:  # every part was as planned to the millisecond: the plan itself was late
        excess_s = {Cause.FAR_STATION: overrun_s}
    parts_s = _shares(excess_s, overrun_s)
    main = max(parts_s, key=lambda cause: (parts_s[cause], -_ORDER[cause]))
    remedies = _remedies(case, plan, team, response_s, excess_s)
    return LateCase(case, response_s, overrun_s, main, parts_s, excess_s, remedies, uncertain)


_ORDER = {cause: number for number, cause in enumerate(Cause)}


def stopped_by(case: Case, timing: Timing) -> Engagement | None:
    """Return the engagement whose arrival stops the clock; None where nobody has arrived."""
    leads_only = case.clock.stop == "lead_on_scene"
    return next(
        (
            each
            for each in case.engagements
            if each.engaging and each.on_scene_at is not None and each.on_scene_at == timing.arrived_at
            if each.lead or not leads_only
        ),
        None,
    )


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)


def _terms(case: Case, plan: Plan, team: Engagement) -> tuple[dict[Cause, float], bool]:
    """Return recorded minus planned seconds of every step to the arrival, and whether a stamp is missing."""
    terms = dict.fromkeys(Cause, 0.0)
    first = min(each.since for each in case.engagements if each.engaging)
    waited = Cause.HANDLING if case.decision.recommendation.lead is not None else Cause.NO_TEAM_FREE
    if case.clock.start == "received":
        terms[waited] += _seconds(case.reported_at, first) - plan.handling_s
    terms[Cause.REASSIGNMENT] += _seconds(first, team.since)
    assert team.on_scene_at is not None
    whole_s = _seconds(team.since, team.on_scene_at)
    turnout_s, travel_s = _turnout(plan, team), team.travel_s or 0.0
    signed_s = 0.0
    if team.acknowledged_at is not None and team.since <= team.acknowledged_at <= team.on_scene_at:
        signed_s = max(0.0, _seconds(team.since, team.acknowledged_at) - min(SIGN_OFF_S, turnout_s))
    terms[Cause.SIGN_OFF] += signed_s
    stamped = team.en_route_at is not None and team.since <= team.en_route_at < team.on_scene_at
    if stamped:
        assert team.en_route_at is not None
        before_s = _seconds(team.since, team.en_route_at)
        terms[Cause.TURNOUT] += before_s - turnout_s - signed_s
        terms[_travelled(case, plan, Cause.TRAVEL)] += whole_s - before_s - travel_s
    else:
        unseparated = _travelled(case, plan, Cause.TURNOUT_OR_TRAVEL)
        terms[unseparated] += whole_s - turnout_s - travel_s - signed_s
    return terms, not stamped


def _travelled(case: Case, plan: Plan, otherwise: Cause) -> Cause:
    """Return the cause of a late way to the scene."""
    limit_m = OFF_PLACE_M + (case.place.radius_m or 0.0)
    return Cause.WRONG_PLACE if plan.off_place_m is not None and plan.off_place_m > limit_m else otherwise


def _turnout(plan: Plan, team: Engagement) -> float:
    """Return the planned turnout of a team as it was sent: of its prediction where that is recorded."""
    if team.response_s is not None and team.travel_s is not None:
        return max(0.0, round(team.response_s - team.travel_s - plan.handling_s, 3))
    return plan.turnout_s.get(str(team.team_id), 0.0)


def _planned(plan: Plan, team: Engagement) -> tuple[float, float]:
    """Return the planned response of the team that came, and of the nearest lawful one had it been free."""
    own_s = plan.handling_s + _turnout(plan, team) + (team.travel_s or 0.0)
    nearest = plan.nearest.get(team.slot)
    if nearest is None:
        return own_s, own_s
    return own_s, min(own_s, nearest.response_s)


def _another_than_recommended(case: Case, team: Engagement) -> bool:
    """Say whether a person sent the team although another was recommended for its slot at the report."""
    shown = case.decision.recommendation
    named = next((each for each in shown.team if each.slot == team.slot), None)
    first = min(each.since for each in case.engagements if each.engaging)
    return named is not None and named.team_id != str(team.team_id) and team.since == first


def _shares(excess_s: Mapping[Cause, float], overrun_s: float) -> dict[Cause, float]:
    """Divide the overrun in proportion to the excess, in whole milliseconds (largest remainder), so that it adds up."""
    whole_ms, sum_s = round(overrun_s * 1000), sum(excess_s.values())
    exact = {cause: whole_ms * seconds / sum_s for cause, seconds in excess_s.items()}
    parts = {cause: int(ms) for cause, ms in exact.items()}
    left = whole_ms - sum(parts.values())
    for cause in sorted(exact, key=lambda each: (parts[each] - exact[each], _ORDER[each]))[:left]:
        parts[cause] += 1
    return {cause: ms / 1000 for cause, ms in parts.items()}


def _remedies(
    case: Case, plan: Plan, team: Engagement, response_s: float, excess_s: Mapping[Cause, float]
) -> tuple[Remedy, ...]:
    """Return what would have been different: each process as planned, another team, another station."""
    assert case.target_s is not None
    target_s = case.target_s
    found = []
    for cause, seconds in excess_s.items():
        if cause not in {Cause.FAR_STATION, Cause.NO_TEAM_FREE}:
            then_s = round(response_s - seconds, 3)
            found.append(Remedy(str(cause), then_s, then_s <= target_s))
    shown = next((each for each in case.decision.recommendation.team if each.slot == team.slot), None)
    if shown is not None and shown.team_id != str(team.team_id) and shown.response_s is not None:
        found.append(Remedy("recommended-team", shown.response_s, shown.response_s <= target_s, team_id=shown.team_id))
    nearest = plan.nearest.get(team.slot)
    if nearest is not None and nearest.team_id != str(team.team_id):
        found.append(
            Remedy("nearest-team-free", nearest.response_s, nearest.response_s <= target_s, team_id=nearest.team_id)
        )
    if plan.station is not None:
        response = plan.station.response_s
        found.append(
            Remedy("other-station", response, response <= target_s, plan.station.team_id, plan.station.station)
        )
    return tuple(found)

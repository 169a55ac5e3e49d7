"""The lead's response as a range: its way by class of road, and the calibration in force."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gridsvc.dispatch import ResponseRange
from gridsvc.roads.calibration.model import seconds_by_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.dispatch import CaseFacts, Recommendation
    from gridsvc.operations.cases.recommend import Choice
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.calibration.model import Calibration
    from gridsvc.teams.model import TeamState


def with_range(
    service: Service, view: DistrictView, calibration: Calibration, facts: CaseFacts, states: Sequence[TeamState],
    choice: Choice, lon: float, lat: float,
) -> Choice:  # fmt: skip
    """Add the lead's range to a choice that has a lead, and what it was made from to the inputs (R11)."""
    lead = choice.recommendation.lead
    assert lead is not None
    seconds = None
    if lead.travel_s is not None:
        seconds = lead_seconds(service, view, states, lead.team_id, lon, lat)
    made_from = {"calibration": calibration.version, "seconds": seconds}
    return replace(
        choice,
        recommendation=ranged(choice.recommendation, calibration, facts, seconds),
        inputs=choice.inputs | {"range": made_from},
    )


def lead_seconds(
    service: Service, view: DistrictView, states: Sequence[TeamState], team_id: str, lon: float, lat: float
) -> dict[str, float] | None:
    """Return the seconds of a team's way to a place by road group, where it is now; None = no way there."""
    from gridsvc.operations.cases.recommend import law_of
    from gridsvc.operations.roads.weights import weights_now
    from gridsvc.roads.search.class_times import find_class_milliseconds
    from gridsvc.roads.search.snapping import snap

    network, law = view.network, law_of(view)
    if network is None:
        return None
    number = law.prepared.index[team_id]
    state = states[number]
    x, y = state.lon, state.lat
    if x is None or y is None:
        x, y = law.station_lon[number], law.station_lat[number]
    weights = weights_now(service, view, network, "emergency")
    found = find_class_milliseconds(network, snap(network, x, y), snap(network, lon, lat), weights)
    return None if found is None else seconds_by_group(found[1].tolist(), found[0])


def ranged(
    recommendation: Recommendation, calibration: Calibration, facts: CaseFacts, seconds: Mapping[str, float] | None
) -> Recommendation:
    """Return a recommendation with the range of its lead; handling and turnout stay as planned."""
    lead = recommendation.lead
    assert lead is not None
    if seconds is None or lead.travel_s is None or lead.response_s is None:
        return replace(recommendation, lead_range="no-travel-time")
    before_s = lead.response_s - lead.travel_s
    travel = calibration.travel_range(seconds, facts.local_time.hour, str(facts.response_class))
    p05_s, p50_s, p90_s, p95_s = (
        round(before_s + s, 1) for s in (travel.p05_s, travel.p50_s, travel.p90_s, travel.p95_s)
    )
    told = ResponseRange(p05_s, p50_s, p90_s, p95_s, travel.basis, calibration.version)
    return replace(recommendation, lead_range=told)


def lead_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded recommendation whose lead says of its range what today's do; older ones say nothing."""
    lead = told.get("lead")
    if lead is None or "range" in lead:
        return told
    return told | {"lead": lead | {"range": None, "range_reason": "no-calibration"}}

"""The lead's response as a range: its way by class of road, and the calibration in force."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gridsvc.dispatch import ResponseRange
from gridsvc.operations.roads.weights import weights_now
from gridsvc.roads.calibration.model import seconds_by_group
from gridsvc.roads.search.class_times import find_class_milliseconds
from gridsvc.roads.search.snapping import snap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.cases.model import Place
    from gridsvc.dispatch import CaseFacts, Recommendation
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.calibration.model import Calibration
    from gridsvc.teams.model import TeamState


def add_range(
    service: Service,
    view: DistrictView,
    facts: CaseFacts,
    states: Sequence[TeamState],
    recommendation: Recommendation,
    place: Place,
) -> tuple[Recommendation, dict[str, Json]]:
    """Return a recommendation that has a lead with the lead's range, and what the range was made from (R11)."""
    lead, calibration = recommendation.lead, view.calibration
    assert lead is not None
    assert calibration is not None
    seconds = None
    if lead.travel_s is not None:
        seconds = lead_seconds(service, view, states, lead.team_id, place.lon, place.lat)
    made_from = {"calibration": calibration.version, "seconds": seconds}
    return ranged(recommendation, calibration, facts, seconds), made_from


def lead_seconds(
    service: Service, view: DistrictView, states: Sequence[TeamState], team_id: str, lon: float, lat: float
) -> dict[str, float] | None:
    """Return the seconds of a team's way to a place by road group, where it is now; None = no way there."""
    network, law = view.network, view.law
    if network is None or law is None:
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
    found = ResponseRange(p05_s, p50_s, p90_s, p95_s, travel.basis, calibration.version)
    return replace(recommendation, lead_range=found)

"""Which lawful team would go: travel times from where every team is now, then the law."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridsvc.cases.decide import Classes
from gridsvc.cases.events import Difference
from gridsvc.dispatch import CaseFacts, ChosenTeam, recommend_and_record
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.operations.cases.response_range import add_range
from gridsvc.operations.coverage.table import find_loss
from gridsvc.operations.roads.team_times import travel_milliseconds
from gridsvc.roads.search.road_at import find_road
from gridsvc.roads.search.snapping import TRAVEL_RULES, snap
from gridsvc.teams.model import AVAILABLE, TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gridsvc.cases.decide import Report
    from gridsvc.cases.model import Place
    from gridsvc.dispatch import Prepared, Recommendation
    from gridsvc.json_types import Json
    from gridsvc.law import ResponsePlan
    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import Team

OFF_DUTY = TeamState(status=TeamStatus.OFF_DUTY)


@dataclass(frozen=True, slots=True)
class Choice:
    """A recommendation, the inputs that it was made from (R11), and what is known of every team.

    verdicts, travel_ms: in the order of `prepared.teams`; milliseconds by road, None = unreachable.
    """

    recommendation: Recommendation
    inputs: dict[str, Json]
    prepared: Prepared
    verdicts: tuple[str, ...]
    travel_ms: Sequence[int | None]

    def verdict_on(self, team_id: str) -> str:
        """Return the verdict on a team; one that is not in the roster is off duty."""
        number = self.prepared.index.get(team_id)
        return "off-duty" if number is None else self.verdicts[number]

    def missing(
        self, shown: Recommendation, there: Collection[str], states: Mapping[str, TeamState]
    ) -> tuple[Difference, ...]:
        """Return the teams that were shown and are not `there`, each with the reason and the case that has it now.

        there: ids of the teams that are sent or on the case. states: by team id; one that is not in it has no case.
        """
        return tuple(
            Difference(
                each.slot,
                each.team_id,
                self.verdict_on(each.team_id),
                states[each.team_id].incident_id if each.team_id in states else None,
            )
            for each in shown.team
            if each.team_id not in there
        )

    def travel_s(self, team_id: str) -> float | None:
        """Return the seconds by road from a team of the roster; None = unreachable."""
        ms = self.travel_ms[self.prepared.index[team_id]]
        return None if ms is None else ms / 1000


def law_of(view: DistrictView) -> Law:
    """Return the district's law and teams; Conflict where none are loaded yet."""
    if view.law is None:
        raise Conflict(
            f"District {view.code} has no run cards or catalogue yet. "
            "Load them: `gridsvc load catalogue FILE`, `gridsvc load plans FILE`.",
            kind="no-response-plans",
            district=view.code,
        )
    return view.law


def classes_of(view: DistrictView) -> Classes:
    """Return how places of a district get their response class."""
    return Classes(law_of(view).clocks.response_classes, view.seat_codes)


def plan_of(view: DistrictView, report: Report) -> ResponsePlan:
    """Return the response plan of a report: that of its type, or the one made for a row of the catalogue.

    Raises
    ------
    InvalidInput
        For an unknown type or matter, or where not exactly one of both is given.
    """
    if (report.type is None) == (report.matter is None):
        raise InvalidInput(
            "Say what it is in exactly one way: `type` (GET /response-plans lists them), or `matter`, a row of the "
            "catalogue (unit/field/department).",
            kind="one-type",
            fields=["type", "matter"],
        )
    prepared = law_of(view).prepared
    if report.matter is None:
        assert report.type is not None
        return prepared.plans.get(report.type)
    try:
        return prepared.matter_plan(report.matter)
    except NotFound as unknown:
        raise InvalidInput(unknown.detail, kind="unknown-matter", matter=report.matter[:200]) from None


def states_in_order(prepared: Prepared, states: Mapping[str, TeamState]) -> list[TeamState]:
    """Return the states in the order of `prepared.teams`; a team without one is free at its station."""
    return [states.get(team_id, AVAILABLE) for team_id in prepared.team_ids]


def versions_of(view: DistrictView) -> dict[str, Json]:
    """Return what a decision was made from: the version vector and the roster."""
    return view.versions.as_json() | {"roster": law_of(view).roster_digest}


def choose(
    service: Service, view: DistrictView, facts: CaseFacts, states: Mapping[str, TeamState], place: Place
) -> Choice:
    """Recommend the lawful joint team for a place, and keep what the answer was made from."""
    law = law_of(view)
    ordered = states_in_order(law.prepared, states)
    travel_ms = travel_milliseconds(service, view, law, ordered, place.lon, place.lat)
    loss = find_loss(service, view, ordered)
    recommendation, inputs, verdicts = recommend_and_record(law.prepared, facts, ordered, travel_ms, loss)
    road = None if view.network is None else find_road(view.network, snap(view.network, place.lon, place.lat))
    inputs = inputs | {"travel_rules": TRAVEL_RULES, "road": None if road is None else road.as_json()}
    choice = Choice(recommendation, inputs, law.prepared, verdicts, travel_ms)
    if view.calibration is None or recommendation.lead is None:
        return choice
    ranged, made_from = add_range(service, view, facts, ordered, recommendation, place)
    return replace(choice, recommendation=ranged, inputs=inputs | {"range": made_from})


def chosen_by_person(view: DistrictView, team: Team, travel_s: float | None, slot: str) -> ChosenTeam:
    """Return a team that a person sends and the recommendation does not choose, in a slot that is named after it."""
    policy = law_of(view).clocks.get(law_of(view).clocks.default_policy)
    response_s = None if travel_s is None else policy.handling_s + team.station_turnout_s + travel_s
    return ChosenTeam(f"{slot} {team.id}", team.id, team.unit, travel_s, response_s)

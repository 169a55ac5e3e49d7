"""A dispatch recomputed from its record, after everything has changed, in this process (R11).

From the recorded versions: the owners from the generation's index; the travel times from the network with the closures
of that moment; the joint team from law and roster by their digests. What differs is named, and where an input was
tampered with, the input.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gridsvc.cases.decide import Location
from gridsvc.cases.events import Corrected, Ordered, Reported
from gridsvc.cases.records import Record, read, rebuild
from gridsvc.db.cases.incidents import find_case
from gridsvc.db.evidence import events
from gridsvc.db.evidence.case_rows import find_case_rows
from gridsvc.db.evidence.contents import list_altered_documents
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.versions import get_versions
from gridsvc.dispatch import CaseFacts
from gridsvc.dispatch import replay as recompute
from gridsvc.dispatch.replay import recorded_numbers, states_of, travel_ms_of
from gridsvc.errors import NotFound, Refusal
from gridsvc.evidence import chain
from gridsvc.grids.ownership import Rule
from gridsvc.operations.cases import response_range
from gridsvc.operations.evidence.past_views import documents_of, law_from, past_view
from gridsvc.operations.evidence.rebuild import differences, in_order_of_time, read_records
from gridsvc.operations.grids.mapped import ownership_index
from gridsvc.operations.places.locate import locate_in
from gridsvc.operations.roads.team_times import travel_seconds
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.runtime.layout import Districts
from gridsvc.roads.calibration.model import Calibration
from gridsvc.roads.search.snapping import TRAVEL_RULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case, Decision, Place
    from gridsvc.dispatch import Recommendation
    from gridsvc.operations.runtime.service import Service

RULES_NOW = ("lead", "members", "unfilled", "lead_response_s", "full_team_response_s", "meets_target",
             "team_meets_target", "target_s", "clock_policy", "considered", "competence", "transfer",
             "coverage_loss")  # fmt: skip
"""What a replay compares; `considered_counts` is over all teams, and a record has only those that can matter."""
RULES_FIRST = ("lead", "members", "unfilled", "lead_response_s", "full_team_response_s", "meets_target", "target_s",
               "clock_policy", "competence", "transfer", "coverage_loss")  # fmt: skip
"""What the first version recorded and today's rules, applied as the first ones, decide again."""
_REPORT, _ORDER, _CORRECTION = "report", "order", "correction"
_NEW_FIELDS = frozenset({"late", "substitute", "preempts"})


@dataclass(frozen=True, slots=True)
class Replayed:
    """The outcome. `differs`: what has another result now. `tampered`: what is no longer as it was recorded.

    `not_recomputed`: what an earlier program computed by other rules; the recommendation was made from it as recorded.
    """

    incident_id: str
    dispatches: int
    differs: tuple[str, ...]
    tampered: tuple[str, ...]
    not_recomputed: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether every result is as it was recorded."""
        return not self.differs and not self.tampered

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "incident_id": self.incident_id,
            "same": self.same,
            "dispatches": self.dispatches,
            "differs": list(self.differs),
            "tampered": list(self.tampered),
            "not_recomputed": list(self.not_recomputed),
        }


def replay(service: Service, incident_id: UUID) -> Replayed:
    """Recompute the recommendation of a case's report, and of every order and correction since, from what was recorded.

    Raises
    ------
    NotFound
        For an unknown case, or one without a report among its events.
    """
    with service.database.snapshot() as connection:
        try:
            case = find_case(connection, incident_id)
            if case is None:
                raise NotFound(
                    f"There is no case {incident_id}, or its report is gone.",
                    kind="no-incident",
                    incident_id=str(incident_id),
                )
            decisions = _decisions(connection, case)
            tampered = _tampered_row(connection, case)
        except (KeyError, ValueError, TypeError, AttributeError):
            return Replayed(str(incident_id), 0, (), ("the events of the case",))
        if altered := _altered_documents(connection, case, [each.decision for each in decisions]):
            return Replayed(str(incident_id), len(decisions), (), (*tampered, *altered))
        differs: list[str] = []
        for n, each in enumerate(decisions):
            where = "" if n == 0 else f"{each.what} {n}: "
            bad, other = _dispatch(service, connection, case, each)
            if each.what != _ORDER:
                other = _owners(service, connection, case, each) + other
            tampered += [where + name for name in bad]
            differs += [where + name for name in other]
    other_rules = () if all(_by_rules_of_now(each.decision) for each in decisions) else ("travel times",)
    return Replayed(str(incident_id), len(decisions), tuple(differs), tuple(tampered), other_rules)


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision of a case: made by what, when, and for which place."""

    what: str
    at: datetime
    decision: Decision
    place: Place


def _decisions(connection: Connection, case: Case) -> list[_Decided]:
    """Return every decision of a case: the report's, and those of the orders and corrections."""
    decisions: list[_Decided] = []
    place = case.place
    for body, _ in events.list_incident_events(connection, case.district, case.id):
        event = read(Record.of(json.loads(body)), case)
        if isinstance(event, Reported | Corrected):
            # of a report of the first version only the row has the line or area
            place = case.place if case.correction is None else event.case.place
            at = event.case.triggered_at if isinstance(event, Reported) else event.at
            what = _REPORT if isinstance(event, Reported) else _CORRECTION
            decisions.append(_Decided(what, at, event.case.decision, place))
        elif isinstance(event, Ordered) and event.decision is not None:
            decisions.append(_Decided(_ORDER, event.at, event.decision, place))
    return decisions


def _altered_documents(connection: Connection, case: Case, decisions: Sequence[Decision]) -> list[str]:
    """Return the kinds of the documents that a replay reads, of the decisions and in force, whose text was changed."""
    in_force = get_versions(connection, case.district)
    read_by = {("catalogue", in_force.catalogue), ("plans", in_force.plans), ("calibration", in_force.calibration),
               ("clock_policies", in_force.clock_policies)}  # fmt: skip
    for decision in decisions:
        read_by |= {(kind, digest) for kind, digest in decision.inputs["versions"].items()}
        read_by.add(("calibration", (decision.inputs.get("range") or {}).get("calibration")))
    altered = list_altered_documents(connection, case.district)
    return [kind for kind, digest in altered if (kind, digest) in read_by]


def _tampered_row(connection: Connection, case: Case) -> list[str]:
    rows = find_case_rows(connection, case.district, case.id)
    rebuilt = rebuild(in_order_of_time(read_records(rows.bodies)))
    if rebuilt is None or rows.row is None:
        return ["the case"]
    return [f"the case's {name}" for name in differences(rebuilt, rows)]


def _owners(service: Service, connection: Connection, case: Case, decided: _Decided) -> list[str]:
    """Return what has another result now of owners and rule, by the index of the generation of then."""
    place = decided.place
    if place.generation is None or place.rule == "outside":
        return []
    view = view_at(service, connection, get_versions(connection, case.district))
    then = replace(
        view,
        versions=replace(view.versions, generation=place.generation),
        index=ownership_index(service, connection, case.district, place.generation),
    )
    if place.rule == Rule.PERSON.key:  # they named one grid; its chain is that of then
        named = next((owner.code for owner in reversed(place.owners) if owner is not None), "")
        again = None if then.index is None else then.index.find_chain(named)
        return [] if again is not None and again.owners == place.owners else ["owners"]
    placed = locate_in(
        Districts.of([then]), Location(place.lon, place.lat, place.radius_m, place.geometry, place.address)
    )
    if placed.ownership is None:
        return ["owners", "ownership"]
    owners, ownership = placed.ownership.owners_json(), placed.ownership.as_json()
    ownership = {key: value for key, value in ownership.items() if key not in {"owners", "district", "question"}}
    if _of_first_version(decided.decision) and ownership["rule"] == "district":
        ownership["rule"] = "gap"  # the first version knew no rule for a line across regions
    found = {"owners": owners, "ownership": ownership}
    known = {"owners": place.owners_json(), "ownership": _by_area(place).ownership_json()}
    return [name for name, value in found.items() if chain.whole(value) != chain.whole(known[name])]


def _by_area(place: Place) -> Place:
    """Return a place as its boundaries alone decide it: what was asked, and past emergencies, decide nothing."""
    if place.emergencies is None:
        return replace(place, question=None)
    shares = tuple(replace(each, demand_share=None) for each in place.shares or () if each.share)
    return replace(place, question=None, emergencies=None, shares=shares)


def _of_first_version(decision: Decision) -> bool:
    """Say whether the first version of the program recorded a decision: its inputs have no `teams`."""
    return "teams" not in decision.inputs


def _by_rules_of_now(decision: Decision) -> bool:
    """Say whether the roads of then give the recorded times; the first rules were not named."""
    rules: int = decision.inputs.get("travel_rules", 1)
    return rules == TRAVEL_RULES


def _dispatch(service: Service, connection: Connection, case: Case, decided: _Decided) -> tuple[list[str], list[str]]:
    """Return (inputs that were tampered with, results that differ) of one recommendation."""
    decision = decided.decision
    inputs = decision.inputs
    try:
        texts = documents_of(connection, case.district, inputs)
        prepared = law_from(texts).prepared
        bad = _travel(service, connection, case, decided) if _by_rules_of_now(decision) else []
        again = _with_range(connection, case, decision, recompute(prepared, inputs))
    except Refusal as refusal:
        return [refusal.detail], []
    first = _of_first_version(decision)
    found, known = (_compared(each, first=first) for each in (again, decision.recommendation))
    differs = [key for key in (RULES_FIRST if first else RULES_NOW) if found[key] != known[key]]
    if again.handler != decision.recommendation.handler:
        differs.append("handler")
    return bad, sorted(differs)


def _compared(recommendation: Recommendation, *, first: bool) -> dict[str, Any]:
    """Return a recommendation as JSON values; of the first version without what only later ones record."""
    value: dict[str, Any] = chain.whole(recommendation.as_json())
    if first:
        team = [value["lead"], *value["members"]]
        lead, *members = ({k: v for k, v in each.items() if k not in _NEW_FIELDS} if each else None for each in team)
        value |= {"lead": lead, "members": members}
    return value


def _with_range(connection: Connection, case: Case, decision: Decision, again: Recommendation) -> Recommendation:
    """Return the recommendation with its range from the calibration of then."""
    made_from = decision.inputs.get("range")
    if made_from is None or again.lead is None:
        return again
    text = get_document(connection, case.district, "calibration", made_from["calibration"])
    facts = CaseFacts.from_json(decision.inputs["case"])
    return response_range.ranged(again, Calibration.from_document(text), facts, made_from["seconds"])


def _travel(service: Service, connection: Connection, case: Case, decided: _Decided) -> list[str]:
    """Return `travel times` where the roads of then give others than were recorded."""
    decision, place = decided.decision, decided.place
    inputs = decision.inputs
    view = past_view(service, connection, case, decision.versions, inputs, decided.at)
    law = view.law
    assert law is not None
    recorded = travel_ms_of(law.prepared, inputs)
    if view.network is None:
        return ["travel times"] if any(ms is not None for ms in recorded) else []
    states = states_of(law.prepared, inputs)
    seconds = travel_seconds(service, view, law, states, place.lon, place.lat)
    again = [None if each is None else round(each * 1000) for each in seconds]
    numbers = recorded_numbers(law.prepared, inputs)
    bad = [] if all(again[n] == recorded[n] for n in numbers) else ["travel times"]
    made_from, lead = inputs.get("range"), decision.recommendation.lead
    if made_from is not None and lead is not None and made_from["seconds"] is not None:
        way = response_range.lead_seconds(service, view, states, lead.team_id, place.lon, place.lat)
        bad += [] if way == made_from["seconds"] else ["travel by class of road"]
    return bad

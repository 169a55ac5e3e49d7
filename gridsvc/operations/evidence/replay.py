"""A dispatch recomputed from what it recorded, after everything has changed, in this process (R11).

From the recorded versions: the owners out of the generation's index; the travel times out of the network under the
closures of that moment; the joint team out of law and roster by their digests. What differs is named, and where an
input was tampered with, the input.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.db.cases.incidents import find_incident, read_extent
from gridsvc.db.evidence import events
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.roads.closures import list_closures
from gridsvc.errors import NotFound, Refusal
from gridsvc.evidence import chain
from gridsvc.operations.cases import recommend, response_range
from gridsvc.operations.grids.mapped import ownership_index
from gridsvc.operations.law.mapped import Law
from gridsvc.operations.places.locate import Location, place
from gridsvc.operations.roads.mapped import road_network
from gridsvc.operations.roads.team_times import travel_seconds
from gridsvc.operations.runtime.districts import view_at

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.cases.incidents import StoredCase
    from gridsvc.dispatch import Prepared, Recommendation
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Replayed:
    """The outcome. `differs`: what comes out otherwise now. `tampered`: what is no longer as it was recorded."""

    incident_id: str
    dispatches: int
    differs: tuple[str, ...]
    tampered: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether everything comes out as it was recorded."""
        return not self.differs and not self.tampered

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "incident_id": self.incident_id, "same": self.same, "dispatches": self.dispatches,
            "differs": list(self.differs), "tampered": list(self.tampered),
        }  # fmt: skip


def replay(service: Service, incident_id: UUID) -> Replayed:
    """Recompute the recommendation of a case's report, and of every order since, from what was recorded.

    Raises
    ------
    NotFound
        For an unknown case, or one without a report among its events.
    """
    with service.database.snapshot() as connection:
        case = find_incident(connection, incident_id)
        if case is None:
            raise NotFound(f"There is no case {incident_id}.", kind="no-incident")
        happened = [json.loads(body) for body, _ in events.list_incident_events(connection, case.district, incident_id)]
        reported = next((event for event in happened if event["kind"] == "report"), None)
        if reported is None:
            raise NotFound(f"Case {incident_id} has no report among its events.", kind="no-report")
        answer = reported["data"]["answer"]
        tampered = _tampered_row(case, answer)
        differs = list(_owners(service, connection, case, answer))
        orders = [reported, *(e for e in happened if e["kind"] == "assign" and "inputs" in e["data"])]
        for n, order in enumerate(orders):
            where = "" if n == 0 else f"order {n}: "
            bad, other = _dispatch(service, connection, case, answer, order)
            tampered += [where + name for name in bad]
            differs += [where + name for name in other]
    return Replayed(str(incident_id), len(orders), tuple(differs), tuple(tampered))


def _tampered_row(case: StoredCase, answer: dict[str, Any]) -> list[str]:
    stored, told = chain.whole(case.details), chain.whole(answer)
    return sorted(f"the case's {key}" for key in told if stored.get(key) != told[key])


def _owners(service: Service, connection: Connection, case: StoredCase, answer: dict[str, Any]) -> list[str]:
    """Return what comes out otherwise of owners and rule, by the index of the generation of then."""
    generation = answer["versions"]["generation"]
    if generation is None or answer["ownership"]["rule"] == "outside":
        return []
    view = view_at(service, connection, get_versions(connection, case.district))
    then = replace(
        view,
        versions=replace(view.versions, generation=generation),
        index=ownership_index(service, connection, case.district, generation),
    )
    told = answer["location"]
    extent = read_extent(connection, case.district, case.id)
    shape = None if extent is None else shapely.from_wkb(extent)
    placed = place([then], Location(told["lon"], told["lat"], told.get("radius_m"), shape))
    owners = None if placed.ownership is None else placed.ownership.owners_json()
    again = {"owners": owners, "ownership": placed.ownership_json()}
    return [name for name, value in again.items() if chain.whole(value) != chain.whole(answer[name])]


def _dispatch(
    service: Service, connection: Connection, case: StoredCase, answer: dict[str, Any], order: dict[str, Any]
) -> tuple[list[str], list[str]]:
    """Return (inputs that were tampered with, outcomes that differ) of one recommendation."""
    from gridsvc.dispatch import Prepared
    from gridsvc.dispatch import replay as recompute

    data = order["data"]
    inputs = data["inputs"]
    try:
        texts = {
            name: get_document(connection, case.district, name, digest) for name, digest in inputs["versions"].items()
        }
        prepared = Prepared.from_documents(**texts)
        bad = [name for name, text in texts.items() if _digest(text) != inputs["versions"][name]]
        bad += _travel(service, connection, case, order, data.get("answer", answer | data), prepared)
        again = chain.whole(_with_range(connection, case, inputs, recompute(prepared, inputs), bad).as_json())
    except Refusal as refusal:
        return [refusal.detail], []
    if "answer" in data:
        recorded = data["answer"]["recommendation"] | {"handler": data["answer"]["handler"]}
    else:
        recorded = data["recommendation"]
    recorded = response_range.lead_of(recorded)
    return bad, sorted(key for key in again if key in recorded and again[key] != chain.whole(recorded[key]))


def _with_range(
    connection: Connection, case: StoredCase, inputs: dict[str, Any], again: Recommendation, bad: list[str]
) -> Recommendation:  # fmt: skip
    """Return the recommendation with its range from the calibration of then; `bad` gains it where it was changed."""
    from gridsvc.dispatch import CaseFacts
    from gridsvc.roads.calibration.model import Calibration

    made_from = inputs.get("range")
    if made_from is None or again.lead is None:
        return again
    text = get_document(connection, case.district, "calibration", made_from["calibration"])
    if _digest(text) != made_from["calibration"]:
        bad.append("calibration")
    facts = CaseFacts.from_json(inputs["case"])
    return response_range.ranged(again, Calibration.from_document(text), facts, made_from["seconds"])


def _travel(
    service: Service,
    connection: Connection,
    case: StoredCase,
    order: dict[str, Any],
    told: dict[str, Any],
    prepared: Prepared,
) -> list[str]:
    """Return `travel times` where the roads of then give others than were recorded."""
    from gridsvc.dispatch.replay import states_of

    digest = told["versions"]["network"]
    data = order["data"]
    inputs = data["inputs"]
    if digest is None:
        return [] if not any(t is not None for t in inputs["travel_ms"]) else ["travel times"]
    at = datetime.fromisoformat(order["at"])
    view = view_at(service, connection, get_versions(connection, case.district))
    then = replace(
        view,
        versions=replace(view.versions, network=digest, closures=told["versions"]["closures"], now=at),
        network=road_network(service, connection, case.district, digest),
        law=Law.of(prepared),
        closures=tuple(list_closures(connection, case.district, known_at=at)),
    )
    states = states_of(prepared, inputs)
    seconds = travel_seconds(service, then, recommend.law_of(then), states, case.lon, case.lat)
    again = [None if each is None else round(each * 1000) for each in seconds]
    bad = [] if again == inputs["travel_ms"] else ["travel times"]
    made_from = inputs.get("range")
    lead = data.get("answer", data)["recommendation"]["lead"]
    if made_from is not None and lead is not None and made_from["seconds"] is not None:
        way = response_range.lead_seconds(service, then, states, lead["team_id"], case.lon, case.lat)
        bad += [] if way == made_from["seconds"] else ["travel by class of road"]
    return bad


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""A report becomes a case: decided in memory, written with its event in one transaction (R10, R19)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridsvc.cases.decide import Identity, Location, facts_of, new_case
from gridsvc.cases.events import Reported
from gridsvc.cases.model import Decision, Unknown
from gridsvc.cases.records import write
from gridsvc.db.cases import personal, reports
from gridsvc.db.cases.incidents import list_near
from gridsvc.db.evidence import events
from gridsvc.db.session.ids import uuid7
from gridsvc.db.session.scope import scope_of
from gridsvc.errors import InvalidInput, Refusal
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.cases.answers import answer_of, give_again
from gridsvc.operations.cases.duplicates import duplicates_of, near_query
from gridsvc.operations.cases.persons import Persons, persons_of
from gridsvc.operations.cases.recommend import choose, law_of, plan_of, versions_of
from gridsvc.operations.cases.redaction import redaction
from gridsvc.operations.places.address_location import location_of_address
from gridsvc.operations.places.extents import middle_of
from gridsvc.operations.places.geocode import geocode_text
from gridsvc.operations.places.locate import Placement, locate_in, location_of
from gridsvc.operations.places.questions import Around
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.runtime.layout import Districts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.cases.decide import Report
    from gridsvc.cases.model import Case, Duplicate
    from gridsvc.db.cases.incidents import NearQuery
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.grids.ownership import Owner
    from gridsvc.json_types import JsonObject
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import TeamState


@dataclass(frozen=True, slots=True)
class Moment:
    """When a report is decided, and by what: the teams not free at their stations, open cases near by, its number."""

    now: datetime
    states: Mapping[str, TeamState]
    duplicates: tuple[Duplicate, ...] = ()
    number: int = 0


def report_incident(service: Service, report: Report, *, actor: str, request: RequestKey | None = None) -> KeptAnswer:
    """Make a case of a report and return the answer (201 and its bytes); a retry gets the bytes of the first.

    Raises
    ------
    InvalidInput
        For a type, matter, place or time that is not valid; nothing is written.
    Unavailable
        When the database is unavailable; nothing is written.
    """
    address = find_address(service, report)  # outside the transaction: another host may be asked

    def work(connection: Connection) -> Callable[[], KeptAnswer]:
        districts = Districts.now(service, connection)
        around = Around(service, connection)
        placed = locate_in(districts, address or locate_given(districts, report), around)
        code = placed.view.code
        owners = _owner_codes(() if placed.ownership is None else placed.ownership.owners)
        ground = reports.begin_report(connection, code, request, _near_query(placed, report), owners)
        if ground.kept is not None:
            again = give_again(connection, code, ground.kept, with_persons=True)
            return lambda: again
        versions, law = ground.versions, placed.view.law
        view = view_at(service, connection, versions)
        if versions.generation == placed.view.versions.generation:
            placed = replace(placed, view=view)
        else:  # grids were put in force since the district was found
            placed = locate_in(Districts.of([view]), placed.location, around)
        # The types of a field are the law's: where it changed since, the cases near by are read again.
        near = ground.near if view.law is law else list_near(connection, near_query(placed, report))
        moment = Moment(versions.now, ground.states, duplicates_of(placed, near, versions.now), ground.number)
        case = decide(service, placed, report, moment)
        event = Reported(case)
        texts = personal.personal_row(code, case.id, {name: getattr(report, name) for name in personal.FIELDS})
        data = write(event) if texts is None else write(event) | {"said": texts.digests}
        row = events.event_row(
            code,
            event.kind,
            actor=actor,
            at=versions.now,
            data=data,
            incident_id=case.id,
            client_at=report.reported_at,
            event_id=case.decision.event_id,
        )
        redact = answer_for(service, connection, case)
        now = _owner_codes(case.place.owners)
        persons = Persons(*ground.posts) if now == owners else persons_of(connection, code, now)
        given, kept = answer_of(scope_of(connection), case, event, case.decision.event_id, redact, persons=persons)
        reports.write_report(
            connection, case, row, personal=None if texts is None else texts.row, request=request, answer=kept
        )
        return given

    return service.database.run(work)()


def _owner_codes(owners: Iterable[Owner | None]) -> list[str]:
    return [owner.code for owner in owners if owner is not None]


def _near_query(placed: Placement, report: Report) -> NearQuery | None:
    """Return the query for open cases near by; None where `decide` refuses the report, unless its key has an answer."""
    with suppress(Refusal):
        return near_query(placed, report)
    return None


def decide(service: Service, placed: Placement, report: Report, moment: Moment) -> Case:
    """Decide everything about a new case in memory: owners, class, target, handler, team.

    Raises
    ------
    InvalidInput
        For an unknown type or matter, or, of a routine case, for a time that is not valid.
    Conflict
        When the district has no response plans.
    """
    view, place, plan = placed.view, placed.place(), plan_of(placed.view, report)
    facts = facts_of(place, plan.type, report.matter, view.local_time(moment.now), drill=report.drill)
    choice = choose(service, view, facts, moment.states, place)
    recommendation = choice.recommendation
    return new_case(
        report,
        Identity(view.code, uuid7(), moment.number, view.district.synthetic, moment.now),
        place,
        Decision(uuid7(moment.now), recommendation, versions_of(view), choice.inputs),
        plan=plan,
        policy=law_of(view).clocks.get(recommendation.clock_policy),
        duplicates=moment.duplicates,
        unknown=unknown_in(view),
    )


def unknown_in(view: DistrictView) -> tuple[Unknown, ...]:
    """Return what an answer from this view lacks (R10): no grids or roads are loaded, or their files are damaged."""
    found = []
    if view.index is None:
        found.append(Unknown("owners", "no-grids" if view.versions.generation is None else "lost-file"))
    if view.network is None:
        found.append(Unknown("travel_s", "no-roads" if view.versions.network is None else "lost-file"))
    return tuple(found)


def in_scope(service: Service, case: Case) -> bool:
    """Whether the caller may see a case that is about to be made."""
    codes = (case.place.code(level) for level in range(len(LEVEL_KEYS)))
    return service.caller.scope.holds_chain(dict(zip(LEVEL_KEYS, codes, strict=True)))


def answer_for(service: Service, connection: Connection, case: Case) -> Callable[[JsonObject], JsonObject]:
    """Return what to leave out of the answer to a report, or a correction, for its caller."""
    return redaction(connection).case if in_scope(service, case) else _beyond


def _beyond(answer: JsonObject) -> JsonObject:
    """Return the answer about a case that lies beyond the caller's grid: it is taken all the same (R10).

    The caller learns no more than that; the case is its owner's.
    """
    no_team: JsonObject = {
        "lead": None,
        "members": [],
        "unfilled": [],
        "considered": [],
        "considered_counts": {},
        "lead_response_s": None,
        "full_team_response_s": None,
        "meets_target": None,
        "team_meets_target": None,
        "target_s": None,
        "clock_policy": answer["clock_policy"],
        "coverage_loss": None,
        "competence": [],
        "transfer": [],
    }
    hidden: JsonObject = {
        "owners": dict.fromkeys(LEVEL_KEYS),
        "ownership": {"rule": "outside-scope", "generation": answer["versions"]["generation"]},
        "response_class": None,
        "target_s": None,
        "due_at": None,
        "timing": None,
        "handler": None,
        "possible_duplicates": [],
        "recommendation": no_team,
        "versions": {"generation": answer["versions"]["generation"]},
    }
    if "teams_missing" in answer:
        hidden |= {"teams_wrong": [], "teams_missing": []}
    return {key: value for key, value in (answer | hidden).items() if key != "address"}


def find_address(service: Service, report: Report) -> Location | None:
    """Return the location of a report that has an address and nothing else, None for another.

    The law decides over the whole district, and so does the gazetteer, whatever the caller's scope in it.

    Raises
    ------
    InvalidInput
        When the address names nothing here.
    """
    if report.address is None or report.lon is not None or report.extent is not None:
        return None
    return location_of_address(geocode_text(service, report.address))


def locate_given(districts: Districts, report: Report) -> Location:
    """Return the place of a report that has a location or a geometry, in WGS-84; it has exactly one of all ways."""
    given = {
        "location": report.lon is not None,
        "address": report.address is not None,
        "geometry": report.extent is not None,
    }
    if sum(given.values()) != 1:
        raise InvalidInput(
            "Say where it is in exactly one way: `location` {lon, lat}, `address`, or `geometry`.",
            kind="one-place",
            given=[name for name, there in given.items() if there],
            fields=list(given),
        )
    if report.extent is not None:
        return middle_of(districts, report.extent, report.datum)
    assert report.lon is not None
    if report.lat is None:
        raise InvalidInput("`location` has a longitude but no latitude. Send both.", field="lat")
    return location_of(districts, report.lon, report.lat, report.datum, report.radius_m)

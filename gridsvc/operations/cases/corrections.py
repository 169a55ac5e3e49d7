"""Corrections of a case: another place, or an owner whom a person names; decided again under the case's lock (R3)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridsvc.access.scopes import Right
from gridsvc.cases.answer import case_json, preview_json
from gridsvc.cases.corrections import check_correction, corrected, place_of_person
from gridsvc.cases.decide import Report, Standing, facts_of
from gridsvc.cases.events import apply
from gridsvc.cases.expected import Expected, expect
from gridsvc.cases.model import LEFT, Decision
from gridsvc.cases.records import write
from gridsvc.db.cases.incidents import find_case, list_near
from gridsvc.db.cases.steps import Written, begin_step, write_step
from gridsvc.db.evidence import events
from gridsvc.db.session.idempotency import find_answer
from gridsvc.db.session.ids import uuid7
from gridsvc.db.session.scope import scope_of, widen_to_district
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.cases.answers import answer_of, give_again
from gridsvc.operations.cases.duplicates import duplicates_of, near_query
from gridsvc.operations.cases.persons import persons_of
from gridsvc.operations.cases.read import no_case
from gridsvc.operations.cases.recommend import choose, classes_of, versions_of
from gridsvc.operations.cases.redaction import redaction
from gridsvc.operations.cases.report import answer_for, find_address, in_scope, locate_given, unknown_in
from gridsvc.operations.places.locate import Placement, locate_in
from gridsvc.operations.places.questions import Around
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.runtime.layout import Districts
from gridsvc.teams.model import TeamStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.events import Corrected
    from gridsvc.cases.model import Case, Duplicate, Place
    from gridsvc.db.cases.steps import Ground
    from gridsvc.db.session.idempotency import Kept, KeptAnswer, RequestKey
    from gridsvc.json_types import JsonObject
    from gridsvc.operations.cases.recommend import Choice
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import TeamState


@dataclass(frozen=True, slots=True)
class Why:
    """Why a case is corrected, and the `recommendation_id` of the case as the caller saw it; None: not said."""

    reason: str
    seen: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A place that a case gets, where it was decided, and the open cases near it."""

    view: DistrictView
    place: Place
    duplicates: tuple[Duplicate, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is corrected, `place` or `owner`, and how the case's new place is decided."""

    word: str
    decide: Callable[[Connection, DistrictView, Case], _Decided]


@dataclass(frozen=True, slots=True)
class _Made:
    """A correction that is decided: its event, the case after it, and how its team was chosen."""

    event: Corrected
    after: Case
    choice: Choice

    @property
    def id(self) -> UUID:
        """The id of the event."""
        return self.event.case.decision.event_id

    def seconds(self) -> dict[str, tuple[float, float | None]]:
        """Return (turnout, travel to the place as it is now) of every team, None = unreachable."""
        prepared = self.choice.prepared
        return {
            team_id: (turnout_ms / 1000, None if travel_ms is None else travel_ms / 1000)
            for team_id, turnout_ms, travel_ms in zip(
                prepared.team_ids, prepared.turnout_ms, self.choice.travel_ms, strict=True
            )
        }


def correct_place(
    service: Service, incident_id: UUID, where: Report, why: Why, *, actor: str, request: RequestKey | None = None
) -> KeptAnswer:
    """Give a case another place and return it as it is then (200 and its bytes).

    The place of `where` alone is read. Teams that are on the case stay on it; the answer names those that do not belong
    there by the new place.

    Raises
    ------
    NotFound
        For an unknown case.
    IllegalStep
        For a case that is closed.
    Conflict
        Where another correction came first, or the place is in another district.
    InvalidInput
        For a place that is not usable, or without a reason; nothing is written.
    """
    return _correct(service, incident_id, _to_place(service, where), why, actor=actor, request=request)


def preview_place(service: Service, incident_id: UUID, where: Report, *, seen: UUID | None = None) -> JsonObject:
    """Return what `correct_place` would answer now, and what would change by it; nothing is written or locked.

    Raises as `correct_place` does, but for the reason.
    """
    return _preview(service, incident_id, _to_place(service, where), seen)


def override_owner(
    service: Service,
    incident_id: UUID,
    code: str,
    why: Why,
    *,
    level: str | None = None,
    actor: str,
    request: RequestKey | None = None,
) -> KeptAnswer:
    """Give a case the owner that a person names, a grid in force with the grids above it; return the case (200).

    Raises as `correct_place` does, and

    Raises
    ------
    NotFound
        For a code that no grid in force has, or none that the caller may see.
    InvalidInput
        Where the grid is of another `level`.
    """
    return _correct(service, incident_id, _to_owner(service, code, level), why, actor=actor, request=request)


def preview_owner(
    service: Service, incident_id: UUID, code: str, *, level: str | None = None, seen: UUID | None = None
) -> JsonObject:
    """Return what `override_owner` would answer now, and what would change by it; nothing is written or locked.

    Raises as `override_owner` does, but for the reason.
    """
    return _preview(service, incident_id, _to_owner(service, code, level), seen)


def _to_place(service: Service, where: Report) -> _Kind:
    """Return how the place of `where` is decided; an address is looked up at once."""
    address = find_address(service, where)  # outside the transaction: another host may be asked

    def decide(connection: Connection, view: DistrictView, case: Case) -> _Decided:
        districts = Districts.now(service, connection)
        placed = locate_in(districts, address or locate_given(districts, where))
        if placed.view.code != case.district and placed.ownership is not None:
            raise _other_district(case, placed)
        own = locate_in(Districts.of([view]), placed.location, Around(service, connection))
        about = Report(type=None if case.matter else case.type, matter=case.matter)
        near = [each for each in list_near(connection, near_query(own, about)) if each.id != case.id]
        return _Decided(view, own.place(), duplicates_of(own, near, view.versions.now))

    return _Kind("place", decide)


def _to_owner(service: Service, code: str, level: str | None) -> _Kind:
    """Return how the owner `code` is decided."""

    def decide(_connection: Connection, view: DistrictView, case: Case) -> _Decided:
        ownership = None if view.index is None else view.index.find_chain(code)
        chain = {} if ownership is None else dict(zip(LEVEL_KEYS, ownership.owners, strict=True))
        codes = {key: None if owner is None else owner.code for key, owner in chain.items()}
        if ownership is None or ownership.finest is None or not service.caller.scope.holds_chain(codes):
            raise NotFound(
                f"District {view.code} has no grid {code[:60]!r} in force. GET /grids and `gridsvc grids list` name "
                "them.",
                kind="no-grid",
                district=view.code,
                grid=code[:60],
            )
        own = next(key for key, each in codes.items() if each == ownership.finest.code)
        if level is not None and level != own:
            raise InvalidInput(
                f"This grid is of the level {own}, not {level[:40]!r}. Correct `level`, or leave it out.",
                level=level[:40],
                known=[own],
                field="level",
            )
        place = replace(place_of_person(case.place, ownership, classes_of(view)), owned_level=own)
        return _Decided(view, place, case.duplicates)

    return _Kind("owner", decide)


def _correct(
    service: Service, incident_id: UUID, kind: _Kind, why: Why, *, actor: str, request: RequestKey | None
) -> KeptAnswer:
    service.caller.need(Right.CORRECT)

    def work(connection: Connection) -> Callable[[], KeptAnswer]:
        seen = find_case(connection, incident_id)
        ground = None if seen is None else begin_step(connection, incident_id, request, order=True)
        if seen is None or ground is None:
            return _beyond_now(connection, incident_id, request)
        case = ground.case
        if ground.kept is not None:
            again = give_again(connection, case.district, ground.kept, with_persons=True)
            return lambda: again
        check_correction(case, kind.word, why.reason)
        _check_seen(case, why.seen or seen.decision.event_id)
        made = _make(service, connection, ground, kind, actor)
        row, note = events.noted_row(
            case.district,
            made.event.kind,
            note=why.reason,
            data=write(made.event),
            incident_id=case.id,
            actor=actor,
            at=made.event.at,
            event_id=made.id,
        )
        given, kept = _answer(service, connection, ground, made)
        widen_to_district(connection)  # the new owner may be beyond the caller's grid
        write_step(connection, Written(case, made.after, row, note, request, kept))
        return given

    return service.database.run(work)()


def _preview(service: Service, incident_id: UUID, kind: _Kind, seen: UUID | None) -> JsonObject:
    service.caller.need(Right.CORRECT)
    with service.database.transaction() as connection:
        ground = begin_step(connection, incident_id, None, order=True, hold=False)
        if ground is None:
            raise no_case(incident_id)
        case = ground.case
        check_correction(case, kind.word, None)
        _check_seen(case, seen or case.decision.event_id)
        made = _make(service, connection, ground, kind, service.caller.name)
        given, _ = _answer(service, connection, ground, made)
        after: JsonObject = json.loads(given().body)
        alerts = [each.as_json() for each in ground.alerts]
        before = redaction(connection).case(case_json(case, made.event.at, alerts))
    # of a case that goes beyond the caller's grid they learn no more than that
    shown = expect(made.after, made.event.at, made.seconds()) if in_scope(service, made.after) else Expected(None, None)
    return preview_json(before, after, shown)


def _make(service: Service, connection: Connection, ground: Ground, kind: _Kind, actor: str) -> _Made:
    """Decide a correction and return it; nothing is written."""
    case = ground.case
    versions = replace(ground.versions, now=case.next_moment(ground.versions.now))
    decided = kind.decide(connection, view_at(service, connection, versions), case)
    event, choice = _event(service, case, kind.word, decided, _as_if_free(case, ground.states), actor)
    return _Made(event, apply(case, event), choice)


def _answer(
    service: Service, connection: Connection, ground: Ground, made: _Made
) -> tuple[Callable[[], KeptAnswer], Kept]:
    """Return what makes the answer to a correction, and what is stored of it for a retry."""
    after = made.after
    redact = answer_for(service, connection, after)
    owners = [after.place.code(level) for level in range(len(LEVEL_KEYS))]
    persons = persons_of(connection, after.district, owners, [each.owner for each in ground.alerts])
    return answer_of(scope_of(connection), after, made.event, made.id, redact, ground.alerts, persons)


def _event(
    service: Service, case: Case, kind: str, decided: _Decided, states: Mapping[str, TeamState], actor: str
) -> tuple[Corrected, Choice]:
    """Return the event: the team is chosen for the time of the report, from all teams that could be there now."""
    view, place, now = decided.view, decided.place, decided.view.versions.now
    left = {str(each.team_id) for each in case.engagements if each.outcome in LEFT}
    facts = facts_of(
        place,
        case.type,
        case.matter,
        view.local_time(case.triggered_at),
        drill=case.drill,
        standing=Standing(excluded=frozenset(left)),
    )
    choice = choose(service, view, facts, states, place)
    decision = Decision(uuid7(now), choice.recommendation, versions_of(view), choice.inputs)
    unknown = unknown_in(view)
    event = corrected(case, kind, place, decision, by=actor, at=now, duplicates=decided.duplicates, unknown=unknown)
    return event, choice


def _as_if_free(case: Case, states: Mapping[str, TeamState]) -> Mapping[str, TeamState]:
    """Return the states of teams with those on the case free where they are: they can go to its new place."""
    own = {str(each.team_id) for each in case.live}
    return {
        team: replace(state, status=TeamStatus.AVAILABLE, incident_id=None, on_drill=False)
        if team in own and state.status is TeamStatus.ENGAGED
        else state
        for team, state in states.items()
    }


def _check_seen(case: Case, seen: UUID) -> None:
    """Raise Conflict where a case was corrected after its caller saw it."""
    if case.decision.event_id == seen:
        return
    now = case.correction
    raise Conflict(
        f"Case {case.id} was corrected in the meantime"
        f"{'' if now is None else f' by {now.by}'}. Look at it, and correct it again if it is still wrong.",
        kind="case-changed",
        incident_id=str(case.id),
        by=None if now is None else now.by,
        recommendation_id=str(case.decision.event_id),
    )


def _other_district(case: Case, placed: Placement) -> Conflict:
    return Conflict(
        f"This place is in district {placed.view.code}, and the case is one of district {case.district}. Report it "
        "there, and cancel this case.",
        kind="other-district",
        district=placed.view.code,
        incident_id=str(case.id),
        of_district=case.district,
    )


def _beyond_now(connection: Connection, incident_id: UUID, request: RequestKey | None) -> Callable[[], KeptAnswer]:
    """Return the answer that a retry has: its first request may have moved the case beyond the caller's grid."""
    district = scope_of(connection).district
    kept = None if district is None or request is None else find_answer(connection, district, request)
    if kept is None or district is None:
        raise no_case(incident_id)
    again = give_again(connection, district, kept, with_persons=True)
    return lambda: again

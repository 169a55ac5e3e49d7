"""Names learned from cases: a person says how the place of a case is called, and may be wrong, or speak of a person.

A name that one person gave is only a question; a name that two different persons gave to the same place is acted on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.access.scopes import Right
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import get_versions, list_versions
from gridsvc.db.places import learned as store
from gridsvc.db.places.learned import NewName
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.operations.cases.read import get_stored
from gridsvc.operations.grids.generations import choose_district
from gridsvc.operations.places.entries import LEARNED, PERSONS, groups_of, learned_entries
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.runtime.idempotency import answer_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.places.learned import LearnedName
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

LONGEST_NAME = 80
SHORTEST_NAME = 2
LEAST_CERTAIN_M = 1_000.0
"""A place that is known no better teaches no name."""


def learn_name(service: Service, incident_id: UUID, name: str, *, actor: str) -> dict[str, Json]:
    """Note that the place of a case is called so; return {name, incident_id, persons, acted_on}.

    Raises
    ------
    NotFound
        For a case that does not exist for the caller.
    InvalidInput
        For a name that is too short or too long, or has no letter.
    Conflict
        For a drill, or a case whose place is a line, an area, a question, or known worse than LEAST_CERTAIN_M.
    """
    service.caller.need(Right.STEP)
    plain = read_name(name)
    return service.database.run(lambda connection: _learn(connection, incident_id, plain, actor))


def learn_name_once(
    service: Service, incident_id: UUID, name: str, *, actor: str, request: RequestKey | None
) -> KeptAnswer:
    """Do as `learn_name` and return the answer (201 and its bytes); a retry gets the bytes of the first.

    The stored answer does not repeat the name, which may be personal data.
    """
    service.caller.need(Right.STEP)
    plain = read_name(name)

    def work(connection: Connection) -> KeptAnswer:
        district = get_stored(connection, incident_id).district

        def learn() -> dict[str, Json]:
            value = _learn(connection, incident_id, plain, actor)
            return {key: each for key, each in value.items() if key != "name"}

        return answer_once(connection, district, request, 201, learn)

    return service.database.run(work)


def _learn(connection: Connection, incident_id: UUID, name: str, actor: str) -> dict[str, Json]:
    case = get_stored(connection, incident_id)
    _check_place(case)
    new = NewName(name, case.id, actor, case.place.lon, case.place.lat, case.place.radius_m or 0.0)
    written = store.add_learned(connection, case.district, new)
    if written is not None:
        now = get_versions(connection, case.district).now
        append_event(connection, case.district, "learn-name", actor=actor, at=now, data=written, incident_id=case.id)
    with whole_district(connection):
        alike = [each for each in store.list_learned(connection, case.district) if each.name == name]
    mine = next(group for group in groups_of(alike) if incident_id in {each.incident_id for each in group})
    persons = len({each.confirmed_by for each in mine})
    return {"name": name, "incident_id": str(case.id), "persons": persons, "acted_on": persons >= PERSONS}


def read_name(name: str) -> str:
    """Return a name without spaces around it; refuses one that cannot be the name of a place (`InvalidInput`)."""
    plain = " ".join(name.split())
    if not SHORTEST_NAME <= len(plain) <= LONGEST_NAME or not any(each.isalpha() for each in plain):
        raise InvalidInput(
            f"A name of a place has {SHORTEST_NAME} to {LONGEST_NAME} characters, letters among them.",
            kind="not-a-name",
            least=SHORTEST_NAME,
            most=LONGEST_NAME,
        )
    return plain


def _check_place(case: Case) -> None:
    place = case.place
    why = None
    if case.drill:
        why = "drill"
    elif place.geometry is not None or (place.address is not None and place.address.grid is not None):
        why = "area"
    elif place.address is not None and place.address.confirm:
        why = "unconfirmed"
    elif (place.radius_m or 0.0) > LEAST_CERTAIN_M:
        why = "uncertain"
    if why is not None:
        raise Conflict(
            f"The place of this case teaches no name: {why}. Correct its place first, or confirm the name on a case "
            "that has a certain one.",
            kind="teaches-no-name",
            why=why,
        )


def list_names(service: Service, district: str | None) -> list[dict[str, Json]]:
    """Return {district, name, township, lon, lat, radius_m, persons, acted_on, confirmations} of every learned name.

    A caller of one grid sees those of their cases.
    """
    service.caller.need(Right.READ_TEXTS)
    items = []
    with service.database.transaction() as connection:
        for versions in list_versions(connection):
            if district is not None and versions.district != district:
                continue
            given = store.list_learned(connection, versions.district)
            index = view_at(service, connection, versions).index if given else None
            items += _items(versions.district, index, given)
    return items


def _items(district: str, index: OwnershipIndex | None, given: Sequence[LearnedName]) -> list[dict[str, Json]]:
    items: list[dict[str, Json]] = []
    for group, entry in zip(groups_of(given), learned_entries(given, index), strict=True):
        items.append(
            {
                "district": district,
                "name": entry.name,
                "township": entry.township,
                "lon": entry.lon,
                "lat": entry.lat,
                "radius_m": entry.radius_m,
                "persons": sorted({each.confirmed_by for each in group}),
                "acted_on": entry.source == LEARNED,
                "confirmations": [
                    {"id": str(each.id), "incident_id": str(each.incident_id), "at": each.confirmed_at.isoformat()}
                    for each in group
                ],
            }
        )
    return items


def forget_name(service: Service, name: str, district: str | None, *, actor: str) -> dict[str, Json]:
    """Delete what was learned of a name, or one confirmation by its id; return {district, forgotten}.

    Raises
    ------
    NotFound
        When nothing was learned of it.
    """
    service.caller.need(Right.ERASE)
    code = choose_district(service, district)

    def work(connection: Connection) -> dict[str, Json]:
        forgotten = store.forget_learned(connection, code, " ".join(name.split()))
        if not forgotten:
            raise NotFound(
                "Nothing was learned of this name. `gridsvc addresses learned` lists the names.", kind="no-learned-name"
            )
        now = get_versions(connection, code).now
        append_event(connection, code, "forget-name", actor=actor, at=now, data={"rows": forgotten})
        return {"district": code, "forgotten": forgotten}

    return service.database.run(work)

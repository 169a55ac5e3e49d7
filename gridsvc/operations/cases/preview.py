"""The answer that a report would get now; nothing is written (R22: from memory while the database is unavailable)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.cases.answer import case_json
from gridsvc.cases.model import CLOCKS
from gridsvc.db import teams
from gridsvc.db.cases.incidents import list_near
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import NotFound, Unavailable
from gridsvc.evidence.chain import whole
from gridsvc.operations.cases import offline
from gridsvc.operations.cases.duplicates import duplicates_of, near_query
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.cases.redaction import redaction, redaction_from_memory
from gridsvc.operations.cases.report import Moment, decide, find_address, in_scope, locate_given
from gridsvc.operations.places.locate import locate_in
from gridsvc.operations.places.questions import Around
from gridsvc.operations.runtime.layout import Districts

if TYPE_CHECKING:
    from gridsvc.cases.decide import Location, Report
    from gridsvc.cases.model import Case
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

ONLY_KEPT = frozenset(
    {
        "id",
        "number",
        "status",
        "assignments",
        "work_list",
        "legal_steps",
        "alerts",
        "correction",
        "recommendation_id",
        "arrived_at",
        *CLOCKS,
    }
)
"""What only the answer about a stored case has."""


def recommend(service: Service, report: Report) -> dict[str, Json]:
    """Return the answer that a report would get now.

    While the database is unavailable, it is made from memory: then it has `degraded` and the age of its data.

    Raises
    ------
    InvalidInput
        For a type, matter, place or time that is not valid.
    NotFound
        For a place beyond the caller's grid.
    """
    address = find_address(service, report)
    try:
        return _recommend(service, report, address)
    except Unavailable as away:
        return _recommend_from_memory(service, report, address, away)


def _recommend(service: Service, report: Report, address: Location | None) -> dict[str, Json]:
    with service.database.transaction() as connection:
        districts = Districts.now(service, connection)
        placed = locate_in(districts, address or locate_given(districts, report), Around(service, connection))
        now = placed.view.versions.now
        with whole_district(connection):
            states = teams.list_changed_states(connection, placed.view.code, now)
        service.remember("states", placed.view.code, states)
        duplicates = duplicates_of(placed, list_near(connection, near_query(placed, report)), now)
        case = decide(service, placed, report, Moment(now, states, duplicates))
        return redaction(connection).case(_preview(service, case))


def _recommend_from_memory(
    service: Service, report: Report, address: Location | None, away: Unavailable
) -> dict[str, Json]:
    """Recommend with teams as they were last; possible duplicates are unknown."""
    views, age_s = offline.views(service, away)
    known = Districts.of(views)
    placed = locate_in(known, address or locate_given(known, report))
    remembered = service.recall("states").get(placed.view.code)
    if remembered is None:
        raise away
    states_age_s, states = remembered
    case = decide(service, placed, report, Moment(placed.view.versions.now, states))
    redact = redaction_from_memory(service.caller.scope, law_of(placed.view).prepared.teams)
    return redact.case(_preview(service, case)) | offline.degraded(max(age_s, states_age_s))


def _preview(service: Service, case: Case) -> dict[str, Json]:
    if not in_scope(service, case):
        raise NotFound("This place is outside the scope of your key.", kind="outside-scope")
    answer = whole(case_json(case, case.triggered_at))
    return {key: value for key, value in answer.items() if key not in ONLY_KEPT}

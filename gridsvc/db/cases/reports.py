"""A report: one round trip reads what it is based on, another writes the whole case and commits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.cases.ground import ground_query, key_of, read_ground
from gridsvc.db.cases.incidents import NearCase
from gridsvc.db.cases.rows import INCIDENT, case_row
from gridsvc.db.evidence.events import MARKED, WRITTEN, event_values
from gridsvc.db.grids.posts import posts_statement, read_posts
from gridsvc.db.grids.versions import no_district
from gridsvc.db.session.fast_statements import fetch_batch, insert_into, write_last
from gridsvc.db.session.idempotency import KEPT, kept_row
from gridsvc.db.session.scope import around_whole_district
from gridsvc.db.teams import changed_statement, read_changed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.db.cases.incidents import NearQuery
    from gridsvc.db.grids.versions import Versions
    from gridsvc.db.session.idempotency import Kept, RequestKey
    from gridsvc.db.session.pipeline import Statement
    from gridsvc.grids.posts import Held
    from gridsvc.teams.model import TeamState


@dataclass(frozen=True, slots=True)
class Ground:
    """What a report is based on: the version vector, held until the transaction ends, and the case's number.

    `kept` is the answer that its key has already. `states`: of the teams that are not simply free at their stations,
    in the whole district, since the law decides over all of them for every caller. `near`: the cases of `NearQuery`.
    """

    versions: Versions
    number: int
    kept: Kept | None
    states: Mapping[str, TeamState]
    near: Sequence[NearCase]
    posts: tuple[str, Sequence[Held]]


# A retry takes no number, so that it leaves no hole.
_GROUND = ground_query("%s", "case when k.key is null then nextval('incident_number') else 0 end")


def begin_report(
    connection: Connection,
    district: str,
    request: RequestKey | None,
    near: NearQuery | None = None,
    owners: Sequence[str] = (),
) -> Ground:
    """Take the district's version vector FOR SHARE, a case number, and read what the report is decided from.

    `owners`: the grids of which the posts are read (`posts_of_grids`).
    A twin in flight is met where the case is written (`write_report`).

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    NotFound
        When the district is not loaded.
    """
    widen, restore = around_whole_district(connection)
    statements: dict[str, Statement] = {"ground": (_GROUND, (*key_of(request), district))}
    statements |= widen | {"states": changed_statement(district)} | restore
    if near is not None:
        statements["near"] = near.statement()
    statements["posts"] = posts_statement(district, owners)
    found = fetch_batch(connection, statements)
    if not found["ground"]:
        raise no_district(district)
    [[number, *row]] = found["ground"]
    versions, kept = read_ground(row, request)
    open_cases = [NearCase(*each) for each in found.get("near", ())]
    return Ground(versions, number, kept, read_changed(found["states"]), open_cases, read_posts(found["posts"]))


_PERSONAL = ("district", "incident_id", "reporter", "description", "subject", "site", "salt")
_WRITE_CASE = insert_into("incident", INCIDENT)
_WRITE_PERSONAL = f"personal as ({insert_into('incident_personal', _PERSONAL)})"


def write_report(
    connection: Connection,
    case: Case,
    event: dict[str, Any],
    *,
    personal: dict[str, Any] | None = None,
    request: RequestKey | None = None,
    answer: Kept,
) -> None:
    """Write a case with its event, the personal data, and the answer under the request's key: one statement, the last.

    `personal`: the row of the personal data. Of an answer without a body, its event is stored instead. Where another
    request took the key in the meantime, the database refuses, and `Database.run` starts again.
    """
    parts = [WRITTEN, f"marked as ({MARKED})"]
    values = event_values(event)
    if personal is not None:
        parts.append(_WRITE_PERSONAL)
        reporter = personal["reporter"]
        row = personal | {"reporter": None if reporter is None else json.dumps(reporter, ensure_ascii=False)}
        values += [row[name] for name in _PERSONAL]
    if request is not None:
        parts.append(KEPT)
        values += kept_row(case.district, request, answer)
    row = case_row(case)
    values += [row[name] for name in INCIDENT]
    write_last(connection, (f"with {', '.join(parts)} {_WRITE_CASE}", values))

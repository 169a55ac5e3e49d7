"""Make the report of a period: read, explain, and return its document."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.compliance.cells import FINEST
from gridsvc.compliance.report.contents import Sources, report_json
from gridsvc.db.grids import generations
from gridsvc.db.grids.versions import get_versions, list_districts
from gridsvc.grids.levels import Level
from gridsvc.operations.compliance.figures import cases_of, clock_rules
from gridsvc.operations.compliance.predictions import judge_period
from gridsvc.operations.compliance.question import month_of, recorded
from gridsvc.operations.compliance.read import history_of
from gridsvc.operations.compliance.why import explain_late
from gridsvc.operations.law.imports import only_district
from gridsvc.operations.runtime.districts import view_at

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.operations.compliance.imported import Imported
    from gridsvc.operations.compliance.question import Question
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to be of: the cases received from `since` until before `until`, None = without that end.

    policy: the id of the clock policy, None = the default. `finest`: the finest H3 resolution of its map.
    """

    since: datetime | None = None
    until: datetime | None = None
    policy: str | None = None
    finest: int = FINEST


def make_report(service: Service, district: str, wanted: Wanted) -> dict[str, Any]:
    """Return the document of a report of a district's live cases; for a caller of a grid, of that grid's."""
    with service.database.snapshot() as connection:
        return report_of(service, connection, district, wanted)


def report_of(service: Service, connection: Connection, district: str, wanted: Wanted) -> dict[str, Any]:
    """Return what `make_report` does, from a transaction whose statements see one snapshot."""
    view = view_at(service, connection, get_versions(connection, district))
    policy = recorded(clock_rules(connection, district), wanted.policy)
    history = history_of(connection, district, since=wanted.since, until=wanted.until).settled()
    honesty, hindsight = judge_period(connection, district, view.district.time_zone, wanted.since, wanted.until)
    townships = []
    if view.versions.generation is not None:
        townships = generations.list_grids(connection, district, view.versions.generation, level=Level.TOWNSHIP)
    return report_json(
        Sources(
            district=district,
            district_name=view.district.name,
            synthetic=view.district.synthetic,
            history=history,
            policy=policy,
            late=explain_late(service, connection, district, wanted.since, wanted.until),
            honesty=honesty,
            hindsight=hindsight,
            outlines={each.code: each.geometry for each in townships},
            finest=wanted.finest,
        )
    )


def report_of_imports(
    service: Service, district: str | None, question: Question, month: str | None, imported: Imported
) -> dict[str, Any]:
    """Return the document of a report of imported cases: without causes and predictions, which they have not.

    The period is in the time zone of the files. Raises as `get_compliance` does.
    """
    with service.database.snapshot() as connection:
        code = only_district(connection, district)
        rules = clock_rules(connection, code)
        cases = cases_of(connection, code, imported)
        assert cases.imports is not None
        since, until = question.period(cases.time_zone) if month is None else month_of(month, cases.time_zone)
        history = cases.read(since, until).settled()
        name = next(each.name for each in list_districts(connection) if each.code == code)
        policy = recorded(rules, question.policy)
        document = report_json(Sources(code, name, synthetic=False, history=history, policy=policy))
        return document | {"imports": cases.imports.as_json(history)}


def document_text(document: dict[str, Any]) -> str:
    """Return the canonical text of a document: sorted keys, no spaces; what is stored and digested."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def document_digest(text: str) -> str:
    """Return the SHA-256 of a document's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def wanted_of(
    service: Service, district: str | None, question: Question, month: str | None, resolution: int | None = None
) -> tuple[str, Wanted]:
    """Return the district and the period of a question, or of a month (`2026-10`), in the district's time zone."""
    with service.database.transaction() as connection:
        code = only_district(connection, district)
        get_versions(connection, code)  # NotFound for one that is not loaded
        time_zone = next(each.time_zone for each in list_districts(connection) if each.code == code)
    since, until = question.period(time_zone) if month is None else month_of(month, time_zone)
    return code, Wanted(since, until, question.policy, FINEST if resolution is None else resolution)

"""Reports that are kept: those of every month that has ended, and those that a person asks for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridsvc.db import compliance as store
from gridsvc.db.grids.versions import get_clock, get_versions, list_districts
from gridsvc.errors import InvalidInput, Refusal
from gridsvc.operations.compliance.question import month_of
from gridsvc.operations.compliance.report import Wanted, document_digest, document_text, make_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.compliance import KeptReport
    from gridsvc.db.grids.versions import District
    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

ACTOR = "gridsvc"
SETTLED_AFTER = timedelta(days=2)
"""A month is reported this long after its end, so that its last cases have their stamps."""
MONTHS_BACK = 3
"""How many months are made up for after a time in which nothing ran."""


def keep(service: Service, district: str, document: dict[str, Any], wanted: Wanted, *, actor: str) -> KeptReport:
    """Keep a report of a district; the same report is kept once.

    Raises
    ------
    InvalidInput
        For a report without a case: there is nothing to keep.
    """
    if not document["basis"]["cases"]:
        raise InvalidInput(
            f"No case of district {district} is in this period, so there is nothing to keep. Choose another period.",
            kind="empty-report",
            district=district,
        )
    text = document_text(document)
    row = {
        "district": district,
        "since": wanted.since,
        "until": wanted.until,
        "policy": document["clock"]["id"],
        "cases": document["cases"]["counted"],
        "digest": document_digest(text),
        "content": text,
        "made_by": actor,
    }

    def work(connection: Connection) -> KeptReport:
        return store.keep_report(connection, row | {"made_at": get_clock(connection)})

    return service.database.run(work)


def list_kept(service: Service, district: str | None = None) -> dict[str, Json]:
    """Return {items}: the reports that are kept, the newest first."""
    with service.database.transaction() as connection:
        return {"items": [each.as_json() for each in store.list_reports(connection, district)]}


def get_kept(service: Service, number: UUID) -> tuple[KeptReport, dict[str, Any]]:
    """Return a report that is kept, and its document; NotFound for an unknown one."""
    with service.database.transaction() as connection:
        kept, content = store.get_report(connection, number)
    document: dict[str, Any] = json.loads(content)
    return kept, document


def run_reports(run: Run) -> Json:
    """Make and keep the reports of the months that have ended and have none; or of the one month that is named."""
    made: list[dict[str, Json]] = []
    failed: dict[str, str] = {}
    wanted = list(_missing(run))
    for number, (district, period) in enumerate(wanted):
        try:
            document = make_report(run.service, district, period)
        except Refusal as refusal:
            failed[district] = refusal.detail
            continue
        if document["basis"]["cases"]:
            made.append(keep(run.service, district, document, period, actor=run.job.asked_by).as_json())
        run.progress(number + 1, len(wanted), district)
    return {"reports": [{"id": each["id"], "district": each["district"]} for each in made], "failed": failed}


def _missing(run: Run) -> Iterator[tuple[str, Wanted]]:
    with run.service.database.transaction() as connection:
        only, month = run.job.arguments.get("district"), run.job.arguments.get("month")
        if only is not None:
            get_versions(connection, only)  # NotFound for one that is not loaded
        districts = [each for each in list_districts(connection) if only in {None, each.code}]
        now = get_clock(connection)
        for district in districts:
            if month is not None:
                yield district.code, Wanted(*month_of(month, district.time_zone))
                continue
            for period in _ended(district, now):
                assert period.since is not None
                assert period.until is not None
                if not store.has_report(connection, district.code, period.since, period.until):
                    yield district.code, period


def _ended(district: District, now: datetime) -> Iterator[Wanted]:
    """Return the months that have ended and are settled, the oldest first."""
    zone = ZoneInfo(district.time_zone)
    first = (now - SETTLED_AFTER).astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = []
    for _ in range(MONTHS_BACK):
        before = (first - timedelta(days=1)).replace(day=1)
        months.append(Wanted(*month_of(f"{before:%Y-%m}", district.time_zone)))
        first = before
    yield from reversed(months)

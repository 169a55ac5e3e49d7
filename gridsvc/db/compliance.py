"""Reports of compliance that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.compliance import compliance_report
from gridsvc.db.session.district_of import in_scope
from gridsvc.db.session.fast_statements import fetch_one
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report that is kept, without its content; `since`, `until` None = without that end."""

    district: str
    id: UUID
    since: datetime | None
    until: datetime | None
    policy: str
    cases: int
    digest: str
    made_by: str
    made_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        times = ("since", "until", "made_at")
        stamps = {name: None if (at := getattr(self, name)) is None else at.isoformat() for name in times}
        plain = {name: getattr(self, name) for name in ("district", "policy", "cases", "digest", "made_by")}
        return {"id": str(self.id), **plain, **stamps}


_columns = tuple(compliance_report.c[name] for name in KeptReport.__slots__)
_CONTENT = f"select {', '.join(KeptReport.__slots__)}, content from compliance_report where id = %s and "


def keep_report(connection: Connection, report: dict[str, Any]) -> KeptReport:
    """Keep a report, with its digest in the chain of events; one with the same digest stays as it is.

    report: the columns of `compliance_report` but its id.
    """
    statement = insert(compliance_report).values({**report, "id": uuid7()}).on_conflict_do_nothing()
    made = connection.execute(statement.returning(*_columns)).one_or_none()
    if made is not None:
        kept = KeptReport(*made)
        row_digests.mark(connection, "compliance_report", kept.district, kept.id)
        return kept
    same = (compliance_report.c.district == report["district"]) & (compliance_report.c.digest == report["digest"])
    return KeptReport(*connection.execute(select(*_columns).where(same)).one())


def list_reports(connection: Connection, district: str | None = None, *, limit: int = 200) -> list[KeptReport]:
    """Return the reports that the caller may see, the newest first; None = of every district."""
    query = select(*_columns).order_by(compliance_report.c.made_at.desc(), compliance_report.c.id.desc()).limit(limit)
    if district is not None:
        query = query.where(compliance_report.c.district == district)
    return [KeptReport(*row) for row in connection.execute(query)]


def has_report(connection: Connection, district: str, since: datetime, until: datetime) -> bool:
    """Say whether a report of exactly that period is kept."""
    own = compliance_report.c
    query = select(own.id).where(own.district == district, own.since == since, own.until == until).limit(1)
    return connection.execute(query).first() is not None


def get_report(connection: Connection, number: UUID) -> tuple[KeptReport, str]:
    """Return a report with its content; NotFound for an unknown one."""
    condition, values = in_scope(connection)
    row = fetch_one(connection, _CONTENT + condition, (number, *values))
    if row is None:
        raise NotFound(
            f"There is no report {number}. See GET /compliance/reports.", kind="no-report", report_id=str(number)
        )
    return KeptReport(*row[:-1]), row[-1]

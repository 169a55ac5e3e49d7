"""Compliance of a district's cases: which period, under which policy, beside which other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.versions import get_versions, list_districts
from gridsvc.errors import Conflict
from gridsvc.law import ClockRules
from gridsvc.operations.compliance.imported import get_imports, imported_history
from gridsvc.operations.compliance.question import answered, recorded
from gridsvc.operations.compliance.read import history_of
from gridsvc.operations.law.imports import only_district

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.compliance.history import History
    from gridsvc.operations.compliance.imported import Imported, Imports
    from gridsvc.operations.compliance.question import Question
    from gridsvc.operations.runtime.service import Service


def get_compliance(
    service: Service,
    district: str | None,
    question: Question,
    *,
    imported: Imported | None = None,
    most: int | None = None,
) -> dict[str, Any]:
    """Return the answer of `compliance --json` about the live cases of a district, or about its imported ones.

    Of a caller who is limited to a grid: about the cases of that grid. An answer about imported cases has the files
    under `imports`, and its days and hours are in their time zone.

    Raises
    ------
    InvalidInput
        For an unknown dimension, policy or period, or imported files of several time zones.
    NotFound
        Where no cases were imported.
    Conflict
        When no clock policies are in force.
    TooLarge
        Where a period has more cases than `most`.
    """
    question.check()
    with service.database.snapshot() as connection:
        code = only_district(connection, district)
        rules = clock_rules(connection, code)  # NotFound for a district that is not there for the caller
        cases = cases_of(connection, code, imported, most=most)
        period, before = question.period(cases.time_zone), question.earlier(cases.time_zone)
        policy = recorded(rules, question.policy)
        against = None if question.against is None else recorded(rules, question.against)
        history = cases.read(*period)
        earlier = None if before is None else cases.read(*before)
    about = {} if cases.imports is None else {"imports": cases.imports.as_json(history)}
    return {"district": code} | answered(history, question, policy, against, earlier) | about


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases that are asked about: live ones (`imports` None), or those of imported files; never both."""

    connection: Connection
    district: str
    time_zone: str
    imports: Imports | None
    most: int | None

    def read(self, since: datetime | None, until: datetime | None) -> History:
        """Return those that were received from `since` until before `until`."""
        if self.imports is None:
            return history_of(self.connection, self.district, since=since, until=until, most=self.most)
        return imported_history(self.connection, self.imports, since=since, until=until, most=self.most)


def cases_of(connection: Connection, district: str, imported: Imported | None, *, most: int | None = None) -> Cases:
    """Return the cases that are asked about; at most so many are read."""
    if imported is not None:
        imports = get_imports(connection, district, imported)
        return Cases(connection, district, imports.time_zone, imports, most)
    time_zone = next(each.time_zone for each in list_districts(connection) if each.code == district)
    return Cases(connection, district, time_zone, None, most)


def clock_rules(connection: Connection, district: str) -> ClockRules:
    """Return the clock policies in force in a district."""
    digest = get_versions(connection, district).clock_policies
    if digest is None:
        raise Conflict(
            f"District {district} has no clock policies. Load them with the run cards: `gridsvc load plans`.",
            kind="no-clock-policies",
            district=district,
        )
    return ClockRules.from_document(get_document(connection, district, "clock_policies", digest))

"""Compliance of a district's cases: which period, under which policy, beside which other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridsvc.compliance.answer import Asked, compliance_json
from gridsvc.compliance.groups import check_dimensions
from gridsvc.compliance.history import RecordedPolicy
from gridsvc.compliance.trend import UNITS
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.versions import get_versions, list_districts
from gridsvc.errors import Conflict, InvalidInput
from gridsvc.law import ClockRules
from gridsvc.operations.compliance.imported import get_imports, imported_history
from gridsvc.operations.compliance.read import history_of
from gridsvc.operations.law.imports import only_district
from gridsvc.times import check_time, read_time

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.compliance.history import History
    from gridsvc.operations.compliance.imported import Imported, Imports
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the responses of a period.

    since, until: of the reports, each a time with its offset, or a date: its midnight in the time zone of the cases;
    None = without that end. by: dimensions. policy, against: ids of clock policies, None = the default one, and none.
    compare: the earlier period, as `previous` or `SINCE/UNTIL`. trend: `day`, `week` or `month`, None = the longest
    that fits.
    """

    since: str | None = None
    until: str | None = None
    by: tuple[str, ...] = ()
    policy: str | None = None
    against: str | None = None
    compare: str | None = None
    trend: str | None = None

    def check(self) -> None:
        """Raise InvalidInput, with the cure, for a question that cannot be meant."""
        check_dimensions(self.by)
        if self.trend is not None and self.trend not in UNITS:
            raise InvalidInput(
                f"`trend` is {self.trend[:40]!r}. Use one of: {', '.join(UNITS)}.",
                kind="unknown-trend",
                value=self.trend[:40],
                known=list(UNITS),
            )

    def period(self, time_zone: str) -> Ends:
        """Return the ends of the period, aware."""
        return _ends(("since", self.since), ("until", self.until), time_zone)

    def earlier(self, time_zone: str) -> Ends | None:
        """Return the ends of the period that is compared with; None where none is asked for."""
        if self.compare is None:
            return None
        if self.compare == "previous":
            since, until = self.period(time_zone)
            if since is None or until is None:
                raise InvalidInput(
                    "`compare` previous is the period before this one, as long as it. Give `since` and `until`.",
                    kind="period-without-ends",
                )
            return since - (until - since), since
        parts = self.compare.split("/")
        if len(parts) != 2:
            raise InvalidInput(
                f"`compare` is {self.compare[:80]!r}. Write previous, or two times: SINCE/UNTIL.",
                kind="bad-period",
                name="compare",
                value=self.compare[:80],
            )
        return _ends(("compare", parts[0]), ("compare", parts[1]), time_zone)


Ends = tuple["datetime | None", "datetime | None"]


def _ends(since: tuple[str, str | None], until: tuple[str, str | None], time_zone: str) -> Ends:
    begin, end = (_moment(name, text, time_zone) for name, text in (since, until))
    if begin is not None and end is not None and begin >= end:
        raise InvalidInput(
            f"The period ends at {end.isoformat()}, and begins at {begin.isoformat()}. Exchange them.",
            kind="period-reversed",
            since=begin.isoformat(),
            until=end.isoformat(),
        )
    return begin, end


_DATE_LENGTH = 10


def _moment(name: str, text: str | None, time_zone: str) -> datetime | None:
    """Return a time that has an offset, or the midnight of a date in a time zone."""
    if text is None:
        return None
    try:
        if len(text) == _DATE_LENGTH:
            return check_time(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone)))
        return read_time(text)
    except ValueError as error:
        wrong = str(error) if "; " in str(error) else "is no date; write it like 2026-03-01"
        raise InvalidInput(
            f"`{name}` {text[:60]!r} {wrong}.", kind="bad-period", name=name, value=text[:60], wrong=wrong
        ) from None


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


def answered(
    history: History,
    question: Question,
    policy: RecordedPolicy,
    against: RecordedPolicy | None,
    earlier: History | None,
) -> dict[str, Any]:
    """Return the answer about a history that was read."""
    return compliance_json(history, Asked(policy, question.by, against, earlier, question.trend))


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


def recorded(rules: ClockRules, policy: str | None) -> RecordedPolicy:
    """Return a policy with its version, None = the default one. Raises InvalidInput, with the known ids."""
    return RecordedPolicy(rules.get(policy or rules.default_policy), rules.version)

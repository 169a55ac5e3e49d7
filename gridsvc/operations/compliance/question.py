"""What is asked about the responses of a period: of a district's cases, or of a file's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridsvc.compliance.answer import Asked, compliance_json
from gridsvc.compliance.groups import check_dimensions
from gridsvc.compliance.history import RecordedPolicy
from gridsvc.compliance.trend import UNITS
from gridsvc.errors import InvalidInput
from gridsvc.times import check_time, read_time

if TYPE_CHECKING:
    from gridsvc.compliance.history import History
    from gridsvc.law import ClockRules


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


def month_of(text: str, time_zone: str) -> tuple[datetime, datetime]:
    """Return the first moment of a month (`2026-10`) and of the one after it, in a time zone."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=ZoneInfo(time_zone))
    except ValueError:
        raise InvalidInput(
            f"{text[:40]!r} is no month. Write it as 2026-10.", kind="no-month", month=text[:40]
        ) from None
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, after


def answered(
    history: History,
    question: Question,
    policy: RecordedPolicy,
    against: RecordedPolicy | None,
    earlier: History | None,
) -> dict[str, Any]:
    """Return the answer about a history that was read."""
    return compliance_json(history, Asked(policy, question.by, against, earlier, question.trend))


def recorded(rules: ClockRules, policy: str | None) -> RecordedPolicy:
    """Return a policy with its version, None = the default one. Raises InvalidInput, with the known ids."""
    return RecordedPolicy(rules.get(policy or rules.default_policy), rules.version)

"""Compliance of any dispatch system's export: no database, no district."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.compliance.exports import history_of_calls
from gridsvc.compliance.history import Period
from gridsvc.compliance.report.contents import Sources, report_json
from gridsvc.files.calls.read import inspect_calls, read_calls
from gridsvc.files.law.response_plans import read_clock_rules
from gridsvc.files.packaged import geodata_folder
from gridsvc.operations.compliance.question import answered, month_of, recorded

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from gridsvc.compliance.call_map import CallMap
    from gridsvc.compliance.exports import Noticed
    from gridsvc.compliance.history import History
    from gridsvc.files.calls.read import CallFile, Skipped
    from gridsvc.law import ClockRules
    from gridsvc.operations.compliance.question import Question


def packaged_rules() -> ClockRules:
    """Return the clock policies that the program brings."""
    return read_clock_rules(geodata_folder() / "clock_policies.toml")


def read_export(
    path: Path, of: CallMap, *, now: datetime, since: datetime | None = None, until: datetime | None = None
) -> tuple[History, dict[str, Any]]:
    """Return the cases of an export that were received in a period, and what was noticed about the file."""
    file = inspect_calls(path)
    rows, skipped = read_calls(file, of)
    history, noticed = history_of_calls(rows, of, Period(now, of.time_zone, since, until))
    return history, about_file(file, of, skipped, noticed)


def compliance_of_export(path: Path, of: CallMap, question: Question, *, now: datetime) -> dict[str, Any]:
    """Return the answer of `compliance --json` about an export, under the clock policies that the program brings."""
    question.check()
    before, rules = question.earlier(of.time_zone), packaged_rules()
    policy = recorded(rules, question.policy)
    against = None if question.against is None else recorded(rules, question.against)
    file = inspect_calls(path)
    rows, skipped = read_calls(file, of)

    def within(since: datetime | None, until: datetime | None) -> tuple[History, Noticed]:
        return history_of_calls(rows, of, Period(now, of.time_zone, since, until))

    history, noticed = within(*question.period(of.time_zone))
    earlier = None if before is None else within(*before)[0]
    return answered(history, question, policy, against, earlier) | {"file": about_file(file, of, skipped, noticed)}


def report_of_export(
    path: Path, of: CallMap, question: Question, month: str | None, *, now: datetime
) -> dict[str, Any]:
    """Return the document of a report of another system's export: without causes and predictions, which it has not."""
    since, until = question.period(of.time_zone) if month is None else month_of(month, of.time_zone)
    history, _ = read_export(path, of, now=now, since=since, until=until)
    policy = recorded(packaged_rules(), question.policy)
    return report_json(Sources(path.name, path.name, synthetic=False, history=history.settled(), policy=policy))


def about_file(file: CallFile, of: CallMap, skipped: Skipped, noticed: Noticed) -> dict[str, Any]:
    """Return what was noticed about an export."""
    known = {"name": file.path.name, "map": of.id, "encoding": file.encoding, "separator": file.separator}
    return known | skipped.as_json() | noticed.as_json()

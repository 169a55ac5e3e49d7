"""Erasing what is personal: the law may empty its tables, the chain of events stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.access import Right
from gridsvc.db import personal
from gridsvc.db.events import append_event
from gridsvc.db.versions import get_versions
from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.operations.service import Service


def erase(service: Service, subject: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Erase what is kept on a subject and return {cases, rows, erased}.

    With the rows go their salts, so that the digests in the events can no longer be compared with anything. The event
    that is written names the cases, not the subject.

    Parameters
    ----------
    subject
        A phone number (compared by its digits), a full name, or the id or number of a case.

    Raises
    ------
    NotFound
        When nothing is kept on the subject.
    """
    service.caller.need(Right.ERASE)
    if not subject.strip():
        raise InvalidInput("Say whom: a phone number, a full name, or a case.")

    def work(connection: Connection) -> dict[str, Any]:
        cases = personal.list_subject_cases(connection, subject)
        counts = {case: personal.count_case(connection, *case) for case in cases}
        cases = [case for case in cases if counts[case]]
        if not cases:
            raise NotFound("Nothing is kept on this subject.", kind="no-subject")
        if not dry_run:
            for district in sorted({code for code, _ in cases}):
                _erase(service, connection, district, [case for code, case in cases if code == district])
        return {
            "cases": [str(case) for _, case in cases],
            "rows": sum(counts[case] for case in cases),
            "erased": not dry_run,
        }

    return service.database.run(work)


def _erase(service: Service, connection: Connection, district: str, cases: list[UUID]) -> None:
    now = get_versions(connection, district).now
    for case in cases:
        rows = personal.erase_case(connection, district, case)
        append_event(connection, district, "erase", actor=service.caller.name, at=now, data={"rows": rows},
                     incident_id=case)  # fmt: skip

"""Erasure of personal data: their tables may be emptied, and the chain of events stays valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Right
from gridsvc.db.access.keys import read_version
from gridsvc.db.evidence import erasure
from gridsvc.db.evidence.erasure import Kept
from gridsvc.db.evidence.events import append_event
from gridsvc.db.places.learned import forget_learned
from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service


def erase(service: Service, subject: str, *, mentions: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Erase what is stored about a subject and return {cases, closures, notes, names, rows, mentioned, erased}.

    With the rows go their salts, so that the digests in the events can no longer be compared with anything. The event
    that is written names cases and closures, not the subject.

    Parameters
    ----------
    subject
        A phone number (compared by its digits), a full name, the id or number of a case, or the id of a closure.
    mentions
        Erase also texts of others that mention the number or name: the whole report, the single note, the reason of a
        closure. Without it `mentioned` counts them, and they stay.

    Raises
    ------
    NotFound
        When nothing is stored about the subject.
    """
    service.caller.need(Right.ERASE)
    if not subject.strip():
        raise InvalidInput("Say whom: a phone number, a full name, a case, or a closure.")

    def work(connection: Connection) -> dict[str, Any]:
        own = erasure.find_kept(connection, subject)
        whole = own.joined(erasure.find_mentions(connection, subject))
        kept = whole if mentions else own
        rows = erasure.count_rows(connection, kept)
        mentioned = erasure.count_rows(connection, whole) - rows
        if not rows and not mentioned:
            raise NotFound("Nothing is stored about this subject.", kind="no-subject")
        erased = Kept() if dry_run else _erase(service, connection, kept)
        answer = {
            name: [str(each) for _, each in getattr(kept if dry_run else erased, name)]
            for name in ("cases", "closures", "notes", "names")
        }
        return answer | {"rows": rows, "mentioned": mentioned, "erased": not dry_run and rows > 0}

    return service.database.run(work)


def _erase(service: Service, connection: Connection, kept: Kept) -> Kept:
    """Erase, write an event for each case, closure and note of which rows were deleted, and return those."""
    _, now = read_version(connection)
    who = service.caller.name
    erased: dict[str, list[tuple[str, Any]]] = {"cases": [], "closures": [], "notes": [], "names": []}
    for district, case in kept.cases:
        if rows := erasure.erase_case(connection, district, case):
            erased["cases"].append((district, case))
            append_event(connection, district, "erase", actor=who, at=now, data={"rows": rows}, incident_id=case)
    for district, closure in kept.closures:
        if rows := erasure.erase_closure(connection, district, closure):
            erased["closures"].append((district, closure))
            data = {"rows": rows, "closure_id": str(closure)}
            append_event(connection, district, "erase", actor=who, at=now, data=data)
    for district, event in kept.notes:
        if rows := erasure.erase_note(connection, district, event):
            erased["notes"].append((district, event))
            data = {"rows": rows, "event_id": str(event)}
            append_event(connection, district, "erase", actor=who, at=now, data=data)
    for district, learned in kept.names:
        if rows := forget_learned(connection, district, str(learned)):
            erased["names"].append((district, learned))
            data = {"rows": rows, "name_id": str(learned)}
            append_event(connection, district, "erase", actor=who, at=now, data=data)
    return Kept(*(tuple(each) for each in erased.values()))

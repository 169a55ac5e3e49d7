"""Erasure of personal data: their tables may be emptied, and the chain of events stays valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Right
from gridsvc.db.access.keys import read_version
from gridsvc.db.evidence import erasure
from gridsvc.db.evidence.erasure import Kept
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.posts import erase_person
from gridsvc.db.places.learned import forget_learned
from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service


def erase(service: Service, subject: str, *, mentions: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Erase what is stored about a subject: {cases, closures, notes, names, persons, rows, mentioned, erased}.

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
            for name in ("cases", "closures", "notes", "names", "persons")
        }
        return answer | {"rows": rows, "mentioned": mentioned, "erased": not dry_run and rows > 0}

    return service.database.run(work)


def _erase(service: Service, connection: Connection, kept: Kept) -> Kept:
    """Erase, write an event for each thing of which rows were deleted, and return those."""
    _, now = read_version(connection)
    who = service.caller.name
    erased: dict[str, list[tuple[str, Any]]] = {name: [] for name in ("cases", *_SINGLE)}
    for district, case in kept.cases:
        if rows := erasure.erase_case(connection, district, case):
            erased["cases"].append((district, case))
            append_event(connection, district, "erase", actor=who, at=now, data={"rows": rows}, incident_id=case)
    for name, (erase_one, key) in _SINGLE.items():
        for district, number in getattr(kept, name):
            if rows := erase_one(connection, district, number):
                erased[name].append((district, number))
                data = {"rows": rows, key: str(number)}
                append_event(connection, district, "erase", actor=who, at=now, data=data)
    return Kept(**{name: tuple(each) for name, each in erased.items()})


# What is no case: how one is erased, and what its event calls it.
_SINGLE: dict[str, tuple[Callable[[Connection, str, Any], int], str]] = {
    "closures": (erasure.erase_closure, "closure_id"),
    "notes": (erasure.erase_note, "event_id"),
    "names": (lambda connection, district, number: forget_learned(connection, district, str(number)), "name_id"),
    "persons": (erase_person, "person_id"),
}

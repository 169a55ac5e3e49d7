"""The personal data of a subject: rows of the personal tables, found and deleted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import delete, func, select, text

from gridsvc.access.scopes import phone_digits
from gridsvc.db.grids.posts import find_persons
from gridsvc.db.places.learned import forget_case
from gridsvc.db.schema.access import closure_personal, event_personal, incident_personal, learned_name

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, TextClause

Pairs: TypeAlias = "tuple[tuple[str, UUID], ...]"
_SHORTEST_NAME = 2  # letters; one alone is in half of all sentences


@dataclass(frozen=True, slots=True)
class Kept:
    """The data of a subject, each as (district, id): cases, reasons of closures, notes, learned names, persons.

    A whole case has the names that were learned from it.
    """

    cases: Pairs = ()
    closures: Pairs = ()
    notes: Pairs = ()
    names: Pairs = ()
    persons: Pairs = ()

    def joined(self, other: Kept) -> Kept:
        """Return what is in either."""

        def both(mine: Pairs, theirs: Pairs) -> Pairs:
            return tuple(dict.fromkeys((*mine, *theirs)))

        names = (each.name for each in fields(self))
        return Kept(*(both(getattr(self, name), getattr(other, name)) for name in names))


_cases_of = text(
    """
    select district, incident_id from incident_personal
    where lower(reporter ->> 'name') = lower(:words) or lower(subject) = lower(:words)
       or (:digits <> '' and regexp_replace(regexp_replace(reporter ->> 'phone', '[^0-9]', '', 'g'),
                                            '^(00)?86(1[0-9]{10})$', '\\2') = :digits)
    union
    select district, id from incident where cast(id as text) = lower(:words) or cast(number as text) = :words
    order by 1, 2
    """
)
_closure_named = text(
    "select district, closure_id from closure_personal where cast(closure_id as text) = lower(:words) order by 1, 2"
)
_speaks = "(position(lower(:name) in lower({0})) > 0 and :name <> '' or :number <> '' and {0} ~ :number)"
_cases_speaking = text(
    "select district, incident_id from incident_personal where "
    + _speaks.format(
        "concat_ws(' ', reporter ->> 'name', reporter ->> 'phone', reporter ->> 'address', description, subject, site)"
    )
    + " order by 1, 2"
)
_closures_speaking = text(
    f"select district, closure_id from closure_personal where {_speaks.format('reason')} order by 1, 2"
)
_names_speaking = text(f"select district, id from learned_name where {_speaks.format('name')} order by 1, 2")
_notes_speaking = text(f"select district, event_id from event_personal where {_speaks.format('note')} order by 1, 2")


def find_kept(connection: Connection, subject: str) -> Kept:
    """Return the data of a subject: a phone number, a full name, a case (id or number) or a closure (id).

    A phone number is compared by its digits, a name whole and without regard to case.
    """
    words, digits = _read(subject)
    named = {"words": words, "digits": digits}
    return Kept(
        _pairs(connection, _cases_of, named),
        _pairs(connection, _closure_named, {"words": words}),
        persons=tuple(find_persons(connection, words, digits)),
    )


def find_mentions(connection: Connection, subject: str) -> Kept:
    """Return the texts, of any author, that mention a phone number or name.

    A number may be written in groups; a name has at least two letters, and is found within longer words, too.
    """
    words, digits = _read(subject)
    number = f"(?<![0-9])((00|[+])?86[ -]?)?{'[ -]?'.join(digits)}(?![0-9])" if digits else ""
    name = words if not digits and len(words) >= _SHORTEST_NAME else ""
    values = {"name": name, "number": number}
    found = (_pairs(connection, query, values) for query in (
        _cases_speaking, _closures_speaking, _notes_speaking, _names_speaking))  # fmt: skip
    return Kept(*found)


def count_rows(connection: Connection, kept: Kept) -> int:
    """Return how many rows of the personal tables there are of it."""
    counted = 0
    for district, case in kept.cases:
        for table in (incident_personal, event_personal, learned_name):
            rows = select(func.count()).where(table.c.district == district, table.c.incident_id == case)
            counted += connection.scalar(rows) or 0
    own = {(district, event) for case in kept.cases for district, event in _notes_of(connection, *case)}
    learned = {(district, name) for case in kept.cases for district, name in _names_of(connection, *case)}
    names = len(set(kept.names) - learned)
    return counted + len(kept.closures) + len(set(kept.notes) - own) + names + len(kept.persons)


def erase_case(connection: Connection, district: str, incident_id: UUID) -> int:
    """Delete the personal data of a case's report, its notes and the names learned from it; return the number."""
    return forget_case(connection, district, incident_id) + sum(
        connection.execute(
            delete(table).where(table.c.district == district, table.c.incident_id == incident_id)
        ).rowcount
        for table in (incident_personal, event_personal)
    )


def erase_closure(connection: Connection, district: str, closure_id: UUID) -> int:
    """Delete the reason of a closure; return the number of rows."""
    mine = (closure_personal.c.district == district, closure_personal.c.closure_id == closure_id)
    return connection.execute(delete(closure_personal).where(*mine)).rowcount


def erase_note(connection: Connection, district: str, event_id: UUID) -> int:
    """Delete the note of one event; return the number of rows."""
    mine = (event_personal.c.district == district, event_personal.c.event_id == event_id)
    return connection.execute(delete(event_personal).where(*mine)).rowcount


def _read(subject: str) -> tuple[str, str]:
    """Return the words of a subject, and its digits where it is a phone number."""
    words = subject.strip()
    digits = phone_digits(words)
    is_phone = len(digits) >= 5 and not any(letter.isalpha() for letter in words)
    return words, digits if is_phone else ""


def _pairs(connection: Connection, query: TextClause, values: dict[str, str]) -> Pairs:
    return tuple((row[0], row[1]) for row in connection.execute(query, values))


def _names_of(connection: Connection, district: str, incident_id: UUID) -> list[tuple[str, UUID]]:
    query = select(learned_name.c.district, learned_name.c.id).where(
        learned_name.c.district == district, learned_name.c.incident_id == incident_id
    )
    return [(code, name) for code, name in connection.execute(query)]


def _notes_of(connection: Connection, district: str, incident_id: UUID) -> list[tuple[str, UUID]]:
    query = select(event_personal.c.district, event_personal.c.event_id).where(
        event_personal.c.district == district, event_personal.c.incident_id == incident_id
    )
    return [(code, event) for code, event in connection.execute(query)]

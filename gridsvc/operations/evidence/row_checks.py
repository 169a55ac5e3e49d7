"""Rows compared with their sealed digests, and contents with the digests under which they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.cases import personal
from gridsvc.db.evidence import contents
from gridsvc.db.evidence.row_digests import COVERED, iterate_digests
from gridsvc.evidence import chain
from gridsvc.evidence.row_digest import row_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy import Connection

    from gridsvc.operations.evidence.chain_walk import Proven
    from gridsvc.operations.evidence.faults import Faults


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """How many rows were compared with their digests; of `upgraded` nothing is known from before the upgrade."""

    rows: int
    upgraded: int


def check_rows(connection: Connection, code: str, proven: Proven, faults: Faults) -> ComparedRows:
    """Compare every row of the covered tables with its newest digest."""
    compared = upgraded = 0
    for table, covered in COVERED.items():
        expected = {name: each for (of, name), each in proven.rows.items() if of == table}
        found = set()
        for name, digest in iterate_digests(connection, covered, code):
            found.add(name)
            known = expected.get(name)
            if known is None or known.digest is None:
                faults.add(f"{_words(table, name)} was not written by the program: no event has its digest")
            elif known.digest != digest:
                faults.add(f"{_words(table, name)} differs from its digest")
            else:
                compared, upgraded = compared + 1, upgraded + known.upgraded
        for name, each in expected.items():
            if each.digest is not None and name not in found:
                faults.add(f"{_words(table, name)} is gone")
    return ComparedRows(compared, upgraded)


def check_contents(connection: Connection, code: str, faults: Faults) -> None:
    """Compare documents, artifacts and geometries with the digests under which they are stored."""
    for kind, digest in contents.list_altered_documents(connection, code):
        faults.add(f"the text of {kind} {digest[:12]} has another digest")
    for digest in contents.list_altered_artifacts(connection, code):
        faults.add(f"the bytes of artifact {digest[:12]} have another digest")
    for digest in contents.list_altered_geometries(connection, code):
        faults.add(f"geometry {digest[:12]} of the grids has another digest or area, or is gone")


def check_notes(connection: Connection, code: str, proven: Proven, faults: Faults) -> None:
    """Compare the notes of events of no case, and the reasons of closures, with the digests in their events."""
    texts = (
        ("event_personal", "event_id", "note", proven.notes, personal.list_notes_without_case(connection, code)),
        ("closure_personal", "closure_id", "reason", proven.reasons, personal.list_closure_reasons(connection, code)),
    )
    for table, key, column, digests, rows in texts:
        found = set()
        for row in rows:
            name = str(row[key])
            found.add(name)
            if not is_proven(table, name, row, digests.get(name), row[column], proven):
                faults.add(f"{table} {name}: its {column} differs from the digest in its event, or has none")
        for name in sorted(set(digests) - found - proven.erased):
            faults.add(f"{table} {name} is gone, and was not erased")


def is_proven(table: str, name: str, row: Mapping[str, Any], digest: str | None, text: object, proven: Proven) -> bool:
    """Whether a text has the salted digest of its event; without one, whether its row is as it was at the upgrade."""
    if digest is not None:
        return chain.personal_digest(bytes(row["salt"]), text) == digest
    known = proven.rows.get((table, name))
    return known is not None and known.digest == row_digest(row)


def _words(table: str, name: str) -> str:
    """Return how a fault names a row: long digests are cut."""
    parts = [part[:12] if len(part) == 64 else part for part in name.split("/") if part]
    return " ".join(["the row of" if not parts else "", table, *parts]).strip()

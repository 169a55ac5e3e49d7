"""The chain of one district, walked from its first event; what its events of no case prove is gathered on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence import events, row_digests
from gridsvc.evidence import chain

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.operations.evidence.faults import Faults

_READ = frozenset({row_digests.KIND, "erase", "closure"})
_NOTED = b'"note_digest":"'


@dataclass(frozen=True, slots=True)
class RowDigest:
    """The newest digest of a row, None where it was removed; `upgraded`: of an upgrade, nothing is known of before."""

    digest: str | None
    upgraded: bool


@dataclass(slots=True)
class Proven:
    """What the events of no case prove: digests of rows by (table, name), of notes and reasons, and what was erased."""

    rows: dict[tuple[str, str], RowDigest] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)

    def read(self, event_id: UUID, kind: str, body: bytes) -> None:
        """Take what an event of no case says; the events come in the order of the chain."""
        if kind not in _READ and _NOTED not in body:
            return
        data: dict[str, Any] = json.loads(body)["data"]
        if digest := data.get("note_digest"):
            self.notes[str(event_id)] = digest
        if kind == row_digests.KIND:
            upgraded = data.get("reason") == row_digests.UPGRADE
            for table, digests in data["rows"].items():
                self.rows |= {(table, name): RowDigest(each, upgraded) for name, each in digests.items()}
        elif kind == "closure" and "reason_digest" in data:
            self.reasons[data["id"]] = data["reason_digest"]
        elif kind == "erase":
            self.erased |= {data[name] for name in ("event_id", "closure_id") if name in data}


@dataclass(frozen=True, slots=True)
class Walked:
    """The end of a chain, and what its events of no case prove."""

    position: int
    hash: bytes
    proven: Proven


def walk(
    connection: Connection, code: str, anchored: tuple[int, str] | None, faults: Faults, count: Callable[[], None]
) -> Walked:
    """Walk a chain from its first event to its last, and add every fault. A fault does not hide those behind it."""
    proven = Proven()
    previous: bytes | None = chain.GENESIS
    position = 0
    for row in events.iterate_chain(connection, code):
        where = f"position {row.position}: event {row.event_id}"
        if row.position != position + 1:
            faults.add(f"position {position + 1} is missing (the next one is {row.position})")
            previous = None
        if row.body is None:
            faults.add(f"{where} is gone")
        elif previous is not None and chain.seal(previous, row.position, row.body) != row.hash:
            faults.add(f"{where} or its seal was changed")
        elif not chain.columns_agree(
            row.body, district=code, event_id=row.event_id, incident_id=row.incident_id, kind=row.kind, at=row.at
        ):
            faults.add(f"{where}: its columns say other than its text")
        elif row.incident_id is None:
            proven.read(row.event_id, row.kind, row.body)
        previous, position = row.hash, row.position
        if anchored is not None and position == anchored[0] and previous.hex() != anchored[1]:
            faults.add(f"position {position} differs from the anchor")
        count()
    if anchored is not None and position < anchored[0]:
        faults.add(f"the chain ends at {position}, the anchor saw {anchored[0]}: its tail was cut off")
    _look_outside(connection, code, proven, faults)
    return Walked(position, chain.GENESIS if previous is None else previous, proven)


def _look_outside(connection: Connection, code: str, proven: Proven, faults: Faults) -> None:
    """Look at the events without a seal: those that wait for one, and those that should not be there."""
    for event_id, kind, body in events.list_unsealed_without_case(connection, code):
        try:
            proven.read(event_id, kind, body)
        except (KeyError, ValueError, TypeError, AttributeError):
            faults.add(f"event {event_id} waits for its seal and cannot be read")
    for each in events.list_marks_without_event(connection, code):
        faults.add(f"event {each} was removed before it had its seal")
    for each in events.list_unchained(connection, code):
        faults.add(f"event {each} is outside the chain")

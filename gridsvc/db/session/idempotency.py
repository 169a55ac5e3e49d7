"""One answer per (district, caller, key): a retry gets its bytes, and a concurrent request waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.session.fast_statements import fetch_all, insert_into
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection


_KEY = "district = %s and caller = %s and key = %s"
_CLAIM = (
    "insert into idempotency (district, caller, key, digest) values (%s, %s, %s, %s) on conflict do nothing returning 1"
)
# The row lock makes the commit wait for the standby, as the first one did: a stored answer may not be replicated yet.
_FIND = f"select digest, status, body, incident_id, event_id from idempotency where {_KEY} for share"
_STORE = f"update idempotency set status = %s, body = %s, incident_id = %s, event_id = %s where {_KEY}"
_COLUMNS = ("district", "caller", "key", "digest", "status", "body", "incident_id", "event_id")
KEPT = f"kept as ({insert_into('idempotency', _COLUMNS)})"
"""An answer under a key that no request has claimed, as part of a statement; its values are `kept_row`."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The caller, the key, and the SHA-256 of the canonical request."""

    caller: str
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first request's answer: HTTP status and the bytes of its body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class AnswerOfEvent:
    """The first request's answer as the event that it is made from, so that what the event holds is stored once.

    `operations.cases.answers` makes it again.
    """

    status: int
    incident_id: UUID
    event_id: UUID


def kept_row(district: str, request: RequestKey, answer: Kept) -> list[Any]:
    """Return the values of KEPT."""
    return [district, request.caller, request.key, request.digest, *_kept_values(answer)]


def _kept_values(answer: Kept) -> list[Any]:
    if isinstance(answer, KeptAnswer):
        return [answer.status, answer.body, None, None]
    return [answer.status, None, answer.incident_id, answer.event_id]


def read_kept(status: int, body: bytes | None, incident_id: UUID | None, event_id: UUID | None) -> Kept:
    """Return the answer of a row."""
    if body is not None:
        return KeptAnswer(status, body)
    assert incident_id is not None
    assert event_id is not None
    return AnswerOfEvent(status, incident_id, event_id)


Kept = KeptAnswer | AnswerOfEvent


def begin_answer(connection: Connection, district: str, request: RequestKey) -> Kept | None:
    """Claim the key, or return the answer that it already has.

    The insert waits for a concurrent request under the same key: its answer is returned, or, if
    it failed, this one runs.

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    """
    key = (district, request.caller, request.key)
    if fetch_all(connection, _CLAIM, (*key, request.digest)):
        return None
    [(digest, *kept)] = fetch_all(connection, _FIND, key)
    check_twin(request, digest)
    return read_kept(*kept)


def find_answer(connection: Connection, district: str, request: RequestKey) -> Kept | None:
    """Return the answer that a key has, without claiming it.

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    """
    found = fetch_all(connection, _FIND, (district, request.caller, request.key))
    if not found:
        return None
    [(digest, *kept)] = found
    check_twin(request, digest)
    return read_kept(*kept)


def check_twin(request: RequestKey, digest: bytes) -> None:
    """Refuse a key that was used before with another request, of this digest."""
    if digest != request.digest:
        raise InvalidInput(
            "This Idempotency-Key was used before with another request. Use a new key for a new request.",
            kind="idempotency-key-reused",
        )


def keep_answer(connection: Connection, district: str, request: RequestKey, answer: KeptAnswer) -> None:
    """Store the answer in the transaction of the change that it reports."""
    key = (district, request.caller, request.key)
    fetch_all(connection, _STORE, (*_kept_values(answer), *key))

"""One answer per (district, caller, key): a retry gets the first one's bytes, a twin in flight waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.case_tables import idempotency
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Who asked what under which key; `digest` is that of the canonical request."""

    caller: str
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first request's answer: HTTP status and the bytes of its body."""

    status: int
    body: bytes


def begin_answer(connection: Connection, district: str, request: RequestKey) -> KeptAnswer | None:
    """Claim the key, or return the answer that it already has.

    The insert waits for a twin in flight: if that commits, its answer is returned; if it fails, this one goes on.

    Raises
    ------
    InvalidInput
        When the key was used before with another request.
    """
    row = {"district": district, "caller": request.caller, "key": request.key, "digest": request.digest}
    claim = insert(idempotency).values(row).on_conflict_do_nothing().returning(idempotency.c.key)
    if connection.scalar(claim) is not None:
        return None
    query = select(idempotency.c.digest, idempotency.c.status, idempotency.c.body).where(
        idempotency.c.district == district,
        idempotency.c.caller == request.caller,
        idempotency.c.key == request.key,
    )
    digest, status, body = connection.execute(query).one()
    check_twin(request, bytes(digest))
    return KeptAnswer(status, bytes(body))


def check_twin(request: RequestKey, digest: bytes) -> None:
    """Refuse a key that was used before with another request, of this digest."""
    if digest != request.digest:
        raise InvalidInput(
            "This Idempotency-Key was used before with another request. Use a new key for a new request.",
            kind="idempotency-key-reused",
        )


def keep_answer(connection: Connection, district: str, request: RequestKey, answer: KeptAnswer) -> None:
    """Keep the answer in the transaction of what it tells of."""
    connection.execute(
        update(idempotency)
        .where(
            idempotency.c.district == district,
            idempotency.c.caller == request.caller,
            idempotency.c.key == request.key,
        )
        .values(status=answer.status, body=answer.body)
    )

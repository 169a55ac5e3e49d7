"""An answer that is given once: a retry gets its bytes, and nothing is done a second time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gridsvc.db.session import idempotency
from gridsvc.db.session.idempotency import KeptAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.db.session.idempotency import RequestKey
    from gridsvc.json_types import Json


def json_answer(status: int, value: Json) -> KeptAnswer:
    """Return an answer as the bytes that every retry gets."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return KeptAnswer(status, text.encode())


def find_kept(connection: Connection, district: str, request: RequestKey) -> KeptAnswer | None:
    """Claim the key, or return the answer that is stored under it."""
    kept = idempotency.begin_answer(connection, district, request)
    assert kept is None or isinstance(kept, KeptAnswer)  # the digest covers the route: it is no answer about a case
    return kept


def answer_once(
    connection: Connection, district: str, request: RequestKey | None, status: int, work: Callable[[], Json]
) -> KeptAnswer:
    """Do the work and store its answer in the same transaction, or return the answer that is stored already.

    A second request under the same key waits for the first. Without a key (`request` None) the work is simply done.
    """
    if request is not None and (kept := find_kept(connection, district, request)) is not None:
        return kept
    answer = json_answer(status, work())
    if request is not None:
        idempotency.keep_answer(connection, district, request, answer)
    return answer

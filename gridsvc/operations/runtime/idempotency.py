"""An answer that is given once: a retry gets its bytes, and nothing is done a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.session import idempotency
from gridsvc.operations.cases.report import idempotency_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey


def answer_once(
    connection: Connection, district: str, request: RequestKey | None, status: int, work: Callable[[], Any]
) -> KeptAnswer:
    """Do the work and keep its answer in the same transaction, or return the one that is kept.

    A twin in flight waits for the first. Without a key (`request` None) the work is simply done.
    """
    if request is not None and (kept := idempotency.begin_answer(connection, district, request)) is not None:
        return kept
    answer = idempotency_answer(status, work())
    if request is not None:
        idempotency.keep_answer(connection, district, request, answer)
    return answer

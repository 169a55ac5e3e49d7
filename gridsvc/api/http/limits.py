"""Limits on the size and the duration of one request."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from gridsvc.api.http.lanes import Lane, LaneFullError, Limits, refuse_full
from gridsvc.api.http.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY_BYTES = 1_000_000
LARGEST_BATCH_BYTES = {"/owners": 100_000_000, "/travel-times": 10_000_000}
LARGEST_UNKNOWN_BYTES = {"/osmand": 200_000}
"""The credential is in the body, which is therefore read for everybody."""
LONGEST_TARGET_BYTES = 8_000
"""Path and query together; anything longer belongs in a body."""

BODY_WITHIN_S = 60.0
BATCHES = Limits(at_once=2, waiting=16, of_one_caller=8)
"""In one process: a body of 100 MB takes about 600 MB of memory while it is answered."""


class _RefusedError(Exception):
    pass


class RequestLimit:
    """Middleware: 414 for a long address, 413 for a large body before all of it is read, 408 for a slow one.

    At most `BATCHES.at_once` large batches are answered at a time; the others wait, their bodies unread, and those for
    which there is no more room are refused (429, 503).
    """

    def __init__(self, app: ASGIApp, body_within_s: float = BODY_WITHIN_S) -> None:
        self.app = app
        self.body_within_s = body_within_s
        self._batches = Lane("batches", BATCHES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _target_bytes(scope) > LONGEST_TARGET_BYTES:
            await _too_long()(scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        limit = (LARGEST_BATCH_BYTES | LARGEST_UNKNOWN_BYTES).get(scope["path"], LARGEST_BODY_BYTES)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        async with AsyncExitStack() as held:
            if limit > LARGEST_BODY_BYTES and not (declared.isdigit() and 0 < int(declared) <= LARGEST_BODY_BYTES):
                try:
                    held.enter_context(self._batches.place(_caller_of(scope)))
                except LaneFullError as full:
                    await refuse_full(full)(scope, receive, send)
                    return
                await held.enter_async_context(self._batches.threads.limiter)
            await self._pass(scope, receive, send, limit)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        taken = 0
        whole = answered = False
        refusal: ASGIApp | None = None
        late_at = asyncio.get_running_loop().time() + self.body_within_s

        async def counted() -> Message:
            nonlocal taken, whole, refusal
            if whole:  # the next message reports a disconnected client, at any time
                return await receive()
            try:
                async with asyncio.timeout_at(late_at):
                    message = await receive()
            except TimeoutError:
                refusal = _too_slow(self.body_within_s)
                raise _RefusedError from None
            whole = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > limit:
                refusal = _too_large(limit)
                raise _RefusedError
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            if refusal is None or answered:  # else: the answer of the application to a body that it could not read
                answered = True
                await send(message)

        with suppress(_RefusedError):
            await self.app(scope, counted, watched)
        if refusal is not None and not answered:
            await refusal(scope, receive, send)


def _caller_of(scope: Scope) -> str:
    caller = scope.get("state", {}).get("caller")
    return "" if caller is None else str(caller.name)


def _target_bytes(scope: Scope) -> int:
    return len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])


def _too_long() -> ASGIApp:
    detail = f"Path and query are longer than {LONGEST_TARGET_BYTES} bytes. Send a shorter one, or use a body."
    return problem(414, "too-long", detail, limit_bytes=LONGEST_TARGET_BYTES)


def _too_slow(within_s: float) -> ASGIApp:
    detail = f"The body did not arrive within {within_s:g} s. Send it at once, or send less."
    return problem(408, "too-slow", detail, limit_s=within_s)


def _too_large(limit: int) -> ASGIApp:
    detail = f"The body is larger than {limit} bytes. Send less in one request."
    return problem(413, "too-large", detail, limit_bytes=limit)

"""Limits on what one request may bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.api.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY_BYTES = 1_000_000
LARGEST_BATCH_BYTES = 100_000_000
BATCH_ROUTES = ("/owners", "/travel-times")


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """Middleware: a body beyond the limit of its route is refused with 413 before it is read whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        limit = LARGEST_BATCH_BYTES if scope["path"] in BATCH_ROUTES else LARGEST_BODY_BYTES
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > limit:
            await _refuse(limit)(scope, receive, send)
            return
        taken = 0
        answered = False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _TooLargeError
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except _TooLargeError:
            if not answered:
                await _refuse(limit)(scope, receive, send)


def _refuse(limit: int) -> ASGIApp:
    return problem(413, "too-large", "Too large", f"The body is larger than {limit} bytes. Send less at once.")

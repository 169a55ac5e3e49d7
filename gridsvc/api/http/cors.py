"""CORS (Fetch standard) for tiles and /ogc: which other pages may read them. No cookie is ever sent along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATHS = ("/ogc", "/tiles")
"""What other pages may read: maps. All else of the service is for its own pages."""

_METHODS = b"GET, OPTIONS"
_ASKED_HEADERS = b"Authorization, If-None-Match"
_SHOWN_HEADERS = b"ETag, Age, Retry-After"
_PREFLIGHT_FOR_S = b"600"


class Cors:
    """Middleware: answers preflights of the allowed origins, and marks what they may read.

    It comes before sign-in, since a preflight has no key.
    """

    def __init__(self, app: ASGIApp, *, origins: frozenset[str]) -> None:
        self.app = app
        self.origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin.lower() not in self.origins:
            await self.app(scope, receive, send)
            return
        marks = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            answer = Response(status_code=204)
            answer.raw_headers += [
                *marks,
                (b"access-control-allow-methods", _METHODS),
                (b"access-control-allow-headers", _ASKED_HEADERS),
                (b"access-control-max-age", _PREFLIGHT_FOR_S),
            ]
            await answer(scope, receive, send)
            return
        marks += [
            (b"access-control-expose-headers", _SHOWN_HEADERS),
            (b"cross-origin-resource-policy", b"cross-origin"),
        ]

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        await self.app(scope, receive, marked)


def _is_open(path: str) -> bool:
    return any(path == each or path.startswith((f"{each}/", f"{each}.")) for each in PATHS)

"""Security headers of every answer: no sniffing, framing, referrer or shared cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"geolocation=(self), camera=(self), microphone=(), payment=(), usb=()",
}
# For anything but a page: nothing may run, load or be framed. Pages set their own policy.
_POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HTTPS_FOR_A_YEAR = b"max-age=31536000"


class SafeHeaders:
    """Middleware: adds the headers that are missing; those that a route sets stay.

    Parameters
    ----------
    signed_in
        Whether answers depend on the caller: then no shared cache may store them.
    """

    def __init__(self, app: ASGIApp, *, signed_in: bool) -> None:
        self.app = app
        self.signed_in = signed_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._headers(scope, list(message["headers"]))
            await send(message)

        await self.app(scope, receive, with_headers)

    def _headers(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        there = {name.lower(): position for position, (name, _) in enumerate(headers)}
        headers += [(name, value) for name, value in _ALWAYS.items() if name not in there]
        if b"content-security-policy" not in there:
            headers.append((b"content-security-policy", _POLICY))
        if scope.get("scheme") == "https":
            headers.append((b"strict-transport-security", _HTTPS_FOR_A_YEAR))
        if not self.signed_in:
            return headers
        position = there.get(b"cache-control")
        if position is None:
            headers.append((b"cache-control", b"no-store"))
        elif not any(word in headers[position][1] for word in (b"public", b"private", b"no-store")):
            headers[position] = (b"cache-control", headers[position][1] + b", private")
        if position is None or b"public" not in headers[position][1]:
            headers.append((b"vary", b"Authorization, Cookie"))
        return headers

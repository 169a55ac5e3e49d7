"""Sign-in: a key, the cookie of a session or the token of a device becomes a caller, before anything else.

Without sign-in (GRIDSVC_AUTH=off, on loopback only) every caller is the operator of the machine.
"""

from __future__ import annotations

import hmac
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse

from gridsvc.access.hosts import is_own_name
from gridsvc.access.scopes import NOTHING, OPERATOR, Caller, Role
from gridsvc.api.http import rates
from gridsvc.api.http.problems import problem, unavailable
from gridsvc.api.http.rate_table import RateTable
from gridsvc.api.http.route_rights import OWN, ROUTES
from gridsvc.api.http.verification import TooManyWrongError, Verification
from gridsvc.errors import GridsvcError, NotAllowed, Unavailable
from gridsvc.operations.access.credentials import csrf_token

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gridsvc.operations.access.callers import CallerCache

COOKIE, SECURE_COOKIE = "gridsvc", "__Host-gridsvc"
CSRF_HEADER = "x-csrf-token"
STRANGER = Caller("nobody", Role.OFFICER, NOTHING)
_READS = {"GET", "HEAD", "OPTIONS"}
_OPEN = {(method, path) for (method, path), needed in ROUTES.items() if needed is None and "{" not in path}
_OWN = {route for route, needed in ROUTES.items() if needed == OWN}
_STREAM_CHECKED_EVERY_S = 1.0


class SignIn:
    """Middleware: sets `state.caller`; a caller without a valid key reaches the open routes only.

    Parameters
    ----------
    callers
        The callers that this process knows; None = no sign-in: every caller is the operator.
    table
        The rates that all processes of the service count together; None: this process counts for itself.
    """

    def __init__(self, app: ASGIApp, callers: CallerCache | None, table: RateTable | None = None) -> None:
        self.app = app
        table = RateTable() if table is None else table
        self.verification = None if callers is None else Verification(callers, table)
        self._callers = rates.Buckets(rates.CALLER, kind="caller", table=table)
        self._strangers = rates.Buckets(rates.STRANGER, kind="address", table=table)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["sign_in"] = self
        headers = Headers(scope=scope)
        method, path = scope.get("method", "GET"), scope["path"]
        is_own = (method, path) in _OWN
        if self.verification is None:
            writes = is_own or method not in _READS
            await (_refuse_from(headers, writes=writes) or self._as_operator(state))(scope, receive, send)
            return
        is_open = (method, path) in _OPEN or (method == "GET" and path.startswith("/assets/"))
        credential, by_cookie = _credential(scope, headers)
        if is_own and (
            credential is None or by_cookie
        ):  # a GET that writes takes no cookie, which a browser adds itself
            state["caller"] = STRANGER
            await self.app(scope, receive, send)
            return
        if credential is None or (is_open and path != "/readyz"):
            answer = self._admit_stranger(scope, headers, is_open=is_open)
            state["caller"] = STRANGER
            await (answer or self.app)(scope, receive, send)
            return
        caller = await self.admit(scope, credential)
        if not isinstance(caller, Caller):
            await caller(scope, receive, send)
            return
        if by_cookie and method not in _READS and not _same(headers.get(CSRF_HEADER), csrf_token(credential)):
            detail = "A write with the session's cookie needs the header X-CSRF-Token; GET /session shows its value."
            answer = problem(403, "csrf", detail)
            await answer(scope, receive, send)
            return
        state["caller"], state["credential"] = caller, credential
        await self.app(scope, receive, self._watched(credential, send))

    async def admit(self, scope: Scope, credential: str) -> Caller | Response:
        """Return the caller of a key or token, or the refusal: a wrong one, too many of them, too many requests."""
        assert self.verification is not None
        try:
            caller = await self.verification.caller_of(credential, address_of(scope))
        except TooManyWrongError as refused:
            return too_often(refused.wait_s, "wrong-keys")
        except Unavailable as away:
            return unavailable(away)
        if caller is None:
            return _refuse(scope, Headers(scope=scope), unknown=False)
        wait_s = self._callers.take(caller.name)
        return too_often(wait_s, "caller") if wait_s else caller

    def _as_operator(self, state: dict[str, Any]) -> ASGIApp:
        state["caller"] = OPERATOR
        return self.app

    def note_forbidden(self, scope: Scope, error: NotAllowed) -> None:
        """Write the event of a known caller who had no right."""
        caller: Caller = scope["state"]["caller"]
        if self.verification is not None:
            with suppress(GridsvcError):  # the refusal stands even where its event cannot be written
                self.verification.callers.note_refusal(
                    "refused", caller.name, district=caller.scope.district, address=address_of(scope), why=error.kind
                )

    def _admit_stranger(self, scope: Scope, headers: Headers, *, is_open: bool) -> Response | None:
        if is_open:
            quiet = scope["path"] in {"/healthz", "/readyz"} or scope["path"].startswith("/assets/")
            wait_s = 0.0 if quiet else self._strangers.take(address_of(scope))
            return too_often(wait_s, "address") if wait_s else None
        return _refuse(scope, headers, unknown=True)

    def _watched(self, credential: str, send: Send) -> Send:
        """Return a `send` that ends a stream within a second after the key of its caller ends."""
        streams = False
        checked_at = time.monotonic()
        ended = False

        async def watched(message: Message) -> None:
            nonlocal streams, checked_at, ended
            if message["type"] == "http.response.start":
                kinds = [value for name, value in message["headers"] if name == b"content-type"]
                streams = bool(kinds) and kinds[0].startswith(b"text/event-stream")
            elif streams and not ended and time.monotonic() - checked_at > _STREAM_CHECKED_EVERY_S:
                checked_at = time.monotonic()
                ended = not await self._is_good(credential)
                if ended:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            if not ended:
                await send(message)

        return watched

    async def _is_good(self, credential: str) -> bool:
        assert self.verification is not None
        try:
            return (
                self.verification.callers.find(credential) is not None
                or await self.verification.renewed(credential) is not None
            )
        except GridsvcError:
            return True  # the database is unavailable: no key can have been revoked


def _refuse(scope: Scope, headers: Headers, *, unknown: bool) -> Response:
    """Return the answer to a request without a key (`unknown`), or with one that is wrong."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse(f"/sign-in?next={quote(scope['path'], safe='/')}", status_code=303)
    if unknown:
        kind, detail, more = "sign-in-required", "Send `Authorization: Bearer KEY`, or sign in at /sign-in.", ""
    else:
        kind, more = "key-refused", ', error="invalid_token"'
        detail = "This key, session or device is not known, or it has ended. Ask an administrator for a new key."
    return problem(401, kind, detail, headers={"WWW-Authenticate": f'Bearer realm="gridsvc"{more}'})


def address_of(scope: Scope) -> str:
    """Return the address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def is_secure(scope: Scope) -> bool:
    """Whether the connection is encrypted."""
    return str(scope.get("scheme")) in {"https", "wss"}


def cookie_name(scope: Scope) -> str:
    """Return the name of the session's cookie; over TLS with the prefix that browsers enforce."""
    return SECURE_COOKIE if is_secure(scope) else COOKIE


_TOO_OFTEN = {
    "caller": "You send requests",
    "address": "Your address sends requests",
    "wrong-keys": "Your address sends wrong keys",
    "wrong-codes": "Your address sends wrong codes",
}


def too_often(wait_s: float, what: str) -> Response:
    """Return the refusal of a request beyond a rate; `what` is a key of _TOO_OFTEN."""
    retry_after_s = math.ceil(wait_s)
    detail = f"{_TOO_OFTEN[what]} too often. Try again in {retry_after_s} s."
    headers = {"Retry-After": str(retry_after_s)}
    return problem(429, "too-often", detail, headers=headers, retry_after_s=retry_after_s, what=what)


def _credential(scope: Scope, headers: Headers) -> tuple[str | None, bool]:
    """Return the credential of a request, and whether it is a cookie."""
    authorization = headers.get("authorization")
    if authorization is not None:
        kind, _, value = authorization.partition(" ")
        return (value.strip() if kind.lower() == "bearer" else ""), False
    cookies = headers.get("cookie")
    if cookies is not None and (token := cookie_parser(cookies).get(cookie_name(scope))):
        return token, True
    return None, False


def _same(sent: str | None, wanted: str) -> bool:
    return sent is not None and hmac.compare_digest(sent.encode("utf-8", "replace"), wanted.encode())


def _is_foreign(headers: Headers) -> bool:
    """Whether a page of another site sends the request; programs send neither header."""
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _refuse_from(headers: Headers, *, writes: bool) -> Response | None:
    """Return the refusal of what a page of another site may have sent to a service without sign-in, else None."""
    host = headers.get("host")
    if host is not None and not is_own_name(host):
        return _refuse_host(host[:100])
    return _refuse_foreign() if writes and _is_foreign(headers) else None


def _refuse_foreign() -> Response:
    detail = "This write is sent by a page of another site. Send it from this service's own page."
    return problem(403, "csrf", detail)


def _refuse_host(host: str) -> Response:
    detail = f"This service has no sign-in, so it answers to names of this machine only, not to {host}. Use localhost."
    return problem(421, "foreign-host", detail, host=host)

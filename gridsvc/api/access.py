"""Sign-in over HTTP: browser sessions, paired devices, and the caller's rights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from gridsvc.access.scopes import Caller
from gridsvc.api.answers.access import Device, Pairing, Session
from gridsvc.api.answers.case_events import UnmaskedCase
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.problems import problem
from gridsvc.api.http.requests import Body, Text, caller, incident_id_of, service_of, team_id_of
from gridsvc.api.http.sign_in import SignIn, address_of, cookie_name, is_secure, too_often
from gridsvc.api.http.verification import TooManyWrongError
from gridsvc.api.screen_data.pages import PAGE_HEADERS, list_assets
from gridsvc.errors import NotFound
from gridsvc.operations.access import credentials, sessions
from gridsvc.operations.cases import read

router = APIRouter(tags=["access"])

_PAGE = Path(__file__).with_name("screen") / "sign_in.html"
_ME = {
    "auth": "required", "name": "王小明", "role": "dispatcher", "district": "330703", "scope": None,
    "rights": ["LOOK", "REPORT"], "session": "01a20c85-95e1-7e22-969f-63cda45f0508", "csrf": "d6a1…",
    "expires_at": "2026-03-01T20:41:00+00:00",
}  # fmt: skip


_DEVICE = {
    "token": "gd_...", "name": "王小明", "role": "officer", "team_id": None, "expires_at": "2026-05-30T08:46:00+00:00",
}  # fmt: skip
_UNMASKED = {
    "incident_id": "01a20c85-95e1-7e22-969f-63cda45f0508", "reporter": {"name": "王小明", "phone": "13812341234"},
    "description": "…", "subject": None, "site": None, "notes": {},
}  # fmt: skip


class KeyBody(Body):
    """A key, as `gridsvc keys add` showed it."""

    key: Annotated[Text, Field(max_length=200)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"key": "gs_..."}]}}


class PairingBody(Body):
    """The team whose position the device reports; null = none."""

    team_id: Annotated[Text, Field(max_length=60)] | None = None

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"team_id": None}]}}


class CodeBody(Body):
    """A one-time code."""

    code: Annotated[Text, Field(max_length=40)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"code": "k7fpq2m9xr"}]}}


class WhyBody(Body):
    """Why the reporter must be known; stored with the event."""

    why: Annotated[Text, Field(min_length=1, max_length=500)]

    model_config = Body.model_config | {"json_schema_extra": {"examples": [{"why": "call back: the line broke"}]}}


@router.get("/sign-in", include_in_schema=False, response_class=HTMLResponse)
def get_sign_in() -> HTMLResponse:
    """Return the page on which a person enters a key."""
    page = _PAGE.read_text(encoding="utf-8").replace("{assets}", f"/assets/{list_assets().digest}")
    return HTMLResponse(page, headers=PAGE_HEADERS)


@router.post("/session", status_code=201, summary="Sign a browser in", responses=answer(Session, _ME, status=201))
async def post_session(request: Request, body: KeyBody) -> Response:
    """Take a key, give a cookie that scripts cannot read, and the CSRF token that writes must carry."""
    sign_in: SignIn = request.state.sign_in
    verification = sign_in.verification
    if verification is None:
        return JSONResponse(_me(request), status_code=201)
    address = address_of(request.scope)
    try:
        key = await verification.key_of(body.key.strip(), address)
    except TooManyWrongError as refused:
        return too_often(refused.wait_s, "wrong-keys")
    if key is None:
        headers = {"WWW-Authenticate": 'Bearer realm="gridsvc", error="invalid_token"'}
        return problem(401, "key-refused", "This key is not known, or it was revoked. Copy it whole.", headers=headers)
    session = await run_in_threadpool(verification.callers.begin_session, key)
    more = {"csrf": credentials.csrf_token(session.token), "expires_at": session.expires_at.isoformat()}
    response = JSONResponse(_json(session.caller) | more, status_code=201)
    response.set_cookie(
        cookie_name(request.scope),
        session.token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_secure(request.scope),
        max_age=int(sessions.SESSION_LIVES.total_seconds()),
    )
    return response


@router.get("/session", summary="The caller and the caller's rights", responses=answer(Session, _ME))
def get_session(request: Request) -> Response:
    """Return the caller; for a browser also the CSRF token."""
    return JSONResponse(_me(request))


@router.delete("/session", status_code=204, summary="Sign out", responses={204: {"description": "signed out"}})
def delete_session(request: Request) -> Response:
    """End the session or device of the request; `gridsvc keys revoke` ends a key."""
    sign_in: SignIn = request.state.sign_in
    response = Response(status_code=204)
    if sign_in.verification is not None:
        if caller(request).session is None:
            raise NotFound(
                "The request has a key, not a session. `gridsvc keys revoke NAME` ends a key.", kind="no-session"
            )
        sign_in.verification.callers.end_session(request.state.credential)
        response.delete_cookie(
            cookie_name(request.scope), path="/", httponly=True, samesite="strict", secure=is_secure(request.scope)
        )
    return response


@router.post(
    "/pairings",
    status_code=201,
    summary="A one-time code that pairs a device with the caller",
    responses=answer(
        Pairing, {"code": "k7fpq2m9xr", "expires_at": "2026-03-01T08:46:00+00:00", "team_id": None}, status=201
    ),
)
def post_pairing(request: Request, body: PairingBody) -> Response:
    """Return a code that is valid once, for five minutes."""
    team = None if body.team_id is None else team_id_of(body.team_id)
    return JSONResponse(sessions.begin_pairing(service_of(request), caller(request), team), status_code=201)


@router.post(
    "/devices",
    status_code=201,
    summary="Pair this device with a one-time code",
    responses=answer(Device, _DEVICE, status=201),
)
def post_device(request: Request, body: CodeBody) -> Response:
    """Exchange a code for the token of the device; the token is shown once."""
    sign_in: SignIn = request.state.sign_in
    address = address_of(request.scope)
    codes = None if sign_in.verification is None else sign_in.verification.codes
    if codes is not None and (wait_s := codes.take(address)):
        return too_often(wait_s, "wrong-codes")
    device = sessions.pair_device(request.app.state.whole_service, body.code)
    if codes is not None:
        codes.give_back(address)
    return JSONResponse(device, status_code=201)


@router.post(
    "/incidents/{incident_id}/unmask",
    summary="The reporter and the texts of a case, in full",
    responses=answer(UnmaskedCase, _UNMASKED),
)
def post_unmask(request: Request, incident_id: str, body: WhyBody) -> Response:
    """Return the reporter and the texts without masks, and write the event with the reader and the reason."""
    return JSONResponse(read.unmask(service_of(request), incident_id_of(incident_id), why=body.why))


def _me(request: Request) -> dict[str, Any]:
    session = _json(caller(request))
    sign_in: SignIn = request.state.sign_in
    if sign_in.verification is None:
        return session | {"auth": "off"}
    if session["session"] is not None:
        session["csrf"] = credentials.csrf_token(request.state.credential)
    return session


def _json(who: Caller) -> dict[str, Any]:
    return {
        "auth": "required",
        "name": who.name,
        "role": str(who.role),
        "district": who.scope.district,
        "scope": who.scope.grid,
        "rights": sorted(right.name for right in who.rights),
        "session": who.session,
    }

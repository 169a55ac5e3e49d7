"""Refusals as RFC 9457 problem details: one table from class to status."""

from __future__ import annotations

import errno
import logging
import math
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gridsvc import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request

    from gridsvc.json_types import Json

STATUS: dict[type[errors.Refusal], int] = {
    errors.InvalidQuery: 400,
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotAllowed: 403,
    errors.TooLarge: 413,
    errors.Refusal: 409,
}

TYPE_BASE = "urn:gridsvc:problem:"
MEDIA_TYPE = "application/problem+json"
TOP_LEVEL = ("distance_m", "bearing_deg")
"""Parameters that are members of the problem document itself, too."""

_MOST_ERRORS = 20
_LONGEST_VALUE = 100

_log = logging.getLogger("gridsvc.api")


def problem(
    status: int, kind: str, detail: str, /, *, headers: Mapping[str, str] | None = None, **parameters: Json
) -> JSONResponse:
    """Return one problem document; `kind` makes its `type` and `title`, `parameters` are the values of `detail`."""
    body = {
        **described(kind, detail, parameters),
        "title": kind.replace("-", " ").capitalize(),
        "status": status,
        **{name: parameters[name] for name in TOP_LEVEL if name in parameters},
    }
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def described(kind: str, detail: str, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Return {type, detail, parameters}: a refusal of a part of a request, as a problem document has them."""
    plain = {name: _plain(value) for name, value in parameters.items()}
    return {"type": TYPE_BASE + kind, "detail": detail, "parameters": plain}


def _plain(value: object) -> Json:
    """Return a JSON value: a number that is not finite, an id or a time becomes text, half a surrogate pair `?`."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value).encode("utf-8", "replace").decode()


def register(app: FastAPI) -> None:
    """Answer every refusal and every unexpected error with a problem document."""
    app.add_exception_handler(errors.Refusal, _refusal)
    app.add_exception_handler(errors.Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def unavailable(error: errors.Unavailable) -> JSONResponse:
    """Return the 503 of something that does not answer at the moment."""
    headers = {"Retry-After": str(error.retry_after_s)}
    return problem(503, error.kind, error.detail, headers=headers, **error.parameters)


def _refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.Refusal)
    if isinstance(error, errors.NotAllowed) and (sign_in := getattr(request.state, "sign_in", None)) is not None:
        sign_in.note_forbidden(request.scope, error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return problem(status, error.kind, error.detail, **error.parameters)


def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.Unavailable)
    return unavailable(error)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Return the refusal of a request that does not fit its schema; the first of its errors gives the kind."""
    assert isinstance(error, RequestValidationError)
    found = list_errors(error.errors())
    kind = "not-json" if found and found[0]["error"] == "json_invalid" else "invalid-input"
    return problem(422, kind, f"The request is not valid. {name_errors(found)}.", errors=found)


def list_errors(errors: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """Return the first errors that pydantic found as the parameter `errors` of a refusal."""
    return [_error_json(each) for each in errors[:_MOST_ERRORS]]


def name_errors(found: Sequence[Mapping[str, Json]]) -> str:
    """Return the first of `list_errors` in words."""
    return "; ".join(f"{each['where']}: {each['what']}".removeprefix(": ") for each in found[:3])


def _error_json(error: Mapping[str, Json]) -> dict[str, Json]:
    """Return where an error is, what it is in English, its name in pydantic, and the value where it is a short one."""
    found: dict[str, Json] = {
        "where": ".".join(str(part) for part in error["loc"]),
        "what": error["msg"],
        "error": error["type"],
    }
    value = error.get("input")
    if isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= _LONGEST_VALUE):
        found["value"] = value
    return found


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        answer = problem(400, "bad-request", "The body is no JSON that can be read. Send UTF-8 JSON.")
    elif error.status_code == 404:
        detail = "There is nothing at this address. GET /openapi.json lists what there is."
        answer = problem(404, "no-such-page", detail, path=request.url.path[:200])
    elif error.status_code == 405:
        return _method_not_allowed(request)
    else:
        answer = problem(error.status_code, "http", str(error.detail), reason=str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _method_not_allowed(request: Request) -> JSONResponse:
    """Return the 405 of an address with the methods of all of its routes (RFC 9110, 15.5.6)."""
    routes = [route for route in request.app.state.routes if route.matches(request.scope)[0] is not Match.NONE]
    known = sorted({method for route in routes for method in route.methods})
    detail = f"This address does not take {request.method}. It takes: {', '.join(known)}."
    headers = {"Allow": ", ".join(known)}
    return problem(405, "method-not-allowed", detail, headers=headers, method=request.method, known=known)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return unavailable(errors.DiskFull())
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "An unexpected error occurred in the service; it was logged. Try again."
    return problem(503, "unforeseen", detail, headers={"Retry-After": "5"}, retry_after_s=5)

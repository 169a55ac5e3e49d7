"""Refusals as RFC 9457 problem details: one table from class to status."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gridsvc import errors

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

STATUS: dict[type[errors.Refusal], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotAllowed: 403,
    errors.TooLarge: 413,
    errors.Refusal: 409,
}

TYPE_BASE = "urn:gridsvc:problem:"
MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("gridsvc.api")


def problem(status: int, kind: str, title: str, detail: str, /, **facts: Any) -> JSONResponse:
    """Return one problem document; `kind` makes its `type`."""
    body = facts | {"type": TYPE_BASE + kind, "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def register(app: FastAPI) -> None:
    """Let every refusal, and everything that goes wrong, reach the caller as a problem document."""
    app.add_exception_handler(errors.Refusal, _refusal)
    app.add_exception_handler(errors.Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.Refusal)
    if isinstance(error, errors.NotAllowed) and (sign_in := getattr(request.state, "sign_in", None)) is not None:
        sign_in.note_forbidden(request.scope, error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return problem(status, error.kind, error.kind.replace("-", " ").capitalize(), error.detail, **error.facts)


def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.Unavailable)
    answer = problem(503, error.kind, error.kind.replace("-", " ").capitalize(), error.detail)
    answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    wrong = [
        {"where": ".".join(str(part) for part in each["loc"]), "what": each["msg"]} for each in error.errors()[:20]
    ]
    told = "; ".join(f"{each['where']}: {each['what']}" for each in wrong[:3])
    return problem(422, "invalid-input", "Invalid input", f"The request cannot be read. {told}.", errors=wrong)


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    words = {
        400: ("bad-request", "The body is no JSON that can be read. Send UTF-8 JSON."),
        404: ("no-such-page", "There is nothing at this address. See /openapi.json for what there is."),
        405: ("method-not-allowed", "This address does not know this method. See /openapi.json."),
    }
    kind, detail = words.get(error.status_code, ("http", str(error.detail)))
    answer = problem(error.status_code, kind, str(error.detail), detail)
    answer.headers.update(error.headers or {})
    return answer


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return _unavailable(request, errors.DiskFull())
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    answer = problem(
        503, "unforeseen", "Unforeseen", "Something went wrong here, not with the request. It was logged; try again."
    )
    answer.headers["Retry-After"] = "5"
    return answer

"""What routes read from a request: the service, the caller, and the key under which the answer is stored."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Header, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.times import check_time

if TYPE_CHECKING:
    from gridsvc.access.scopes import Caller
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

_LONGEST_KEY = 255


class Body(BaseModel):
    """A request's body: unknown members are refused, numbers are finite, texts have no NUL and no lone surrogate."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=20_000)


_UNCLEAN = re.compile("[\x00\ud800-\udfff]")


def _clean(text: str) -> str:
    if _UNCLEAN.search(text):
        raise ValueError("has a NUL or half a surrogate pair; send plain text")
    return text


def _text(at: object) -> object:
    """Refuse numbers: pydantic reads them as seconds since 1970, which /openapi.json does not offer."""
    if not isinstance(at, str) or at.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("is no time; send RFC 3339 with offset, such as 2026-03-01T08:30:00+08:00")
    return at


Text = Annotated[str, AfterValidator(_clean)]
Moment = Annotated[datetime, BeforeValidator(_text), AfterValidator(check_time)]
IdempotencyKey = Annotated[
    str | None,
    Header(description="One answer per key: a retry gets the bytes of the first answer. Stored for 30 days."),
]


def service_of(request: Request) -> Service:
    """Return the service of this process, limited to the caller's scope."""
    service: Service = request.app.state.whole_service
    return service.seen_by(caller(request))


def caller(request: Request) -> Caller:
    """Return the caller, with rights and scope."""
    who: Caller = request.state.caller
    return who


def caller_of(request: Request) -> str:
    """Return the name of the caller: the actor of events and the owner of an Idempotency-Key."""
    return caller(request).name


def request_key(request: Request, key: str | None, body: Json) -> RequestKey | None:
    """Return the key of a request with the digest of its canonical form; None where no key was sent.

    Raises
    ------
    InvalidInput
        For an empty key, or one that is too long.
    """
    if key is None:
        return None
    if not key.strip() or len(key) > _LONGEST_KEY or not key.isprintable():
        raise InvalidInput(
            f"`Idempotency-Key` must have 1 to {_LONGEST_KEY} printable characters.",
            kind="idempotency-key",
            most=_LONGEST_KEY,
        )
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    whole = f"{request.method} {request.url.path}\n{canonical}".encode("utf-8", "surrogatepass")
    return RequestKey(caller_of(request), key, hashlib.sha256(whole).digest())


def as_response(answer: KeptAnswer) -> Response:
    """Return a stored answer with its first status and bytes."""
    if answer.status == 204:
        return Response(status_code=204)
    return Response(answer.body, status_code=answer.status, media_type="application/json")


def incident_id_of(text: str) -> UUID:
    """Return a case's id; NotFound for what cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(
            f"There is no case {text[:60]!r}. Ids are UUIDs, as POST /incidents gives them.",
            kind="no-incident",
            incident_id=text[:60],
        ) from None


def team_id_of(text: str) -> UUID:
    """Return a team's id; NotFound for what cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no team {text[:60]!r}. See GET /teams.", kind="no-team", team_id=text[:60]) from None

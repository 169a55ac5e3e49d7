"""The chain of events: canonical text, and a hash over it that detects every change or removal (R18).

Seal n of a district is SHA-256(seal n-1 | n as 8 bytes, big-endian | canonical text of event n, UTF-8);
seal 0 is 32 zero bytes. The text is JSON canonicalised by RFC 8785 and stored as text: the stored text is
hashed, never serialised again.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from uuid import UUID

    from gridsvc.json_types import Json

SCHEMA = 1
GENESIS = bytes(32)


def canonical(value: Json) -> str:
    """Return a JSON value as canonical text (RFC 8785).

    The fast path is `json.dumps`, whose output differs from the RFC only in integral floats, in floats outside 1e-4
    to 1e16, and in keys beyond ASCII: the first become integers, the others take the slow path.

    Raises
    ------
    ValueError
        For NaN, infinities and integers beyond 2^53.
    """
    try:
        plain = _plain(value)
    except _SlowPathError:
        return rfc8785.dumps(value).decode()
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class _SlowPathError(Exception):
    """json.dumps writes this value differently from RFC 8785."""


def _plain(value: Json) -> Json:
    """Return a value whose json.dumps text is that of RFC 8785."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is dict:
        plain = {}
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise _SlowPathError
            plain[key] = _plain(item)
        return plain
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is float:
        if value.is_integer() and abs(value) < 2**53:
            return int(value)
        if 1e-4 <= abs(value) < 1e16:
            return value
    elif kind is int and -(2**53) < value < 2**53:
        return value
    raise _SlowPathError


def whole(value: Json) -> Json:
    """Return a JSON value whose integral floats are integers, as RFC 8785 writes them: 60.0 and 60 are one number."""
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if kind is dict:
        return {key: whole(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [whole(item) for item in value]
    return value


def event_text(
    *,
    district: str,
    event_id: UUID,
    incident_id: UUID | None,
    kind: str,
    actor: str,
    at: datetime,
    client_at: datetime | None,
    data: dict[str, Any],
) -> str:
    """Return the canonical text of one event: actor, kind, case, data and both clocks."""
    return canonical(
        {
            "schema": SCHEMA,
            "district": district,
            "id": str(event_id),
            "incident_id": None if incident_id is None else str(incident_id),
            "kind": kind,
            "actor": actor,
            "at": at.isoformat(),
            "client_at": None if client_at is None else client_at.isoformat(),
            "data": data,
        }
    )


def seal(previous: bytes, position: int, text: str | bytes) -> bytes:
    """Return the hash of the event at a position (from 1), given the hash before it; bytes are UTF-8 already."""
    content = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(previous + position.to_bytes(8, "big") + content).digest()


def columns_agree(
    text: bytes, *, district: str, event_id: UUID, incident_id: UUID | None, kind: str, at: datetime
) -> bool:
    """Return whether the columns of an event agree with its text; only the text is hashed.

    Canonical text has sorted keys, so all but `at` are at its end.
    """
    case = "null" if incident_id is None else f'"{incident_id}"'
    end = f',"district":"{district}","id":"{event_id}","incident_id":{case},"kind":"{kind}","schema":{SCHEMA}}}'
    if not text.endswith(end.encode()):
        return False
    if f'","at":"{at.isoformat()}","client_at":'.encode() in text[:400]:
        return True
    return bool(datetime.fromisoformat(json.loads(text)["at"]) == at)


def personal_digest(salt: bytes, value: Json) -> str:
    """Return the digest of personal data for an event; without its salt it reveals nothing."""
    return hashlib.sha256(salt + canonical(whole(value)).encode()).hexdigest()

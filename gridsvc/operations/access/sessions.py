"""Browser sessions and paired devices: begun with a key, ended by their owner, by time or with the key."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import DEVICE_RIGHTS, Right
from gridsvc.db.access import keys as store
from gridsvc.db.evidence.events import append_event
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.access.keys import caller_of_key, random_letters

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Caller
    from gridsvc.db.access.keys import StoredKey, StoredSession
    from gridsvc.operations.runtime.service import Service

SESSION_LIVES = timedelta(hours=12)
"""A browser session that is not used for a shift ends."""
DEVICE_LIVES = timedelta(days=90)
RENEWED_AFTER = 1 / 8
"""A session is renewed when this share of its life is over: one write in ninety minutes, not one a request."""
CODE_LIVES = timedelta(minutes=5)
_CODE = 10  # letters of five bits


@dataclass(frozen=True, slots=True)
class Begun:
    """A session at its birth: the only time that `token` is known."""

    caller: Caller
    token: str
    expires_at: datetime


def digest(secret: str) -> bytes:
    """Return the digest under which a random token or code is kept; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_token(session_token: str) -> str:
    """Return what a page must send beside the cookie in a write: only who can read the session's page knows it."""
    return hashlib.blake2b(session_token.encode(), digest_size=18, person=b"gridsvc-csrf").hexdigest()


def begin_session(service: Service, key: StoredKey) -> Begun:
    """Begin a browser session of a key that was just verified, with its event."""
    token = secrets.token_urlsafe(32)

    def work(connection: Connection) -> Begun:
        _, now = store.read_version(connection)
        expires_at = now + SESSION_LIVES
        session_id = store.add_session(connection, key, "browser", digest(token), expires_at)
        store.mark_used(connection, key, now)
        append_event(connection, key.district, "sign-in", actor=key.name, at=now,
                     data={"key": key.id, "session": str(session_id), "by": "browser"})  # fmt: skip
        caller = replace(caller_of_key(connection, key), session=str(session_id))
        return Begun(caller, token, expires_at)

    return service.database.run(work)


def end_session(service: Service, token: str) -> bool:
    """End a session in every process; False where it has ended already."""

    def work(connection: Connection) -> bool:
        found = store.find_session(connection, digest(token))
        if found is None:
            return False
        _, now = store.read_version(connection)
        store.end_session(connection, found, now)
        append_event(connection, found.key.district, "sign-out", actor=found.key.name, at=now,
                     data={"key": found.key.id, "session": str(found.id)})  # fmt: skip
        return True

    return service.database.run(work)


def begin_pairing(service: Service, caller: Caller, team_id: UUID | None = None) -> dict[str, Any]:
    """Return {code, expires_at, team_id}: a one-time code that makes a device the caller's own.

    Parameters
    ----------
    team_id
        The team whose position the device reports, None = none.
    """
    caller.need(Right.PAIR)
    if caller.key_id is None:
        raise InvalidInput("A device is paired to a key, and you came without one. Sign in, then pair.", kind="no-key")
    key_id, code = caller.key_id, random_letters(_CODE)

    def work(connection: Connection) -> dict[str, Any]:
        key = store.find_key(connection, key_id)
        if key is None:
            raise NotFound("Your key is gone.", kind="no-key")
        _, now = store.read_version(connection)
        store.add_pairing(connection, key, digest(code), now + CODE_LIVES, team_id)
        append_event(connection, key.district, "pairing-begun", actor=key.name, at=now,
                     data={"key": key.id, "team_id": None if team_id is None else str(team_id)})  # fmt: skip
        return {
            "code": code,
            "expires_at": (now + CODE_LIVES).isoformat(),
            "team_id": None if team_id is None else str(team_id),
        }

    return service.database.run(work)


def pair_device(service: Service, code: str) -> dict[str, Any]:
    """Use up a one-time code and return the device's token: {token, name, role, team_id, expires_at}.

    Raises
    ------
    NotFound
        For a code that is unknown, used or older than five minutes; which of them is not said.
    """
    token = f"gd_{random_letters(52)}"

    def work(connection: Connection) -> dict[str, Any]:
        _, now = store.read_version(connection)
        taken = store.take_pairing(connection, digest(code.strip().lower()), now)
        if taken is None:
            raise NotFound("This code is not known, or it was used, or its five minutes are over. Ask for a new one.",
                           kind="no-pairing")  # fmt: skip
        key, team_id = taken
        expires_at = now + DEVICE_LIVES
        device = store.add_session(connection, key, "device", digest(token), expires_at, team_id)
        append_event(connection, key.district, "device-paired", actor=key.name, at=now,
                     data={"key": key.id, "session": str(device), "team_id": None if team_id is None else str(team_id)},
                     )  # fmt: skip
        return {
            "token": token,
            "name": key.name,
            "role": key.role,
            "team_id": None if team_id is None else str(team_id),
            "expires_at": expires_at.isoformat(),
        }

    return service.database.run(work)


def caller_of_session(connection: Connection, found: StoredSession, now: datetime) -> Caller:
    """Return the caller that a session stands for, and let the session live on; a device may less than its owner."""
    lives = SESSION_LIVES if found.kind == "browser" else DEVICE_LIVES
    if found.expires_at - now < lives * (1 - RENEWED_AFTER):
        store.renew_session(connection, found, now + lives)
    caller = replace(caller_of_key(connection, found.key), session=str(found.id))
    return caller if found.kind == "browser" else replace(caller, rights=caller.rights & DEVICE_RIGHTS)

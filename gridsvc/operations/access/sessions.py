"""Browser sessions and paired devices. They start with a key and end on sign-out, on expiry, or with the key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.access.scopes import DEVICE_RIGHTS, TRACKER_RIGHTS, Right
from gridsvc.db.access import keys as store
from gridsvc.db.evidence.events import append_event
from gridsvc.db.teams import find_district
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.access.credentials import random_letters, token_digest
from gridsvc.operations.access.keys import caller_of_key

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Caller
    from gridsvc.db.access.keys import StoredKey, StoredSession
    from gridsvc.operations.runtime.service import Service

SESSION_LIVES = timedelta(hours=12)
"""A browser session expires when it is not used for so long."""
DEVICE_LIVES = timedelta(days=90)
RENEWED_AFTER = 1 / 8
"""A session is renewed when this share of its lifetime is over: one write in 90 minutes instead of one a request."""
CODE_LIVES = timedelta(minutes=5)
_CODE, _TRACKER = 10, 26  # letters of five bits


@dataclass(frozen=True, slots=True)
class NewSession:
    """A newly created session. `token` is returned once; the database stores only its digest."""

    caller: Caller
    token: str
    expires_at: datetime


def begin_session(service: Service, key: StoredKey) -> NewSession:
    """Start a browser session for a verified key and write its `sign-in` event."""
    token = secrets.token_urlsafe(32)

    def work(connection: Connection) -> NewSession:
        _, now = store.read_version(connection)
        expires_at = now + SESSION_LIVES
        session_id = store.add_session(connection, key, "browser", token_digest(token), expires_at)
        store.mark_used(connection, key, now)
        append_event(
            connection,
            key.district,
            "sign-in",
            actor=key.name,
            at=now,
            data={"key": key.id, "session": str(session_id), "by": "browser"},
        )
        caller = replace(caller_of_key(connection, key), session=str(session_id))
        return NewSession(caller, token, expires_at)

    return service.database.run(work)


def end_session(service: Service, token: str) -> bool:
    """End a session in every process; return False if it has already ended."""

    def work(connection: Connection) -> bool:
        found = store.find_session(connection, token_digest(token))
        if found is None:
            return False
        end_with_event(connection, found, "sign-out", actor=found.key.name)
        return True

    return service.database.run(work)


def end_with_event(connection: Connection, session: StoredSession, kind: str, *, actor: str) -> None:
    """End a session in every process, and write the event of it."""
    _, now = store.read_version(connection)
    store.end_session(connection, session, now)
    data = {"key": session.key.id, "session": str(session.id)}
    append_event(connection, session.key.district, kind, actor=actor, at=now, data=data)


def begin_pairing(service: Service, caller: Caller, team_id: UUID | None = None) -> dict[str, Any]:
    """Return {code, expires_at, team_id}: a one-time code that pairs a device with the caller.

    Parameters
    ----------
    team_id
        The team whose position the device reports, None = none.
    """
    caller.need(Right.PAIR)
    if caller.key_id is None:
        raise InvalidInput(
            "A device is paired with a key, and this request has none. Sign in, then pair the device.", kind="no-key"
        )
    key_id, code = caller.key_id, random_letters(_CODE)

    def work(connection: Connection) -> dict[str, Any]:
        key = store.find_key(connection, key_id)
        if key is None:
            raise NotFound("Your key no longer exists. Ask an administrator for a new one.", kind="no-key")
        _, now = store.read_version(connection)
        store.add_pairing(connection, key, token_digest(code), now + CODE_LIVES, team_id)
        append_event(
            connection,
            key.district,
            "pairing-begun",
            actor=key.name,
            at=now,
            data={"key": key.id, "team_id": None if team_id is None else str(team_id)},
        )
        return {
            "code": code,
            "expires_at": (now + CODE_LIVES).isoformat(),
            "team_id": None if team_id is None else str(team_id),
        }

    return service.database.run(work)


def begin_pairing_by_name(service: Service, name: str, team: str | None = None) -> dict[str, Any]:
    """Return a one-time code that pairs a device with the person who has an active key of this name.

    Raises
    ------
    InvalidInput
        When `team` is not the id of a team.
    NotFound
        When no active key has the name.
    """
    service.caller.need(Right.KEYS)
    try:
        team_id = None if team is None else UUID(team)
    except ValueError:
        raise InvalidInput(f"{team!r} is not the id of a team. GET /teams lists the ids.", team=team) from None
    with service.database.transaction() as connection:
        owner = caller_of_key(connection, _key_of(connection, name))
    return begin_pairing(service, owner, team_id)


def pair_device(service: Service, code: str) -> dict[str, Any]:
    """Redeem a one-time code and return the device's token: {token, name, role, team_id, expires_at}.

    Raises
    ------
    NotFound
        For a code that is unknown, used or older than five minutes; the message does not say which.
    """
    token = f"gd_{random_letters(52)}"

    def work(connection: Connection) -> dict[str, Any]:
        _, now = store.read_version(connection)
        taken = store.take_pairing(connection, token_digest(code.strip().lower()), now)
        if taken is None:
            raise NotFound(
                "This code is unknown, already used, or older than five minutes. Ask for a new one.", kind="no-pairing"
            )
        key, team_id = taken
        expires_at = now + DEVICE_LIVES
        device = store.add_session(connection, key, "device", token_digest(token), expires_at, team_id)
        append_event(
            connection,
            key.district,
            "device-paired",
            actor=key.name,
            at=now,
            data={"key": key.id, "session": str(device), "team_id": None if team_id is None else str(team_id)},
        )
        return {
            "token": token,
            "name": key.name,
            "role": key.role,
            "team_id": None if team_id is None else str(team_id),
            "expires_at": expires_at.isoformat(),
        }

    return service.database.run(work)


def add_tracker(service: Service, name: str, team_id: UUID) -> dict[str, Any]:
    """Return {token, name, team_id, expires_at}: a token that may report the position of one team and nothing else.

    It is short enough to be typed into a telephone, and belongs to the active key of `name`, with which it ends.

    Raises
    ------
    NotFound
        When no active key has the name, or no team the id.
    """
    service.caller.need(Right.KEYS)
    token = f"gt_{random_letters(_TRACKER)}"

    def work(connection: Connection) -> dict[str, Any]:
        key = _key_of(connection, name)
        if find_district(connection, team_id) is None:
            raise NotFound(f"There is no team {team_id}. See GET /teams.", kind="no-team", team_id=str(team_id))
        _, now = store.read_version(connection)
        expires_at = now + DEVICE_LIVES
        tracker = store.add_session(connection, key, "tracker", token_digest(token), expires_at, team_id)
        data = {"key": key.id, "session": str(tracker), "team_id": str(team_id)}
        append_event(connection, key.district, "tracker-added", actor=service.caller.name, at=now, data=data)
        return {"token": token, "name": name, "team_id": str(team_id), "expires_at": expires_at.isoformat()}

    return service.database.run(work)


def _key_of(connection: Connection, name: str) -> StoredKey:
    found = store.list_keys(connection, name=name)
    if not found:
        raise NotFound(
            f"No active key has the name {name!r}. `gridsvc keys list` lists the names.", kind="no-key", name=name
        )
    return found[0]


def caller_of_session(connection: Connection, found: StoredSession, now: datetime) -> Caller:
    """Return the caller of a session and renew the session; a device has fewer rights than its owner."""
    lives = SESSION_LIVES if found.kind == "browser" else DEVICE_LIVES
    if found.expires_at - now < lives * (1 - RENEWED_AFTER):
        store.renew_session(connection, found, now + lives)
    caller = replace(caller_of_key(connection, found.key), session=str(found.id))
    if found.kind == "browser":
        return caller
    most = DEVICE_RIGHTS if found.kind == "device" else TRACKER_RIGHTS
    return replace(caller, rights=caller.rights & most, is_device=True, team_id=found.team_id)

"""Keys of persons and programs: made, listed, revoked, and known again when they are shown.

A key is `gs_<id>_<secret>`: 60 bits by which it is found, 200 bits that only its owner has. Of the secret there is an
argon2 hash. Both halves are random, so that the hash is a second lock, not the only one.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Caller, Right, Role
from gridsvc.db.access import keys as store
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import list_districts
from gridsvc.db.schema.access import ALL_DISTRICTS
from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.access.keys import StoredKey
    from gridsvc.operations.runtime.service import Service

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 of them; no l, o, 0, 1, which are read wrong
_ID, _SECRET = 12, 40
_FORM = re.compile(rf"gs_([{_LETTERS}]{{{_ID}}})_([{_LETTERS}]{{{_SECRET}}})")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at its birth: the only time that `text` is known."""

    key: StoredKey
    text: str


def random_letters(count: int) -> str:
    """Return letters that are not mistaken for each other, five random bits each."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def read_key(text: str) -> tuple[str, str] | None:
    """Return (id, secret) of what looks like a key, else None."""
    found = _FORM.fullmatch(text)
    return None if found is None else (found[1], found[2])


def hash_secret(secret: str) -> str:
    """Return the argon2id hash of a secret: 19 MiB, two passes (OWASP), about 20 ms."""
    hashed: str = _hasher().hash(secret)
    return hashed


def is_secret(secret_hash: str, secret: str) -> bool:
    """Whether a secret is the one that was hashed; as long for a wrong one as for the right one."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False
    return True


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def add_key(service: Service, name: str, role: Role, *, district: str | None = None, grid: str | None = None) -> NewKey:
    """Make a key of a person.

    Parameters
    ----------
    district
        None: the only one that is loaded; for an admin, all. `*`: all, whatever the role.
    grid
        Code of the grid to whose cases the person is limited, None = the whole district.

    Raises
    ------
    InvalidInput
        For a name that cannot be meant, a grid that is not in force, or a district that must be said.
    Conflict
        When a living key has the name.
    """
    service.caller.need(Right.KEYS)
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            f"A key belongs to a person: give a name of 1 to {_LONGEST_NAME} printable characters.", most=_LONGEST_NAME
        )
    text = (random_letters(_ID), random_letters(_SECRET))
    hashed = hash_secret(text[1])

    def work(connection: Connection) -> StoredKey:
        code = _district_of(connection, role, district, grid)
        if grid is not None:
            store.check_grid(connection, code, grid)
        row = {"district": code, "id": text[0], "name": name, "role": str(role), "grid": grid,
               "secret_hash": hashed, "made_by": service.caller.name}  # fmt: skip
        key = store.add_key(connection, row)
        append_event(connection, code, "key-added", actor=service.caller.name, at=key.created_at,
                     data={"key": key.id, "name": name, "role": str(role), "grid": grid})  # fmt: skip
        return key

    return NewKey(service.database.run(work), f"gs_{text[0]}_{text[1]}")


def list_keys(service: Service, *, revoked: bool = False) -> list[dict[str, Any]]:
    """Return the keys without their secrets; revoked ones only if asked."""
    service.caller.need(Right.KEYS)
    with service.database.transaction() as connection:
        return [key_json(key) for key in store.list_keys(connection, revoked=revoked)]


def revoke_key(service: Service, name: str, *, district: str | None = None) -> list[dict[str, Any]]:
    """End the key of a name with its sessions and devices, within a second in every process.

    Raises
    ------
    NotFound
        When no living key has the name.
    """
    service.caller.need(Right.KEYS)

    def work(connection: Connection) -> list[dict[str, Any]]:
        wanted = (None, ALL_DISTRICTS) if district is None else (district,)
        found = [key for key in store.list_keys(connection, name=name) if district is None or key.district in wanted]
        if not found:
            raise NotFound(
                f"No living key has the name {name!r}. `gridsvc keys list` names them.", kind="no-key", name=name
            )
        if len({key.district for key in found}) > 1:
            codes = [key.district for key in found]
            raise InvalidInput(
                f"{name} has keys in several districts ({', '.join(codes)}). Say which: --district CODE.",
                kind="several-districts",
                name=name,
                known=codes,
            )
        _, now = store.read_version(connection)
        for key in found:
            store.revoke_key(connection, key, now)
            append_event(connection, key.district, "key-revoked", actor=service.caller.name, at=now,
                         data={"key": key.id, "name": name})  # fmt: skip
        return [key_json(key) for key in found]

    return service.database.run(work)


def begin_pairing(service: Service, name: str, team: str | None = None) -> dict[str, Any]:
    """Return a one-time code that makes a device the one of a person; NotFound for a name without a living key."""
    from uuid import UUID

    from gridsvc.operations.access.sessions import begin_pairing as begin

    service.caller.need(Right.KEYS)
    try:
        team_id = None if team is None else UUID(team)
    except ValueError:
        raise InvalidInput(f"{team!r} is no id of a team. GET /teams lists them.", team=team) from None
    with service.database.transaction() as connection:
        found = store.list_keys(connection, name=name)
        if not found:
            raise NotFound(
                f"No living key has the name {name!r}. `gridsvc keys list` names them.", kind="no-key", name=name
            )
        who = caller_of_key(connection, found[0])
    return begin(service, who, team_id)


def key_json(key: StoredKey) -> dict[str, Any]:
    """Return a key as a person sees it; district None = all."""
    return {
        "name": key.name,
        "role": key.role,
        "district": None if key.district == ALL_DISTRICTS else key.district,
        "scope": key.grid,
        "id": key.id,
        "made_by": key.made_by,
        "created_at": key.created_at.isoformat(),
        "last_used_at": _text(key.last_used_at),
        "revoked_at": _text(key.revoked_at),
    }


def caller_of_key(connection: Connection, key: StoredKey) -> Caller:
    """Return the caller that a key stands for, his scope as the grids in force have it."""
    return Caller.of(key.name, Role(key.role), store.scope_of(connection, key.district, key.grid), key_id=key.id)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _district_of(connection: Connection, role: Role, district: str | None, grid: str | None) -> str:
    codes = [each.code for each in list_districts(connection)]
    if district == ALL_DISTRICTS and grid is None:
        return ALL_DISTRICTS
    if district is not None:
        if district not in codes:
            raise NotFound(f"No district {district} is loaded.", kind="no-district", district=district)
        return district
    if role is Role.ADMIN and grid is None:
        return ALL_DISTRICTS
    if len(codes) != 1:
        words = f"several are loaded ({', '.join(codes)})" if codes else "none is loaded"
        raise InvalidInput(
            f"A key of this role belongs to one district, and {words}. Say which: --district CODE.",
            kind="several-districts",
            role=str(role),
            known=codes,
        )
    return codes[0]

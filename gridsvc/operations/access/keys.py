"""Keys of persons and programs: create, list, revoke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Caller, Right, Role
from gridsvc.db.access import keys as store
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import get_versions, list_districts
from gridsvc.db.schema.access import ALL_DISTRICTS
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.access.credentials import ID_LENGTH, SECRET_LENGTH, hash_secret, random_letters

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.access.keys import StoredKey
    from gridsvc.operations.runtime.service import Service

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class NewKey:
    """A newly created key. `text` is the key itself; it is shown once and not stored."""

    key: StoredKey
    text: str


def add_key(service: Service, name: str, role: Role, *, district: str | None = None, grid: str | None = None) -> NewKey:
    """Create a key for a person.

    Parameters
    ----------
    district
        None: the only district that is loaded; for an admin, all districts. `*`: all districts, for any role.
    grid
        Code of the grid to which the key is limited, None = the whole district.

    Raises
    ------
    InvalidInput
        For an invalid name, a grid that is not in force, or a district that must be named.
    Conflict
        When an active key has the name.
    """
    service.caller.need(Right.KEYS)
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            f"A key belongs to a person: give a name of 1 to {_LONGEST_NAME} printable characters.", most=_LONGEST_NAME
        )
    text = (random_letters(ID_LENGTH), random_letters(SECRET_LENGTH))
    hashed = hash_secret(text[1])

    def work(connection: Connection) -> StoredKey:
        code = _district_of(connection, role, district, grid)
        if code != ALL_DISTRICTS:
            get_versions(connection, code, lock="share")  # the district is not removed meanwhile
        if grid is not None:
            store.check_grid(connection, code, grid)
        row = {
            "district": code,
            "id": text[0],
            "name": name,
            "role": str(role),
            "grid": grid,
            "secret_hash": hashed,
            "made_by": service.caller.name,
        }
        key = store.add_key(connection, row)
        append_event(
            connection,
            code,
            "key-added",
            actor=service.caller.name,
            at=key.created_at,
            data={"key": key.id, "name": name, "role": str(role), "grid": grid},
        )
        return key

    return NewKey(service.database.run(work), f"gs_{text[0]}_{text[1]}")


def list_keys(service: Service, *, revoked: bool = False) -> list[dict[str, Any]]:
    """Return the keys without their secrets; revoked keys only with `revoked`."""
    service.caller.need(Right.KEYS)
    with service.database.transaction() as connection:
        return [key_json(key) for key in store.list_keys(connection, revoked=revoked)]


def revoke_key(service: Service, name: str, *, district: str | None = None) -> list[dict[str, Any]]:
    """Revoke the keys of a name with their sessions and devices; every process refuses them within a second.

    Raises
    ------
    NotFound
        When no active key has the name.
    """
    service.caller.need(Right.KEYS)

    def work(connection: Connection) -> list[dict[str, Any]]:
        wanted = (None, ALL_DISTRICTS) if district is None else (district,)
        found = [key for key in store.list_keys(connection, name=name) if district is None or key.district in wanted]
        if not found:
            raise NotFound(
                f"No active key has the name {name!r}. `gridsvc keys list` lists the names.", kind="no-key", name=name
            )
        if len({key.district for key in found}) > 1:
            codes = [key.district for key in found]
            raise InvalidInput(
                f"{name} has keys in several districts ({', '.join(codes)}). Name one: --district CODE.",
                kind="several-districts",
                name=name,
                known=codes,
            )
        _, now = store.read_version(connection)
        for key in found:
            store.revoke_key(connection, key, now)
            append_event(
                connection,
                key.district,
                "key-revoked",
                actor=service.caller.name,
                at=now,
                data={"key": key.id, "name": name},
            )
        return [key_json(key) for key in found]

    return service.database.run(work)


def key_json(key: StoredKey) -> dict[str, Any]:
    """Return a key as JSON values; district None = all districts."""
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
    """Return the caller of a key; the scope follows from the grids in force."""
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
            f"A key of this role belongs to one district, and {words}. Name one: --district CODE.",
            kind="several-districts",
            role=str(role),
            known=codes,
        )
    return codes[0]

"""Keys, sessions and pairings as rows, and what a key's grid makes visible. Secrets are here as digests only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text, update

from gridsvc.access.scopes import Scope
from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.access import ALL_DISTRICTS, access_key, session
from gridsvc.db.session.ids import uuid7
from gridsvc.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored; district `*` = all, grid None = the whole district."""

    district: str
    id: str
    name: str
    role: str
    grid: str | None
    secret_hash: str
    made_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A browser, a paired device or a tracker (`kind` browser, device, tracker), with the key that it acts for."""

    id: UUID
    kind: str
    team_id: UUID | None
    expires_at: datetime
    key: StoredKey


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """A device that is paired now."""

    session: StoredSession
    paired_at: datetime


_key_columns = tuple(access_key.c[name] for name in StoredKey.__dataclass_fields__)


def count_change(connection: Connection, district: str) -> None:
    """Tell every process that what it remembers of callers is old."""
    connection.execute(
        text(
            "insert into access_version (district, version) values (:d, 1) "
            "on conflict (district) do update set version = access_version.version + 1"
        ),
        {"d": district},
    )


_version = text(
    "select coalesce((select sum(version) from access_version), 0), "
    "coalesce((select string_agg(district || ':' || generation, ',' order by district) from district_version), ''), "
    "clock_timestamp()"
)


def read_version(connection: Connection) -> tuple[tuple[int, str], datetime]:
    """Return what changes when a key, a session or a generation in force does, and the database's clock."""
    count, generations, now = connection.execute(_version).one()
    return (int(count), generations), now


def add_key(connection: Connection, row: dict[str, Any]) -> StoredKey:
    """Write a key; Conflict where a living one has its name.

    The name is what events say and what `revoke` takes, so that one district has it once, and `*` none that a
    district has.
    """
    clash = select(access_key.c.district).where(
        access_key.c.name == row["name"],
        access_key.c.revoked_at.is_(None),
        (access_key.c.district == row["district"])
        | (access_key.c.district == ALL_DISTRICTS)
        | (row["district"] == ALL_DISTRICTS),
    )
    if connection.scalar(clash.limit(1)) is not None:
        raise Conflict(
            f"{row['name']} has a key already. Revoke it first (`gridsvc keys revoke {row['name']}`), "
            "or choose another name.",
            kind="key-exists",
            name=row["name"],
        )
    connection.execute(insert(access_key), row)
    row_digests.mark(connection, "access_key", row["district"], row["id"])
    count_change(connection, row["district"])
    found = find_key(connection, row["id"])
    assert found is not None
    return found


def find_key(connection: Connection, key_id: str) -> StoredKey | None:
    """Return a key by its public half, revoked or not."""
    row = connection.execute(select(*_key_columns).where(access_key.c.id == key_id)).one_or_none()
    return None if row is None else StoredKey(*row)


def list_keys(connection: Connection, *, name: str | None = None, revoked: bool = False) -> list[StoredKey]:
    """Return the keys, by district and name; revoked keys only with `revoked`."""
    query = select(*_key_columns).order_by(access_key.c.district, access_key.c.name, access_key.c.created_at)
    if name is not None:
        query = query.where(access_key.c.name == name)
    if not revoked:
        query = query.where(access_key.c.revoked_at.is_(None))
    return [StoredKey(*row) for row in connection.execute(query)]


def revoke_key(connection: Connection, key: StoredKey, now: datetime) -> None:
    """End a key, its sessions, its devices and its unused pairing codes."""
    own = {"d": key.district, "id": key.id, "now": now}
    connection.execute(
        text("update access_key set revoked_at = :now where district = :d and id = :id and revoked_at is null"), own
    )
    row_digests.mark(connection, "access_key", key.district, key.id)
    connection.execute(
        text("update session set ended_at = :now where district = :d and key_id = :id and ended_at is null"), own
    )
    connection.execute(text("delete from pairing where district = :d and key_id = :id"), own)
    count_change(connection, key.district)


def mark_used(connection: Connection, key: StoredKey, now: datetime) -> None:
    """Remember when a key was last shown to be known."""
    connection.execute(
        update(access_key)
        .where(access_key.c.district == key.district, access_key.c.id == key.id)
        .values(last_used_at=now)
    )


def add_session(
    connection: Connection,
    key: StoredKey,
    kind: str,
    token_digest: bytes,
    expires_at: datetime,
    team_id: UUID | None = None,
) -> UUID:
    """Begin a session of a key and return its id."""
    session_id = uuid7()
    row = {
        "district": key.district,
        "id": session_id,
        "key_id": key.id,
        "kind": kind,
        "token_digest": token_digest,
        "team_id": team_id,
        "expires_at": expires_at,
    }
    connection.execute(insert(session), row)
    return session_id


_living = (
    select(session.c.id, session.c.kind, session.c.team_id, session.c.expires_at, *_key_columns)
    .join(access_key, (access_key.c.district == session.c.district) & (access_key.c.id == session.c.key_id))
    .where(
        session.c.ended_at.is_(None),
        session.c.expires_at > text("clock_timestamp()"),
        access_key.c.revoked_at.is_(None),
    )
)


def find_session(connection: Connection, token_digest: bytes) -> StoredSession | None:
    """Return a living session of a living key; None for an unknown, ended or expired one."""
    row = connection.execute(_living.where(session.c.token_digest == token_digest)).one_or_none()
    if row is None:
        return None
    session_id, kind, team_id, expires_at, *key = row
    return StoredSession(session_id, kind, team_id, expires_at, StoredKey(*key))


def list_devices(connection: Connection, *, name: str | None = None) -> list[StoredDevice]:
    """Return the devices and trackers that are paired now, the newest first; with `name` those of one person."""
    query = _living.add_columns(session.c.created_at).where(session.c.kind != "browser")
    if name is not None:
        query = query.where(access_key.c.name == name)
    return [
        StoredDevice(StoredSession(session_id, kind, team_id, expires_at, StoredKey(*key)), paired_at)
        for session_id, kind, team_id, expires_at, *key, paired_at in connection.execute(
            query.order_by(session.c.created_at.desc(), session.c.id)
        )
    ]


def renew_session(connection: Connection, found: StoredSession, expires_at: datetime) -> None:
    """Let a session that is used live on."""
    connection.execute(
        update(session)
        .where(session.c.district == found.key.district, session.c.id == found.id)
        .values(expires_at=expires_at)
    )


def end_session(connection: Connection, found: StoredSession, now: datetime) -> None:
    """End a session in every process."""
    connection.execute(
        update(session).where(session.c.district == found.key.district, session.c.id == found.id).values(ended_at=now)
    )
    count_change(connection, found.key.district)


def add_pairing(
    connection: Connection, key: StoredKey, code_digest: bytes, expires_at: datetime, team_id: UUID | None
) -> None:
    """Keep a one-time code of a key; what has expired goes."""
    connection.execute(text("delete from pairing where expires_at < clock_timestamp() - interval '1 day'"))
    connection.execute(
        text(
            "insert into pairing (district, id, key_id, code_digest, team_id, expires_at) "
            "values (:d, :id, :key_id, :digest, :team_id, :expires_at)"
        ),
        {
            "d": key.district,
            "id": uuid7(),
            "key_id": key.id,
            "digest": code_digest,
            "team_id": team_id,
            "expires_at": expires_at,
        },
    )


def take_pairing(connection: Connection, code_digest: bytes, now: datetime) -> tuple[StoredKey, UUID | None] | None:
    """Use up a code and return its key and team; None for one that is unknown, used or expired."""
    taken = connection.execute(
        text(
            "update pairing set used_at = :now "
            "where code_digest = :digest and used_at is null and expires_at > :now returning key_id, team_id"
        ),
        {"digest": code_digest, "now": now},
    ).one_or_none()
    if taken is None:
        return None
    key = find_key(connection, taken[0])
    return None if key is None or key.revoked_at is not None else (key, taken[1])


_family = text(
    """
    with recursive ours as (
        select g.code, g.parent, g.level from grid as g join district_version as v
          on v.district = g.district and v.generation = g.generation
        where g.district = :district),
    above as (
        select code, parent from ours where code = :grid
        union select o.code, o.parent from ours as o join above as a on o.code = a.parent),
    below as (
        select code from ours where code = :grid
        union select o.code from ours as o join below as b on o.parent = b.code)
    select code from above union select code from below order by code
    """
)


@dataclass(frozen=True, slots=True)
class Guard:
    """The state of row level security. bound: it applies to this role; indexed: it may use the spatial indexes."""

    bound: bool
    indexed: bool
    keys: int


def read_guard(connection: Connection) -> Guard:
    """Return what `gridsvc doctor` says of access."""
    query = text(
        "select row_security_active('district'), bool_and(proleakproof),"
        " (select count(*) from access_key where revoked_at is null) from pg_proc where proname = 'geometry_overlaps'"
    )
    return Guard(*connection.execute(query).one())


def scope_of(connection: Connection, district: str, grid: str | None) -> Scope:
    """Return the scope of a key; a grid that is in force no more leaves nothing but its own code."""
    if district == ALL_DISTRICTS:
        return Scope()
    if grid is None:
        return Scope(district)
    return Scope(district, grid, tuple(list_family(connection, district, grid)) or (grid,))


def list_family(connection: Connection, district: str, grid: str) -> list[str]:
    """Return the codes of a grid, of those above and of those below it, in the generation in force."""
    return list(connection.scalars(_family, {"district": district, "grid": grid}))


def check_grid(connection: Connection, district: str, grid: str) -> None:
    """Refuse a grid that the generation in force does not have."""
    if not list_family(connection, district, grid):
        raise InvalidInput(
            f"District {district} has no grid {grid} in force. `gridsvc grids list` names them.",
            kind="no-grid",
            district=district,
            grid=grid,
        )

"""Names that persons gave to the places of cases: personal data, so that rows may be deleted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from gridsvc.db.places.versions import bump_names
from gridsvc.db.session.ids import uuid7
from gridsvc.db.teams import point
from gridsvc.evidence import chain

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, TextClause


@dataclass(frozen=True, slots=True)
class LearnedName:
    """One person's confirmation that the place of a case is called so. Degrees WGS-84; `radius_m` of the case."""

    district: str
    id: UUID
    name: str
    incident_id: UUID
    confirmed_by: str
    confirmed_at: datetime
    lon: float
    lat: float
    radius_m: float


_COLUMNS = "district, id, name, incident_id, confirmed_by, confirmed_at, st_x(geom), st_y(geom), radius_m"
_LIST = text(f"select {_COLUMNS} from learned_name where district = :d order by name, confirmed_at, id")
_ADD = text(
    "insert into learned_name (district, id, name, incident_id, confirmed_by, radius_m, salt, geom) "
    "values (:d, :id, :name, :incident, :by, :radius, :salt, st_geomfromewkt(:geom)) "
    "on conflict on constraint uq_learned_name_person do nothing returning id"
)
_FORGET = text("delete from learned_name where district = :d and (name = :name or cast(id as text) = :name)")
_FORGET_CASE = text("delete from learned_name where district = :d and incident_id = :incident")


def list_learned(connection: Connection, district: str) -> list[LearnedName]:
    """Return all confirmations of a district, by name, the oldest first."""
    return [LearnedName(*row) for row in connection.execute(_LIST, {"d": district})]


@dataclass(frozen=True, slots=True)
class NewName:
    """A name for the place of a case; `by` is the person. Degrees WGS-84, metres."""

    name: str
    incident_id: UUID
    by: str
    lon: float
    lat: float
    radius_m: float


def add_learned(connection: Connection, district: str, new: NewName) -> dict[str, str] | None:
    """Write a confirmation; return {id, digest} for its event, None where this person has said it of this case."""
    salt, row_id = os.urandom(16), uuid7()
    values = {
        "d": district,
        "id": row_id,
        "name": new.name,
        "incident": new.incident_id,
        "by": new.by,
        "radius": new.radius_m,
        "salt": salt,
        "geom": point(new.lon, new.lat),
    }
    if connection.execute(_ADD, values).scalar_one_or_none() is None:
        return None
    bump_names(connection, district)
    return {"name_id": str(row_id), "name_digest": chain.personal_digest(salt, new.name)}


def forget_learned(connection: Connection, district: str, name: str) -> int:
    """Delete the confirmations of a name, or the one with this id; return how many."""
    return _deleted(connection, district, _FORGET, {"d": district, "name": name})


def forget_case(connection: Connection, district: str, incident_id: UUID) -> int:
    """Delete the names that were learned from a case; return how many."""
    return _deleted(connection, district, _FORGET_CASE, {"d": district, "incident": incident_id})


def _deleted(connection: Connection, district: str, statement: TextClause, values: dict[str, object]) -> int:
    deleted = connection.execute(statement, values).rowcount
    if deleted:
        bump_names(connection, district)
    return deleted

"""Addresses and named places: found by their text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import insert, text

from gridsvc.db.places.versions import bump_sources
from gridsvc.db.schema.tables import address
from gridsvc.db.teams import point

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Address:
    """A named place; `radius_m` = the largest distance of its real location from the point.

    `parts`: the fields of a structured source, see `places.model.Entry`.
    """

    text: str
    level: str
    lon: float
    lat: float
    radius_m: float
    source: str
    parts: dict[str, str] = field(default_factory=dict)


def replace_addresses(connection: Connection, district: str, addresses: Iterable[Address]) -> int:
    """Put a district's addresses in place of those it had; return how many."""
    connection.execute(text("delete from address where district = :d"), {"d": district})
    rows = [
        {
            "district": district,
            "text": a.text,
            "level": a.level,
            "radius_m": a.radius_m,
            "source": a.source,
            "geom": point(a.lon, a.lat),
            "parts": a.parts,
        }
        for a in addresses
    ]
    if rows:
        connection.execute(insert(address), rows)
    bump_sources(connection, district)
    return len(rows)


def list_addresses(connection: Connection, district: str) -> list[Address]:
    """Return all addresses and named places of a district, in the order of their texts."""
    query = text(
        "select text, level, st_x(geom), st_y(geom), radius_m, source, parts from address where district = :d "
        "order by text, id"
    )
    return [Address(*row) for row in connection.execute(query, {"d": district})]


def find_example(connection: Connection, district: str) -> str | None:
    """Return one address of a district as an example for a form; None without addresses."""
    query = text("select text from address where district = :d order by id limit 1")
    found: str | None = connection.scalar(query, {"d": district})
    return found

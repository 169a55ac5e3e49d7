"""Addresses and named places: found by their text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, text

from gridsvc.db.schema.tables import address
from gridsvc.db.teams import point
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Address:
    """A named place; `radius_m` = the largest distance of its real location from the point."""

    text: str
    level: str
    lon: float
    lat: float
    radius_m: float
    source: str


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
        }
        for a in addresses
    ]
    if rows:
        connection.execute(insert(address), rows)
    return len(rows)


_find = text(
    "select text, level, st_x(geom), st_y(geom), radius_m, source from address "
    "where lower(text) = lower(:text) order by radius_m, district, id limit 2"
)


def get_address(connection: Connection, words: str) -> Address:
    """Return the place of a text that is known word for word.

    Raises
    ------
    InvalidInput
        When it is not known; the cure is to give a location.
    """
    found = [Address(*row) for row in connection.execute(_find, {"text": words.strip()})]
    if not found:
        raise InvalidInput(
            f"The address {words.strip()[:80]!r} is not known. Give `location` {{lon, lat}} instead.",
            kind="unknown-address",
            address=words.strip()[:80],
        )
    return found[0]


def find_example(connection: Connection, district: str) -> str | None:
    """Return one address of a district as an example for a form; None without addresses."""
    query = text("select text from address where district = :d order by id limit 1")
    found: str | None = connection.scalar(query, {"d": district})
    return found

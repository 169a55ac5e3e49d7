"""What a district says of itself, notes for its screen and how a demo was made; how many cases and grids it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text, update

from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.cases import incident
from gridsvc.db.schema.tables import district, grid
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from sqlalchemy import Connection


def list_about(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return what every district says of itself, by code."""
    rows = connection.execute(select(district.c.code, district.c.about).order_by(district.c.code))
    return {str(row.code): dict(row.about) for row in rows}


def set_about(connection: Connection, code: str, about: dict[str, Any]) -> None:
    """Write what a district says of itself, in place of what it said."""
    connection.execute(update(district).where(district.c.code == code).values(about=about))
    row_digests.mark(connection, "district", code)


def count_incidents(connection: Connection, code: str) -> int:
    """Return how many cases a district has ever had."""
    return int(connection.scalar(select(func.count()).select_from(incident).where(incident.c.district == code)) or 0)


def count_grids(connection: Connection, code: str) -> dict[int, dict[str, int]]:
    """Return how many grids each generation has, {generation: {level: count}}."""
    query = (
        select(grid.c.generation, grid.c.level, func.count())
        .where(grid.c.district == code)
        .group_by(grid.c.generation, grid.c.level)
    )
    found: dict[int, dict[str, int]] = {}
    for number, level, count in connection.execute(query):
        found.setdefault(number, {})[Level(level).key] = count
    return found


def next_numbers(connection: Connection, count: int) -> list[int]:
    """Return the next `count` case numbers."""
    numbers = connection.execute(text("select nextval('incident_number') from generate_series(1, :n)"), {"n": count})
    return sorted(int(number) for number in numbers.scalars())

"""What the command screen loads once: the districts with their facts, and the names of their townships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from gridsvc.db.schema.tables import district, district_version, grid, road_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class DistrictFacts:
    """A district as its screen introduces it.

    `about` is what the load wrote down (notes on what is real). `roads_source` names the file or service of the roads
    in force, None without roads; `catalogue` and `clock_policies` are the digests of those in force.
    """

    code: str
    name: str
    time_zone: str
    synthetic: bool
    about: dict[str, Any]
    generation: int | None
    network: str | None
    catalogue: str | None
    clock_policies: str | None
    roads_source: str | None


def list_district_facts(connection: Connection) -> list[DistrictFacts]:
    """Return all districts, in the order of their codes."""
    query = (
        select(
            district.c.code,
            district.c.name,
            district.c.time_zone,
            district.c.synthetic,
            district.c.about,
            district_version.c.generation,
            district_version.c.network,
            district_version.c.catalogue,
            district_version.c.clock_policies,
            road_network.c.source,
        )
        .join(district_version, district_version.c.district == district.c.code)
        .outerjoin(
            road_network,
            (road_network.c.district == district.c.code) & (road_network.c.digest == district_version.c.network),
        )
        .order_by(district.c.code)
    )
    return [DistrictFacts(*tuple(row)) for row in connection.execute(query)]


_derived_levels = text(
    "select level, count(*), count(*) filter (where derived) from grid "
    "where district = :district and generation = :generation group by level order by level"
)
_townships = text(
    "select code, name from grid where district = :district and generation = :generation and level = 2 order by code"
)


def list_level_counts(connection: Connection, code: str, generation: int) -> list[tuple[int, int, int]]:
    """Return (level, grids, of them derived) of each level that a generation has."""
    rows = connection.execute(_derived_levels, {"district": code, "generation": generation})
    return [(row[0], row[1], row[2]) for row in rows]


def list_township_names(connection: Connection, code: str, generation: int) -> dict[str, str]:
    """Return the names of a generation's townships by code."""
    rows = connection.execute(_townships, {"district": code, "generation": generation})
    return {row[0]: row[1] for row in rows}


def list_officers(connection: Connection, code: str, generation: int, grids: Sequence[str]) -> dict[str, str]:
    """Return the officers of some grids of a generation by the grids' codes; a grid without one is left out."""
    query = select(grid.c.code, grid.c.officer).where(
        grid.c.district == code, grid.c.generation == generation, grid.c.code.in_(grids), grid.c.officer.is_not(None)
    )
    return {row.code: row.officer for row in connection.execute(query)}

"""Where each district is: a cover of its grids and the box of its roads, beside the versions in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shapely

from gridsvc.db.grids.versions import COLUMNS, Versions
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection

LayoutVersion = tuple[int, int]
"""How many districts there are, and how many changes of where they are; another one after each change."""


class Outline(NamedTuple):
    """Where a district is, WGS-84; None = no grids, or no roads, are loaded."""

    district: str
    cover: BaseGeometry | None
    roads: BaseGeometry | None


_OUTLINES = "select district, st_asbinary(cover), st_asbinary(road_box) from district_version order by district"
_NEAR = f"""
    select l.districts, l.changes, {COLUMNS}
    from (select count(*) as districts, coalesce(sum(layout), 0)::bigint as changes from district_version) as l
    left join district_version as v on v.district = any(%s)
    order by v.district
"""


def list_outlines(connection: Connection) -> list[Outline]:
    """Return where each district is, in the order of their codes."""
    return [Outline(code, _shape(cover), _shape(roads)) for code, cover, roads in fetch_all(connection, _OUTLINES)]


def read_near(connection: Connection, codes: Sequence[str]) -> tuple[LayoutVersion, list[Versions]]:
    """Return the version of the layout, and the version vectors of some districts in the order of their codes."""
    rows = fetch_all(connection, _NEAR, (list(codes),))
    return (rows[0][0], rows[0][1]), [Versions(*row[2:]) for row in rows if row[2] is not None]


def _shape(wkb: bytes | None) -> BaseGeometry | None:
    return None if wkb is None else shapely.from_wkb(bytes(wkb))

"""The districts that are loaded, with what each holds; a district that was made by mistake is removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.evidence import row_digests
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from sqlalchemy import Connection

_CONTENTS = """
    select d.code, d.name, d.synthetic,
           (select count(*) from grid as g join district_version as v using (district)
            where g.district = d.code and g.generation = v.generation),
           (select count(*) from team as t where t.district = d.code and t.retired_at is null),
           (select n.arcs from road_network as n join district_version as v on v.district = n.district
            and v.network = n.digest where n.district = d.code),
           exists (select from incident as i where i.district = d.code),
           exists (select from closure as c where c.district = d.code),
           exists (select from access_key as k where k.district = d.code)
    from district as d where %s::text is null or d.code = %s
    order by d.code
"""

NUMBERED = ("generation", "teams", "closures")
_NUMBERS = """
    select coalesce((select max(g.number) from grid_generation as g where g.district = v.district), 0),
           v.teams, v.closures
    from district_version as v where v.district = %s
"""


@dataclass(frozen=True, slots=True)
class DistrictContents:
    """A district: its grids in force, its teams, the arcs of its roads (None: no roads), and what it has had."""

    code: str
    name: str
    synthetic: bool
    grids: int
    teams: int
    arcs: int | None
    has_cases: bool
    has_closures: bool
    has_keys: bool


def list_contents(connection: Connection, code: str | None = None) -> list[DistrictContents]:
    """Return all districts (or one), in the order of their codes."""
    return [DistrictContents(*row) for row in fetch_all(connection, _CONTENTS, (code, code))]


def remove(connection: Connection, code: str) -> None:
    """Remove a district with all its rows, except the chain of its events, which says that they are gone.

    Processes know generations of grids and changes of teams by numbers. The chain keeps the last of each: a district
    that is loaded again under the same code goes on from there (`ensure_district`, `open_draft`).
    """
    [numbers] = fetch_all(connection, _NUMBERS, (code,))
    row_digests.write_removed(connection, code, dict(zip(NUMBERED, numbers, strict=True)))
    [(changed,)] = fetch_all(connection, "select remove_district(%s)", (code,))
    if changed is not None:
        row_digests.mark(connection, "district_version", changed)

"""Generations of grids, and the log of which was in force when."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from sqlalchemy import delete, func, insert, literal, select, text, union_all, update

from gridsvc.db.evidence import row_digests
from gridsvc.db.grids.geometries import copy_geometries, encode, stage
from gridsvc.db.grids.versions import set_outline, set_version
from gridsvc.db.schema.cases import incident
from gridsvc.db.schema.tables import address, grid, grid_generation, grid_geometry, in_force, station, team
from gridsvc.errors import NotFound
from gridsvc.grids.levels import Grid, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of a district's grids. state: draft, activated or discarded; source: what was loaded into it."""

    number: int
    state: str
    source: dict[str, Any]
    blocking: bool | None
    index_digest: str | None
    created_at: datetime
    activated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log: from `valid_from` on the generation is in force, as was known from `recorded_at` on.

    approved_by None: of an entry that was written before that was recorded.
    """

    generation: int
    reason: str
    valid_from: datetime
    recorded_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """One grid code in one generation."""

    generation: int
    state: str
    name: str
    level: Level
    parent: str | None
    area_m2: float
    activated_at: datetime | None


_generation_columns = (
    grid_generation.c.number, grid_generation.c.state, grid_generation.c.source, grid_generation.c.blocking,
    grid_generation.c.index_digest, grid_generation.c.created_at, grid_generation.c.activated_at,
)  # fmt: skip


_DRAFTS = 740_215
_GRIDS_AT_ONCE = 2000


def lock_drafts(connection: Connection, district: str) -> None:
    """Keep other loads and activations of a district waiting until the transaction ends.

    Whoever reports or dispatches does not wait: the row of the versions is locked only for the moment of a change.
    """
    locked = text("select pg_advisory_xact_lock(:what, hashtext(:district))")
    connection.execute(locked, {"what": _DRAFTS, "district": district})


def find_draft(connection: Connection, district: str) -> Generation | None:
    """Return the open draft."""
    query = select(*_generation_columns).where(
        grid_generation.c.district == district, grid_generation.c.state == "draft"
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Generation(*row)


def get_generation(connection: Connection, district: str, number: int) -> Generation:
    """Return one generation; NotFound when there is none of that number."""
    query = select(*_generation_columns).where(
        grid_generation.c.district == district, grid_generation.c.number == number
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            f"District {district} has no generation {number}. `gridsvc grids history` lists them.",
            district=district,
            generation=number,
        )
    return Generation(*row)


def list_generations(connection: Connection, district: str) -> list[Generation]:
    """Return all generations of a district, oldest first."""
    query = select(*_generation_columns).where(grid_generation.c.district == district)
    return [Generation(*row) for row in connection.execute(query.order_by(grid_generation.c.number))]


def get_index_digest(connection: Connection, district: str, number: int) -> str:
    """Return the digest of the ownership index of a generation; NotFound where none was built."""
    digest = get_generation(connection, district, number).index_digest
    if digest is None:
        raise NotFound(
            f"Generation {number} of district {district} has no index: it was never activated.",
            generation=number,
            district=district,
        )
    return digest


def open_draft(connection: Connection, district: str, *, of: int | None, source: dict[str, Any]) -> Generation:
    """Make a draft that begins as a copy of generation `of` (None: empty). The drafts must be locked."""
    newest = select(func.coalesce(func.max(grid_generation.c.number), 0)).where(grid_generation.c.district == district)
    number = (
        int(connection.scalar(newest) or 0) or row_digests.find_removed(connection, district).get("generation", 0)
    ) + 1
    connection.execute(insert(grid_generation).values(district=district, number=number, source=source))
    row_digests.mark(connection, "grid_generation", district, number)
    row_digests.mark(connection, "grid", district, number)
    if of is not None:
        columns = [column.name for column in grid.columns if column.name != "generation"]
        copied = select(*(grid.c[name] for name in columns), literal(number)).where(
            grid.c.district == district, grid.c.generation == of
        )
        connection.execute(insert(grid).from_select([*columns, "generation"], copied))
    return get_generation(connection, district, number)


def begin_draft(connection: Connection, district: str) -> Generation:
    """Return the open draft, else a new one: a copy of what is in force, with its rulings. Drafts must be locked."""
    draft = find_draft(connection, district)
    if draft is not None:
        return draft
    number = find_in_force(connection, district)
    source = {} if number is None else get_generation(connection, district, number).source
    kept = {"rulings": source["rulings"]} if source.get("rulings") else {}
    return open_draft(connection, district, of=number, source=kept)


def write_grids(
    connection: Connection, district: str, number: int, grids: Sequence[Grid], *, levels: Iterable[Level]
) -> None:
    """Put grids in the place of everything that a draft has of `levels`; a geometry seen before is not stored again."""
    wanted = [int(level) for level in levels]
    here = (grid.c.district == district) & (grid.c.generation == number)
    connection.execute(delete(grid).where(here, grid.c.level.in_(wanted)))
    row_digests.mark(connection, "grid", district, number)
    last = connection.scalar(select(func.coalesce(func.max(grid.c.row), -1)).where(here))
    first = int(-1 if last is None else last) + 1
    if not grids:
        return
    shapes = np.array([shapely.force_2d(g.geometry) for g in grids], dtype=object)
    encoded = encode(shapes)
    digests = [hashlib.sha256(content).hexdigest() for content in encoded]
    copy_geometries(connection, district, shapes, encoded, digests)
    cursor = stage(connection, "grid")
    with cursor.copy(
        "COPY new_grid (district, generation, row, level, code, name, parent, geometry_digest, urban_rural_code, "
        "provisional_code, derived, officer) FROM STDIN"
    ) as copy:
        for row, (g, digest) in enumerate(zip(grids, digests, strict=True), first):
            copy.write_row(
                (
                    district,
                    number,
                    row,
                    int(g.level),
                    g.code,
                    g.name,
                    g.parent,
                    digest,
                    g.urban_rural_code,
                    g.provisional_code,
                    g.derived,
                    g.officer,
                )
            )
    cursor.execute("INSERT INTO grid SELECT * FROM new_grid")


def list_grids(connection: Connection, district: str, number: int, *, level: Level | None = None) -> list[Grid]:
    """Return the grids of a generation, by level and code."""
    query = (
        select(
            grid.c.code,
            grid.c.name,
            grid.c.level,
            grid.c.parent,
            func.ST_AsBinary(grid_geometry.c.geom),
            grid.c.urban_rural_code,
            grid.c.provisional_code,
            grid.c.derived,
            grid.c.officer,
        )
        .join(
            grid_geometry,
            (grid_geometry.c.district == grid.c.district) & (grid_geometry.c.digest == grid.c.geometry_digest),
        )
        .where(grid.c.district == district, grid.c.generation == number)
        .order_by(grid.c.level, grid.c.code, grid.c.row)
    )
    if level is not None:
        query = query.where(grid.c.level == int(level))
    found: list[Grid] = []
    # By a cursor of the server: 60,000 villages have 55 MB of coordinates, and are several copies of them on their way.
    for rows in connection.execute(query.execution_options(yield_per=_GRIDS_AT_ONCE)).partitions():
        shapes = shapely.from_wkb([bytes(row[4]) for row in rows])
        found += [
            Grid(code, name, Level(at), parent, shape, urban_rural_code, provisional, derived, officer)
            for (code, name, at, parent, _, urban_rural_code, provisional, derived, officer), shape in zip(
                rows, shapes, strict=True
            )
        ]
    return found


def list_areas(connection: Connection, district: str, number: int) -> list[tuple[str, str, Level, str | None, float]]:
    """Return code, name, level, parent and area in m2 of the grids of a generation, by level and code."""
    query = (
        select(grid.c.code, grid.c.name, grid.c.level, grid.c.parent, grid_geometry.c.area_m2)
        .join(
            grid_geometry,
            (grid_geometry.c.district == grid.c.district) & (grid_geometry.c.digest == grid.c.geometry_digest),
        )
        .where(grid.c.district == district, grid.c.generation == number)
        .order_by(grid.c.level, grid.c.code)
    )
    return [(code, name, Level(level), parent, area) for code, name, level, parent, area in connection.execute(query)]


def list_past(connection: Connection, district: str, code: str) -> list[Past]:
    """Return a grid's history: what every generation that has the code says of it, oldest first."""
    query = (
        select(
            grid.c.generation,
            grid_generation.c.state,
            grid.c.name,
            grid.c.level,
            grid.c.parent,
            grid_geometry.c.area_m2,
            grid_generation.c.activated_at,
        )
        .join(
            grid_generation,
            (grid_generation.c.district == grid.c.district) & (grid_generation.c.number == grid.c.generation),
        )
        .join(
            grid_geometry,
            (grid_geometry.c.district == grid.c.district) & (grid_geometry.c.digest == grid.c.geometry_digest),
        )
        .where(grid.c.district == district, grid.c.code == code)
        .order_by(grid.c.generation, grid.c.row)
    )
    return [Past(g, s, n, Level(lv), p, a, t) for g, s, n, lv, p, a, t in connection.execute(query)]


def note_load(connection: Connection, district: str, number: int, source: dict[str, Any]) -> None:
    """Record what a draft now consists of; what was found wrong with it before no longer counts."""
    connection.execute(
        update(grid_generation)
        .where(grid_generation.c.district == district, grid_generation.c.number == number)
        .values(source=source, faults=None, blocking=None, index_digest=None)
    )
    row_digests.mark(connection, "grid_generation", district, number)


def note_source(connection: Connection, district: str, number: int, source: dict[str, Any]) -> None:
    """Record more about a generation whose grids stay as they are."""
    connection.execute(
        update(grid_generation)
        .where(grid_generation.c.district == district, grid_generation.c.number == number)
        .values(source=source)
    )
    row_digests.mark(connection, "grid_generation", district, number)


def note_check(
    connection: Connection, district: str, number: int, faults: list[dict[str, Any]], *, blocking: bool
) -> None:
    """Keep what was found wrong with a generation."""
    connection.execute(
        update(grid_generation)
        .where(grid_generation.c.district == district, grid_generation.c.number == number)
        .values(faults=json.loads(json.dumps(faults, default=str)), blocking=blocking)
    )
    row_digests.mark(connection, "grid_generation", district, number)


def put_in_force(
    connection: Connection,
    district: str,
    number: int,
    *,
    reason: str,
    cover: BaseGeometry,
    index_digest: str | None = None,
    valid_from: datetime | None = None,
    approved_by: str | None = None,
) -> None:
    """Append to the log and move the version vector; the district's row must be locked for update.

    `cover`: an area that holds every grid of the generation (`gridsvc.grids.cover`).
    """
    begins = func.clock_timestamp() if valid_from is None else valid_from
    entry = {"district": district, "generation": number, "reason": reason, "valid_from": begins}
    entry["approved_by"] = approved_by
    written = connection.execute(insert(in_force).values(entry).returning(in_force.c.entry))
    row_digests.mark(connection, "in_force", district, written.scalar_one())
    row_digests.mark(connection, "grid_generation", district, number)
    values: dict[str, Any] = {
        "state": "activated",
        "activated_at": func.coalesce(grid_generation.c.activated_at, begins),
    }
    if index_digest is not None:
        values["index_digest"] = index_digest
    connection.execute(
        update(grid_generation)
        .where(grid_generation.c.district == district, grid_generation.c.number == number)
        .values(values)
    )
    set_version(connection, district, generation=number)
    set_outline(connection, district, cover=cover)


def list_entries(connection: Connection, district: str) -> list[Entry]:
    """Return the log of a district, oldest entry first."""
    query = (
        select(
            in_force.c.generation,
            in_force.c.reason,
            in_force.c.valid_from,
            in_force.c.recorded_at,
            in_force.c.approved_by,
        )
        .where(in_force.c.district == district)
        .order_by(in_force.c.entry)
    )
    return [Entry(*row) for row in connection.execute(query)]


def find_in_force(
    connection: Connection, district: str, *, as_of: datetime | None = None, known_at: datetime | None = None
) -> int | None:
    """Return the generation in force at `as_of` by what was known at `known_at` (None: now); None before the first.

    What is recorded later is better known: an entry that begins before an earlier one takes its place from then on.
    """
    query = select(in_force.c.generation).where(
        in_force.c.district == district,
        in_force.c.valid_from <= (func.clock_timestamp() if as_of is None else as_of),
        in_force.c.recorded_at <= (func.clock_timestamp() if known_at is None else known_at),
    )
    found = connection.scalar(query.order_by(in_force.c.entry.desc()).limit(1))
    return None if found is None else int(found)


def list_places(connection: Connection, district: str, *, addresses: bool = False) -> list[tuple[str, float, float]]:
    """Return the places that have owners, ("team", "case" or "address", lon, lat): stations, open cases, addresses."""
    teams = (
        select(literal("team"), func.ST_X(station.c.geom), func.ST_Y(station.c.geom))
        .join(team, (team.c.district == station.c.district) & (team.c.station == station.c.id))
        .where(station.c.district == district)
    )
    cases = select(literal("case"), func.ST_X(incident.c.geom), func.ST_Y(incident.c.geom)).where(
        incident.c.district == district, incident.c.status.not_in(["archived", "cancelled"])
    )
    places = [teams, cases]
    if addresses:
        columns = (literal("address"), func.ST_X(address.c.geom), func.ST_Y(address.c.geom))
        places.append(select(*columns).where(address.c.district == district))
    return [(str(who), float(lon), float(lat)) for who, lon, lat in connection.execute(union_all(*places))]

"""Boundaries of one level out of a file into the draft generation: codes by name, parents by geometry (R4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import ensure_district
from gridsvc.db.session.connection import lift_time_limit
from gridsvc.files.grids.boundaries import Expected, read_boundaries
from gridsvc.files.grids.divisions import find_district_name, list_divisions
from gridsvc.grids.faults import find_faults
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.naming import KnownDivision, resolve_codes
from gridsvc.grids.parents import adopt, find_parents
from gridsvc.operations.grids.datum_guard import check_datum, near_district
from gridsvc.operations.grids.generations import choose_district

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection

    from gridsvc.files.grids.boundaries import Boundaries
    from gridsvc.grids.fault import Fault
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Columns:
    """How to read a file: which columns and layer, its encoding and labels; None: guessed, or the only one.

    accept_shift: take boundaries that are shifted against those in force, as by another datum.
    """

    code: str | None = None
    name: str | None = None
    parent: str | None = None
    layer: str | None = None
    encoding: str | None = None
    labels: Path | None = None
    accept_shift: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did. generation None: a dry run, nothing was kept. faults: only of a dry run."""

    district: str
    generation: int | None
    level: Level
    grids: int
    unresolved: int
    columns: dict[str, str]
    crs: str
    notes: list[str]
    faults: list[Fault] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the load as JSON values."""
        answer: dict[str, Any] = {
            "district": self.district,
            "generation": self.generation,
            "level": self.level.key,
            "grids": self.grids,
            "unresolved": self.unresolved,
            "columns": self.columns,
            "crs": self.crs,
            "notes": self.notes,
        }
        if self.faults is not None:
            answer["faults"] = [fault.as_json() for fault in self.faults]
            answer["blocking"] = any(fault.blocking for fault in self.faults)
        return answer


def load_grids(
    service: Service,
    path: Path,
    level: Level,
    *,
    district: str | None,
    crs: str | None,
    columns: Columns,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """Put the boundaries of a file in the place of one level of the draft, which begins as what is in force.

    Raises
    ------
    InvalidInput
        For a file that cannot be read, one that lies far from the district, and, without `columns.accept_shift`, one
        that is shifted against the boundaries in force as if its datum were another.
    """
    code = district if district is not None else choose_district(service, None)
    known = [division for division in list_divisions(code) if division.level == level]
    name = find_district_name(code)
    present = service.database.run(lambda connection: _present_grids(connection, code))
    names = {division.name for division in known} | {grid.name for grid in present if grid.level == level}
    boundaries = read_boundaries(
        path,
        crs=crs,
        fields={"code": columns.code, "name": columns.name, "parent": columns.parent},
        layer=columns.layer,
        encoding=columns.encoding,
        labels=columns.labels,
        expected=Expected(frozenset(names), name, near_district(code, present)),
    )
    said = check_datum(path, boundaries, level, present, accept_shift=columns.accept_shift)
    boundaries = replace(boundaries, notes=[*boundaries.notes, *said])
    source = {"file": path.name, "crs": boundaries.crs, "columns": boundaries.columns, "notes": said}

    def work(connection: Connection) -> Loaded:
        lift_time_limit(connection)
        store.lock_drafts(connection, code)
        others = [grid for grid in _present_grids(connection, code) if grid.level != level]
        own = _as_grids(boundaries, level, code, known, others)
        whole = adopt([*_without_lost_parents(others, own), *own])
        loaded = Loaded(
            code,
            None,
            level,
            len(own),
            sum(grid.provisional_code for grid in own),
            boundaries.columns,
            boundaries.crs,
            boundaries.notes,
        )
        if dry_run:
            return replace(loaded, faults=find_faults(whole, known=list_divisions(code), progress=progress))
        ensure_district(connection, code, name=name)
        number = _write(connection, code, level, others, whole, source)
        return replace(loaded, generation=number)

    return service.database.run(work)


def _present_grids(connection: Connection, district: str) -> list[Grid]:
    """Return the grids of the draft, else of the generation in force, else none."""
    draft = store.find_draft(connection, district)
    number = draft.number if draft is not None else store.find_in_force(connection, district)
    return [] if number is None else store.list_grids(connection, district, number)


def _write(
    connection: Connection,
    district: str,
    level: Level,
    others: Sequence[Grid],
    whole: Sequence[Grid],
    source: dict[str, Any],
) -> int:
    """Write the level, and those whose parents changed with it, into the draft; return its number."""
    draft = store.begin_draft(connection, district)
    before = {(grid.level, grid.code, grid.parent) for grid in others}
    changed = {level, *(grid.level for grid in whole if (grid.level, grid.code, grid.parent) not in before)}
    store.write_grids(
        connection, district, draft.number, [grid for grid in whole if grid.level in changed], levels=changed
    )
    loads = [*draft.source.get("loads", []), source | {"level": level.key}]
    # What a repair changed in a level that is replaced cannot be undone.
    document = {key: value for key, value in draft.source.items() if key != "repairs"} | {"loads": loads}
    store.note_load(connection, district, draft.number, document)
    return draft.number


def _without_lost_parents(others: Sequence[Grid], own: Sequence[Grid]) -> list[Grid]:
    """Clear the parents of other levels that pointed into the level now replaced, where their code is gone."""
    codes = {grid.code for grid in (*others, *own)}
    return [
        replace(grid, parent=None) if grid.parent is not None and grid.parent not in codes else grid for grid in others
    ]


def _as_grids(
    boundaries: Boundaries, level: Level, district: str, known: Sequence[KnownDivision], others: Sequence[Grid]
) -> list[Grid]:
    """Give every feature of a file its code and parent."""
    wider = [grid for grid in others if grid.level < level]
    by_name: dict[str, list[str]] = {}
    for grid in wider:
        by_name.setdefault(grid.name, []).append(grid.code)
    codes = {grid.code for grid in wider}
    parents = [_parent_code(declared, codes, by_name) for declared in boundaries.parents]
    shapes = list(boundaries.geometries)
    townships: list[str | None] = [district] * len(shapes)
    if level > Level.TOWNSHIP:
        townships = find_parents(shapes, [grid for grid in wider if grid.level == Level.TOWNSHIP])
    named = resolve_codes(
        boundaries.names,
        known,
        townships,
        district=district,
        level=level,
        places=[_place(shape) for shape in shapes],
    )
    return [
        Grid(
            code=declared or made.code,
            name=name,
            level=level,
            parent=parent,
            geometry=shape,
            urban_rural_code=urban_rural or made.urban_rural_code,
            provisional_code=made.provisional and declared is None,
            officer=officer,
        )
        for declared, made, name, parent, shape, urban_rural, officer in zip(
            boundaries.codes,
            named,
            boundaries.names,
            parents,
            shapes,
            boundaries.urban_rural_codes,
            boundaries.officers,
            strict=True,
        )
    ]


def _parent_code(declared: str | None, codes: set[str], by_name: dict[str, list[str]]) -> str | None:
    """Return the code of a parent that a file names by its code or its name; one that is not there stays as it is."""
    if declared is None or declared in codes:
        return declared
    same = by_name.get(declared, [])
    return same[0] if len(same) == 1 else declared


def _place(shape: BaseGeometry) -> tuple[float, float]:
    bounds: tuple[float, float, float, float] = shape.bounds
    x, y = bounds[0], bounds[1]
    return (x, y) if np.isfinite(x) and np.isfinite(y) else (0.0, 0.0)

"""Generations of grids: load a level into the draft, check it, put it in force, roll back, compare, export (R4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.db import grids as store
from gridsvc.db.artifacts import put_artifact
from gridsvc.db.versions import ensure_district, get_versions, list_versions
from gridsvc.errors import BlockedByFaults, Conflict, InvalidInput, NotFound
from gridsvc.grids.differences import Difference, compare
from gridsvc.grids.faults import BLOCKING_OVER_M2, Fault, find_faults
from gridsvc.grids.levels import LEVEL_KEYS, Grid, Level
from gridsvc.grids.naming import KnownDivision, resolve_codes
from gridsvc.grids.parents import adopt, find_parents
from gridsvc.operations.districts import ownership_index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.files.boundaries import Boundaries
    from gridsvc.operations.service import Service

    Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns and layer of a file to read, and its encoding; None: guessed, or the only one."""

    code: str | None = None
    name: str | None = None
    parent: str | None = None
    layer: str | None = None
    encoding: str | None = None


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
        told: dict[str, Any] = {
            "district": self.district, "generation": self.generation, "level": self.level.key, "grids": self.grids,
            "unresolved": self.unresolved, "columns": self.columns, "crs": self.crs, "notes": self.notes,
        }  # fmt: skip
        if self.faults is not None:
            told["faults"] = [fault.as_json() for fault in self.faults]
            told["blocking"] = any(fault.blocking for fault in self.faults)
        return told


@dataclass(frozen=True, slots=True)
class Checked:
    """The faults of one generation."""

    district: str
    generation: int
    state: str
    faults: list[Fault]

    @property
    def blocking(self) -> bool:
        """Whether one of them forbids the activation."""
        return any(fault.blocking for fault in self.faults)

    def as_json(self) -> dict[str, Any]:
        """Return {generation, blocking, faults: [...]}."""
        return {
            "generation": self.generation,
            "blocking": self.blocking,
            "faults": [fault.as_json() for fault in self.faults],
        }


@dataclass(frozen=True, slots=True)
class Activated:
    """A generation that is now in force. before None: the first one. teams, cases: how many have another owner now."""

    district: str
    generation: int
    before: int | None
    difference: Difference | None
    teams: int = 0
    cases: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return {
            "district": self.district, "generation": self.generation, "before": self.before,
            "difference": None if self.difference is None else self.difference.as_json(),
            "teams": self.teams, "open_cases": self.cases,
        }  # fmt: skip


def level_of(key: str) -> Level:
    """Return the level of a name; refuses an unknown one."""
    try:
        return Level.from_key(key)
    except KeyError:
        raise InvalidInput(f"There is no level {key!r}; the levels are {', '.join(LEVEL_KEYS)}.") from None


def choose_district(service: Service, code: str | None) -> str:
    """Return the district that is meant: the one named, else the only one loaded."""
    with service.database.transaction() as connection:
        loaded = [versions.district for versions in list_versions(connection)]
    if code is not None:
        if code not in loaded:
            known = ", ".join(loaded) or "none"
            raise NotFound(f"District {code} is not loaded; loaded: {known}.", kind="no-district")
        return code
    if len(loaded) == 1:
        return loaded[0]
    if not loaded:
        raise NotFound("No district is loaded. Load grids with --district CODE.", kind="no-district")
    raise InvalidInput(f"{len(loaded)} districts are loaded ({', '.join(loaded)}): name one by --district.")


# ------------------------------------------------------------------------------------------------------------- loading


def load_grids(
    service: Service, path: Path, level: Level, *, district: str | None, crs: str | None, columns: Columns,
    dry_run: bool = False, progress: Progress | None = None,
) -> Loaded:  # fmt: skip
    """Put the boundaries of a file in the place of one level of the draft, which begins as what is in force."""
    from gridsvc.files.boundaries import read_boundaries
    from gridsvc.files.divisions import find_district_name, list_divisions

    code = district if district is not None else choose_district(service, None)
    boundaries = read_boundaries(
        path, crs=crs, code_field=columns.code, name_field=columns.name, parent_field=columns.parent,
        layer=columns.layer, encoding=columns.encoding,
    )  # fmt: skip
    known = [division for division in list_divisions(code) if division.level == level]
    source = {"file": path.name, "crs": boundaries.crs, "columns": boundaries.columns}
    name = find_district_name(code)

    def work(connection: Connection) -> Loaded:
        others = [grid for grid in _present_grids(connection, code) if grid.level != level]
        own = _as_grids(boundaries, level, code, known, others)
        whole = adopt([*_without_lost_parents(others, own), *own])
        told = Loaded(
            code, None, level, len(own), sum(grid.provisional_code for grid in own), boundaries.columns,
            boundaries.crs, boundaries.notes,
        )  # fmt: skip
        if dry_run:
            return replace(told, faults=find_faults(whole, progress=progress))
        ensure_district(connection, code, name=name)
        number = _write(connection, code, level, others, whole, source)
        return replace(told, generation=number)

    return service.database.run(work)


def _present_grids(connection: Connection, district: str) -> list[Grid]:
    """Return the grids of the draft, else of the generation in force, else none."""
    draft = store.find_draft(connection, district)
    number = draft.number if draft is not None else store.find_in_force(connection, district)
    return [] if number is None else store.list_grids(connection, district, number)


def _write(
    connection: Connection, district: str, level: Level, others: Sequence[Grid], whole: Sequence[Grid],
    source: dict[str, Any],
) -> int:  # fmt: skip
    """Write the level, and those whose parents changed with it, into the draft; return its number."""
    in_force = get_versions(connection, district, lock="update").generation
    draft = store.find_draft(connection, district) or store.open_draft(connection, district, of=in_force, source={})
    before = {(grid.level, grid.code, grid.parent) for grid in others}
    changed = {level, *(grid.level for grid in whole if (grid.level, grid.code, grid.parent) not in before)}
    store.write_grids(
        connection, district, draft.number, [grid for grid in whole if grid.level in changed], levels=changed
    )
    loads = [*draft.source.get("loads", []), source | {"level": level.key}]
    store.note_load(connection, district, draft.number, {**draft.source, "loads": loads})
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
    parents = [_parent_code(told, codes, by_name) for told in boundaries.parents]
    shapes = list(boundaries.geometries)
    townships: list[str | None] = [district] * len(shapes)
    if level > Level.TOWNSHIP:
        townships = find_parents(shapes, [grid for grid in wider if grid.level == Level.TOWNSHIP])
    named = resolve_codes(
        boundaries.names, known, townships, district=district, level=level,
        places=[_place(shape) for shape in shapes],
    )  # fmt: skip
    return [
        Grid(
            code=told or made.code, name=name, level=level, parent=parent, geometry=shape,
            urban_rural_code=urban_rural or made.urban_rural_code,
            provisional_code=made.provisional and told is None, officer=officer,
        )
        for told, made, name, parent, shape, urban_rural, officer in zip(
            boundaries.codes, named, boundaries.names, parents, shapes, boundaries.urban_rural_codes,
            boundaries.officers, strict=True,
        )
    ]  # fmt: skip


def _parent_code(told: str | None, codes: set[str], by_name: dict[str, list[str]]) -> str | None:
    """Return the code of a parent that a file names by its code or its name; one that is not there stays as told."""
    if told is None or told in codes:
        return told
    same = by_name.get(told, [])
    return same[0] if len(same) == 1 else told


def _place(shape: Any) -> tuple[float, float]:
    bounds: tuple[float, float, float, float] = shape.bounds
    x, y = bounds[0], bounds[1]
    return (x, y) if np.isfinite(x) and np.isfinite(y) else (0.0, 0.0)


# ------------------------------------------------------------------------------------------------- check, put in force


def check(
    service: Service, district: str, *, blocking_over_m2: float = BLOCKING_OVER_M2, progress: Progress | None = None
) -> Checked:
    """Find the faults of the draft, else of the generation in force."""
    with service.database.transaction() as connection:
        draft = store.find_draft(connection, district)
        number = draft.number if draft is not None else store.find_in_force(connection, district)
        if number is None:
            raise NotFound(
                f"District {district} has no grids. `gridsvc load grids FILE` loads a level.", kind="no-grids"
            )
        grids = store.list_grids(connection, district, number)
        state = "draft" if draft is not None else "in force"
    faults = find_faults(grids, blocking_over_m2=blocking_over_m2, progress=progress)
    blocking = any(fault.blocking for fault in faults)
    with service.database.transaction() as connection:
        store.note_check(connection, district, number, [f.as_json() for f in faults[:1000]], blocking=blocking)
    return Checked(district, number, state, faults)


def activate(
    service: Service, district: str, number: int, *, at: datetime | None = None,
    blocking_over_m2: float = BLOCKING_OVER_M2, progress: Progress | None = None,
) -> Activated:  # fmt: skip
    """Put a generation in force: its index is built first, then one transaction makes the change.

    Raises
    ------
    BlockedByFaults
        When it has faults that forbid it; the first are named.
    Conflict
        When it is in force already, was changed in the meantime, or `at` lies in the future.
    """
    with service.database.transaction() as connection:
        generation = store.get_generation(connection, district, number)
        versions = get_versions(connection, district)
        if versions.generation == number:
            raise Conflict(f"Generation {number} is in force already.", kind="in-force")
        if at is not None and at > versions.now:
            raise Conflict(f"{at.isoformat()} lies in the future; activate when the day has come.", kind="future")
        grids = store.list_grids(connection, district, number)
    if generation.state == "draft":
        faults = find_faults(grids, blocking_over_m2=blocking_over_m2, progress=progress)
        _refuse_faults(number, [fault for fault in faults if fault.blocking])
    return _put_in_force(service, district, number, grids, generation.source, reason="activate", at=at)


def _refuse_faults(number: int, faults: Sequence[Fault]) -> None:
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        named = " ".join(fault.words for fault in faults[:3])
        raise BlockedByFaults(
            f"Generation {number} has {len(faults)} blocking faults: {named}{more} `gridsvc grids check` lists all; "
            "correct the source and load it again.",
            faults=[fault.as_json() for fault in faults[:100]],
        )


def _put_in_force(
    service: Service, district: str, number: int, grids: Sequence[Grid], source: dict[str, Any], *,
    reason: str, at: datetime | None = None,
) -> Activated:  # fmt: skip
    from gridsvc.grids.index import OwnershipIndex

    index = OwnershipIndex.build(district, number, grids)
    with service.database.transaction() as connection:
        digest = put_artifact(connection, service.folder, district, "ownership-index", index.to_bytes())
        before = store.find_in_force(connection, district)
        former = [] if before is None else store.list_grids(connection, district, before)
    difference = None if before is None else compare(former, grids)

    def work(connection: Connection) -> None:
        versions = get_versions(connection, district, lock="update")
        if versions.generation != before or store.get_generation(connection, district, number).source != source:
            raise Conflict(
                f"Generation {number} or what is in force changed in the meantime. Look again.", kind="raced"
            )
        store.put_in_force(connection, district, number, reason=reason, index_digest=digest, valid_from=at)

    service.database.run(work)
    teams = cases = 0
    if before is not None:
        with service.database.transaction() as connection:
            old = ownership_index(service, connection, district, before)
            places = store.list_places(connection, district)
        changed = [who for who, lon, lat in places if old.locate(lon, lat).owners != index.locate(lon, lat).owners]
        teams, cases = changed.count("team"), changed.count("case")
    return Activated(district, number, before, difference, teams, cases)


def rollback(service: Service, district: str) -> Activated:
    """Put the generation in force again that was before the present one; a new entry of the log, nothing rewritten."""
    with service.database.transaction() as connection:
        stack: list[int] = []
        for entry in store.list_entries(connection, district):
            if entry.reason == "rollback" and len(stack) > 1:
                stack.pop()
            elif entry.reason == "activate":
                stack.append(entry.generation)
        if len(stack) < 2:
            raise Conflict(f"District {district} has no earlier generation to go back to.", kind="no-earlier")
        generation = store.get_generation(connection, district, stack[-2])
        grids = store.list_grids(connection, district, generation.number)
    return _put_in_force(service, district, generation.number, grids, generation.source, reason="rollback")


def establish(
    service: Service, district: str, grids: Sequence[Grid], *, source: dict[str, Any], name: str | None = None,
    synthetic: bool = False, time_zone: str | None = None, blocking_over_m2: float = BLOCKING_OVER_M2,
) -> int:  # fmt: skip
    """Load all levels at once, check and activate them; return the generation's number. An open draft is replaced."""

    def work(connection: Connection) -> int:
        ensure_district(connection, district, name=name, synthetic=synthetic, time_zone=time_zone)
        get_versions(connection, district, lock="update")
        draft = store.find_draft(connection, district) or store.open_draft(connection, district, of=None, source={})
        store.write_grids(connection, district, draft.number, grids, levels=Level)
        store.note_load(connection, district, draft.number, source)
        return draft.number

    number = service.database.run(work)
    activate(service, district, number, blocking_over_m2=blocking_over_m2)
    return number


# --------------------------------------------------------------------------------------------------- look and compare


def get_number(service: Service, district: str, *, as_of: datetime | None = None) -> int:
    """Return the generation in force, now or at a time."""
    with service.database.transaction() as connection:
        number = store.find_in_force(connection, district, as_of=as_of)
    if number is None:
        when = "" if as_of is None else f" at {as_of.isoformat()}"
        raise NotFound(
            f"District {district} has no grids in force{when}. `gridsvc grids activate N` puts a draft in force.",
            kind="no-grids",
        )
    return number


def list_grids(service: Service, district: str) -> list[dict[str, Any]]:
    """Return code, name, level, parent and area_m2 of every grid in force, widest level first."""
    number = get_number(service, district)
    with service.database.transaction() as connection:
        rows = store.list_areas(connection, district, number)
    return [
        {"code": code, "name": name, "level": level.key, "parent": parent, "area_m2": round(area_m2, 1)}
        for code, name, level, parent, area_m2 in rows
    ]


def diff(service: Service, district: str, number: int) -> tuple[int | None, Difference]:
    """Compare a generation with the one in force (its own predecessor in number, if it is that one)."""
    with service.database.transaction() as connection:
        store.get_generation(connection, district, number)
        base = store.find_in_force(connection, district)
        if base == number:
            earlier = [g.number for g in store.list_generations(connection, district) if g.number < number]
            base = earlier[-1] if earlier else None
        before = [] if base is None else store.list_grids(connection, district, base)
        return base, compare(before, store.list_grids(connection, district, number))


def history(service: Service, district: str, code: str) -> list[dict[str, Any]]:
    """Return what every generation says of a grid's code, oldest first."""
    with service.database.transaction() as connection:
        rows = store.list_past(connection, district, code)
        entries = store.list_entries(connection, district)
    if not rows:
        raise NotFound(f"No generation of district {district} has a grid {code}.", kind="no-grid")
    spans = _spans(entries)
    return [
        {
            "generation": row.generation, "state": row.state, "name": row.name, "level": row.level.key,
            "parent": row.parent, "area_m2": round(row.area_m2, 1), "in_force": spans.get(row.generation, []),
        }
        for row in rows
    ]  # fmt: skip


def _spans(entries: Sequence[store.Entry]) -> dict[int, list[dict[str, str | None]]]:
    """Return when each generation was in force: [{from, until}], until None while it is."""
    ordered = sorted(entries, key=lambda entry: entry.valid_from)
    spans: dict[int, list[dict[str, str | None]]] = {}
    for entry, later in zip(ordered, [*ordered[1:], None], strict=True):
        until = None if later is None else later.valid_from.isoformat()
        spans.setdefault(entry.generation, []).append({"from": entry.valid_from.isoformat(), "until": until})
    return spans


def export(
    service: Service, district: str, path: Path, *, number: int | None = None, level: Level | None = None
) -> int:
    """Write a generation (None: the one in force), or one level of it, to a file; return the number of grids."""
    from gridsvc.files.boundaries_out import write_boundaries

    told = get_number(service, district) if number is None else number
    with service.database.transaction() as connection:
        store.get_generation(connection, district, told)
        grids = store.list_grids(connection, district, told, level=level)
    write_boundaries(path, grids)
    return len(grids)

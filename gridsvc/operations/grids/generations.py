"""Generations of grids: put one in force, roll back, compare, export (R4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.artifacts import ArtifactLost, open_artifact, put_artifact
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import ensure_district, get_versions, list_versions
from gridsvc.db.session.connection import lift_time_limit
from gridsvc.errors import BlockedByFaults, Conflict, InvalidInput, NotFound
from gridsvc.files.grids.export import write_boundaries
from gridsvc.grids.cover import cover_of
from gridsvc.grids.differences import Difference, compare
from gridsvc.grids.fault import DEFAULT_LIMITS, Fault, Limits
from gridsvc.grids.faults import find_faults
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import LEVEL_KEYS, Grid, Level
from gridsvc.grids.rulings import rulings_on
from gridsvc.operations.grids.mapped import ownership_index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.db.grids.generations import Entry
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]


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
            "district": self.district,
            "generation": self.generation,
            "before": self.before,
            "difference": None if self.difference is None else self.difference.as_json(),
            "teams": self.teams,
            "open_cases": self.cases,
        }


def level_of(key: str) -> Level:
    """Return the level of a name; refuses an unknown one."""
    try:
        return Level.from_key(key)
    except KeyError:
        raise InvalidInput(
            f"There is no level {key!r}; the levels are {', '.join(LEVEL_KEYS)}.", level=key, known=list(LEVEL_KEYS)
        ) from None


def choose_district(service: Service, code: str | None) -> str:
    """Return the named district, else the only one that is loaded."""
    with service.database.transaction() as connection:
        loaded = [versions.district for versions in list_versions(connection)]
    if code is not None:
        if code not in loaded:
            known = ", ".join(loaded) or "none"
            raise NotFound(
                f"District {code} is not loaded; loaded: {known}.", kind="no-district", district=code, known=loaded
            )
        return code
    if len(loaded) == 1:
        return loaded[0]
    if not loaded:
        raise NotFound("No district is loaded. Load grids with --district CODE.", kind="no-district")
    raise InvalidInput(
        f"{len(loaded)} districts are loaded ({', '.join(loaded)}): name one by --district.", known=list(loaded)
    )


# -------------------------------------------------------------------------------------------------------- put in force


def activate(
    service: Service,
    district: str,
    number: int,
    *,
    at: datetime | None = None,
    approved_by: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Activated:
    """Put a generation in force: build its index, then change the version in one transaction.

    Raises
    ------
    BlockedByFaults
        When it has blocking faults; the message has the first of them.
    Conflict
        When it is in force already, was changed in the meantime, or `at` is in the future.
    """
    with service.database.transaction() as connection:
        generation = store.get_generation(connection, district, number)
        versions = get_versions(connection, district)
        if versions.generation == number:
            raise Conflict(f"Generation {number} is in force already.", kind="in-force", generation=number)
        if at is not None and at > versions.now:
            raise Conflict(
                f"{at.isoformat()} is in the future; plan the activation with `--at`, or leave it out.",
                kind="future",
                at=at.isoformat(),
            )
        grids = store.list_grids(connection, district, number)
    if generation.state == "draft":
        day = (at or versions.now).date()
        accepted = rulings_on(generation.source, day)
        faults = find_faults(grids, limits=limits, accepted=accepted, progress=progress)
        _refuse_faults(number, [fault for fault in faults if fault.blocking])
    return _put_in_force(service, district, number, grids, generation.source, reason="activate", at=at, by=approved_by)


def _refuse_faults(number: int, faults: Sequence[Fault]) -> None:
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        named = " ".join(fault.words for fault in faults[:3])
        raise BlockedByFaults(
            f"Generation {number} has {len(faults)} blocking faults: {named}{more} `gridsvc grids check` lists all, "
            "each with the command that cures it.",
            generation=number,
            count=len(faults),
            faults=[fault.as_json() for fault in faults[:100]],
        )


def _put_in_force(
    service: Service,
    district: str,
    number: int,
    grids: Sequence[Grid],
    source: dict[str, Any],
    *,
    reason: str,
    at: datetime | None = None,
    by: str | None = None,
) -> Activated:
    digest, cover = _store_index(service, district, number, grids), cover_of(grids)
    with service.database.transaction() as connection:
        before = store.find_in_force(connection, district)
        former = [] if before is None else store.list_grids(connection, district, before)
    difference = None if before is None else compare(former, grids)

    def work(connection: Connection) -> None:
        lift_time_limit(connection)
        store.lock_drafts(connection, district)
        versions = get_versions(connection, district, lock="update")
        if versions.generation != before or store.get_generation(connection, district, number).source != source:
            raise Conflict(
                f"Generation {number} or what is in force changed in the meantime. Check it again.",
                kind="raced",
                generation=number,
            )
        store.put_in_force(
            connection, district, number, reason=reason, cover=cover, index_digest=digest, valid_from=at,
            approved_by=by or service.caller.name,
        )  # fmt: skip

    service.database.run(work)
    teams = cases = 0
    if before is not None:
        with service.database.transaction() as connection:
            old = _former_index(service, connection, district, before, former)
            index = OwnershipIndex.open(open_artifact(connection, service.folder, district, digest))
            places = store.list_places(connection, district)
        changed = [who for who, lon, lat in places if old.locate(lon, lat).owners != index.locate(lon, lat).owners]
        teams, cases = changed.count("team"), changed.count("case")
    return Activated(district, number, before, difference, teams, cases)


def _store_index(service: Service, district: str, number: int, grids: Sequence[Grid]) -> str:
    """Build the index of a generation, store it and return its digest."""
    blocks = OwnershipIndex.build_file(district, number, grids)
    with service.database.transaction() as connection:
        lift_time_limit(connection)
        return put_artifact(connection, service.folder, district, "ownership-index", blocks)


def _former_index(
    service: Service, connection: Connection, district: str, number: int, grids: Sequence[Grid]
) -> OwnershipIndex:
    """Return the index that was in force before; built again where its file is lost."""
    try:
        return ownership_index(service, connection, district, number)
    except ArtifactLost:
        return OwnershipIndex.build(district, number, grids)


def rollback(service: Service, district: str, *, approved_by: str | None = None) -> Activated:
    """Put the previous generation in force again; this is a new entry of the log, and no entry is changed."""
    with service.database.transaction() as connection:
        earlier = find_earlier(store.list_entries(connection, district))
        if earlier is None:
            raise no_earlier(district)
        generation = store.get_generation(connection, district, earlier)
        grids = store.list_grids(connection, district, generation.number)
    source, number = generation.source, generation.number
    return _put_in_force(service, district, number, grids, source, reason="rollback", by=approved_by)


def find_earlier(entries: Sequence[Entry]) -> int | None:
    """Return the generation that a rollback puts in force, None without one. `entries`: the log, oldest first."""
    stack: list[int] = []
    for entry in entries:
        if entry.reason == "rollback" and len(stack) > 1:
            stack.pop()
        elif entry.reason == "activate":
            stack.append(entry.generation)
    return stack[-2] if len(stack) > 1 else None


def no_earlier(district: str) -> Conflict:
    """Return the refusal of a rollback where nothing was in force before."""
    return Conflict(
        f"District {district} has no earlier generation to go back to.", kind="no-earlier", district=district
    )


def establish(
    service: Service,
    district: str,
    grids: Sequence[Grid],
    *,
    source: dict[str, Any],
    name: str | None = None,
    synthetic: bool = False,
    time_zone: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> int:
    """Load all levels at once, check and activate them; return the generation's number. An open draft is replaced."""

    def work(connection: Connection) -> int:
        lift_time_limit(connection)
        ensure_district(connection, district, name=name, synthetic=synthetic, time_zone=time_zone)
        store.lock_drafts(connection, district)
        draft = store.find_draft(connection, district) or store.open_draft(connection, district, of=None, source={})
        store.write_grids(connection, district, draft.number, grids, levels=Level)
        store.note_load(connection, district, draft.number, source)
        return draft.number

    number = service.database.run(work)
    activate(service, district, number, limits=limits)
    return number


# --------------------------------------------------------------------------------------------------- read and compare


def get_number(service: Service, district: str, *, as_of: datetime | None = None) -> int:
    """Return the generation in force, now or at a time."""
    with service.database.transaction() as connection:
        number = store.find_in_force(connection, district, as_of=as_of)
    if number is None:
        when = "" if as_of is None else f" at {as_of.isoformat()}"
        raise NotFound(
            f"District {district} has no grids in force{when}. `gridsvc grids activate N` puts a draft in force.",
            kind="no-grids",
            district=district,
            as_of=None if as_of is None else as_of.isoformat(),
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


def export(
    service: Service,
    district: str,
    path: Path,
    *,
    number: int | None = None,
    level: Level | None = None,
    crs: str | None = None,
) -> int:
    """Write a generation (None: the one in force), or one level of it, to a file; return the number of grids.

    `crs` is an EPSG code, None: WGS-84.
    """
    chosen = get_number(service, district) if number is None else number
    with service.database.transaction() as connection:
        store.get_generation(connection, district, chosen)
        grids = store.list_grids(connection, district, chosen, level=level)
    write_boundaries(path, grids, crs)
    return len(grids)

"""`gridsvc load incidents`: cases of another dispatch system as history, for figures, calibration and plans.

They are no cases of this service. The chain has the digest of the file, what was read of it, and the digests of its
rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.access.scopes import Right
from gridsvc.compliance.call_map import STAMPS
from gridsvc.compliance.exports import history_of_calls
from gridsvc.compliance.history import Period
from gridsvc.db.cases import imported
from gridsvc.db.cases.imported import ImportedFile
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import get_clock, get_versions
from gridsvc.db.session.connection import lift_time_limit
from gridsvc.errors import Conflict, InvalidInput
from gridsvc.files.calls.read import inspect_calls, read_calls
from gridsvc.files.calls.rejected import find_line
from gridsvc.files.text import file_digest
from gridsvc.operations.compliance.imported import find_file
from gridsvc.operations.imports.placing import OUTSIDE, PLACES, place_cases
from gridsvc.operations.imports.rows import rows_of
from gridsvc.operations.law.imports import only_district
from gridsvc.operations.runtime.districts import view_at
from gridsvc.times import MISSING, from_us

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.compliance.call_map import CallMap
    from gridsvc.compliance.exports import CallRows
    from gridsvc.compliance.history import History
    from gridsvc.files.calls.read import CallFile, Skipped
    from gridsvc.operations.imports.placing import Placed
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

KEEP, LEAVE_OUT, REFUSE = "keep", "leave-out", "refuse"
WHERE_OUTSIDE = (KEEP, LEAVE_OUT, REFUSE)
"""What becomes of a case whose position lies outside the district: it is kept without owners, and no plan and no
calibration uses it; it is left out; or the file is refused."""
IN_ANOTHER = "in-another-import"


@dataclass(frozen=True, slots=True)
class Export:
    """A file that was read: its rows as a history, and what was not used of it."""

    file: CallFile
    of: CallMap
    digest: str
    history: History
    skipped: Skipped
    noticed: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did; `left_out`: the cases that are not among those that were loaded, by reason."""

    answer: dict[str, Any]
    export: Export | None = None
    left_out: dict[str, tuple[str, ...]] | None = None


def load_history(
    service: Service,
    district: str | None,
    path: Path,
    of: CallMap,
    *,
    outside: str = KEEP,
    dry_run: bool = False,
    actor: str,
    progress: Callable[[int, int], None] | None = None,
) -> Loaded:
    """Load the cases of an export as history of a district; the same file with the same map is loaded once.

    Raises
    ------
    InvalidInput
        For a file or map that does not fit, places outside where these are refused, or when no case is new.
    Conflict
        When the file was loaded with another map, or another file is being loaded.
    """
    service.caller.need(Right.LOAD)
    file, digest = inspect_calls(path), file_digest(path)
    with service.database.transaction() as connection:
        code = only_district(connection, district)
        get_versions(connection, code)  # NotFound for one that is not loaded
        before = find_loaded(imported.list_files(connection, code), digest, of)
    if before is not None:
        return Loaded(_answer(before, already=True, dry_run=dry_run))
    export = _read(file, of, digest)

    def work(connection: Connection) -> Loaded:
        lift_time_limit(connection)
        return _write(service, connection, code, export, _Wish(outside, dry_run, actor, progress))

    return service.database.run(work)


@dataclass(frozen=True, slots=True)
class _Wish:
    outside: str
    dry_run: bool
    actor: str
    progress: Callable[[int, int], None] | None


def find_loaded(files: Sequence[ImportedFile], digest: str, of: CallMap) -> ImportedFile | None:
    """Return the import of a file with the same map, None where it is not loaded; Conflict with another map."""
    for each in files:
        if each.digest == digest:
            if each.map == of.as_json():
                return each
            raise Conflict(
                f"{each.name} is loaded already as import {each.number}, by the map {each.map['id']} as it was then. "
                f"Remove it first: `gridsvc load incidents --remove {digest[:12]}`.",
                kind="import-exists",
                district=each.district,
                number=each.number,
                digest=digest,
            )
    return None


def _read(file: CallFile, of: CallMap, digest: str) -> Export:
    rows, skipped = read_calls(file, of)
    check_times(file, of, rows, skipped)
    history, noticed = history_of_calls(rows, of, Period(datetime.now(UTC), of.time_zone), source="imported")
    return Export(file, of, digest, history, skipped, noticed.as_json())


def check_times(file: CallFile, of: CallMap, rows: CallRows, skipped: Skipped) -> None:
    """Refuse a map by which most times of a column are none, or that finds no time of a report."""
    for name in (each for each in STAMPS if each in of.columns):
        bad, example = skipped.reasons.get(f"unreadable-{name}", (0, ""))
        good = int((rows.stamp(name) != MISSING).sum())
        title = " ".join(of.columns[name])
        if bad > good:
            line = find_line(file, skipped, f"unreadable-{name}")
            raise InvalidInput(
                f"{file.path}, line {line}: {example[:60]!r} in {title} is no time by the map {of.id}, nor are "
                f"{bad} of the {bad + good} values of that column. Correct `time_format` of the map, or what it names "
                f"as `{name}`.",
                kind="wrong-map",
            )
        if name == "received" and not good:
            raise InvalidInput(
                f"{file.path}: no row has a time in {title}, which the map {of.id} names as `received`. Correct the "
                "map, or propose one: gridsvc compliance --file FILE --map guess.",
                kind="wrong-map",
            )


def _write(service: Service, connection: Connection, code: str, export: Export, wish: _Wish) -> Loaded:
    if not imported.lock_imports(connection, code):
        raise Conflict(
            f"Another file is being loaded into district {code}. Load this one after it.",
            kind="import-running",
            district=code,
        )
    files = imported.list_files(connection, code)
    if (before := find_loaded(files, export.digest, export.of)) is not None:
        return Loaded(_answer(before, already=True, dry_run=wish.dry_run))
    view = view_at(service, connection, get_versions(connection, code))
    placed = place_cases(export.history.cases, view)
    far = _describe_outside(export, placed, view)
    left_out, history, placed = _select(connection, export, placed, files, wish.outside)
    about: dict[str, Any] = {
        **export.skipped.as_json(),
        **export.noticed,
        "left_out": {reason: len(ids) for reason, ids in left_out.items()},
        "places": placed.counts(),
        "outside": far,
        **_counts(history),
    }
    file = ImportedFile(
        code, imported.next_number(connection, code), export.digest, export.file.path.name, export.of.as_json(),
        export.of.time_zone, view.versions.generation, len(history.cases), len(history.teams), about, wish.actor,
        get_clock(connection),
    )  # fmt: skip
    if not wish.dry_run:
        imported.add_file(connection, file)
        pieces = rows_of(history, placed, imported.PIECE)
        total = -(-len(history.cases) // imported.PIECE)
        for number, (cases, teams) in enumerate(pieces):
            imported.add_piece(connection, file, number, cases, teams)
            if wish.progress is not None:
                wish.progress(number + 1, total)
        _record(connection, "load incidents", file, wish.actor, {"map": file.map, "about": about})
    return Loaded(_answer(file, already=False, dry_run=wish.dry_run), export, left_out)


def _select(
    connection: Connection, export: Export, placed: Placed, files: Sequence[ImportedFile], outside: str
) -> tuple[dict[str, tuple[str, ...]], History, Placed]:
    """Return the cases that are left out by reason, and the others; InvalidInput where none is left."""
    ids = export.history.cases.id
    wanted = np.ones(len(ids), bool)
    left_out: dict[str, tuple[str, ...]] = {}

    def leave(reason: str, rows: NDArray[np.int64]) -> None:
        if len(rows):
            wanted[rows] = False
            left_out[reason] = tuple(ids[rows].tolist())

    if files:
        known = imported.find_known(connection, files[0].district, ids.tolist())
        leave(IN_ANOTHER, np.array(sorted(known), np.int64))
    beyond = np.flatnonzero(wanted & (placed.place == PLACES.index(OUTSIDE)))
    if outside == LEAVE_OUT:
        leave(OUTSIDE, beyond)
    elif outside == REFUSE and len(beyond):
        raise InvalidInput(
            f"{export.file.path}: {len(beyond)} of {int(wanted.sum())} cases lie outside the district, the first is "
            f"{ids[beyond[0]]}. Check `latitude_first` and `datum` of the map; or load them with --outside keep, or "
            "without them with --outside leave-out.",
            kind="outside",
        )
    if not wanted.any():
        why = ", ".join(f"{len(each)} {reason}" for reason, each in left_out.items())
        raise InvalidInput(
            f"{export.file.path}: no case is left to load ({why}). `gridsvc load incidents --list` shows what is "
            "loaded.",
            kind="nothing-new",
        )
    return left_out, export.history.select(wanted), placed.take(wanted)


def _describe_outside(export: Export, placed: Placed, view: DistrictView) -> dict[str, Any] | None:
    """Return how far the middle of the places outside is from the district, None without such places."""
    beyond = placed.place == PLACES.index(OUTSIDE)
    if not beyond.any() or view.index is None:
        return None
    lon, lat = (float(np.median(each[beyond])) for each in (export.history.cases.lon, export.history.cases.lat))
    distance_m, bearing_deg = view.index.distance(lon, lat)
    return {
        "cases": int(beyond.sum()),
        "middle_lon": round(lon, 5),
        "middle_lat": round(lat, 5),
        "middle_distance_m": round(distance_m),
        "middle_bearing_deg": round(bearing_deg, 1),
    }


def _counts(history: History) -> dict[str, Any]:
    cases = history.cases
    known = cases.received_us[cases.received_us != MISSING]
    ends = (from_us(int(known.min())), from_us(int(known.max()))) if len(known) else (None, None)
    return {
        "emergencies": int((cases.emergency & ~cases.drill).sum()),
        "drills": int(cases.drill.sum()),
        "cancelled": int(cases.cancelled.sum()),
        "first": None if ends[0] is None else ends[0].isoformat(),
        "last": None if ends[1] is None else ends[1].isoformat(),
    }


def list_imports(service: Service, district: str | None, *, removed: bool = False) -> list[dict[str, Any]]:
    """Return the files that were loaded into a district, the oldest first; those that were removed where asked."""
    with service.database.transaction() as connection:
        code = only_district(connection, district)
        get_versions(connection, code)
        return [as_json(each) for each in imported.list_files(connection, code, removed=removed)]


def remove_import(service: Service, district: str | None, digest: str, *, actor: str) -> dict[str, Any]:
    """Remove the cases of the file whose digest begins so; the chain says that they are gone, and who did it.

    Raises
    ------
    NotFound
        When no such file is loaded, or several are.
    """
    service.caller.need(Right.LOAD)

    def work(connection: Connection) -> dict[str, Any]:
        lift_time_limit(connection)
        code = only_district(connection, district)
        get_versions(connection, code)
        file = find_file(imported.list_files(connection, code), code, digest)
        now = get_clock(connection)
        imported.remove_file(connection, file, actor=actor, at=now)
        _record(connection, "remove incidents", file, actor, {})
        return as_json(file) | {"removed_by": actor, "removed_at": now.isoformat()}

    return service.database.run(work)


def as_json(file: ImportedFile) -> dict[str, Any]:
    """Return an import as plain JSON values."""
    plain = ("district", "number", "digest", "name", "time_zone", "generation", "cases", "teams", "loaded_by")
    return {
        **{name: getattr(file, name) for name in plain},
        "map": file.map["id"],
        **file.about,
        "loaded_at": file.loaded_at.isoformat(),
        "removed_by": file.removed_by,
        "removed_at": None if file.removed_at is None else file.removed_at.isoformat(),
    }


def _answer(file: ImportedFile, *, already: bool, dry_run: bool) -> dict[str, Any]:
    return as_json(file) | {"already": already, "dry_run": dry_run}


def _record(connection: Connection, kind: str, file: ImportedFile, actor: str, more: dict[str, Any]) -> None:
    data = {"number": file.number, "digest": file.digest, "file": file.name, "cases": file.cases, "teams": file.teams}
    append_event(connection, file.district, kind, actor=actor, at=get_clock(connection), data=data | more)

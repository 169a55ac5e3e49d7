"""Mend the draft of a district, and have it back as it was (R4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Right
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.geometries import geometry_digest, list_geometries
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.session.connection import lift_time_limit
from gridsvc.errors import Conflict
from gridsvc.grids.faults import find_faults
from gridsvc.grids.levels import Level
from gridsvc.grids.repair import DEFAULT_REPAIR, Change, RepairLimits, repair, without_copies
from gridsvc.grids.rulings import rulings_on
from gridsvc.operations.grids.checks import find_checked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from gridsvc.grids.fault import Fault
    from gridsvc.grids.levels import Grid
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]

_MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair changed, and the faults that are left. generation: the draft that has the changes."""

    district: str
    generation: int
    changes: list[Change]
    left: list[Fault]
    dry_run: bool

    def as_json(self) -> dict[str, Any]:
        """Return the repair as JSON values."""
        return {
            "district": self.district,
            "generation": self.generation,
            "changes": [change.as_json() for change in self.changes],
            "blocking": any(fault.blocking for fault in self.left),
            "faults": [fault.as_json() for fault in self.left],
            "dry_run": self.dry_run,
        }


def repair_draft(
    service: Service,
    district: str,
    *,
    limits: RepairLimits = DEFAULT_REPAIR,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Repaired:
    """Mend the draft, else a draft that is a copy of what is in force; `undo_repair` takes it back."""
    service.caller.need(Right.LOAD)

    def work(connection: Connection) -> Repaired:
        lift_time_limit(connection)
        store.lock_drafts(connection, district)
        found = find_checked(connection, district)
        now = get_versions(connection, district).now
        before = store.list_grids(connection, district, found.number)
        accepted = rulings_on(found.source, now.date())
        after, changes = repair(before, limits=limits, accepted=accepted, progress=progress)
        left = find_faults(after, accepted=accepted)
        if dry_run or not changes:
            return Repaired(district, found.number, changes, left, dry_run)
        draft = store.begin_draft(connection, district)
        levels = {change.level for change in changes}
        written = [grid for grid in after if grid.level in levels]
        store.write_grids(connection, district, draft.number, written, levels=levels)
        entry = {
            "at": now.isoformat(),
            "by": service.caller.name,
            "changes": [change.as_json() for change in changes[:_MOST_LISTED]],
            "count": len(changes),
            "before": _record(before, after),
        }
        repairs = [*draft.source.get("repairs", []), entry]
        store.note_load(connection, district, draft.number, {**draft.source, "repairs": repairs})
        return Repaired(district, draft.number, changes, left, dry_run=False)

    return service.database.run(work)


def undo_repair(service: Service, district: str) -> tuple[int, int]:
    """Take back the latest repair of the draft; return the draft's number and how many grids are as they were.

    Raises
    ------
    Conflict
        When the draft was not repaired, or a level was loaded into it since.
    """
    service.caller.need(Right.LOAD)

    def work(connection: Connection) -> tuple[int, int]:
        lift_time_limit(connection)
        store.lock_drafts(connection, district)
        draft = store.find_draft(connection, district)
        repairs = [] if draft is None else draft.source.get("repairs", [])
        if draft is None or not repairs:
            raise Conflict(
                f"No repair of a draft of district {district} can be taken back: load the source again.",
                kind="no-repair",
                district=district,
            )
        record = repairs[-1]["before"]
        grids = store.list_grids(connection, district, draft.number)
        restored = _restore(connection, district, grids, record)
        levels = {Level.from_key(each["level"]) for each in (*record["shapes"], *record["copies"])}
        written = [grid for grid in restored if grid.level in levels]
        store.write_grids(connection, district, draft.number, written, levels=levels)
        store.note_load(connection, district, draft.number, {**draft.source, "repairs": repairs[:-1]})
        return draft.number, len(record["shapes"]) + sum(each["count"] for each in record["copies"])

    return service.database.run(work)


def _record(before: Sequence[Grid], after: Sequence[Grid]) -> dict[str, Any]:
    """Return what `_restore` needs: digests of the former shapes by place in their level, and copies that are gone.

    A stored geometry is never deleted, so its digest is enough.
    """
    kept, _ = without_copies(before)
    shapes = []
    place: Counter[Level] = Counter()
    for former, grid in zip(kept, after, strict=True):
        if former.geometry is not grid.geometry:
            digest = geometry_digest(former.geometry)
            shapes.append({"level": grid.level.key, "place": place[grid.level], "code": grid.code, "digest": digest})
        place[grid.level] += 1
    count = Counter((g.level, g.code) for g in before)
    count.subtract((g.level, g.code) for g in kept)
    copies = [{"level": level.key, "code": code, "count": n} for (level, code), n in sorted(count.items()) if n > 0]
    return {"shapes": shapes, "copies": copies}


def _restore(connection: Connection, district: str, grids: Sequence[Grid], record: dict[str, Any]) -> list[Grid]:
    stored = list_geometries(connection, district, [each["digest"] for each in record["shapes"]])
    restored: list[Grid] = []
    for level in Level:
        own = [grid for grid in grids if grid.level == level]
        for each in record["shapes"]:
            if each["level"] == level.key:
                own[each["place"]] = replace(own[each["place"]], geometry=stored[each["digest"]])
        for each in record["copies"]:
            if each["level"] == level.key:
                first = next(grid for grid in own if grid.code == each["code"])
                own += [first] * each["count"]
        restored += own
    return restored

"""Check the draft of a district, draw its faults, and rule on an overlap (R4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.access.scopes import Right
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.posts import list_posted
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.grids.divisions import list_divisions
from gridsvc.files.grids.export import FAULT_ENDINGS, write_faults
from gridsvc.files.text import check_ending
from gridsvc.grids.fault import DEFAULT_LIMITS, PIECES, Fault, Limits
from gridsvc.grids.faults import find_faults
from gridsvc.grids.rulings import Ruling, list_rulings, rulings_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.db.grids.generations import Generation
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]

MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Checked:
    """The faults of one generation."""

    district: str
    generation: int
    state: str
    faults: list[Fault]

    @property
    def blocking(self) -> bool:
        """Whether one of them blocks the activation."""
        return any(fault.blocking for fault in self.faults)

    def as_json(self) -> dict[str, Any]:
        """Return {generation, blocking, faults: [...]}."""
        return {
            "generation": self.generation,
            "blocking": self.blocking,
            "faults": [fault.as_json() for fault in self.faults],
        }


def find_checked(connection: Connection, district: str) -> Generation:
    """Return the draft, else the generation in force.

    Raises
    ------
    NotFound
        When the district has neither.
    """
    draft = store.find_draft(connection, district)
    if draft is not None:
        return draft
    number = store.find_in_force(connection, district)
    if number is None:
        raise NotFound(
            f"District {district} has no grids. `gridsvc load grids FILE` loads a level.",
            kind="no-grids",
            district=district,
        )
    return store.get_generation(connection, district, number)


def check(
    service: Service,
    district: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Find the faults of the draft, else of the generation in force; write their polygons to a file."""
    if out is not None:
        check_ending(out, FAULT_ENDINGS)
    with service.database.transaction() as connection:
        generation = find_checked(connection, district)
        number = generation.number
        grids = store.list_grids(connection, district, number)
        today = get_versions(connection, district).now.date()
        posted = list_posted(connection, district, today)
    known = list_divisions(district)
    accepted = rulings_on(generation.source, today)
    faults = find_faults(grids, limits=limits, accepted=accepted, known=known, posted=posted, progress=progress)
    blocking = any(fault.blocking for fault in faults)
    kept = [_kept(fault) for fault in faults[:MOST_KEPT]]
    with service.database.transaction() as connection:
        store.note_check(connection, district, number, kept, blocking=blocking)
    if out is not None:
        write_faults(out, faults)
    return Checked(district, number, "draft" if generation.state == "draft" else "in force", faults)


def _kept(fault: Fault) -> dict[str, Any]:
    """Return what is stored of a fault: what it says, and the polygons of an overlap, a gap or a sliver."""
    shape = shapely.geometry.mapping(fault.shape) if fault.kind in PIECES else None
    return fault.as_json() | {"geometry": shape}


def rule(
    service: Service, district: str, codes: tuple[str, str], *, since: date, reason: str, owner: str | None = None
) -> Ruling:
    """Accept the overlap of two grids of the draft from a day on; an earlier ruling on the two is replaced.

    Parameters
    ----------
    owner
        The grid that a repair gives the overlap to; None: it stays, and the lower code answers for it.

    Raises
    ------
    InvalidInput
        For two grids that do not overlap, an owner that is neither of them, or an empty reason.
    """
    service.caller.need(Right.LOAD)
    first, second = sorted(codes)
    if owner is not None and owner not in codes:
        raise InvalidInput(
            f"{owner} is neither {first} nor {second}: an overlap goes to one of the two.",
            kind="no-owner-of-overlap",
            owner=owner,
            codes=[first, second],
        )
    if not reason.strip():
        raise InvalidInput("A ruling says why. Give --reason.", kind="reason-missing")

    def work(connection: Connection) -> Ruling:
        store.lock_drafts(connection, district)
        generation = find_checked(connection, district)
        grids = [
            grid for grid in store.list_grids(connection, district, generation.number) if grid.code in {first, second}
        ]
        # The two alone: what they share does not depend on the others.
        faults = find_faults(grids, limits=Limits(open_gap_m=0))
        shared = [fault.area_m2 for fault in faults if fault.codes == (first, second) and _is_overlap(fault)]
        if not shared:
            raise InvalidInput(
                f"{first} and {second} do not overlap in generation {generation.number}. `gridsvc grids check` lists "
                "the overlaps.",
                kind="no-overlap",
                codes=[first, second],
                generation=generation.number,
            )
        made = Ruling((first, second), since, reason.strip(), service.caller.name, sum(shared), owner)
        others = [each for each in list_rulings(generation.source) if each.codes != made.codes]
        rulings = [each.as_json() for each in (*others, made)]
        store.note_source(connection, district, generation.number, {**generation.source, "rulings": rulings})
        return made

    return service.database.run(work)


def _is_overlap(fault: Fault) -> bool:
    return "overlap" in fault.words and fault.kind in PIECES

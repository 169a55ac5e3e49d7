"""A change of boundaries as a reviewer reads it: what becomes of each grid (R4)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.grids import topology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.grids.differences import Difference, Move
    from gridsvc.grids.levels import Grid, Level

KINDS = ("new", "gone", "recoded", "split", "merged", "renamed", "moved", "reparented")
_PART = 0.05
"""A part of a grid that is smaller, of the smaller of the two grids, is a moved border, not a split or a merger."""
_WHOLE = 0.9
"""A grid whose ground is, by this share, that of one grid of another code, and the other way round, is recoded."""


@dataclass(frozen=True, slots=True)
class GridChange:
    """What becomes of one grid.

    kinds: of KINDS; moved: its border. name, former_name: after and before, None: it is not there. sources, targets:
    the grids that its ground comes from (of a new or merged one) and goes to (of one that is gone or split), itself
    left out, the largest part first. area_m2, former_area_m2: 0: it is not there.
    """

    code: str
    level: Level
    kinds: tuple[str, ...]
    name: str | None
    former_name: str | None
    parent: str | None
    former_parent: str | None
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    area_m2: float
    former_area_m2: float
    gained_m2: float
    lost_m2: float

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return {
            "code": self.code,
            "level": self.level.key,
            "changes": list(self.kinds),
            "name": self.name,
            "former_name": self.former_name,
            "parent": self.parent,
            "former_parent": self.former_parent,
            "from": list(self.sources),
            "to": list(self.targets),
            "area_m2": round(self.area_m2, 1),
            "former_area_m2": round(self.former_area_m2, 1),
            "gained_m2": round(self.gained_m2, 1),
            "lost_m2": round(self.lost_m2, 1),
        }


def review(before: Sequence[Grid], after: Sequence[Grid], difference: Difference) -> list[GridChange]:
    """Return what becomes of each grid that changes, by level and code.

    `difference`: `compare(before, after)`.
    """
    old, new = _by_code(before), _by_code(after)
    area_old, area_new = _areas(before), _areas(after)
    flows = _Flows(difference.moves, area_old, area_new)
    changes = []
    for code in sorted(old.keys() | new.keys()):
        was, now = old.get(code), new.get(code)
        grid = now or was
        assert grid is not None
        kinds = flows.kinds(code, is_old=was is not None, is_new=now is not None)
        if was is not None and now is not None:
            kinds += ["renamed"] if was.name != now.name else []
            kinds += ["moved"] if code in difference.reshaped else []
            kinds += ["reparented"] if was.parent != now.parent else []
        if not kinds:
            continue
        changes.append(
            GridChange(
                code,
                grid.level,
                tuple(kinds),
                None if now is None else now.name,
                None if was is None else was.name,
                None if now is None else now.parent,
                None if was is None else was.parent,
                flows.sources(code),
                flows.targets(code),
                area_new.get(code, 0.0),
                area_old.get(code, 0.0),
                sum(flows.into[code].values()),
                sum(flows.out_of[code].values()),
            )
        )
    return sorted(changes, key=lambda change: (change.level, change.code))


def _by_code(grids: Sequence[Grid]) -> dict[str, Grid]:
    return {grid.code: grid for grid in grids}


def _areas(grids: Sequence[Grid]) -> dict[str, float]:
    shapes = np.array([topology.valid(grid.geometry) for grid in grids], dtype=object)
    return dict(zip((grid.code for grid in grids), topology.areas_m2(shapes).tolist(), strict=True))


class _Flows:
    """The ground that goes between codes; None is no grid."""

    def __init__(self, moves: Sequence[Move], old: Mapping[str, float], new: Mapping[str, float]) -> None:
        self.old, self.new = old, new
        self.out_of: dict[str, dict[str | None, float]] = defaultdict(dict)
        self.into: dict[str, dict[str | None, float]] = defaultdict(dict)
        for move in moves:
            if move.before is not None:
                self.out_of[move.before][move.after] = move.area_m2
            if move.after is not None:
                self.into[move.after][move.before] = move.area_m2

    def _is_part(self, before: str, after: str, area_m2: float) -> bool:
        return area_m2 >= _PART * min(self.old[before], self.new[after])

    def targets(self, code: str) -> tuple[str, ...]:
        parts = self.out_of[code].items()
        found = [(area, to) for to, area in parts if to is not None and self._is_part(code, to, area)]
        return tuple(to for _, to in sorted(found, key=lambda part: (-part[0], part[1])))

    def sources(self, code: str) -> tuple[str, ...]:
        parts = self.into[code].items()
        found = [(area, of) for of, area in parts if of is not None and self._is_part(of, code, area)]
        return tuple(of for _, of in sorted(found, key=lambda part: (-part[0], part[1])))

    def _is_successor(self, before: str, after: str) -> bool:
        shared = self.out_of[before].get(after, 0.0)
        return shared >= _WHOLE * self.old[before] and shared >= _WHOLE * self.new[after]

    def kinds(self, code: str, *, is_old: bool, is_new: bool) -> list[str]:
        """Return new, gone, recoded, split and merged, as far as they hold."""
        sources, targets = self.sources(code), self.targets(code)
        kinds = []
        if not is_old:
            of = sources[0] if sources else None
            kinds.append("recoded" if of is not None and of not in self.new and self._is_successor(of, code) else "new")
        if not is_new:
            to = targets[0] if targets else None
            kinds.append(
                "recoded" if to is not None and to not in self.old and self._is_successor(code, to) else "gone"
            )
        if is_old:
            fresh = [to for to in targets if to not in self.old]
            if "recoded" not in kinds and fresh and len(targets) + is_new >= 2:
                kinds.append("split")
        if is_new:
            ended = [of for of in sources if of not in self.new]
            if "recoded" not in kinds and ended and len(sources) + is_old >= 2:
                kinds.append("merged")
        return kinds

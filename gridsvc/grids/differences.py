"""What changes owner between two generations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.grids import topology
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid


@dataclass(frozen=True, slots=True)
class Move:
    """Ground that goes from one grid to another; None: from or to no grid of that level."""

    level: Level
    before: str | None
    after: str | None
    area_m2: float
    shape: BaseGeometry = field(default_factory=shapely.Polygon, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """Codes that come, go, get another name, parent or shape, and the ground that changes owner, largest first."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[str, ...]
    reparented: tuple[str, ...]
    reshaped: tuple[str, ...]
    moves: tuple[Move, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.removed or self.renamed or self.reparented or self.reshaped)

    def as_json(self) -> dict[str, object]:
        """Return the difference as JSON values."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "renamed": list(self.renamed),
            "reparented": list(self.reparented),
            "reshaped": list(self.reshaped),
            "moved": [
                {"level": m.level.key, "from": m.before, "to": m.after, "area_m2": round(m.area_m2, 1)}
                for m in self.moves
            ],
        }


def compare(before: Sequence[Grid], after: Sequence[Grid]) -> Difference:
    """Return what changes from one generation to another; grids are matched by code."""
    old, new = {grid.code: grid for grid in before}, {grid.code: grid for grid in after}
    both = sorted(old.keys() & new.keys())
    reshaped = [code for code in both if not _same(old[code].geometry, new[code].geometry)]
    changed = set(reshaped) | (old.keys() ^ new.keys()) | {c for c in both if old[c].level != new[c].level}
    moves = [
        move
        for level in Level
        for move in _moves(
            level,
            [grid for code, grid in sorted(old.items()) if grid.level == level and code in changed],
            [grid for code, grid in sorted(new.items()) if grid.level == level and code in changed],
        )
    ]
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        renamed=tuple(code for code in both if old[code].name != new[code].name),
        reparented=tuple(code for code in both if old[code].parent != new[code].parent),
        reshaped=tuple(reshaped),
        moves=tuple(sorted(moves, key=lambda m: (-m.area_m2, m.level, m.before or "", m.after or ""))),
    )


def _same(one: BaseGeometry, other: BaseGeometry) -> bool:
    """Say whether two shapes have the same vertices, whatever the order of rings and their direction."""
    if shapely.equals_exact(one, other):
        return True
    first, second = (
        shapely.normalize(shapely.MultiPolygon(shapely.get_parts(shape).tolist())) for shape in (one, other)
    )
    return bool(shapely.equals_exact(first, second))


def _moves(level: Level, before: list[Grid], after: list[Grid]) -> list[Move]:
    """Return the ground of one level that changes owner; only grids that changed are given."""
    old, new = (np.array([topology.valid(g.geometry) for g in grids], dtype=object) for grids in (before, after))
    moves = []
    if len(old) and len(new):
        a, b = shapely.STRtree(new).query(old, predicate="intersects")
        shared = shapely.intersection(old[a], new[b])
        areas = topology.areas_m2(shared)
        for i, j, shape, area_m2 in zip(a, b, shared, areas, strict=True):
            if before[i].code != after[j].code and area_m2 >= topology.NOISE_M2:
                moves.append(Move(level, before[i].code, after[j].code, float(area_m2), shape))
    for mine, grids, other, gone in ((old, before, new, True), (new, after, old, False)):
        whole = topology.unite(other) if len(other) else shapely.Polygon()
        for shape, grid in zip(mine, grids, strict=True):
            rest = shapely.difference(shape, whole)
            area_m2 = float(topology.areas_m2(np.array([rest], dtype=object))[0])
            if area_m2 >= topology.NOISE_M2:
                moves.append(Move(level, grid.code if gone else None, None if gone else grid.code, area_m2, rest))
    return moves

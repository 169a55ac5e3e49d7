"""Mend a draft of boundaries: every change is measured, and what may not be mended is left as it is (R4).

Wider levels first, since the grids of a level have to fill those of the level above. In a level:

1. copies of a grid are removed but for one;
2. an invalid polygon becomes the polygons that its rings enclose;
3. an overlap goes to the grid that a ruling names; else, where it is narrow or small, to the grid whose parent it is
   in, and of grids with one parent to the lower code: the one that answers for it without a repair;
4. a gap that is narrow or small goes to the neighbour with the longest shared border, of equal ones the lower code.

Not mended: missing grids, large overlaps without a ruling, parts outside of the parent, wrong codes and parents.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres
from gridsvc.grids import topology
from gridsvc.grids.fault import DEFAULT_LIMITS, MENDED_M2
from gridsvc.grids.open_gaps import find_open_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid, Level
    from gridsvc.grids.rulings import Ruling
    from gridsvc.grids.topology import Piece

    Shapes = NDArray[np.object_]

_NEAR_DEG = 1e-8
"""Borders that are nearer than this, 1 mm, are shared."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change. kind: duplicate, invalid, overlap, sliver or gap.

    gained, lost: the code of the grid that the ground went to and that it was taken from; None: none. area_m2: of that
    ground; of an invalid polygon, by how much its area is another one now (a bow-tie: what was counted negative).
    """

    kind: str
    level: Level
    gained: str | None
    lost: str | None
    area_m2: float
    lon: float
    lat: float
    shape: BaseGeometry = field(default_factory=shapely.Polygon, compare=False, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return {kind, level, gained, lost, area_m2, lon, lat}."""
        return {
            "kind": self.kind,
            "level": self.level.key,
            "gained": self.gained,
            "lost": self.lost,
            "area_m2": round(self.area_m2, 2),
            "lon": self.lon,
            "lat": self.lat,
        }


@dataclass(frozen=True, slots=True)
class RepairLimits:
    """What a repair may mend: overlaps and gaps up to these areas, and slivers of any.

    open_gap_m: see `find_open_gaps`; gaps that are open to the outside are closed up to this width.
    """

    overlap_m2: float = MENDED_M2
    gap_m2: float = MENDED_M2
    open_gap_m: float = DEFAULT_LIMITS.open_gap_m


DEFAULT_REPAIR = RepairLimits()


def repair(
    grids: Sequence[Grid],
    *,
    limits: RepairLimits = DEFAULT_REPAIR,
    accepted: Sequence[Ruling] = (),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Grid], list[Change]]:
    """Return the grids, mended, by level and code, and what was changed.

    Parameters
    ----------
    accepted
        The rulings in force: the overlap of two grids goes to the owner that one names, or stays.
    progress
        Called with (done, total) for every level.
    """
    with np.errstate(invalid="ignore"):
        kept, changes = without_copies(grids)
        mended = _Repair(kept, limits, accepted)
        levels = sorted({grid.level for grid in kept})
        for number, level in enumerate(levels, 1):
            mended.mend(level, levels[number - 2] if number > 1 else None)
            if progress is not None:
                progress(number, len(levels))
    return mended.grids(), [*changes, *mended.changes]


def without_copies(grids: Sequence[Grid]) -> tuple[list[Grid], list[Change]]:
    """Return the grids by level, code and name without copies of others, and a change for each copy."""
    kept: list[Grid] = []
    changes: list[Change] = []
    first: dict[tuple[Level, str], Grid] = {}
    for grid in sorted(grids, key=lambda g: (g.level, g.code, g.name)):
        other = first.get((grid.level, grid.code))
        if other is None:
            first[grid.level, grid.code] = grid
        if other is None or other.name != grid.name or not shapely.equals_exact(other.geometry, grid.geometry):
            kept.append(grid)
            continue
        shape = topology.valid(grid.geometry)
        changes += [_change("duplicate", grid.level, None, grid.code, shape)]
    return kept, changes


def _change(kind: str, level: Level, gained: str | None, lost: str | None, shape: BaseGeometry) -> Change:
    area_m2 = float(topology.areas_m2(np.array([shape], dtype=object))[0])
    place = shapely.point_on_surface(shape)
    lon, lat = (float(place.x), float(place.y)) if not place.is_empty else (0.0, 0.0)
    return Change(kind, level, gained, lost, area_m2, lon, lat, shape)


class _Repair:
    """The shapes of a draft while they are mended."""

    def __init__(self, grids: Sequence[Grid], limits: RepairLimits, accepted: Sequence[Ruling]) -> None:
        self._grids = list(grids)
        self.shapes: Shapes = np.array([grid.geometry for grid in grids], dtype=object)
        self.limits = limits
        self.rulings = {ruling.codes: ruling for ruling in accepted}
        self.changes: list[Change] = []

    def grids(self) -> list[Grid]:
        return [
            grid if shape is grid.geometry else replace(grid, geometry=shape)
            for grid, shape in zip(self._grids, self.shapes, strict=True)
        ]

    def mend(self, level: Level, wider: Level | None) -> None:
        """Mend a level; `wider`: the next wider one that is there."""
        every = [row for row, grid in enumerate(self._grids) if grid.level == level]
        for row in every:
            self._make_valid(row)
        rows = [row for row in every if _is_area(self.shapes[row])]
        if not rows:
            return
        self._part(level, rows)
        if wider is None:
            self._close(level, rows)
        else:
            self._fill(level, rows, wider)

    def _make_valid(self, row: int) -> None:
        shape, grid = self.shapes[row], self._grids[row]
        if shape.is_valid or not _is_area(shape):
            return
        made = topology.repair(shape)
        if made.is_empty:
            return
        before, after = topology.areas_m2(np.array([shape, made], dtype=object)).tolist()
        change = _change("invalid", grid.level, None, None, made)
        gained, lost = (grid.code, None) if after >= before else (None, grid.code)
        self.changes.append(replace(change, gained=gained, lost=lost, area_m2=abs(after - before)))
        self.shapes[row] = made

    def _part(self, level: Level, rows: list[int]) -> None:
        """Give overlaps to one of the two grids."""
        row_of = {grid.code: row for row, grid in reversed(list(enumerate(self._grids)))}
        pairs = list(topology.find_overlaps(self.shapes[rows], lambda _: None))
        for a, b, _ in pairs:
            one, other = rows[a], rows[b]
            ruling = self.rulings.get((self._grids[one].code, self._grids[other].code))
            # Parts of it may have gone to a third grid since.
            pieces = topology.pieces_of(shapely.intersection(self.shapes[one], self.shapes[other]))
            total_m2 = sum(piece.area_m2 for piece in pieces if not piece.is_sliver)
            if ruling is not None:
                if ruling.owner is not None:
                    winner, loser = (one, other) if ruling.owner == ruling.codes[0] else (other, one)
                    for piece in pieces:
                        self._take(level, winner, loser, piece)
                continue
            parents = [self._grids[row].parent for row in (one, other)]
            above = row_of.get(parents[0] or "") if parents[0] != parents[1] else None
            for piece in pieces:
                if not piece.is_sliver and total_m2 > self.limits.overlap_m2:
                    continue
                if above is None or not _is_area(self.shapes[above]):
                    self._take(level, one, other, piece)
                    continue
                for part in topology.pieces_of(shapely.intersection(piece.shape, self.shapes[above])):
                    self._take(level, one, other, part)
                for part in topology.pieces_of(shapely.difference(piece.shape, self.shapes[above])):
                    self._take(level, other, one, part)

    def _take(self, level: Level, winner: int, loser: int, piece: Piece) -> None:
        rest = _areas(shapely.difference(self.shapes[loser], piece.shape))
        if rest.is_empty:  # one grid within another: not a border that was drawn twice
            return
        self.shapes[loser] = rest
        kind = "sliver" if piece.is_sliver else "overlap"
        codes = self._grids[winner].code, self._grids[loser].code
        self.changes.append(_change(kind, level, *codes, piece.shape))

    def _close(self, level: Level, rows: list[int]) -> None:
        """Give the holes of the outline, and its notches, to a neighbour."""
        holes = [hole for hole, alone in topology.find_holes(self.shapes[rows]) if not alone]
        for hole in holes:
            for piece in topology.pieces_of(hole):
                self._give(level, rows, piece)
        for piece, beside in list(find_open_gaps(self.shapes[rows], self.limits.open_gap_m)):
            self._give(level, [rows[k] for k in beside], piece)

    def _fill(self, level: Level, rows: list[int], wider: Level) -> None:
        """Give what no grid of a divided grid has to one of its children."""
        children: dict[str, list[int]] = {}
        for row in rows:
            children.setdefault(self._grids[row].parent or "", []).append(row)
        above = [
            row
            for row, grid in enumerate(self._grids)
            if grid.level == wider and grid.code in children and _is_area(self.shapes[row])
        ]
        place = {self._grids[row].code: k for k, row in enumerate(above)}
        parent_of = np.array([place.get(self._grids[row].parent or "", -1) for row in rows], np.int64)
        overlapping = {k for a, b, _ in topology.find_overlaps(self.shapes[rows], lambda _: None) for k in (a, b)}
        gaps = list(
            topology.find_uncovered(self.shapes[above], self.shapes[rows], parent_of, overlapping, lambda _: None)
        )
        for parent, rest in gaps:
            own = children[self._grids[above[parent]].code]
            for piece in topology.pieces_of(rest):
                self._give(level, own, piece)

    def _give(self, level: Level, rows: list[int], piece: Piece) -> None:
        """Give a gap to the row with the longest shared border, where it is small enough."""
        if not piece.is_sliver and piece.area_m2 > self.limits.gap_m2:
            return
        lengths = [(_shared_m(piece, self.shapes[row]), row) for row in rows]
        longest_m = max((length for length, _ in lengths), default=0.0)
        if longest_m <= 0:
            return
        row = min(row for length, row in lengths if length >= longest_m * (1 - 1e-9))
        grown = topology.valid(shapely.union(self.shapes[row], piece.shape))
        parts = shapely.get_parts(grown)
        if len(parts) > len(shapely.get_parts(self.shapes[row])):
            # A rounding error of the intersection is between them: close it by the width of one.
            wide = shapely.buffer(piece.shape, _NEAR_DEG, join_style="mitre")
            near = shapely.difference(wide, shapely.union_all([self.shapes[k] for k in rows if k != row]))
            grown = topology.valid(shapely.union(self.shapes[row], _areas(near)))
        self.shapes[row] = _areas(grown)
        kind = "sliver" if piece.is_sliver else "gap"
        self.changes.append(_change(kind, level, self._grids[row].code, None, piece.shape))


def _shared_m(piece: Piece, shape: BaseGeometry) -> float:
    """Return the length in metres of the border that a gap shares with a grid."""
    near = shapely.buffer(shape, _NEAR_DEG, quad_segs=1)
    along = shapely.intersection(shapely.boundary(piece.shape), near)
    plane = LocalMetres(piece.lon, piece.lat)
    flat = shapely.transform(along, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))
    return float(shapely.length(flat))


def _is_area(shape: BaseGeometry) -> bool:
    finite = bool(np.isfinite(shapely.get_coordinates(shape)).all())
    return finite and not shape.is_empty and shapely.get_dimensions(shape) == 2


def _areas(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape without its lines and points."""
    parts: list[BaseGeometry] = shapely.get_parts(shapely.get_parts(shape)).tolist()
    polygons = [part for part in parts if shapely.get_dimensions(part) == 2]
    if len(polygons) == 1:
        return polygons[0]
    return shapely.union_all(polygons) if polygons else shapely.Polygon()

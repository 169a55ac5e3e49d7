"""Find, locate and measure the faults of a draft of boundaries (R4)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.grids import topology
from gridsvc.grids.cures import cure_of
from gridsvc.grids.fault import DEFAULT_LIMITS, FAULT_KINDS, MENDED_M2, PIECES, Fault, Limits
from gridsvc.grids.levels import Level
from gridsvc.grids.open_gaps import find_open_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid
    from gridsvc.grids.naming import KnownDivision
    from gridsvc.grids.rulings import Ruling
    from gridsvc.grids.topology import Piece

__all__ = ["Fault", "Limits", "find_faults"]


def find_faults(
    grids: Sequence[Grid],
    *,
    limits: Limits = DEFAULT_LIMITS,
    accepted: Sequence[Ruling] = (),
    known: Sequence[KnownDivision] = (),
    posted: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[Fault]:
    """Return every fault of a draft, blocking ones first, then by kind, the largest first.

    An invalid polygon is reported, then repaired, so that it can be compared with its neighbours.

    Parameters
    ----------
    accepted
        The rulings in force: an overlap that one accepts does not block.
    known
        Divisions that the district has: one without a grid, of a level that is there, is absent.
    posted
        Codes of the grids that have somebody in a post.
    progress
        Called with (done, total) at intervals.
    """
    with np.errstate(invalid="ignore"):  # NaN coordinates are reported as faults, without NumPy's warning
        ordered = sorted(grids, key=lambda g: (g.level, g.code, g.name))
        search = _Search(ordered, limits, accepted, known, posted, progress)
        faults = [fault for check in search.checks() for fault in check]
    if progress is not None:
        progress(1, 1)
    rank = {kind: k for k, kind in enumerate(FAULT_KINDS)}
    return sorted(faults, key=lambda f: (not f.blocking, rank[f.kind], -f.area_m2, f.codes, f.words))


class _Search:
    """The checks of one draft."""

    def __init__(
        self,
        grids: Sequence[Grid],
        limits: Limits,
        accepted: Sequence[Ruling],
        known: Sequence[KnownDivision],
        posted: Collection[str],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.grids = grids
        self.limits = limits
        self.accepted = accepted
        self.known = known
        self.posted = posted
        self.raw = np.array([grid.geometry for grid in grids], dtype=object)
        self.valid = np.asarray(shapely.is_valid(self.raw)) & ~np.asarray(shapely.is_empty(self.raw))
        self.valid &= np.isin(shapely.get_type_id(self.raw), (3, 6))
        self.shapes = self.raw.copy()
        for row in np.flatnonzero(~self.valid).tolist():
            self.shapes[row] = topology.repair(self.raw[row])
        self.levels = np.array([grid.level for grid in grids], np.int64)
        self.present = [level for level in Level if (self.levels == level).any()]
        self.row_of: dict[str, int] = {}
        for number, grid in enumerate(grids):
            self.row_of.setdefault(grid.code, number)
        self._done = 0
        self._total = 5 * max(len(grids), 1)  # an estimate: about four neighbours a grid, and one step for the parents
        self._progress = progress

    def checks(self) -> Iterator[Iterator[Fault]]:
        """Yield the faults of each check, fast checks first."""
        yield self._invalid()
        yield self._duplicates()
        yield self._people_and_names()
        yield self._parents()
        yield self._absent()
        for level in self.present:
            yield self._level(level)

    def _advance(self, count: int) -> None:
        self._done = min(self._done + count, self._total - 1)
        if self._progress is not None:
            self._progress(self._done, self._total)

    def _fault(
        self,
        kind: str,
        rows: Sequence[int],
        words: str,
        *,
        area_m2: float = 0.0,
        at: tuple[float, float] | None = None,
        shape: BaseGeometry | None = None,
        level: Level | None = None,
    ) -> Fault:
        """Return a fault; `level`: whose source has it, where that is not the level of the last row."""
        if at is None and rows:
            at = _point_inside(self.shapes[rows[0]])
        if shape is None:
            shape = shapely.union_all(self.shapes[list(rows)])
        concerned = sorted((self.grids[row].code, self.grids[row].name) for row in rows)
        blocking = kind in {"invalid", "duplicate-code"}
        blocking |= kind in PIECES and area_m2 > self.limits.blocking_over_m2
        lon, lat = at if at is not None else (None, None)
        grids = [self.grids[row] for row in rows]
        mends = kind == "sliver" or (kind in PIECES and area_m2 <= MENDED_M2)
        mends |= kind == "invalid" and not self.shapes[rows[0]].is_empty
        mends |= kind == "duplicate-code" and _are_same(grids)
        cure = cure_of(kind, grids, level=level or grids[-1].level, mends=mends)
        return Fault(
            kind,
            tuple(code for code, _ in concerned),
            tuple(name for _, name in concerned),
            area_m2,
            lon,
            lat,
            blocking,
            words,
            cure,
            shape,
        )

    # ----------------------------------------------------------------------------------------------- one grid by itself

    def _invalid(self) -> Iterator[Fault]:
        for row in np.flatnonzero(~self.valid).tolist():
            shape: BaseGeometry = self.raw[row]
            if not np.isfinite(shapely.get_coordinates(shape)).all():
                reason, at = "a coordinate is not a finite number", None
            elif shape.is_empty:
                reason, at = "the geometry is empty", None
            elif shapely.get_type_id(shape) not in {3, 6}:
                reason, at = f"the geometry is a {shape.geom_type}, not a polygon", _point_inside(shape)
            else:
                reason = shapely.is_valid_reason(shape)
                at = _point_in_reason(reason) or _point_inside(shape)
                reason = reason.split("[")[0].lower()
            area_m2 = float(topology.areas_m2(self.shapes[row : row + 1])[0])
            name = self.grids[row].name
            yield self._fault("invalid", [row], f"{name}: {reason}.", area_m2=area_m2, at=at)

    def _duplicates(self) -> Iterator[Fault]:
        count = Counter(grid.code for grid in self.grids)
        rows: dict[str, list[int]] = defaultdict(list)
        for row, grid in enumerate(self.grids):
            if count[grid.code] > 1:
                rows[grid.code].append(row)
        for code, same in rows.items():
            names = " and ".join(self.grids[row].name for row in same[:3])
            yield self._fault("duplicate-code", same, f"{len(same)} grids have the code {code}: {names}.")

    def _people_and_names(self) -> Iterator[Fault]:
        for row, grid in enumerate(self.grids):
            if grid.provisional_code:
                words = f"{grid.name} has no known code; {grid.code} is provisional."
                yield self._fault("unresolved-name", [row], words)
            if grid.level is Level.VILLAGE and grid.officer is None and grid.code not in self.posted:
                above = self._parent_row(grid)
                words = f"{grid.name} has no officer."
                if above >= 0:
                    words = f"{grid.name} has no officer: {self.grids[above].name} answers for it."
                yield self._fault("no-officer", [row], words)

    def _absent(self) -> Iterator[Fault]:
        """Yield the divisions of a level that is there, that no grid has: by code, else by name."""
        here = {(grid.level, word) for grid in self.grids for word in (grid.code, grid.name)}
        for division in self.known:
            if (
                division.level not in self.present
                or {(division.level, w) for w in (division.code, division.name)} & here
            ):
                continue
            row = self.row_of.get(division.parent, -1)
            inside = "" if row < 0 else f" of {self.grids[row].name}"
            words = f"{division.name} ({division.code}){inside} has no grid."
            fault = self._fault("absent", [] if row < 0 else [row], words, level=division.level)
            yield replace(fault, codes=(division.code,), names=(division.name,))

    # ------------------------------------------------------------------------------------------------- child and parent

    def _parents(self) -> Iterator[Fault]:
        for row, grid in enumerate(self.grids):
            if grid.level == self.present[0]:
                continue
            if self._parent_row(grid) < 0:
                parent_text = (
                    "has no parent"
                    if grid.parent is None
                    else f"has the parent {grid.parent}, which is not a grid of a wider level"
                )
                yield self._fault("orphan", [row], f"{grid.name} {parent_text}.", area_m2=self._area_m2(row))
            elif (town := self._township_of(grid)) is not None and not _code_fits_township(grid.code, town.code):
                words = f"{grid.name}: the code {grid.code} does not match its township, {town.code} {town.name}."
                yield self._fault("misplaced", [row], words, area_m2=self._area_m2(row))

    def _township_of(self, grid: Grid) -> Grid | None:
        above: Grid | None = grid
        while above is not None and above.level > Level.TOWNSHIP:
            row = self._parent_row(above)
            above = self.grids[row] if row >= 0 else None
        return above if above is not grid else None

    # --------------------------------------------------------------------------------------------- one level as a whole

    def _level(self, level: Level) -> Iterator[Fault]:
        rows = np.flatnonzero((self.levels == level) & ~shapely.is_empty(self.shapes))
        shapes = self.shapes[rows]
        overlapping: set[int] = set()
        for a, b, shared in topology.find_overlaps(shapes, self._advance):
            pieces = topology.pieces_of(shared)
            overlapping |= {a, b} if pieces else set()
            yield from self._overlap_faults([int(rows[a]), int(rows[b])], pieces)
        wider_levels = [other for other in self.present if other < level]
        if not wider_levels:
            yield from self._holes(rows, shapes)
            return
        above = np.flatnonzero((self.levels == wider_levels[-1]) & ~shapely.is_empty(self.shapes))
        parent_of = self._parent_rows(rows, above)
        yield from self._gaps(level, rows, above, parent_of, overlapping)
        parents = np.array([self._parent_row(self.grids[row]) for row in rows.tolist()], np.int64)
        for child, outside in topology.parts_outside_parent(shapes, self.shapes, parents):
            yield from self._stray_faults(int(rows[child]), int(parents[child]), outside)

    def _overlap_faults(self, pair: list[int], pieces: list[Piece]) -> Iterator[Fault]:
        names = " and ".join(self.grids[row].name for row in pair)
        for kind, group in _by_width(pieces, "overlap"):
            area_m2 = sum(piece.area_m2 for piece in group)
            where = "in one place" if len(group) == 1 else f"in {len(group)} places"
            words = f"{names} overlap {where}, {area_m2:,.1f} m2 in all."
            shape = shapely.union_all([piece.shape for piece in group])
            fault = self._fault(kind, pair, words, area_m2=area_m2, at=(group[0].lon, group[0].lat), shape=shape)
            ruling = next((r for r in self.accepted if r.codes == fault.codes and r.covers(area_m2)), None)
            if ruling is not None:
                words = f"{words} Accepted from {ruling.since} on: {ruling.reason}"
                fault = replace(fault, blocking=False, words=words)
            yield fault

    def _holes(self, rows: NDArray[np.int64], shapes: NDArray[np.object_]) -> Iterator[Fault]:
        for piece, beside in find_open_gaps(shapes, self.limits.open_gap_m):
            # No wider grid says whose it is: it may be a river, or another district's.
            around = [int(rows[k]) for k in beside]
            names = " and ".join(self.grids[row].name for row in around[:2])
            words = f"A gap of {piece.area_m2:,.1f} m2 between {names} is open to the outside."
            kind = "sliver" if piece.is_sliver else "gap"
            at = (piece.lon, piece.lat)
            fault = self._fault(kind, around, words, area_m2=piece.area_m2, at=at, shape=piece.shape)
            yield replace(fault, blocking=False)
        tree = shapely.STRtree(shapes)
        for hole, alone in topology.find_holes(shapes):
            around = [int(rows[k]) for k in tree.query(hole, predicate="intersects")]
            for piece in topology.pieces_of(hole):
                kind = "sliver" if piece.is_sliver else "gap"
                words = f"{piece.area_m2:,.1f} m2 within the outline are in no grid."
                at = (piece.lon, piece.lat)
                fault = self._fault(kind, around, words, area_m2=piece.area_m2, at=at, shape=piece.shape)
                if alone:  # a hole in a single polygon is probably intended, and no wider level can disprove it
                    words = f"A hole of {piece.area_m2:,.1f} m2: either an enclave of a neighbour, or a missing grid."
                    fault = replace(fault, blocking=False, words=words)
                yield fault

    def _gaps(
        self,
        level: Level,
        rows: NDArray[np.int64],
        above: NDArray[np.int64],
        parent_of: NDArray[np.int64],
        overlapping: set[int],
    ) -> Iterator[Fault]:
        tree = shapely.STRtree(self.shapes[rows])
        divided = {self.grids[row].parent for row in rows}
        gaps = topology.find_uncovered(self.shapes[above], self.shapes[rows], parent_of, overlapping, self._advance)
        for parent, rest in gaps:
            owner = self.grids[int(above[parent])]
            for piece in topology.pieces_of(rest):
                kind = "sliver" if piece.is_sliver else "gap"
                near = [int(rows[k]) for k in tree.query(piece.shape, predicate="dwithin", distance=1e-7)]
                words = f"{piece.area_m2:,.1f} m2 of {owner.name} are in no {level.key} grid."
                concerned = [int(above[parent]), *near[:20]]
                at = (piece.lon, piece.lat)
                fault = self._fault(
                    kind, concerned, words, area_m2=piece.area_m2, at=at, shape=piece.shape, level=level
                )
                if owner.code not in divided:  # not divided at this level: its finest owner is the wider grid
                    words = f"{owner.name} has no {level.key} grids: the finest owner there is the {owner.level.key}."
                    fault = replace(fault, blocking=False, words=words)
                yield fault

    def _stray_faults(self, child: int, parent: int, outside: BaseGeometry) -> Iterator[Fault]:
        pieces = [piece for piece in topology.pieces_of(outside) if not piece.is_sliver]
        area_m2 = sum(piece.area_m2 for piece in pieces)
        if not pieces or area_m2 <= self.limits.blocking_over_m2:
            return
        share = area_m2 / self._area_m2(child)
        words = f"{share:.1%} of {self.grids[child].name} is outside its parent {self.grids[parent].name}."
        level, at = self.grids[child].level, (pieces[0].lon, pieces[0].lat)
        yield self._fault("misplaced", [child, parent], words, area_m2=area_m2, at=at, shape=outside, level=level)

    def _parent_row(self, grid: Grid) -> int:
        """Return the row of the parent, -1 where it has no parent of a wider level."""
        row = -1 if grid.parent is None else self.row_of.get(grid.parent, -1)
        return row if row >= 0 and self.grids[row].level < grid.level else -1

    def _parent_rows(self, rows: NDArray[np.int64], above: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each row the position of its parent in `above`, -1 none."""
        place = {self.grids[row].code: k for k, row in enumerate(above.tolist())}
        return np.array([place.get(self.grids[row].parent or "", -1) for row in rows.tolist()], np.int64)

    def _area_m2(self, row: int) -> float:
        return float(topology.areas_m2(self.shapes[row : row + 1])[0])


def _are_same(grids: Sequence[Grid]) -> bool:
    """Whether grids of one code are copies of each other, which a repair removes but for one."""
    first = grids[0]
    return all(
        (each.name, each.level) == (first.name, first.level) and shapely.equals_exact(each.geometry, first.geometry)
        for each in grids[1:]
    )


def _by_width(pieces: list[Piece], kind: str) -> Iterator[tuple[str, list[Piece]]]:
    slivers = [piece.is_sliver for piece in pieces]
    for thin in (False, True):
        group = [piece for piece, sliver in zip(pieces, slivers, strict=True) if sliver == thin]
        if group:
            yield ("sliver" if thin else kind), group


def _code_fits_township(code: str, township: str) -> bool:
    """Say whether a national 12-digit code begins with the nine digits of its township; other codes always fit."""
    if not (re.fullmatch(r"\d{12}", code) and re.fullmatch(r"\d{9}000", township)):
        return True
    return code[:9] == township[:9]


def _point_inside(shape: BaseGeometry) -> tuple[float, float] | None:
    if shape.is_empty:
        return None
    point = shapely.point_on_surface(shape)
    return (float(point.x), float(point.y)) if not point.is_empty else None


def _point_in_reason(reason: str) -> tuple[float, float] | None:
    found = re.search(r"\[(\S+) (\S+)\]", reason)
    return (float(found[1]), float(found[2])) if found else None

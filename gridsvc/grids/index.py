"""The ownership index of one district generation: who owns any point, exactly and at once."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.coordinates import Bounds, LocalMetres, bearing_deg, check_lonlat, check_lonlats, distance_m
from gridsvc.grids import layout
from gridsvc.grids.levels import LEVEL_KEYS, Level
from gridsvc.grids.ownership import Owner, Ownership, Rule
from gridsvc.grids.point import find_claims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from shapely import STRtree
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridTable:
    """All grids of a generation, a list a column: finest level first, within a level by code.

    parents: codes, None where there is none. urban_rural_codes: None where unknown.
    """

    codes: list[str]
    names: list[str]
    levels: NDArray[np.int8]
    parents: list[str | None]
    urban_rural_codes: list[str | None]
    derived: list[bool]


@dataclass(frozen=True, slots=True)
class Owners:
    """The owners of many points.

    row: (n,) int32, row of the finest owner in `index.grids`; the number of grids where outside. rule: (n,) uint8, a
    `Rule`. rim: (n,) bool, see `Ownership`; None: no point has it.
    """

    row: NDArray[np.int32]
    rule: NDArray[np.uint8]
    chains: NDArray[np.int32]
    rim: NDArray[np.bool_] | None = None

    @property
    def rows(self) -> NDArray[np.int32]:
        """(n, 4) rows of `index.grids` by level, widest first; -1 none."""
        return self.chains[self.row]

    def at_level(self, level: Level) -> NDArray[np.int32]:
        """(n,) rows of `index.grids` at one level; -1 none."""
        return self.chains[:, level - 1][self.row]


class OwnershipIndex:
    """Answers for one generation of one district. Immutable; safe for any number of threads.

    Single points are answered by plain Python, without importing the compiler, until `prepare` is called; in a process
    that has the kernels already (it imported `crossing_kernel`) they are used from the start.
    """

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer.cast("B") if buffer.format != "B" else buffer
        self._layout = layout.unpack(self._buffer)
        parameters = self._layout.parameters
        at, size = self._layout.sections["about"]
        about = json.loads(bytes(self._buffer[at : at + size]))
        self.district: str = about["district"]
        self.generation = int(parameters["generation"])
        self.bounds = Bounds(*about["bounds"])
        self.size = int(parameters["grids"])
        self.finest_level = Level(int(parameters["finest_level"]))
        self._levels = self._section("levels", np.dtype(np.int8))
        self._chains = self._section("chains", np.dtype(np.int32)).reshape(-1, len(Level))
        self._address = int(self._section("about", np.dtype(np.uint8)).ctypes.data) - at
        self._answers: dict[int, Ownership] = {}
        self._find: Callable[[float, float], int] = self._find_plainly
        if "gridsvc.grids.kernels.crossing_kernel" in sys.modules:
            self.prepare()

    @classmethod
    def build(cls, district: str, generation: int, grids: Iterable[Grid]) -> OwnershipIndex:
        """Build the index of a generation; the order of the grids does not matter.

        Raises
        ------
        InvalidInput
            For what no activated generation has: no grids, a code twice, a geometry that is no area.
        """
        return cls(memoryview(b"".join(cls.build_file(district, generation, grids))))

    @staticmethod
    def build_file(district: str, generation: int, grids: Iterable[Grid]) -> list[bytes | memoryview]:
        """Build the index of a generation and return its file as blocks, for grids whose index is large.

        Raises as `build` does.
        """
        from gridsvc.grids.building import build_index

        return build_index(district, generation, grids)

    @classmethod
    def open(cls, buffer: bytes | memoryview, *, verify: bool = False) -> OwnershipIndex:
        """Use a file's bytes in place; `verify` also reads them all and compares their digest.

        Raises
        ------
        InvalidInput
            When it is no such file, of another version, or damaged.
        """
        index = cls(memoryview(buffer))
        if verify:
            layout.verify(index._buffer, index._layout)
        return index

    def to_bytes(self) -> bytes:
        """Return the file."""
        return bytes(self._buffer)

    @property
    def buffer(self) -> memoryview:
        """The file, without a copy."""
        return self._buffer

    # ------------------------------------------------------------------------------------------------------ one point

    def prepare(self) -> Callable[[float, float], int]:
        """Load the compiled kernels; return a callable (lon, lat) -> outcome (`layout`), unchecked, for inner loops."""
        from gridsvc.grids.kernels.crossing_kernel import locate_one

        address = self._address

        def find(lon: float, lat: float) -> int:
            return int(locate_one(address, lon, lat))

        self._find = find
        return find

    def locate(self, lon: float, lat: float) -> Ownership:
        """Return the owner chain of a point (degrees, WGS-84); rule OUTSIDE where the district does not hold it.

        Raises
        ------
        InvalidInput
            When lon or lat is not finite, out of range, or they look swapped.
        """
        outcome = self._find(lon, lat)
        answer = self._answers.get(outcome)
        return answer if answer is not None else self._answer(outcome, lon, lat)

    def _answer(self, outcome: int, lon: float, lat: float) -> Ownership:
        row, rim = outcome >> 3, outcome & 7 == layout.RIM
        rule = self._rule_on_rim(row) if rim else Rule(outcome & 7)
        if rule is Rule.OUTSIDE:
            check_lonlat(lon, lat, near=self.bounds)
        answer = self._chain_answer(row, rule)
        if rule is Rule.OVERLAP:  # what overlaps differs from place to place: never kept
            return replace(answer, defect=self._defect(lon, lat, row))
        if rim:
            answer = replace(answer, rim=True)
        self._answers[outcome] = answer
        return answer

    def _rule_on_rim(self, row: int) -> Rule:
        return Rule.BORDER if self._levels[row] == self.finest_level else Rule.GAP

    def owners_of(self, row: int) -> tuple[Owner | None, Owner | None, Owner | None, Owner | None]:
        """Return the chain of a row of `grids`, itself included; all None for the row after the last (outside)."""
        return self._chain_answer(row, Rule.OUTSIDE if row == self.size else Rule.INTERIOR).owners

    def answer_of_row(self, row: int) -> Ownership:
        """Return the answer that a place well inside a grid gets; outside for the row after the last."""
        if row == self.size:
            return self._chain_answer(row, Rule.OUTSIDE)
        return self._chain_answer(row, Rule.INTERIOR if self._levels[row] == self.finest_level else Rule.GAP)

    def find_chain(self, code: str) -> Ownership | None:
        """Return the answer that a place well inside a grid gets, by the grid's code; None for an unknown code."""
        row = self._row_of.get(code)
        return None if row is None else self.answer_of_row(row)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {code: row for row, code in enumerate(self.grids.codes)}

    def _chain_answer(self, row: int, rule: Rule) -> Ownership:
        chain = [int(link) for link in self._chains[row]]
        words = [None if link < 0 else self._words(link) for link in chain]
        first, second, third, fourth = (None if w is None else Owner(w[0], w[1]) for w in words)
        finest = None if rule is Rule.OUTSIDE else self._words(row)
        return Ownership(
            self.district,
            (first, second, third, fourth),
            rule,
            self.generation,
            derived=tuple(key for key, w in zip(LEVEL_KEYS, words, strict=True) if w is not None and w[4]),
            urban_rural_code=None if finest is None else finest[3],
        )

    def _defect(self, lon: float, lat: float, owner: int) -> str:
        claims = find_claims(self._buffer, self._layout, lon, lat)
        faces = claims.faces
        if claims.outcome is not None:  # a cell wholly in the overlap does not say who else claims it
            faces = [row for row in self._holders(lon, lat) if self._levels[row] == self._levels[owner]]
        rivals = [self._words(row) for row in faces if self._levels[row] == self._levels[owner]]
        named = ", ".join(f"{words[0]} {words[1]}" for words in rivals)
        return f"{Level(int(self._levels[owner])).key} grids overlap here: {named}; the lowest code has it"

    def _holders(self, lon: float, lat: float) -> list[int]:
        import shapely

        spot = shapely.Point(lon, lat)
        near = self.tree.query(spot)
        return sorted(int(row) for row in near[shapely.intersects(self.shapes[near], spot)])

    def _find_plainly(self, lon: float, lat: float) -> int:
        if not (math.isfinite(lon) and math.isfinite(lat)):
            return self.size << 3 | Rule.OUTSIDE
        outcome, faces, near = find_claims(self._buffer, self._layout, lon, lat)
        if outcome is not None:
            return outcome
        if not faces:
            return near[0] << 3 | layout.RIM if near else self.size << 3 | Rule.OUTSIDE
        owner, level = faces[0], self._levels[faces[0]]
        if len(faces) > 1 and self._levels[faces[1]] == level:
            rule = Rule.OVERLAP
        elif level != self.finest_level:
            rule = Rule.GAP
        elif any(self._levels[row] == level for row in near):
            rule = Rule.BORDER
        else:
            rule = Rule.INTERIOR
        return owner << 3 | rule

    # ----------------------------------------------------------------------------------------------------- many points

    def find_rows(self, lon: Floats, lat: Floats) -> NDArray[np.int32]:
        """Return the rows of the finest owners, (n,), by the kernels where they are loaded, else plainly; unchecked."""
        if self._find != self._find_plainly:
            return self.locate_many(lon, lat).row
        return np.array([self._find(x, y) >> 3 for x, y in zip(lon.tolist(), lat.tolist(), strict=True)], np.int32)

    def locate_many(self, lon: Floats, lat: Floats) -> Owners:
        """Return the owners of points, (n,) degrees each. Loads the compiled kernels.

        Raises
        ------
        InvalidInput
            When a value is not finite or out of range, or a pair looks swapped; the first such row is named.
        """
        from gridsvc.grids.kernels.crossing_kernel import locate_many

        lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
        if lon.shape != lat.shape or lon.ndim != 1:
            check_lonlats(lon, lat)
        row, rule = np.empty(lon.size, np.int32), np.empty(lon.size, np.uint8)
        if locate_many(self._address, lon.ctypes.data, lat.ctypes.data, row, rule):
            check_lonlats(lon, lat)
        rim = rule == layout.RIM
        if not rim.any():
            return Owners(row, rule, self._chains)
        rule[rim] = np.where(self._levels[row[rim]] == self.finest_level, Rule.BORDER, Rule.GAP)
        return Owners(row, rule, self._chains, rim)

    # -------------------------------------------------------------------------------------------- radius, line and area

    def shares(self, lon: float, lat: float, radius_m: float) -> Ownership:
        """Return the owner of a place known to `radius_m`, with the share of each chain of owners within the radius.

        The owner is the chain with the largest share; `confirm` is true when that is under 0.8.

        Raises
        ------
        InvalidInput
            As `locate`; or when the radius is not a number from 0 to 100 km.
        """
        from gridsvc.grids.shares import with_radius

        return with_radius(self, lon, lat, radius_m)

    def of_geometry(self, geometry: BaseGeometry) -> Ownership:
        """Return the lowest common ancestor of all owners of a line or an area, with their shares (length or area).

        Raises
        ------
        InvalidInput
            When the geometry is empty, invalid, or no point, line or area of degrees.
        """
        from gridsvc.grids.shares import with_geometry

        return with_geometry(self, geometry)

    def distance(self, lon: float, lat: float) -> tuple[float, float]:
        """Return metres and bearing (degrees clockwise from north) from a point to the district's nearest outline."""
        edges = self._section("outline", np.dtype(np.float64)).reshape(-1, 4)
        plane = LocalMetres(lon, (lat + min(max(lat, self.bounds.south), self.bounds.north)) / 2)
        ax, ay = plane.to_metres(edges[:, 0], edges[:, 1] + plane.lat - lat)
        bx, by = plane.to_metres(edges[:, 2], edges[:, 3] + plane.lat - lat)
        dx, dy = bx - ax, by - ay
        along = np.clip(-(ax * dx + ay * dy) / (dx * dx + dy * dy), 0, 1)
        x, y = ax + along * dx, ay + along * dy
        best = int(np.argmin(x * x + y * y))
        near_lon, near_lat = plane.to_lonlat(float(x[best]), float(y[best]))
        near_lat += lat - plane.lat
        return distance_m(lon, lat, near_lon, near_lat), bearing_deg(lon, lat, near_lon, near_lat)

    # ------------------------------------------------------------------------------------------------------- the grids

    @cached_property
    def grids(self) -> GridTable:
        """All grids, decoded at the first use."""
        rows = [self._words(row) for row in range(self.size)]
        return GridTable(
            [r[0] for r in rows],
            [r[1] for r in rows],
            self._levels,
            [r[2] for r in rows],
            [r[3] for r in rows],
            [r[4] for r in rows],
        )

    @property
    def chains(self) -> NDArray[np.int32]:
        """(grids + 1, 4): row of the owner at each level for every grid, -1 none; the last row is `outside`."""
        return self._chains

    @cached_property
    def shapes(self) -> NDArray[np.object_]:
        """The geometry of every grid, as shapely MultiPolygons."""
        import shapely

        shapes: NDArray[np.object_] = shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON,
            self._section("coordinates", np.dtype(np.float64)).reshape(-1, 2),
            tuple(self._section(name, np.dtype(np.int64)) for name in ("rings", "polygons", "multipolygons")),
        )
        return shapes

    @cached_property
    def tree(self) -> STRtree:
        """An STRtree over `shapes`."""
        import shapely

        return shapely.STRtree(self.shapes)

    def repaired(self, row: int) -> BaseGeometry:
        """Return the geometry of one grid, made valid where it is not."""
        import shapely

        shape: BaseGeometry = self.shapes[row]
        return shape if shape.is_valid else shapely.make_valid(shape)

    def _words(self, row: int) -> tuple[str, str, str | None, str | None, bool]:
        return layout.read_words(self._buffer, self._layout, row)

    def _section(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        at, size = self._layout.sections[name]
        return np.frombuffer(self._buffer, dtype, size // dtype.itemsize, at)

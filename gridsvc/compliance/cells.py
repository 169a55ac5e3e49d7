"""Where responses are late: areas of H3 cells within the township, protected as `gridsvc.compliance.protection` says.

H3 is for statistics only; which grid owns a case is never decided by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import h3
import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from gridsvc.compliance.proportions import LEAST_RANKED, Proportion
from gridsvc.compliance.protection import LEAST_CASES, divide
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.compliance.protection import Part
    from gridsvc.json_types import Json

P90 = tuple["float | None", float, "float | None"]
"""(low, P90, high), seconds; None = the sample has no bound on that side."""
COARSEST, FINEST = 6, 8
"""H3 resolutions: cells of 36 km2, 5 km2 and 0.7 km2 on average. A finer one could locate a house."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedCases:
    """The cases that are counted, n rows: emergencies without drills.

    owners: (n,) codes of townships, "" = none. lon, lat: (n,) degrees WGS-84. response_s: (n,) seconds, NaN = no
    arrival is recorded. late: (n,) whether the clock policy says late; `judged`: (n,) whether it says anything.
    expected: (n,) the late share of the case's class in the whole period, NaN = none was judged.
    """

    owners: Sequence[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    response_s: NDArray[np.float64]
    late: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    expected: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LateArea:
    """One area: how many cases it has (the demand), how many of those judged were late, and its P90.

    `resolution` None: a whole township, or what is left of it. p90: (low_s, p90_s, high_s) of `arrived` cases, None =
    too few of them. `above`: even the low end of its late share is above what the whole district has with the same mix
    of urban and rural cases; never of fewer than LEAST_RANKED cases.
    """

    id: str
    townships: tuple[str, ...]
    resolution: int | None
    shape: BaseGeometry
    n: int
    late: Proportion
    arrived: int
    p90: P90 | None
    above: bool

    def properties(self) -> dict[str, Json]:
        """Return everything but the shape, as plain JSON values."""
        low_s, p90_s, high_s = self.p90 or (None, None, None)
        return {
            "id": self.id,
            "townships": list(self.townships),
            "resolution": self.resolution,
            "n": self.n,
            "judged": self.late.n,
            "late": self.late.count,
            "late_share": None if self.late.share is None else round(self.late.share, 4),
            "late_low": None if self.late.low is None else round(self.late.low, 4),
            "late_high": None if self.late.high is None else round(self.late.high, 4),
            "above_district": self.above,
            "p90_n": self.arrived,
            "p90_s": p90_s,
            "p90_low_s": low_s,
            "p90_high_s": high_s,
        }


def late_areas(
    cases: PlacedCases,
    outlines: Mapping[str, BaseGeometry],
    p90: Callable[[NDArray[np.float64]], P90 | None],
    *,
    finest: int = FINEST,
    least: int = LEAST_CASES,
) -> tuple[LateArea, ...]:
    """Return the areas of a map of lateness; [] where there are too few cases to show any.

    Parameters
    ----------
    cases
        The cases to count.
    outlines
        The outline of each township by its code, degrees WGS-84; areas end there.
    p90
        Returns (low, P90, high), seconds, of response times (m,), or None where they are too few.
    finest
        The finest H3 resolution, COARSEST to FINEST; where there are few cases, areas are coarser.
    least
        The fewest cases of an area within a township, LEAST_CASES or more; a township stands alone from LEAST_CASES on.
    """
    if not COARSEST <= finest <= FINEST:
        raise InvalidInput(
            f"The resolution is {finest}. Use {COARSEST} to {FINEST}: finer cells could locate a reporter.",
            kind="cell-resolution",
            resolution=finest,
            coarsest=COARSEST,
            finest=FINEST,
        )
    if least < LEAST_CASES:
        raise InvalidInput(
            f"Areas of {least} cases could locate a reporter. Use {LEAST_CASES} or more.",
            kind="cell-least",
            least=least,
            fewest=LEAST_CASES,
        )
    finest_cells = [h3.latlng_to_cell(y, x, finest) for x, y in zip(cases.lon, cases.lat, strict=True)]

    parents: dict[tuple[str, int], str] = {}

    def cell_of(row: int, resolution: int) -> str:
        key = (finest_cells[row], resolution)
        if key not in parents:
            parents[key] = h3.cell_to_parent(*key)
        return parents[key]

    parts = divide(cases.owners, cell_of, range(COARSEST, finest + 1), least)
    return tuple(_area(cases, part, outlines, finest, p90) for part in parts)


def _area(
    cases: PlacedCases,
    part: Part,
    outlines: Mapping[str, BaseGeometry],
    finest: int,
    p90: Callable[[NDArray[np.float64]], P90 | None],
) -> LateArea:
    rows = part.rows
    judged = cases.judged[rows]
    response_s = cases.response_s[rows]
    arrived_s = response_s[np.isfinite(response_s)]
    late = Proportion.of(int((cases.late[rows] & judged).sum()), int(judged.sum()))
    place = "+".join(part.owners) or "-"
    name = f"{place}/{part.cell or 'all'}{'-rest' if part.without else ''}"
    return LateArea(
        id=name,
        townships=tuple(each for each in part.owners if each),
        resolution=None if part.cell is None else h3.get_resolution(part.cell),
        shape=_shape(cases, part, outlines, finest),
        n=len(rows),
        late=late,
        arrived=len(arrived_s),
        p90=p90(arrived_s),
        above=late.n >= LEAST_RANKED and (late.low or 0.0) > float(cases.expected[rows][judged].mean()),
    )


def _shape(cases: PlacedCases, part: Part, outlines: Mapping[str, BaseGeometry], finest: int) -> BaseGeometry:
    """Return the outline of an area: of its cells at the finest resolution, where cells nest without gap or overlap."""
    whole = shapely.union_all([outlines[each] for each in part.owners if each in outlines])
    if part.cell is not None:
        cells = set(h3.cell_to_children(part.cell, finest)) - _within(part.without, finest)
        outline = _outline(cells)
        return outline if whole.is_empty else _polygons(shapely.intersection(outline, whole))
    if whole.is_empty:  # no township: the coarsest cells that hold the cases
        own = {h3.latlng_to_cell(cases.lat[row], cases.lon[row], COARSEST) for row in part.rows.tolist()}
        return _outline(_within(tuple(own), finest) - _within(part.without, finest))
    if not part.without:
        return _polygons(whole)
    return _polygons(shapely.difference(whole, _outline(_within(part.without, finest))))


def _within(cells: Sequence[str], finest: int) -> set[str]:
    return {child for cell in cells for child in h3.cell_to_children(cell, finest)}


def _outline(cells: set[str]) -> BaseGeometry:
    if not cells:
        return Polygon()
    return _polygons(shapely.geometry.shape(h3.cells_to_h3shape(sorted(cells)).__geo_interface__))


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a geometry, six digits (0.1 m); what an intersection leaves of lines is dropped."""
    kept = [each for each in shapely.get_parts(shapely.set_precision(shape, 1e-6)) if each.geom_type == "Polygon"]
    return kept[0] if len(kept) == 1 else MultiPolygon(kept)

"""Whether boundaries are shifted as if their datum were another: by their fit to boundaries that are in force (R20).

GCJ-02 lies 300 to 700 m from WGS-84 in China, BD-09 up to 1,300 m. The lines of a district that is drawn twice agree to
some tens of metres; so a wrong datum shows, and the right one shows by what is left of the distance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import Datum, LocalMetres, from_wgs84, to_wgs84

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

STEP_M = 150.0
MOST_POINTS = 3_000
FEWEST_POINTS = 40
"""With fewer points of a border nothing is said."""
SHIFTED_FROM_M = 60.0
"""The median distance from which lines are not the same line drawn twice."""
BEST_SHARE = 0.4
"""What another datum must leave of the median distance."""
_ROUNDS = 30
_KEPT = 0.7


@dataclass(frozen=True, slots=True)
class DatumFit:
    """How lines fit those in force.

    declared: the datum that they were read with. datum: the one that fits best. as_declared_m, best_m: the median
    distances with each. east_m, north_m: the measured shift of the lines as declared; 0 where another
    datum does not explain it. points: how many were measured.
    """

    declared: Datum
    datum: Datum
    as_declared_m: float
    best_m: float
    east_m: float
    north_m: float
    points: int

    @property
    def is_shifted(self) -> bool:
        """Whether another datum explains the distance."""
        return (
            self.points >= FEWEST_POINTS
            and self.datum is not self.declared
            and self.as_declared_m > SHIFTED_FROM_M
            and self.best_m <= BEST_SHARE * self.as_declared_m
        )


def fit_boundaries(
    own: Sequence[BaseGeometry], in_force: Sequence[BaseGeometry], declared: Datum, *, finer: bool
) -> DatumFit | None:
    """Compare the lines of shapes with those in force; None where the shapes do not lie over them.

    Parameters
    ----------
    own, in_force
        Polygons, WGS-84.
    declared
        The datum that `own` was read with.
    finer
        Whether `own` is of a finer level: then the lines in force are among its lines, not the reverse.
    """
    lines, known = _lines(own), _lines(in_force)
    if lines is None or known is None:
        return None
    west, south, east, north = known.bounds
    plane = LocalMetres((west + east) / 2, (south + north) / 2)
    right = _in_metres(plane, known)
    fits = {}
    given = shapely.get_coordinates(lines)
    raw = from_wgs84(given[:, 0].copy(), given[:, 1].copy(), declared)
    for datum in declared.candidates:
        lon, lat = to_wgs84(raw[0], raw[1], datum)
        moved = _in_metres(plane, shapely.set_coordinates(lines, np.column_stack([lon, lat])))
        fits[datum] = (_distances(moved, right, finer=finer), moved)
    as_declared, lines_m = fits[declared]
    if len(as_declared) == 0:
        return None
    best = min(fits, key=lambda datum: float(np.median(fits[datum][0])) if len(fits[datum][0]) else np.inf)
    found = DatumFit(
        declared,
        best,
        round(float(np.median(as_declared)), 1),
        round(float(np.median(fits[best][0])), 1),
        0.0,
        0.0,
        len(as_declared),
    )
    if not found.is_shifted:
        return found
    shift = _shift(lines_m, right, _mean_move(lines_m, fits[best][1]), finer=finer)
    return replace(found, east_m=round(float(shift[0])), north_m=round(float(shift[1])))


def _lines(shapes: Sequence[BaseGeometry]) -> BaseGeometry | None:
    fine = [shape for shape in shapes if not shape.is_empty and np.isfinite(shapely.get_coordinates(shape)).all()]
    polygonal = [shape for shape in fine if shapely.get_type_id(shape) in {3, 6}]
    if not polygonal:
        return None
    return shapely.MultiLineString([part for line in shapely.boundary(polygonal) for part in shapely.get_parts(line)])


def _in_metres(plane: LocalMetres, lines: BaseGeometry) -> BaseGeometry:
    c = shapely.get_coordinates(lines)
    x, y = plane.to_metres(c[:, 0], c[:, 1])
    return shapely.set_coordinates(lines, np.column_stack([x, y]))


def _points(lines: BaseGeometry) -> NDArray[np.float64]:
    """Return points (n, 2) on lines, STEP_M or more from each other along them."""
    step_m = max(STEP_M, lines.length / MOST_POINTS)
    parts = shapely.get_parts(lines)
    found = [
        shapely.get_coordinates(shapely.line_interpolate_point(part, np.arange(0.0, part.length, step_m)))
        for part in parts
    ]
    return np.concatenate(found) if found else np.empty((0, 2))


def _distances(own: BaseGeometry, right: BaseGeometry, *, finer: bool) -> NDArray[np.float64]:
    measured, to = (right, own) if finer else (own, right)
    points = _points(measured)
    shapely.prepare(to)
    return np.asarray(shapely.distance(shapely.points(points), to), dtype=np.float64)


def _mean_move(lines: BaseGeometry, moved: BaseGeometry) -> NDArray[np.float64]:
    move: NDArray[np.float64] = shapely.get_coordinates(lines).mean(axis=0) - shapely.get_coordinates(moved).mean(
        axis=0
    )
    return move


def _shift(own: BaseGeometry, right: BaseGeometry, start: NDArray[np.float64], *, finer: bool) -> NDArray[np.float64]:
    """Measure the shift (east, north) of lines: the move back that brings them nearest, from a first guess.

    Iterated closest points with a translation only; the farthest part of the pairs is left out in each round.
    """
    shift = start
    measured, to, sign = (right, own, 1.0) if finer else (own, right, -1.0)
    points = _points(measured)
    segments = shapely.get_parts(to)
    tree = shapely.STRtree(segments)
    for _ in range(_ROUNDS):
        here = points + sign * shift
        places = shapely.points(here)
        nearest = tree.nearest(places)
        feet = shapely.get_coordinates(
            shapely.line_interpolate_point(segments[nearest], shapely.line_locate_point(segments[nearest], places))
        )
        off = feet - here
        length = np.hypot(off[:, 0], off[:, 1])
        kept = length <= np.quantile(length, _KEPT)
        move = sign * off[kept].mean(axis=0)
        shift = shift + move
        if np.abs(move).max() < 0.5:
            break
    return shift

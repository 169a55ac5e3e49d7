"""Overlaps, gaps and strays between the polygons of a draft, exactly and fast: the geometry behind `faults`.

Shapes are valid (repaired where they were not), in degrees. Pieces come back in degrees too, with their true areas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres, equal_area_m

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    Shapes = NDArray[np.object_]
    Rows = NDArray[np.int64]

NOISE_M2 = 0.01
"""Pieces smaller than a hand are rounding of the intersection, not of the survey."""
SLIVER_WIDTH_M = 2.0
"""A piece with a smaller mean width (2 x area / perimeter) is a sliver: two surveys of one line, not a place."""
_CHUNK = 4000


@dataclass(frozen=True, slots=True)
class Piece:
    """A connected part of a fault, with a place inside it."""

    shape: shapely.Polygon
    area_m2: float
    lon: float
    lat: float

    @property
    def is_sliver(self) -> bool:
        """Whether it is thinner than SLIVER_WIDTH_M on average."""
        plane = LocalMetres(self.lon, self.lat)
        outline = shapely.transform(self.shape, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))
        length_m = float(shapely.length(outline))
        return length_m > 0 and 2 * self.area_m2 / length_m < SLIVER_WIDTH_M


def areas_m2(shapes: Shapes) -> NDArray[np.float64]:
    """Return the area of each shape on the ellipsoid."""
    return np.asarray(shapely.area(shapely.transform(shapes, equal_area_m)), float)


def pieces_of(shape: BaseGeometry) -> list[Piece]:
    """Return the parts of a shape that are larger than noise, largest first."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[shapely.get_dimensions(parts) == 2]
    pieces = []
    for part, area_m2 in zip(parts, areas_m2(parts), strict=True):
        if area_m2 >= NOISE_M2:
            inner = shapely.point_on_surface(part)
            pieces.append(Piece(part, float(area_m2), float(inner.x), float(inner.y)))
    return sorted(pieces, key=lambda piece: -piece.area_m2)


def repair(shape: BaseGeometry) -> BaseGeometry:
    """Return the areas of an invalid shape as valid polygons; an empty polygon where nothing finite is left."""
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return shapely.Polygon()
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shape)))
    areas = [part for part in parts if shapely.get_dimensions(part) == 2]
    return shapely.union_all(areas) if areas else shapely.Polygon()


def valid(shape: BaseGeometry) -> BaseGeometry:
    """Return the shape, repaired where it is invalid."""
    return shape if shape.is_valid else repair(shape)


def find_overlaps(shapes: Shapes, step: Callable[[int], None]) -> Iterator[tuple[int, int, BaseGeometry]]:
    """Yield every pair of rows whose insides meet, and where. `step` is called with the number of pairs examined."""
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes)
    first, second = first[first < second], second[first < second]
    order = np.lexsort([second, first])
    first, second = first[order], second[order]
    shapely.prepare(shapes)
    for start in range(0, len(first), _CHUNK):
        a, b = first[start : start + _CHUNK], second[start : start + _CHUNK]
        for k in np.flatnonzero(shapely.relate_pattern(shapes[a], shapes[b], "T********")):
            yield int(a[k]), int(b[k]), shapely.intersection(shapes[a[k]], shapes[b[k]])
        step(len(a))


def unite(shapes: Shapes) -> BaseGeometry:
    """Return the union, by shared edges where that is enough."""
    if not len(shapes):
        return shapely.Polygon()
    try:
        whole = shapely.coverage_union_all(shapes)
    except shapely.errors.GEOSException:
        whole = shapely.Polygon()
    # Edges that do not match leave an invalid union, overlaps one with less area than its parts.
    parts = float(shapely.area(shapes).sum())
    if whole.is_valid and abs(whole.area - parts) <= 1e-12 * max(parts, 1e-9) and not whole.is_empty:
        return whole
    return shapely.union_all(shapes)


def uncovered(
    parents: Shapes, children: Shapes, parent_of: Rows, overlapping: set[int], step: Callable[[int], None]
) -> Iterator[tuple[int, BaseGeometry]]:
    """Yield every row of `parents` that all children together do not cover, and the rest of it.

    Parameters
    ----------
    parent_of
        (children,) row of the parent that a child claims, -1 none: a hint that makes the clean case fast.
    overlapping
        Rows of children that overlap others.
    """
    claimed = np.flatnonzero(parent_of >= 0)
    shapely.prepare(parents)
    inside = np.zeros(len(children), bool)
    inside[claimed] = shapely.covers(parents[parent_of[claimed]], children[claimed])
    own_m2 = areas_m2(children)
    parent_m2 = areas_m2(parents)
    clean = np.ones(len(parents), bool)
    clean[parent_of[claimed[~inside[claimed]]]] = False
    clean[[int(parent_of[row]) for row in overlapping if parent_of[row] >= 0]] = False
    filled_m2 = np.bincount(parent_of[claimed], weights=own_m2[claimed], minlength=len(parents))
    # Children within the parent, none on another, and their areas add up to its own: nothing is left.
    clean &= np.abs(filled_m2 - parent_m2) < NOISE_M2
    step(int(clean.sum()))
    tree = shapely.STRtree(children)
    for row in np.flatnonzero(~clean):
        near = tree.query(parents[row])
        rest = shapely.difference(parents[row], unite(children[near])) if len(near) else parents[row]
        if not rest.is_empty:
            yield int(row), rest
        step(1)


def enclosed(shapes: Shapes) -> Iterator[tuple[shapely.Polygon, bool]]:
    """Yield the holes of the union, and whether one shape alone surrounds the hole."""
    whole = unite(shapes)
    rings = {_key(ring) for shape in shapely.get_parts(shapes) for ring in shape.interiors}
    for part in shapely.get_parts(whole):
        for ring in part.interiors:
            yield shapely.Polygon(ring), _key(ring) in rings


def _key(ring: shapely.LinearRing) -> bytes:
    return bytes(shapely.to_wkb(shapely.normalize(shapely.Polygon(ring))))


def strays(children: Shapes, parents: Shapes, parent_of: Rows) -> Iterator[tuple[int, BaseGeometry]]:
    """Yield every child that is not within the parent it claims, and the part outside."""
    claimed = np.flatnonzero(parent_of >= 0)
    shapely.prepare(parents)
    out = claimed[~shapely.covers(parents[parent_of[claimed]], children[claimed])]
    for row in out:
        outside = shapely.difference(children[row], parents[parent_of[row]])
        if not outside.is_empty:
            yield int(row), outside

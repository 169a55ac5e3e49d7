"""Overlaps and gaps between the polygons of a draft, and parts outside of a parent: the geometry for `faults`.

Shapes are valid (repaired where they were not), in degrees. Pieces are in degrees too; areas are on the ellipsoid.
"""

from __future__ import annotations

from contextlib import contextmanager
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
"""Smaller pieces are rounding errors of the intersection, not faults of the survey."""
SLIVER_WIDTH_M = 2.0
"""A piece with a smaller mean width (2 x area / perimeter) is a sliver: one border was surveyed twice."""
_CHUNK = 4000


@dataclass(frozen=True, slots=True)
class Piece:
    """A connected part of a fault, with a point inside it."""

    shape: shapely.Polygon
    area_m2: float
    lon: float
    lat: float

    @property
    def is_sliver(self) -> bool:
        """Whether its mean width is less than SLIVER_WIDTH_M."""
        plane = LocalMetres(self.lon, self.lat)
        outline = shapely.transform(self.shape, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))
        length_m = float(shapely.length(outline))
        return length_m > 0 and 2 * self.area_m2 / length_m < SLIVER_WIDTH_M


def areas_m2(shapes: Shapes) -> NDArray[np.float64]:
    """Return the area of each shape on the ellipsoid."""
    areas = np.empty(len(shapes))
    for start in range(0, len(shapes), _CHUNK):
        part = slice(start, start + _CHUNK)
        areas[part] = shapely.area(shapely.transform(shapes[part], equal_area_m))
    return areas


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
    """Return the polygons of an invalid shape, made valid; empty where it has no area or a coordinate is not finite.

    What a ring encloses stays: both halves of a bow-tie, and ground that a ring or two parts cover twice, once.
    """
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return shapely.Polygon()
    made = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    parts = shapely.get_parts(shapely.get_parts(made))
    polygons = [part for part in parts if shapely.get_dimensions(part) == 2]
    return shapely.union_all(polygons) if polygons else shapely.Polygon()


def valid(shape: BaseGeometry) -> BaseGeometry:
    """Return the shape, repaired where it is invalid."""
    return shape if shape.is_valid else repair(shape)


def find_overlaps(shapes: Shapes, advance: Callable[[int], None]) -> Iterator[tuple[int, int, BaseGeometry]]:
    """Yield each pair of rows whose interiors intersect, and the intersection.

    `advance` is called with the number of pairs that were examined.
    """
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes)
    first, second = first[first < second], second[first < second]
    order = np.lexsort([second, first])
    first, second = first[order], second[order]
    for start in range(0, len(first), _CHUNK):
        a, b = first[start : start + _CHUNK], second[start : start + _CHUNK]
        with _prepared(shapes[a]) as prepared:
            crossed = shapely.relate_pattern(prepared, shapes[b], "T********")
        for k in np.flatnonzero(crossed):
            yield int(a[k]), int(b[k]), shapely.intersection(shapes[a[k]], shapes[b[k]])
        advance(len(a))


@contextmanager
def _prepared(shapes: Shapes) -> Iterator[Shapes]:
    """Prepare shapes for the block; a prepared shape takes several times the memory of its coordinates."""
    shapely.prepare(shapes)
    try:
        yield shapes
    finally:
        shapely.destroy_prepared(shapes)


def _are_covered(children: Shapes, parents: Shapes) -> NDArray[np.bool_]:
    """Return for each child whether its parent, in the same row, covers it."""
    with _prepared(parents):
        return np.asarray(shapely.covers(parents, children), bool)


def unite(shapes: Shapes) -> BaseGeometry:
    """Return the union, by the fast algorithm for shapes that share their edges where its result is right."""
    if not len(shapes):
        return shapely.Polygon()
    try:
        whole = shapely.coverage_union_all(shapes)
    except shapely.errors.GEOSException:
        whole = shapely.Polygon()
    # Where edges do not match the fast union is invalid; where shapes overlap, its area is less than the sum of theirs.
    sum_of_areas = float(shapely.area(shapes).sum())
    if whole.is_valid and abs(whole.area - sum_of_areas) <= 1e-12 * max(sum_of_areas, 1e-9) and not whole.is_empty:
        return whole
    return shapely.union_all(shapes)


def find_uncovered(
    parents: Shapes, children: Shapes, parent_of: Rows, overlapping: set[int], advance: Callable[[int], None]
) -> Iterator[tuple[int, BaseGeometry]]:
    """Yield every row of `parents` that the children together do not cover, and the uncovered part.

    Parameters
    ----------
    parent_of
        (children,) for each child the row of its declared parent, -1 none. A parent whose declared children fill it
        needs no exact comparison.
    overlapping
        Rows of children that overlap others.
    advance
        Called with the number of parents that were examined.
    """
    with_parent = np.flatnonzero(parent_of >= 0)
    inside = np.zeros(len(children), bool)
    inside[with_parent] = _are_covered(children[with_parent], parents[parent_of[with_parent]])
    own_m2 = areas_m2(children)
    parent_m2 = areas_m2(parents)
    clean = np.ones(len(parents), bool)
    clean[parent_of[with_parent[~inside[with_parent]]]] = False
    clean[[int(parent_of[row]) for row in overlapping if parent_of[row] >= 0]] = False
    filled_m2 = np.bincount(parent_of[with_parent], weights=own_m2[with_parent], minlength=len(parents))
    # The children are within the parent, do not overlap, and their areas sum to that of the parent: nothing is left.
    clean &= np.abs(filled_m2 - parent_m2) < NOISE_M2
    advance(int(clean.sum()))
    tree = shapely.STRtree(children)
    for row in np.flatnonzero(~clean):
        near = tree.query(parents[row])
        rest = shapely.difference(parents[row], unite(children[near])) if len(near) else parents[row]
        if not rest.is_empty:
            yield int(row), rest
        advance(1)


def find_holes(shapes: Shapes) -> Iterator[tuple[shapely.Polygon, bool]]:
    """Yield the holes of the union, and whether the hole is one of a single shape."""
    whole = unite(shapes)
    rings = {_ring_key(ring) for shape in shapely.get_parts(shapes) for ring in shape.interiors}
    for part in shapely.get_parts(whole):
        for ring in part.interiors:
            yield shapely.Polygon(ring), _ring_key(ring) in rings


def _ring_key(ring: shapely.LinearRing) -> bytes:
    return bytes(shapely.to_wkb(shapely.normalize(shapely.Polygon(ring))))


def parts_outside_parent(children: Shapes, parents: Shapes, parent_of: Rows) -> Iterator[tuple[int, BaseGeometry]]:
    """Yield every child that is not within its declared parent, and the part outside."""
    with_parent = np.flatnonzero(parent_of >= 0)
    outside_rows = with_parent[~_are_covered(children[with_parent], parents[parent_of[with_parent]])]
    for row in outside_rows:
        outside = shapely.difference(children[row], parents[parent_of[row]])
        if not outside.is_empty:
            yield int(row), outside

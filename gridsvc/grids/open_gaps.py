"""Gaps that are open to the outside: notches of the outline between two grids (R4).

Where no wider level is loaded, a gap that reaches the outline is not a hole of the union. It is what a morphological
closing fills: a disc of the limit's diameter does not fit in. Two grids that meet the outline under an angle leave a
corner that a closing fills too; there the disc is stopped by the two sides, so the mouth of the filled part is as wide
as the disc (by the cosine of half the angle). A notch has a narrower mouth, and is longer than its mouth is wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres
from gridsvc.grids import topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.topology import Piece

_MOUTH = 0.8
"""The mouth of a corner of less than 74 degrees is wider than this part of the disc's diameter; of wider corners the
filled part is flat."""
_LONG = 1.5
"""A notch has at least this many times the area of the square on its mouth."""
_QUADRANT = 16
_ON_OUTLINE_M = 0.02
_LEAST_M2 = 1.0


def find_open_gaps(shapes: NDArray[np.object_], narrower_m: float) -> Iterator[tuple[Piece, list[int]]]:
    """Yield the notches of the union of valid shapes, and the two or more rows that each lies between.

    Parameters
    ----------
    narrower_m
        Notches of at least this width are taken for the outline.
    """
    if len(shapes) < 2 or narrower_m <= 0:
        return
    west, south, east, north = shapely.total_bounds(shapes)
    plane = LocalMetres(float(west + east) / 2, float(south + north) / 2)
    flat = shapely.transform(shapes, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))
    flat = shapely.make_valid(flat, method="structure", keep_collapsed=False)
    tree = shapely.STRtree(flat)
    for place in _narrow_places(flat, tree, narrower_m):
        near = tree.query(place, predicate="dwithin", distance=2 * narrower_m)
        near = np.sort(near)
        around = shapely.union_all(shapely.intersection(flat[near], place.buffer(4 * narrower_m)))
        around = _without_holes(around)
        half_m = narrower_m / 2
        closed = shapely.buffer(shapely.buffer(around, half_m, quad_segs=_QUADRANT), -half_m, quad_segs=_QUADRANT)
        filled = shapely.difference(closed, around)
        for part in shapely.get_parts(filled):
            if part.area < _LEAST_M2 or not part.intersects(place) or not _is_notch(part, around, narrower_m):
                continue
            beside = [int(k) for k in near if _borders(part, flat[k])]
            if len(beside) >= 2:
                back = shapely.transform(part, lambda c: np.column_stack(plane.to_lonlat(c[:, 0], c[:, 1])))
                for piece in topology.pieces_of(back):
                    yield piece, beside


def _narrow_places(flat: NDArray[np.object_], tree: shapely.STRtree, narrower_m: float) -> Iterator[BaseGeometry]:
    """Yield the connected surroundings of outline that is near to another grid's outline."""
    whole = _without_holes(shapely.union_all(flat))
    rim = shapely.boundary(whole)
    own = shapely.intersection(shapely.boundary(flat), shapely.buffer(rim, _ON_OUTLINE_M, quad_segs=1))
    first, second = tree.query(flat, predicate="dwithin", distance=narrower_m)
    pairs = first < second
    zones = []
    for a, b in zip(first[pairs], second[pairs], strict=True):
        zone = shapely.intersection(shapely.buffer(own[a], narrower_m, quad_segs=2), own[b])
        if not zone.is_empty:
            zones.append(shapely.buffer(zone, narrower_m, quad_segs=2))
    yield from shapely.get_parts(shapely.union_all(zones)) if zones else ()


def _without_holes(shape: BaseGeometry) -> BaseGeometry:
    parts = [shapely.Polygon(part.exterior) for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _is_notch(part: BaseGeometry, around: BaseGeometry, narrower_m: float) -> bool:
    """Whether a filled part is a notch, not a corner of the outline."""
    rim = shapely.buffer(shapely.boundary(around), _ON_OUTLINE_M, quad_segs=2)
    arcs = shapely.line_merge(shapely.difference(shapely.boundary(part), rim))
    mouths = [_chord_m(arc) for arc in shapely.get_parts(arcs)]
    mouths = [mouth for mouth in mouths if mouth > 4 * _ON_OUTLINE_M]
    if not mouths:
        return False
    widest = max(mouths)
    return widest < _MOUTH * narrower_m and float(part.area) >= _LONG * widest**2


def _chord_m(line: BaseGeometry) -> float:
    ends = shapely.get_coordinates(line)[[0, -1]]
    return float(np.hypot(*(ends[1] - ends[0])))


def _borders(part: BaseGeometry, shape: BaseGeometry) -> bool:
    """Whether a grid has a side of the notch, not only a corner at it."""
    along = shapely.intersection(shapely.boundary(part), shapely.buffer(shape, _ON_OUTLINE_M, quad_segs=1))
    return float(shapely.length(along)) > 10 * _ON_OUTLINE_M

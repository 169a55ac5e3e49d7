"""A cover of a district: an area with few vertices that holds every grid, so that most districts need not be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid

MARGIN_DEG = 0.001
"""How far the cover reaches beyond the grids: about 100 m."""


def cover_of(grids: Sequence[Grid]) -> BaseGeometry:
    """Return an area (WGS-84) that holds every grid, MARGIN_DEG wider, and simplified by half of that.

    A place outside it is outside the district. A place inside it may be outside: the ownership index decides.
    """
    shapes: NDArray[np.object_] = np.array([grid.geometry for grid in grids], dtype=object)
    levels = np.array([grid.level for grid in grids])
    invalid = ~shapely.is_valid(shapes)
    shapes[invalid] = shapely.make_valid(shapes[invalid])
    wide = shapely.union_all(shapes[levels == levels.min()])
    around = shapely.buffer(wide, MARGIN_DEG / 4)
    shapely.prepare(around)
    beyond = shapes[~shapely.covers(around, shapes)]
    whole = shapely.union_all([wide, *beyond])
    cover = shapely.simplify(shapely.buffer(whole, MARGIN_DEG, quad_segs=2), MARGIN_DEG / 2)
    shapely.prepare(cover)
    if shapely.covers(cover, shapes).all():
        return cover
    return shapely.box(*shapely.total_bounds(shapes)).buffer(MARGIN_DEG, join_style="mitre")

"""Parents by geometry: the wider grid that holds the largest part of a grid."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.grids import topology
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid


def find_parents(shapes: Sequence[BaseGeometry], wider: Sequence[Grid]) -> list[str | None]:
    """Return for each shape the code of the grid of `wider` that holds the most of it, None where none holds any."""
    if not wider:
        return [None] * len(shapes)
    ordered = sorted(wider, key=lambda grid: grid.code)
    above, below = _valid([grid.geometry for grid in ordered]), _valid(shapes)
    child, parent = shapely.STRtree(above).query(below, predicate="intersects")
    best: list[str | None] = [None] * len(below)
    shapely.prepare(above)
    whole = shapely.covers(above[parent], below[child])
    settled = np.zeros(len(below), bool)
    for k in np.flatnonzero(whole)[::-1]:
        best[child[k]] = ordered[parent[k]].code
        settled[child[k]] = True
    open_ = ~settled[child]
    child, parent = child[open_], parent[open_]
    order = np.lexsort([parent, child])
    child, parent = child[order], parent[order]
    areas = topology.areas_m2(shapely.intersection(above[parent], below[child]))
    largest: dict[int, float] = {}
    for k, p, area_m2 in zip(child.tolist(), parent.tolist(), areas.tolist(), strict=True):
        if area_m2 > largest.get(k, 0.0) * (1 + 1e-9):  # of equal parts the lowest code has it
            largest[k], best[k] = area_m2, ordered[p].code
    return best


def adopt(grids: Sequence[Grid]) -> list[Grid]:
    """Give every grid that has lost or never had a parent one of the next wider level that is there, by geometry.

    A grid keeps a parent that is there and is of that level, or whose code no grid ever had (an orphan is a fault to
    be seen, not to be hidden); so pass None for parents that are gone.
    """
    present = [level for level in Level if any(grid.level == level for grid in grids)]
    answer = [grid for grid in grids if grid.level == present[0]] if present else []
    answer = [replace(grid, parent=None) if grid.parent is not None else grid for grid in answer]
    for above, level in pairwise(present):
        wider = [grid for grid in grids if grid.level == above]
        level_of = {grid.code: grid.level for grid in grids}
        own = [grid for grid in grids if grid.level == level]
        # A parent of a wider level than the next one is a makeshift from before that one was loaded.
        lost = [grid for grid in own if grid.parent is None or level_of.get(grid.parent, above) < above]
        found = dict(zip(map(id, lost), find_parents([grid.geometry for grid in lost], wider), strict=True))
        answer += [replace(grid, parent=found[id(grid)] or grid.parent) if id(grid) in found else grid for grid in own]
    return answer


def _valid(shapes: Sequence[BaseGeometry]) -> NDArray[np.object_]:
    return np.array([topology.valid(shape) for shape in shapes], dtype=object)

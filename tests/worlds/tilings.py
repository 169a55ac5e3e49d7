"""Random districts that tile the plane: neighbours share their border vertex by vertex, as a good cadastre does."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.grids.levels import Grid, Level

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEST, SOUTH, SIDE_DEG = 119.6, 29.0, 0.35


def tile(count: int, seed: int, *, pieces: int = 8, side_deg: float = SIDE_DEG) -> NDArray[np.object_]:
    """Return `count` polygons that tile a square: Voronoi cells whose every edge is bent `pieces` times."""
    draw = np.random.default_rng(seed)
    box = shapely.box(WEST, SOUTH, WEST + side_deg, SOUTH + side_deg)
    seeds = shapely.multipoints(draw.uniform((WEST, SOUTH), (WEST + side_deg, SOUTH + side_deg), (count, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=box))
    cells = shapely.intersection(cells, box)
    rings = [shapely.get_coordinates(cell).round(9) for cell in cells]
    bends: dict[tuple[tuple[float, float], tuple[float, float]], NDArray[np.float64]] = {}

    def bent(a: tuple[float, float], b: tuple[float, float]) -> NDArray[np.float64]:
        low, high = min(a, b), max(a, b)
        if (low, high) not in bends:
            start, end = np.array(low), np.array(high)
            along = np.linspace(0, 1, pieces + 1)[:-1, None]
            line = start + along * (end - start)
            across = np.array([-(end - start)[1], (end - start)[0]])
            on_rim = np.isclose(start, end).any()
            size = 0 if on_rim else 0.06
            taper = along[1:] * (1 - along[1:])  # acute corners stay apart
            line[1:] += across * taper * draw.uniform(-size, size, (pieces - 1, 1))
            bends[low, high] = line
        line = bends[low, high]
        return line if a == low else np.vstack([[high], line[:0:-1]])

    polygons = []
    for ring in rings:
        corners = [tuple(corner) for corner in ring.tolist()]
        kept = [corner for i, corner in enumerate(corners[:-1]) if corner != corners[i + 1]]
        parts = [bent(a, b) for a, b in pairwise([*kept, kept[0]])]
        points = np.vstack(parts)
        polygons.append(shapely.Polygon(points))
    return np.array(polygons, dtype=object)


def nest(polygons: NDArray[np.object_], *, code: str = "330703", per_level: int = 6) -> list[Grid]:
    """Make four levels: villages, and above each the union of `per_level` or so neighbours, by Hilbert order."""
    order = np.argsort(shapely.get_x(shapely.centroid(polygons)) // 0.08 + shapely.get_y(shapely.centroid(polygons)))
    grids: list[Grid] = []
    pieces = list(polygons[order])
    sizes = {Level.VILLAGE: 1, Level.AREA: per_level, Level.TOWNSHIP: per_level**2, Level.REGIONAL: per_level**3}
    codes: dict[Level, list[str]] = {}
    for level, size in sizes.items():
        groups: dict[int, list[shapely.Polygon]] = defaultdict(list)
        for i, piece in enumerate(pieces):
            groups[i // size].append(piece)
        codes[level] = [f"{code}{level.value}{k:07}" for k in groups]
        wider = {Level.VILLAGE: Level.AREA, Level.AREA: Level.TOWNSHIP, Level.TOWNSHIP: Level.REGIONAL}.get(level)
        for k, members in groups.items():
            parent = None if wider is None else f"{code}{wider.value}{k // per_level:07}"
            shape = members[0] if len(members) == 1 else shapely.coverage_union_all(members)
            grids.append(Grid(codes[level][k], f"{level.key} {k}", level, parent, shape))
    return grids

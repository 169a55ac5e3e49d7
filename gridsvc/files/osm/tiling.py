"""Polygons that tile exactly: every level is dissolved from one set of cells, so that all levels share their vertices.

A gap or an overlap cannot arise between two polygons that are unions of cells of one valid coverage, at whatever
level they lie; that is why even borders that come from a file are noded into the cells first.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, cast

import numpy as np
import shapely
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

GRID_DEGREES = 1e-7
"""Vertices lie on this raster (1 cm), as those of OpenStreetMap do."""

_LLOYD_ROUNDS = 8


class Plane:
    """Metres round one place, by scaling lon and lat: straight lines stay straight. Good to 0.1 % over 100 km."""

    def __init__(self, lon: float, lat: float) -> None:
        self.lon, self.lat = lon, lat
        self.scale = np.array([111_320.0 * np.cos(np.radians(lat)), 110_800.0])

    @classmethod
    def of(cls, geometry: BaseGeometry) -> Plane:
        """Return the plane whose origin is the middle of a geometry's bounds."""
        west, south, east, north = geometry.bounds
        return cls((west + east) / 2, (south + north) / 2)

    def metres(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) degrees to (n, 2) metres."""
        return np.asarray((lonlat - np.array((self.lon, self.lat))) * self.scale, dtype=np.float64)

    def degrees(self, metres: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) metres to (n, 2) degrees."""
        return np.asarray(metres / self.scale + np.array((self.lon, self.lat)), dtype=np.float64)

    def to_metres(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return the geometry in metres."""
        return shapely.transform(geometry, self.metres)

    def to_degrees(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return the geometry in degrees, on the raster of GRID_DEGREES."""
        return shapely.transform(geometry, lambda xy: np.round(self.degrees(xy), 7))


def point_list(lonlat: NDArray[np.float64]) -> list[BaseGeometry]:
    """Return (n, 2) coordinates as points."""
    return list(cast("NDArray[np.object_]", shapely.points(lonlat)))


def dissolve(cells: Sequence[BaseGeometry], labels: Sequence[str]) -> dict[str, BaseGeometry]:
    """Unite the cells of each label; vertices shared before are shared after. Cells must be a valid coverage."""
    groups: dict[str, list[BaseGeometry]] = defaultdict(list)
    for cell, label in zip(cells, labels, strict=True):
        groups[label].append(cell)
    united = {}
    for label, group in groups.items():
        whole = shapely.coverage_union_all(group)
        parts = [part for part in shapely.get_parts(whole) if part.area > 0]
        united[label] = shapely.normalize(parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts))
    return united


def cells_of(lines: Iterable[BaseGeometry]) -> list[BaseGeometry]:
    """Node all lines on the raster of GRID_DEGREES and return the faces between them, as lon/lat polygons."""
    noded = shapely.union_all(list(lines), grid_size=GRID_DEGREES)
    faces = shapely.get_parts(shapely.polygonize([noded]))
    return [face for face in faces if face.area > 0]


def voronoi_edges(seeds: NDArray[np.float64], frame: BaseGeometry, plane: Plane) -> BaseGeometry:
    """Return the borders between the seeds (n, 2 degrees) inside a frame, as lines that overshoot it by 20 cm."""
    if len(seeds) < 2:
        return shapely.MultiLineString()
    inside = plane.to_metres(frame)
    points = shapely.MultiPoint(plane.metres(seeds))
    edges = shapely.voronoi_polygons(points, extend_to=inside.buffer(1000.0).envelope, only_edges=True)
    clipped = shapely.intersection(edges, inside.buffer(0.2, quad_segs=1))
    return shapely.transform(clipped, plane.degrees)


def cluster_centres(
    points: NDArray[np.float64], count: int, *, fixed: NDArray[np.float64] | None = None, seed: int = 0
) -> NDArray[np.float64]:
    """Add centres where points (n, 2 metres) lie far from the fixed ones, until there are `count`; Lloyd (1982).

    Returns (k, 2): the fixed centres first, unmoved. Fewer than `count` where there are fewer distinct points.
    """
    random = np.random.default_rng(seed)
    centres = np.empty((0, 2)) if fixed is None else np.asarray(fixed, dtype=np.float64).reshape(-1, 2)
    held = len(centres)
    if len(points) == 0 or held >= count:
        return centres
    distance = np.full(len(points), np.inf)
    for centre in centres:
        distance = np.minimum(distance, ((points - centre) ** 2).sum(axis=1))
    while len(centres) < count:
        if not len(centres):
            chosen = int(random.integers(len(points)))
        elif distance.max() < 1.0:
            break
        else:  # k-means++ (Arthur and Vassilvitskii 2007)
            chosen = int(random.choice(len(points), p=distance / distance.sum()))
        centres = np.vstack([centres, points[chosen]])
        distance = np.minimum(distance, ((points - points[chosen]) ** 2).sum(axis=1))
    for _ in range(_LLOYD_ROUNDS):
        nearest = nearest_of(points, centres)
        for index in range(held, len(centres)):
            mine = points[nearest == index]
            if len(mine):
                centres[index] = mine.mean(axis=0)
    return centres


def nearest_of(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each point (n, 2) the number of its nearest centre (k, 2), the lower one of two equal."""
    return np.asarray(cKDTree(centres).query(points)[1], dtype=np.int64)

"""What of a district has no road of a network near it: the land of each township that is far from all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gridsvc.coordinates import LocalMetres, equal_area_m
from gridsvc.roads.network.nearby import segment_starts
from gridsvc.roads.network.network import DEGREE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.levels import Grid
    from gridsvc.roads.network.network import RoadNetwork

BARE_M = 2_000.0
"""Land farther from every road is bare. Of the municipalities of Liechtenstein, half of it mountains, 0 to 18 % are."""

MUCH = 0.25
"""A township that is bare by this share is not covered: the roads of its part are not in the file."""

SOME = 0.05
"""A smaller share is no cause to ask, from this one on it is said."""

FEW = 0.1
"""A township with this part of the district's km of road a km2, or less, may lack its local roads."""

_PIECE_M = 200.0
_SAMPLES = 2_000
"""Places of a lattice in each township: a share is right to about 1 %."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class GridCover:
    """A township and the roads in it. bare_km2: farther than BARE_M from every road, also from those outside of it."""

    code: str
    name: str
    km2: float
    road_km: float
    bare_km2: float

    @property
    def bare_share(self) -> float:
        return self.bare_km2 / self.km2 if self.km2 else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the cover as JSON values."""
        return {
            "code": self.code,
            "name": self.name,
            "km2": round(self.km2, 2),
            "road_km": round(self.road_km, 1),
            "bare_km2": round(self.bare_km2, 2),
            "bare_share": round(self.bare_share, 4),
        }


@dataclass(frozen=True, slots=True)
class RoadCover:
    """The townships of a district (its widest grids where it has none), those with most bare land first.

    bare_grids: names of the finest grids whose middle is bare, in the order of their codes.
    """

    level: str
    grids: tuple[GridCover, ...]
    bare_grids: tuple[str, ...]

    @property
    def is_elsewhere(self) -> bool:
        """Whether no part of any grid is near a road."""
        return all(grid.bare_km2 >= grid.km2 for grid in self.grids)

    @property
    def sparse(self) -> tuple[GridCover, ...]:
        """The grids that are near roads but have few of their own, against the whole district."""
        density = sum(grid.road_km for grid in self.grids) / max(sum(grid.km2 for grid in self.grids), 1e-9)
        return tuple(grid for grid in self.grids if grid.bare_share < MUCH and grid.road_km <= FEW * density * grid.km2)

    @property
    def uncovered(self) -> tuple[GridCover, ...]:
        """The grids that are bare by MUCH and more."""
        return tuple(grid for grid in self.grids if grid.bare_share >= MUCH)

    def as_json(self) -> dict[str, Any]:
        """Return {level, bare_m, grids, bare_grids}."""
        return {
            "level": self.level,
            "bare_m": BARE_M,
            "grids": [grid.as_json() for grid in self.grids],
            "bare_grids": list(self.bare_grids),
        }


def cover_of(network: RoadNetwork, grids: Sequence[Grid]) -> RoadCover:
    """Measure what of each township (of the widest grids where there are none) is far from all roads.

    Grids without area are left out.
    """
    shapes = {grid.code: shapely.make_valid(grid.geometry, method="structure") for grid in grids}
    usable = [grid for grid in grids if shapes[grid.code].area > 0]
    if not usable:
        return RoadCover("township", (), ())
    levels = {grid.level for grid in usable}
    level = next((level for level in levels if level.key == "township"), min(levels))
    own = [grid for grid in usable if grid.level is level]
    inner = sorted((g for g in usable if g.level is max(levels) and g.level is not level), key=lambda g: g.code)
    box = shapely.total_bounds([shapes[grid.code] for grid in usable])
    plane = LocalMetres(float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    pieces, lengths_m = _pieces_near(network, box, plane)
    tree = cKDTree(pieces) if len(pieces) else None
    found = [_measure(grid, shapes[grid.code], plane, pieces, lengths_m, tree) for grid in own]
    middles = [shapes[grid.code].representative_point().coords[0] for grid in inner]
    far = _is_bare(tree, _flat(plane, np.array(middles, np.float64).reshape(-1, 2)))
    return RoadCover(
        level.key,
        tuple(sorted(found, key=lambda grid: (-grid.bare_share, grid.code))),
        tuple(grid.name for grid, bare in zip(inner, far.tolist(), strict=True) if bare),
    )


def cover_in_words(cover: RoadCover) -> list[str]:
    """Say what is bare in a sentence or two; none where every place has a road near it."""
    bare = [grid for grid in cover.grids if grid.bare_share >= SOME]
    said = [f"Farther than {BARE_M / 1000:.0f} km from each of these roads: {list_bare(bare)}"] if bare else []
    if cover.bare_grids:
        said.append(
            f"The middle of {count_words(cover.bare_grids)} is farther than {BARE_M / 1000:.0f} km from each of these "
            "roads"
        )
    if cover.sparse:
        said.append(
            f"{count_words([grid.name for grid in cover.sparse])} with a tenth or less of the district's km of road a "
            "km2: the file may lack the local roads"
        )
    return said


def list_bare(grids: Sequence[GridCover]) -> str:
    """List grids with their bare land, and how many more there are."""
    listed = [f"{g.name} {g.bare_km2:.1f} of {g.km2:.1f} km2 ({g.bare_share:.0%})" for g in grids[:_MOST_NAMED]]
    more = len(grids) - len(listed)
    return ", ".join(listed) + (f", and {more} more" if more else "")


def count_words(names: Sequence[str]) -> str:
    """Count grids and name the first of them: 12 grids (a, b, c, ...)."""
    listed = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    return f"{len(names)} grid{'' if len(names) == 1 else 's'} ({listed})"


def _measure(
    grid: Grid,
    shape: BaseGeometry,
    plane: LocalMetres,
    pieces: NDArray[np.float64],
    lengths_m: NDArray[np.float64],
    tree: cKDTree | None,
) -> GridCover:
    flat = shapely.transform(shape, lambda xy: _flat(plane, xy))
    shapely.prepare(flat)
    west, south, east, north = flat.bounds
    step = float(np.clip(np.sqrt(flat.area / _SAMPLES), 1.0, BARE_M / 2))
    x, y = (
        axis.ravel()
        for axis in np.meshgrid(
            *(np.arange(low + step / 2, high, step) for low, high in ((west, east), (south, north)))
        )
    )
    inside = shapely.contains_xy(flat, x, y)
    places = np.column_stack([x[inside], y[inside]])
    if not len(places):
        places = np.array(flat.representative_point().coords)
    km2 = shapely.transform(shape, equal_area_m).area / 1e6
    near = (pieces[:, 0] >= west) & (pieces[:, 0] <= east) & (pieces[:, 1] >= south) & (pieces[:, 1] <= north)
    here = shapely.contains_xy(flat, pieces[near, 0], pieces[near, 1])
    road_km = float(lengths_m[near][here].sum()) / 1000
    share = float(_is_bare(tree, places).mean())
    return GridCover(grid.code, grid.name, km2, road_km, km2 * share)


def _is_bare(tree: cKDTree | None, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    if tree is None:
        return np.ones(len(places), bool)
    return np.isinf(tree.query(places, distance_upper_bound=BARE_M)[0]) if len(places) else np.zeros(0, bool)


def _pieces_near(
    network: RoadNetwork, box: NDArray[np.float64], plane: LocalMetres
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles (n, 2) of short pieces of the roads in and around a box (degrees), and lengths, in metres."""
    lon, lat = network.vertex_lon * DEGREE, network.vertex_lat * DEGREE
    corners = _flat(plane, np.array([[box[0], box[1]], [box[2], box[3]]]))
    corners += np.array([[-1.0], [1.0]]) * (BARE_M + _PIECE_M)
    west, south = plane.to_lonlat(*corners[0])
    east, north = plane.to_lonlat(*corners[1])
    start = segment_starts(network)
    for axis, low, high in ((lon, west, east), (lat, south, north)):
        a, b = axis[start], axis[start + 1]
        start = start[(np.minimum(a, b) <= high) & (np.maximum(a, b) >= low)]
    first = _flat(plane, np.column_stack([lon[start], lat[start]]))
    last = _flat(plane, np.column_stack([lon[start + 1], lat[start + 1]]))
    length_m = np.hypot(*(last - first).T)
    count = np.maximum(1, np.ceil(length_m / _PIECE_M)).astype(np.int64)
    whose = np.repeat(np.arange(len(start)), count)
    number = np.arange(len(whose)) - np.repeat(np.cumsum(count) - count, count)
    along = ((number + 0.5) / count[whose])[:, None]
    return first[whose] + along * (last - first)[whose], (length_m / count)[whose]


def _flat(plane: LocalMetres, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(plane.to_metres(lonlat[:, 0], lonlat[:, 1]))

"""Villages for land that has none in the file: settlements first, then where junctions are, each with its cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.files.osm.tiling import Plane, cluster_centres, nearest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.files.osm.model import Settlement

_VILLAGE_KM2 = 3.0
"""One derived village for so much land; between 2 and 12 a township."""
_WHOLE_BELOW = 0.25
"""An exclave smaller than this share of its township's largest part is never divided between villages."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name near a point, for what has no name of its own: a street, mostly."""

    name: str
    lon: float
    lat: float


@dataclass(slots=True)
class Unit:
    """One area of a level before it has a code. `township` is the number of the township that holds most of it."""

    name: str
    shape: BaseGeometry
    derived: bool = False
    township: int = -1


@dataclass(slots=True)
class Frame:
    """Land of one township (and one real area) that no real village covers, and the seeds that share it out."""

    seeds: NDArray[np.float64]
    names: list[str]
    parts: list[BaseGeometry]
    whole: list[int]
    """For each part the number of the seed that takes it undivided, -1 where it is divided."""
    tree: shapely.STRtree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = shapely.STRtree(self.parts)


class VillageSeeds:
    """Where derived villages grow, and how they are called.

    `road_points` are junctions, (n, 2) degrees; `labels` name what has no name of its own.
    """

    def __init__(
        self,
        plane: Plane,
        settlements: Sequence[Settlement],
        road_points: NDArray[np.float64],
        labels: Sequence[Label],
    ) -> None:
        self.plane = plane
        self.settlements = sorted(settlements, key=lambda place: (-place.weight, place.name, place.lon, place.lat))
        self.road_points = road_points
        self.labels = labels
        self._label_points = np.array([(label.lon, label.lat) for label in labels]).reshape(-1, 2)

    def frames(self, townships: list[Unit], areas: list[Unit], villages: list[Unit]) -> dict[tuple[int, int], Frame]:
        """Return the land that needs derived villages, by (township, real area or -1)."""
        frames: dict[tuple[int, int], Frame] = {}
        for number, township in enumerate(townships):
            own_areas = [index for index, area in enumerate(areas) if area.township == number]
            taken = [village.shape for village in villages if village.township == number]
            pieces = {index: township.shape.intersection(areas[index].shape) for index in own_areas}
            rest = township.shape
            if own_areas:
                rest = rest.difference(shapely.union_all([areas[index].shape for index in own_areas]))
            pieces[-1] = rest
            for index, piece in pieces.items():
                land = piece.difference(shapely.union_all(taken)) if taken else piece
                parts = [part for part in shapely.get_parts(land) if self.km2(part) > 0.001]
                if parts:
                    frames[number, index] = self._frame(township.name, parts)
        return frames

    def _frame(self, township: str, parts: list[BaseGeometry]) -> Frame:
        land = shapely.MultiPolygon([polygon for part in parts for polygon in shapely.get_parts(part)])
        shapely.prepare(land)
        homes = [home for home in self.settlements if land.covers(shapely.Point(home.lon, home.lat))]
        ranked = [home for home in homes if home.weight >= 1.0] or homes[:1]
        count = int(np.clip(round(self.km2(land) / _VILLAGE_KM2), 2 if self.km2(land) > 1.0 else 1, 12))
        inside = self.road_points[shapely.covers(land, shapely.points(self.road_points))]
        if not len(inside):
            inside = np.array([part.representative_point().coords[0] for part in parts])
        known = self.plane.metres(np.array([(home.lon, home.lat) for home in ranked]).reshape(-1, 2))
        distinct = [index for index in range(len(known)) if all(np.hypot(*(known[:index] - known[index]).T) > 150.0)]
        centres = cluster_centres(self.plane.metres(inside), count, fixed=known[distinct], seed=11)
        names = [ranked[index].name for index in distinct]
        names += self._names_of(township, centres[len(names) :], set(names))
        seeds = self.plane.degrees(centres)
        largest = max(part.area for part in parts)
        whole = []
        for part in parts:
            divided = part.area >= _WHOLE_BELOW * largest or any(
                part.covers(shapely.Point(seed)) for seed in seeds[: len(distinct)]
            )
            middle = self.plane.metres(np.array([part.representative_point().coords[0]]))
            whole.append(-1 if divided else int(nearest_of(middle, centres)[0]))
        return Frame(seeds, names, parts, whole)

    def _names_of(self, township: str, centres: NDArray[np.float64], taken: set[str]) -> list[str]:
        """Name made-up villages after the nearest street within 800 m, else by number."""
        names = []
        points = self.plane.metres(self._label_points)
        for centre in centres:
            away = np.hypot(*(points - centre).T) if len(points) else np.empty(0)
            name = ""
            for index in np.argsort(away, kind="stable")[:50]:
                candidate = f"{township} · {self.labels[int(index)].name}"
                if away[index] <= 800.0 and candidate not in taken:
                    name = candidate
                    break
            if not name:
                name = next(f"{township} · {n}" for n in range(1, 1000) if f"{township} · {n}" not in taken)
            taken.add(name)
            names.append(name)
        return names

    def key_of(
        self, point: BaseGeometry, township: int, area: int, frames: dict[tuple[int, int], Frame]
    ) -> tuple[int, int, int, int]:
        """Return (township, real area, -1, seed) of a point that no real village covers."""
        if (township, area) not in frames:  # a sliver of a cut border: it goes with its township's largest frame
            options = [key for key in frames if key[0] == township]
            if not options:
                return township, area, -1, 0
            area = options[0][1]
        frame = frames[township, area]
        part = int(frame.tree.nearest(point))
        seed = frame.whole[part]
        if seed < 0:
            here = self.plane.metres(np.array([point.coords[0]]))
            seed = int(nearest_of(here, self.plane.metres(frame.seeds))[0])
        return township, area, -1, seed

    def km2(self, shape: BaseGeometry) -> float:
        """Return the area of a shape in degrees."""
        return float(shape.area * np.prod(self.plane.scale) / 1e6)

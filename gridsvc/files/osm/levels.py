"""The four levels of a real place: what the file has, cut exactly, and what has to be drawn where it has nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.osm.compass import compass_names
from gridsvc.files.osm.tiling import Plane, cells_of, cluster_centres, dissolve, nearest_of, voronoi_edges
from gridsvc.files.osm.villages import Frame, Label, Unit, VillageSeeds
from gridsvc.grids.levels import Grid, Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.files.osm.model import Settlement
    from gridsvc.files.osm.places import OsmArea

AREA_ADMIN_LEVEL, VILLAGE_ADMIN_LEVEL = 9, 10
_TOWNSHIP_KM2 = 9.0
"""One township for so much land where the file has no boundary; between 3 and 12 of them."""
_VILLAGES_PER_AREA = 4
_URBAN_JUNCTIONS_KM2 = 90.0
_ROAD_REACH_M = 250.0


@dataclass(frozen=True, slots=True)
class Levels:
    """Grids of all four levels, parents first; `drawn` lists the levels that hold derived grids."""

    grids: tuple[Grid, ...]
    real_townships: bool
    notes: tuple[str, ...]


def choose_admin_levels(areas: Sequence[OsmArea], admin_levels: Mapping[Level, int] | None = None) -> dict[Level, int]:
    """Choose which admin_level of the file stands for which of ours; a level of ours is absent where none does.

    Without `admin_levels`: township = the deepest up to 8, regional = the next coarser from 3 on, area 9, village 10.

    Raises
    ------
    InvalidInput
        An admin_level given of which the file has no complete named area.
    """
    present = sorted({area.admin_level for area in areas})
    chosen: dict[Level, int] = {}
    for level, admin_level in (admin_levels or {}).items():
        if admin_level not in present:
            has = ", ".join(map(str, present)) or "none"
            raise InvalidInput(
                f"The file has no complete named area of admin_level {admin_level} for {level.key}; it has: {has}."
            )
        chosen[level] = admin_level
    if Level.TOWNSHIP not in chosen:
        deepest = [number for number in present if number <= 8 and number not in chosen.values()]
        if not deepest:
            return chosen
        chosen[Level.TOWNSHIP] = deepest[-1]
    coarser = [number for number in present if 3 <= number < chosen[Level.TOWNSHIP]]
    if coarser:
        chosen.setdefault(Level.REGIONAL, coarser[-1])
    for level, admin_level in ((Level.AREA, AREA_ADMIN_LEVEL), (Level.VILLAGE, VILLAGE_ADMIN_LEVEL)):
        if admin_level in present and admin_level > chosen[Level.TOWNSHIP]:
            chosen.setdefault(level, admin_level)
    return chosen


def draw_levels(
    code: str,
    name: str,
    areas: Sequence[OsmArea],
    settlements: Sequence[Settlement],
    road_points: NDArray[np.float64],
    labels: Sequence[Label] = (),
    admin_levels: Mapping[Level, int] | None = None,
) -> Levels:
    """Make the four levels of a place.

    Parameters
    ----------
    road_points
        (n, 2) junctions, lon/lat degrees: they say where people live where nothing else does, and draw the outline
        where the file has no boundary.
    admin_levels
        Our level to the file's admin_level, where the user named it.
    """
    return _Drawing(code, name, settlements, road_points, labels).draw(areas, admin_levels)


class _Drawing:
    def __init__(
        self,
        code: str,
        name: str,
        settlements: Sequence[Settlement],
        road_points: NDArray[np.float64],
        labels: Sequence[Label],
    ) -> None:
        self.code, self.name = code, name
        self.settlements, self.labels = settlements, labels
        self.road_points = road_points[np.lexsort(road_points.T)]
        self.notes: list[str] = []
        self.plane = Plane.of(shapely.MultiPoint(road_points))

    def draw(self, areas: Sequence[OsmArea], admin_levels: Mapping[Level, int] | None) -> Levels:
        chosen = choose_admin_levels(areas, admin_levels)
        real = {level: _units(areas, number) for level, number in chosen.items()}
        townships = real.get(Level.TOWNSHIP) or self._townships_from_roads()
        townships.sort(key=lambda unit: (unit.name, unit.shape.bounds))
        if Level.TOWNSHIP in real:
            self.plane = Plane.of(shapely.union_all([unit.shape for unit in townships]))
            self.notes.append(f"{len(townships)} townships are the file's admin_level {chosen[Level.TOWNSHIP]}")
        inner = {level: self._settle(real.get(level, []), townships, level) for level in (Level.AREA, Level.VILLAGE)}
        self.seeds = VillageSeeds(self.plane, self.settlements, self.road_points, self.labels)
        frames = self.seeds.frames(townships, inner[Level.AREA], inner[Level.VILLAGE])
        lines = [unit.shape.boundary for unit in (*townships, *inner[Level.AREA], *inner[Level.VILLAGE])]
        for frame in frames.values():
            divided = [part for part, seed in zip(frame.parts, frame.whole, strict=True) if seed < 0]
            if divided:
                lines.append(voronoi_edges(frame.seeds, shapely.union_all(divided), self.plane))
        cells = cells_of(lines)
        return self._collect(cells, townships, real.get(Level.REGIONAL, []), inner, frames, Level.TOWNSHIP in real)

    # the file's own areas

    def _settle(self, units: list[Unit], townships: list[Unit], level: Level) -> list[Unit]:
        """Give each real area or village to the township that holds most of it; drop those outside."""
        tree = shapely.STRtree([township.shape for township in townships])
        settled, cut = [], 0
        for unit in units:
            shares = {
                int(number): unit.shape.intersection(townships[number].shape).area / unit.shape.area
                for number in tree.query(unit.shape)
            }
            best = max(shares, key=lambda number: (shares[number], -number), default=-1)
            if best < 0 or shares[best] < 0.5:
                continue
            cut += shares[best] < 0.999
            unit.township = best
            settled.append(unit)
        if cut:
            self.notes.append(f"{cut} of the file's {level.key} areas are cut at the border of their township")
        return settled

    # what the file has not

    def _townships_from_roads(self) -> list[Unit]:
        """Draw one outline round the roads and share it out between a few townships."""
        metres = self.plane.metres(self.road_points)
        coarse = np.unique(np.round(metres / _ROAD_REACH_M), axis=0) * _ROAD_REACH_M
        hull = shapely.concave_hull(shapely.MultiPoint(coarse), ratio=0.15, allow_holes=False)
        outline = shapely.Polygon(hull.buffer(_ROAD_REACH_M, quad_segs=2).exterior).simplify(60.0)
        count = int(np.clip(round(outline.area / 1e6 / _TOWNSHIP_KM2), 3, 12))
        centres = cluster_centres(coarse, count, seed=7)
        seeds = self.plane.degrees(centres)
        border = self.plane.to_degrees(outline)
        cells = cells_of([border.boundary, voronoi_edges(seeds, border, self.plane)])
        inside = [cell for cell in cells if border.covers(cell.representative_point())]
        points = np.array([cell.representative_point().coords[0] for cell in inside])
        nearest = nearest_of(self.plane.metres(points), centres)
        shapes = dissolve(inside, [str(number) for number in nearest])
        self.notes.append(
            f"The file has no complete named boundary up to admin_level 8: one outline of "
            f"{outline.area / 1e6:.0f} km2 is drawn from the roads and shared out between {len(shapes)} townships"
        )
        names = compass_names(self.name, centres)
        return [Unit(names[int(number)], shape, derived=True) for number, shape in shapes.items()]

    # cells to grids

    def _collect(
        self,
        cells: list[BaseGeometry],
        townships: list[Unit],
        regions: list[Unit],
        inner: dict[Level, list[Unit]],
        frames: dict[tuple[int, int], Frame],
        real_townships: bool,
    ) -> Levels:
        points = shapely.point_on_surface(cells)
        home = _smallest_cover(points, [unit.shape for unit in townships])
        kept = [index for index in range(len(cells)) if home[index] >= 0]
        area = _smallest_cover(points, [unit.shape for unit in inner[Level.AREA]])
        village = _smallest_cover(points, [unit.shape for unit in inner[Level.VILLAGE]])
        keys: list[tuple[int, int, int, int]] = []  # township, real area, real village, derived village
        for index in kept:
            t = home[index]
            a = area[index] if area[index] >= 0 and inner[Level.AREA][area[index]].township == t else -1
            v = village[index] if village[index] >= 0 and inner[Level.VILLAGE][village[index]].township == t else -1
            keys.append((t, a, v, -1) if v >= 0 else self.seeds.key_of(points[index], t, a, frames))
        keys = _one_area_a_village(keys, [cells[index].area for index in kept])
        return self._as_grids([cells[index] for index in kept], keys, townships, regions, inner, frames, real_townships)

    def _as_grids(
        self,
        cells: list[BaseGeometry],
        keys: list[tuple[int, int, int, int]],
        townships: list[Unit],
        regions: list[Unit],
        inner: dict[Level, list[Unit]],
        frames: dict[tuple[int, int], Frame],
        real_townships: bool,
    ) -> Levels:
        shapes = dissolve(cells, [":".join(map(str, key)) for key in keys])
        members: dict[int, list[tuple[int, int, int, int]]] = {}
        for key in sorted(set(keys)):
            members.setdefault(key[0], []).append(key)
        shape_of = {key: shapes[":".join(map(str, key))] for key in set(keys)}
        wide: list[Grid] = []
        areas: list[Grid] = []
        leaves: list[Grid] = []
        whole = {t: shapely.coverage_union_all([shape_of[key] for key in own]) for t, own in members.items()}
        region_of, region_names = self._regions_of(townships, regions, whole)
        for order, (t, own) in enumerate(sorted(members.items()), 1):
            stem = f"{self.code}{order:03}"
            group, area_names = self._areas_of(townships[t].name, own, shape_of, inner[Level.AREA])
            numbers = {name: f"{stem}A{n:02}" for n, name in enumerate(sorted(area_names), 1)}
            dissolved = dissolve([shape_of[key] for key in own], [numbers[group[key]] for key in own])
            for label, area_name in sorted(area_names.items(), key=lambda item: numbers[item[0]]):
                areas.append(
                    Grid(
                        numbers[label],
                        area_name,
                        Level.AREA,
                        f"{stem}000",
                        dissolved[numbers[label]],
                        derived=label.startswith("derived"),
                    )
                )
            named = sorted((self._village_name(key, inner, frames, townships), key) for key in own)
            for n, (name, key) in enumerate(named, 1):
                leaves.append(
                    Grid(
                        f"{stem}{n:03}",
                        name,
                        Level.VILLAGE,
                        numbers[group[key]],
                        shape_of[key],
                        urban_rural_code=self._urban_rural(shape_of[key]),
                        derived=key[2] < 0,
                        officer=None if n % 17 == 0 else f"Demo officer {stem[-3:]}{n:03}",
                    )
                )
            shape = _plain(whole[t])
            wide.append(
                Grid(
                    f"{stem}000",
                    townships[t].name,
                    Level.TOWNSHIP,
                    f"{self.code}R{region_of[t]:02}",
                    shape,
                    derived=not real_townships,
                )
            )
        top = []
        for number, (name, derived) in sorted(region_names.items()):
            code = f"{self.code}R{number:02}"
            united = shapely.coverage_union_all([grid.geometry for grid in wide if grid.parent == code])
            top.append(Grid(code, name, Level.REGIONAL, None, _plain(united), derived=derived))
        self._say_what_is_drawn(top, areas, leaves)
        return Levels((*top, *wide, *areas, *leaves), real_townships, tuple(self.notes))

    def _say_what_is_drawn(self, top: list[Grid], areas: list[Grid], leaves: list[Grid]) -> None:
        for what, grids in (("regional", top), ("area", areas), ("village", leaves)):
            drawn = sum(grid.derived for grid in grids)
            if drawn:
                has = "nothing of this level" if drawn == len(grids) else "no more of this level"
                self.notes.append(f"{drawn} of {len(grids)} {what} grids are derived: the file has {has}")

    def _village_name(
        self,
        key: tuple[int, int, int, int],
        inner: dict[Level, list[Unit]],
        frames: dict[tuple[int, int], Frame],
        townships: list[Unit],
    ) -> str:
        t, a, v, seed = key
        if v >= 0:
            return inner[Level.VILLAGE][v].name
        frame = frames.get((t, a))
        return frame.names[seed] if frame else townships[t].name

    def _areas_of(
        self,
        township: str,
        own: list[tuple[int, int, int, int]],
        shape_of: dict[tuple[int, int, int, int], BaseGeometry],
        real: list[Unit],
    ) -> tuple[dict[tuple[int, int, int, int], str], dict[str, str]]:
        """Return the label of each village's area and the name of each label; what no file has is drawn."""
        group: dict[tuple[int, int, int, int], str] = {}
        names: dict[str, str] = {}
        loose = [key for key in own if key[1] < 0]
        for key in own:
            if key[1] >= 0:
                group[key] = f"area {key[1]:05}"
                names[group[key]] = real[key[1]].name
        if loose:
            points = self.plane.metres(np.array([shape_of[key].representative_point().coords[0] for key in loose]))
            count = max(1, round(len(loose) / _VILLAGES_PER_AREA))
            centres = cluster_centres(points, count, seed=3)
            centres = centres[np.lexsort((centres[:, 0], -centres[:, 1]))]
            numbers = nearest_of(points, centres)
            used = {old: new for new, old in enumerate(sorted({int(number) for number in numbers}), 1)}
            for key, number in zip(loose, numbers, strict=True):
                group[key] = f"derived {used[int(number)]:02}"
                names[group[key]] = f"{township} area {used[int(number)]}"
        return group, names

    def _regions_of(
        self, townships: list[Unit], regions: list[Unit], whole: dict[int, BaseGeometry]
    ) -> tuple[dict[int, int], dict[int, tuple[str, bool]]]:
        """Return the region's number of each township, and (name, derived) of each number; numbers in name order."""
        label: dict[int, tuple[str, bool]] = {}
        for t, shape in whole.items():
            shares = [(unit.shape.intersection(shape).area / shape.area, unit.name) for unit in regions]
            best = max(shares, default=(0.0, ""))
            if best[0] >= 0.5:
                label[t] = (best[1], False)
        loose = sorted(set(whole) - set(label))
        if loose:
            points = self.plane.metres(np.array([townships[t].shape.representative_point().coords[0] for t in loose]))
            count = int(np.clip(round(len(loose) / 4), 1, 3))
            centres = cluster_centres(points, count, seed=5)
            numbers = nearest_of(points, centres)
            names = compass_names(self.name, centres, " region")
            for t, number in zip(loose, numbers, strict=True):
                label[t] = (names[int(number)], True)
        for unit in regions:
            inside = sum(whole[t].area for t, result in label.items() if result == (unit.name, False))
            if 0 < inside < 0.99 * unit.shape.area:
                self.notes.append(f"Region {unit.name} is cut to its townships ({inside / unit.shape.area:.0%} of it)")
        order = {result: number for number, result in enumerate(sorted(set(label.values())), 1)}
        return {t: order[result] for t, result in label.items()}, {number: result for result, number in order.items()}

    def _urban_rural(self, shape: BaseGeometry) -> str:
        """Return 111 where junctions are as dense as in a town, else 220."""
        shapely.prepare(shape)
        west, south, east, north = shape.bounds
        x, y = self.road_points.T
        near = self.road_points[(x >= west) & (x <= east) & (y >= south) & (y <= north)]
        inside = int(shapely.covers(shape, shapely.points(near)).sum()) if len(near) else 0
        return "111" if inside >= _URBAN_JUNCTIONS_KM2 * self.seeds.km2(shape) else "220"


def _units(areas: Sequence[OsmArea], admin_level: int) -> list[Unit]:
    """Return the areas of one admin_level, once each where the file has a border as relation and as way."""
    found: list[Unit] = []
    for area in areas:
        if area.admin_level == admin_level and not any(
            unit.name == area.name and unit.shape.equals(area.geometry) for unit in found
        ):
            found.append(Unit(area.name, area.geometry))
    return found


def _smallest_cover(points: NDArray[np.object_], shapes: list[BaseGeometry]) -> list[int]:
    """Return for each point the number of the smallest shape that covers it, -1 for none."""
    found = [-1] * len(points)
    if not shapes:
        return found
    sizes = shapely.area(shapes)
    for point, shape in zip(*shapely.STRtree(shapes).query(points, predicate="covered_by"), strict=True):
        if found[point] < 0 or sizes[shape] < sizes[found[point]]:
            found[point] = int(shape)
    return found


def _one_area_a_village(keys: list[tuple[int, int, int, int]], sizes: list[float]) -> list[tuple[int, int, int, int]]:
    """Put every real village wholly into the real area that holds most of it."""
    share: dict[tuple[int, int], dict[int, float]] = {}
    for (t, a, v, _), size in zip(keys, sizes, strict=True):
        if v >= 0:
            share.setdefault((t, v), {}).setdefault(a, 0.0)
            share[t, v][a] += size
    best = {key: max(held, key=lambda a: (held[a], -a)) for key, held in share.items()}
    return [(t, best[t, v] if v >= 0 else a, v, seed) for t, a, v, seed in keys]


def _plain(shape: BaseGeometry) -> BaseGeometry:
    return shapely.normalize(shape)

"""The synthetic Jindong: real names, codes and seats in made-up borders that tile one outline.

About 9,000 small cells are grown into townships round their real seats, then into villages; areas and regions are
unions of these. All from one seed, so that two machines draw the same district.
"""

from __future__ import annotations

import csv
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import Voronoi

from gridsvc.demo.world.posts import made_up_name
from gridsvc.errors import InvalidInput
from gridsvc.files.osm.model import SYNTHETIC_CODE
from gridsvc.files.osm.tiling import Plane, cluster_centres, dissolve, nearest_of
from gridsvc.grids.levels import Grid, Level

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

DISTRICT_NAME = "金东区"

REGIONS = {
    "城市+工业": ("多湖街道", "东孝街道", "赤松镇"),
    "旅游+农业": ("江东镇", "岭下镇", "澧浦镇"),
    "科创+人文": ("曹宅镇", "塘雅镇", "孝顺镇", "傅村镇", "源东乡"),
}
"""The plan names three themes and no areas (PLAN, point 12 of the contradictions): which townships is our guess."""

_AREA_KM2 = 658.0
_CELL_M = 280.0
_VILLAGES_PER_AREA = 6
_SMOOTHINGS = 14
_VACANT_SHARE = 0.04
_ROOM = {"街道": 1.0, "镇": 1.7, "乡": 2.6}
"""Room that one village takes, by the kind of its township, relative."""


@dataclass(frozen=True, slots=True)
class Township:
    """A real township: its seat is where its government sits, lon/lat WGS-84."""

    code: str
    name: str
    lon: float
    lat: float
    villages: tuple[Village, ...]


@dataclass(frozen=True, slots=True)
class Village:
    """A real village or community; `urban_rural_code` None where no source has it."""

    code: str
    name: str
    urban_rural_code: str | None


def read_divisions(folder: Path) -> tuple[Township, ...]:
    """Read `divisions.csv` and `seats.csv` of a district's folder in geodata.

    Raises
    ------
    InvalidInput
        A township without a seat.
    """
    with (folder / "seats.csv").open(encoding="utf-8", newline="") as file:
        seats = {row["code"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}
    with (folder / "divisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    villages: dict[str, list[Village]] = {}
    for row in rows:
        if row["level"] == "village":
            village = Village(row["code"], row["name"], row["urban_rural_code"] or None)
            villages.setdefault(row["parent"], []).append(village)
    townships = []
    for row in rows:
        if row["level"] == "township":
            if row["code"] not in seats:
                where = folder / "seats.csv"
                raise InvalidInput(f"Township {row['code']} {row['name']} has no seat; add it to {where}.")
            townships.append(Township(row["code"], row["name"], *seats[row["code"]], tuple(villages[row["code"]])))
    return tuple(townships)


@dataclass(slots=True)
class _Cells:
    """A coverage of small cells: centres (n, 2 metres), corners (numbers of vertices, degrees) and neighbours.

    `rim` marks the outermost cells, which belong to nobody.
    """

    plane: Plane
    centres: NDArray[np.float64]
    vertices: NDArray[np.float64]
    corners: list[list[int]]
    rim: NDArray[np.bool_]
    neighbours: list[list[int]]
    roughness: NDArray[np.float64]

    def polygon(self, cell: int) -> shapely.Polygon:
        """Return a cell in degrees."""
        return shapely.Polygon(self.vertices[self.corners[cell]])


def _make_cells(townships: Sequence[Township], random: np.random.Generator) -> _Cells:
    seats = np.array([(township.lon, township.lat) for township in townships])
    plane = Plane(*((seats.min(axis=0) + seats.max(axis=0)) / 2))
    corner = plane.metres(seats).min(axis=0) - 11_000, plane.metres(seats).max(axis=0) + 11_000
    xs = np.arange(corner[0][0], corner[1][0], _CELL_M)
    ys = np.arange(corner[0][1], corner[1][1], _CELL_M * 0.87)
    points = np.array([(x + (_CELL_M / 2 if row % 2 else 0), y) for row, y in enumerate(ys) for x in xs])
    points += random.uniform(-0.32, 0.32, points.shape) * _CELL_M
    diagram = Voronoi(points)
    vertices = np.round(plane.degrees(diagram.vertices), 7)
    low, high = points.min(axis=0) + _CELL_M, points.max(axis=0) - _CELL_M
    corners = [diagram.regions[region] for region in diagram.point_region]
    rim = ((points < low) | (points > high)).any(axis=1) | np.array([-1 in each for each in corners])
    neighbours: list[list[int]] = [[] for _ in points]
    for one, other in diagram.ridge_points:
        neighbours[one].append(int(other))
        neighbours[other].append(int(one))
    return _Cells(plane, points, vertices, corners, rim, neighbours, _rough_land(neighbours, random))


def _rough_land(neighbours: list[list[int]], random: np.random.Generator) -> NDArray[np.float64]:
    """Return how slowly a border moves over each cell: hills some cells wide, so that borders wind but do not fray."""
    count = len(neighbours)
    tail = np.repeat(np.arange(count), [len(near) for near in neighbours])
    head = np.concatenate([np.array(near, dtype=np.int64) for near in neighbours])
    height = random.normal(size=count)
    degree = np.maximum(np.bincount(tail, minlength=count), 1)
    for _ in range(_SMOOTHINGS):
        height = 0.5 * height + 0.5 * np.bincount(tail, weights=height[head], minlength=count) / degree
    return np.asarray(np.clip(1.0 + 0.09 * height / height.std(), 0.75, 1.3), dtype=np.float64)


def _grow_townships(cells: _Cells, townships: Sequence[Township], pull: float) -> NDArray[np.int64]:
    """Let every township take cells round its seat until each has its share; returns the township of a cell or -1.

    `pull` draws all of them towards the middle, so that the district closes into one piece.
    """
    room = np.array([len(t.villages) * next(v for k, v in _ROOM.items() if t.name.endswith(k)) for t in townships])
    wanted = room / room.sum() * _AREA_KM2 * 1e6
    seats = cells.plane.metres(np.array([(t.lon, t.lat) for t in townships]))
    middle = np.hypot(*(cells.centres - seats.mean(axis=0)).T) * pull
    size = _CELL_M * _CELL_M * 0.87
    owner = np.full(len(cells.centres), -1, dtype=np.int64)
    frontiers = [[(0.0, int(cell))] for cell in nearest_of(seats, cells.centres)]
    taken = np.zeros(len(townships))
    growing = set(range(len(townships)))
    while growing:
        who = min(growing, key=lambda number: (taken[number] / wanted[number], number))
        frontier = frontiers[who]
        while frontier and (owner[frontier[0][1]] >= 0 or cells.rim[frontier[0][1]]):
            heapq.heappop(frontier)
        if not frontier or taken[who] >= wanted[who]:
            growing.discard(who)
            continue
        cell = heapq.heappop(frontier)[1]
        owner[cell] = who
        taken[who] += size
        for neighbour in cells.neighbours[cell]:
            if owner[neighbour] < 0:
                away = np.hypot(*(cells.centres[neighbour] - seats[who]))
                heapq.heappush(frontier, ((away + middle[neighbour]) * cells.roughness[neighbour], neighbour))
    return _fill_holes(cells, owner)


def _fill_holes(cells: _Cells, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every pocket that the district encloses to a neighbour."""
    outside = {int(index) for index in np.flatnonzero(cells.rim)}
    queue = list(outside)
    while queue:
        for neighbour in cells.neighbours[queue.pop()]:
            if owner[neighbour] < 0 and neighbour not in outside:
                outside.add(neighbour)
                queue.append(neighbour)
    pockets = [index for index in range(len(owner)) if owner[index] < 0 and index not in outside]
    while pockets:
        left = []
        for cell in pockets:
            near = sorted(int(owner[n]) for n in cells.neighbours[cell] if owner[n] >= 0)
            if near:
                owner[cell] = near[0]
            else:
                left.append(cell)
        pockets = left
    return owner


def _in_one_piece(cells: _Cells, owner: NDArray[np.int64]) -> bool:
    mine = {int(cell) for cell in np.flatnonzero(owner >= 0)}
    queue, seen = [min(mine)], {min(mine)}
    while queue:
        for neighbour in cells.neighbours[queue.pop()]:
            if neighbour in mine and neighbour not in seen:
                seen.add(neighbour)
                queue.append(neighbour)
    return len(seen) == len(mine)


def _grow_villages(
    cells: _Cells, township: Township, mine: NDArray[np.int64], random: np.random.Generator
) -> dict[int, str]:
    """Share a township's cells out to its villages: each village is in one piece, towns are round the seat, small."""
    members = {int(cell) for cell in mine}
    seat = cells.plane.metres(np.array([(township.lon, township.lat)]))
    weights = np.hypot(*(cells.centres[mine] - seat[0]).T)
    towns = sum((village.urban_rural_code or "220").startswith("1") for village in township.villages)
    core = mine[np.argsort(weights)[: max(towns * 12, 1)]] if towns else mine[:0]
    centres = cluster_centres(cells.centres[core], towns, seed=int(township.code[:9])) if towns else np.empty((0, 2))
    centres = cluster_centres(
        cells.centres[mine], len(township.villages), fixed=centres, seed=int(township.code[:9]) + 1
    )
    starts = _distinct_cells(cells, mine, centres)
    away = np.hypot(*(cells.centres[starts] - seat[0]).T)
    order = [starts[index] for index in np.argsort(away)]
    ranked = sorted(township.villages, key=lambda v: (v.urban_rural_code or "220", v.code))
    reached: dict[int, str] = {}
    heap = [(0.0, start, village.code) for start, village in zip(order, ranked, strict=True)]
    heapq.heapify(heap)
    while heap:
        cost, cell, code = heapq.heappop(heap)
        if cell in reached:
            continue
        reached[cell] = code
        for neighbour in cells.neighbours[cell]:
            if neighbour in members and neighbour not in reached:
                step = float(np.hypot(*(cells.centres[neighbour] - cells.centres[cell]))) * random.uniform(0.6, 1.4)
                heapq.heappush(heap, (cost + step, neighbour, code))
    return reached


def _distinct_cells(cells: _Cells, mine: NDArray[np.int64], centres: NDArray[np.float64]) -> list[int]:
    """Return the cell nearest to each centre, no cell twice."""
    points = cells.centres[mine]
    free = np.ones(len(mine), dtype=bool)
    chosen = []
    for centre in centres:
        away = np.where(free, ((points - centre) ** 2).sum(axis=1), np.inf)
        best = int(np.argmin(away))
        free[best] = False
        chosen.append(int(mine[best]))
    return chosen


def _group_areas(
    township: Township, centres: dict[str, NDArray[np.float64]], touching: dict[str, set[str]]
) -> dict[str, int]:
    """Group the villages of a township into areas of about six, each in one piece; returns the number of each."""
    codes = sorted(centres)
    count = max(1, round(len(codes) / _VILLAGES_PER_AREA))
    points = np.array([centres[code] for code in codes])
    middles = cluster_centres(points, count, seed=int(township.code[:9]) + 2)
    seeds = dict.fromkeys(codes[int(index)] for index in nearest_of(middles, points))
    group = {code: number for number, code in enumerate(seeds)}
    queue = [(0.0, code) for code in seeds]
    while queue:
        cost, code = heapq.heappop(queue)
        for other in sorted(touching[code]):
            if other not in group and other in centres:
                group[other] = group[code]
                heapq.heappush(queue, (cost + float(np.hypot(*(centres[other] - centres[code]))), other))
    return group


def draw_grids(townships: Sequence[Township], seed: int = 1) -> tuple[Grid, ...]:
    """Draw all four levels of the district, parents before children."""
    random = np.random.default_rng(seed)
    cells = _make_cells(townships, random)
    for pull in (0.3, 0.5, 0.8, 1.2, 2.0):
        owner = _grow_townships(cells, townships, pull)
        if _in_one_piece(cells, owner):
            break
    village_of: dict[int, str] = {}
    for number, township in enumerate(townships):
        village_of |= _grow_villages(cells, township, np.flatnonzero(owner == number), random)
    members = sorted(village_of)
    codes = [village_of[cell] for cell in members]
    villages = dissolve([cells.polygon(cell) for cell in members], codes)
    touching: dict[str, set[str]] = {code: set() for code in villages}
    middles: dict[str, list[int]] = {code: [] for code in villages}
    for cell in members:
        middles[village_of[cell]].append(cell)
        touching[village_of[cell]].update(village_of[n] for n in cells.neighbours[cell] if n in village_of)
    centres = {code: cells.centres[found].mean(axis=0) for code, found in middles.items()}
    return _as_grids(townships, villages, centres, touching, random)


def _as_grids(
    townships: Sequence[Township],
    villages: dict[str, shapely.geometry.base.BaseGeometry],
    centres: dict[str, NDArray[np.float64]],
    touching: dict[str, set[str]],
    random: np.random.Generator,
) -> tuple[Grid, ...]:
    area_of: dict[str, str] = {}
    areas: list[Grid] = []
    leaves: list[Grid] = []
    region_of = {name: f"{SYNTHETIC_CODE}R{n:02}" for n, names in enumerate(REGIONS.values(), 1) for name in names}
    for township in townships:
        own = {village.code: centres[village.code] for village in township.villages}
        group = _group_areas(township, own, touching)
        for code, number in group.items():
            area_of[code] = f"{township.code[:9]}A{number + 1:02}"
        shapes = dissolve([villages[code] for code in own], [area_of[code] for code in own])
        short = township.name.removesuffix("街道").removesuffix("镇").removesuffix("乡")
        areas += [
            Grid(code, f"{short}第{int(code[-2:])}片区", Level.AREA, township.code, shapes[code], derived=True)
            for code in sorted(shapes)
        ]
        for village in sorted(township.villages, key=lambda v: v.code):
            officer = None if random.random() < _VACANT_SHARE else made_up_name(len(leaves))
            leaves.append(
                Grid(
                    village.code,
                    village.name,
                    Level.VILLAGE,
                    area_of[village.code],
                    villages[village.code],
                    urban_rural_code=village.urban_rural_code,
                    officer=officer,
                )
            )
    ofs = [township.code for township in townships for _ in township.villages]
    shapes = dissolve([villages[v.code] for t in townships for v in t.villages], ofs)
    wide = [
        Grid(
            t.code,
            t.name,
            Level.TOWNSHIP,
            region_of[t.name],
            shapes[t.code],
            urban_rural_code=_class_of_seat(t, leaves),
        )
        for t in townships
    ]
    regions = dissolve([grid.geometry for grid in wide], [region_of[grid.name] for grid in wide])
    top = [
        Grid(code, f"{theme}区域网格", Level.REGIONAL, None, regions[code])
        for theme, code in zip(REGIONS, (f"{SYNTHETIC_CODE}R{n:02}" for n in range(1, 100)), strict=False)
    ]
    return (*top, *sorted(wide, key=lambda grid: grid.code), *areas, *leaves)


def _class_of_seat(township: Township, villages: Sequence[Grid]) -> str | None:
    """Return the urban-rural code of the village that holds the seat."""
    seat = shapely.Point(township.lon, township.lat)
    return next((grid.urban_rural_code for grid in villages if grid.geometry.covers(seat)), None)

"""A synthetic road network with a hierarchy: streets in every village, roads between them, a river with few bridges.

One planar graph (the Gabriel graph of the junctions, thinned), whose classes come from use: what many villages take
to their township's seat becomes a secondary road, what joins the seats a primary one. So a fast road never crosses
a slow one without a junction, and travel times are no straight lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay, cKDTree

from gridsvc.files.osm.tiling import nearest_of
from gridsvc.roads.network.speeds import CLASS_NUMBER
from gridsvc.roads.network.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.files.osm.tiling import Plane
    from gridsvc.grids.levels import Grid
    from gridsvc.roads.network.speeds import Speeds

CLASSES = ("residential", "unclassified", "tertiary", "secondary", "primary", "trunk")
_RESIDENTIAL, _UNCLASSIFIED, _TERTIARY, _SECONDARY, _PRIMARY, _TRUNK = range(len(CLASSES))
_PULL = np.array([1.0, 1.0, 0.8, 0.6, 0.45, 0.35])
"""Cost of a metre by class while roads are being chosen: a road that is there already is taken rather than doubled."""

_BEYOND_M = 20_000.0
_BRIDGE_EVERY_M = 4_500.0
_BLOCK_M = 105.0
_ONEWAY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Streets:
    """Junctions in degrees and edges between them.

    `tail`, `head` number the junctions of an edge, `rank` its class in CLASSES; `oneway` is from tail to head;
    `shape` holds the polyline (k, 2 degrees) from tail to head; `name` may be empty.
    """

    lonlat: NDArray[np.float64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    rank: NDArray[np.int64]
    oneway: NDArray[np.bool_]
    shape: tuple[NDArray[np.float64], ...]
    name: tuple[str, ...]

    def as_survey(self, speeds: Speeds) -> Survey:
        """Return the streets as a survey: one way an edge, driven at the speed of its class."""
        corners = sum(len(points) - 2 for points in self.shape)
        count = len(self.lonlat)
        extra = np.arange(count, count + corners, dtype=np.int64)
        ways, taken = [], 0
        for edge, points in enumerate(self.shape):
            inner = len(points) - 2
            ways.append([self.tail[edge], *extra[taken : taken + inner], self.head[edge]])
            taken += inner
        lonlat = np.vstack([self.lonlat, *(points[1:-1] for points in self.shape)])
        kph = np.repeat(np.array([speeds.class_kph[CLASSES[rank]] for rank in self.rank])[:, None], 4, axis=1)
        kph[self.oneway, 1] = 0.0
        kph[self.oneway, 3] = speeds.contraflow_kph
        names = sorted(set(self.name))
        number = {name: index for index, name in enumerate(names)}
        return Survey(
            point=np.arange(len(lonlat), dtype=np.int64),
            lon=lonlat[:, 0],
            lat=lonlat[:, 1],
            signal=np.zeros(len(lonlat), dtype=bool),
            way=np.arange(1, len(ways) + 1, dtype=np.int64),
            way_first=np.concatenate([[0], np.cumsum([len(way) for way in ways])]).astype(np.int64),
            way_point=np.concatenate(ways).astype(np.int64),
            road_class=np.array([CLASS_NUMBER[CLASSES[rank]] for rank in self.rank], dtype=np.uint8),
            kph=kph.astype(np.float32),
            roundabout=np.zeros(len(ways), dtype=bool),
            name=np.array([number[name] for name in self.name], dtype=np.int32),
            names=tuple(names),
        )


def draw_streets(
    plane: Plane,
    villages: Sequence[Grid],
    township_of: dict[str, str],
    seats: dict[str, tuple[float, float]],
    seed: int,
) -> Streets:
    """Draw the network of a district and of the land 20 km round it.

    Parameters
    ----------
    township_of
        Code of the township of each village.
    seats
        Seat of each township, lon/lat; the first two are the ends of the trunk road's way through the district.
    """
    random = np.random.default_rng(seed)
    outline = plane.to_metres(shapely.coverage_union_all([village.geometry for village in villages]))
    river = _river(outline, random)
    points, hearts = _junctions(plane, villages, outline, random)
    points = points[shapely.distance(shapely.points(points), river) > 35.0]
    edges = _thinned(points, _gabriel(points), river, random)
    tree = cKDTree(points)
    heart_of = {code: int(tree.query(heart)[1]) for code, heart in hearts.items()}
    seat_of = {code: int(tree.query(plane.metres(np.array([at]))[0])[1]) for code, at in seats.items()}
    rank = _rank(points, edges, heart_of, seat_of, township_of)
    inside = np.asarray(shapely.contains_xy(outline, *points.T), dtype=bool)
    oneway = _one_ways(points, edges, rank, inside, random)
    lonlat = np.round(plane.degrees(points), 7)
    shapes = _bent(plane, points, lonlat, edges, rank, random)
    nearest = nearest_of(points[edges].mean(axis=1), np.array([hearts[village.code] for village in villages]))
    names = tuple(
        _name(villages[n].name, int(r), e) if inside[edges[e, 0]] else ""
        for e, (n, r) in enumerate(zip(nearest, rank, strict=True))
    )
    return Streets(lonlat, edges[:, 0], edges[:, 1], rank, oneway, shapes, names)


def _name(village: str, rank: int, edge: int) -> str:
    short = village.removesuffix("村民委员会").removesuffix("村委会").removesuffix("社区居委会").removesuffix("居委会")
    if rank == _RESIDENTIAL:
        return f"{short}{edge % 9 + 1}弄"
    return f"{short}{('街', '街', '路', '公路', '大道', '大道')[rank]}"


def _river(outline: BaseGeometry, random: np.random.Generator) -> shapely.LineString:
    """Return a winding line from east-north-east to west-south-west through the middle of the district."""
    west, south, east, north = outline.bounds
    x = np.linspace(west - _BEYOND_M, east + _BEYOND_M, 160)
    across = (x - west) / (east - west)
    phase = random.uniform(0, 2 * np.pi, 3)
    y = south + (0.30 + 0.22 * across) * (north - south)
    for wave, (length, height) in enumerate(((17_000, 900), (6_100, 420), (2_300, 130))):
        y += height * np.sin(2 * np.pi * x / length + phase[wave])
    return shapely.LineString(np.column_stack([x, y]))


def _junctions(
    plane: Plane, villages: Sequence[Grid], outline: BaseGeometry, random: np.random.Generator
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Return all junctions (n, 2 metres) and the heart of each village."""
    clouds = []
    hearts: dict[str, NDArray[np.float64]] = {}
    for village in villages:
        shape = plane.to_metres(village.geometry)
        middle = shape.centroid if shape.covers(shape.centroid) else shape.point_on_surface()
        heart = np.array(middle.coords[0])
        hearts[village.code] = heart
        urban = (village.urban_rural_code or "220").startswith("1")
        side = int(random.integers(6, 9)) if urban else int(random.integers(3, 6))
        corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
        offsets = (corners - (side - 1) / 2) * _BLOCK_M
        turn = random.uniform(0, np.pi / 2)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        block = heart + offsets @ rotation.T + random.normal(0, 9.0, offsets.shape)
        keep = shapely.contains_xy(shape.buffer(-30.0), *block.T)
        clouds.append(block[keep] if keep.any() else heart[None])
    streets = np.vstack(clouds)
    west, south, east, north = outline.bounds
    near = _lattice((west - 3000, south - 3000, east + 3000, north + 3000), 620.0, random)
    near = near[cKDTree(streets).query(near)[0] > 330.0]
    far = _lattice((west - _BEYOND_M, south - _BEYOND_M, east + _BEYOND_M, north + _BEYOND_M), 2_100.0, random)
    far = far[cKDTree(near).query(far)[0] > 1_300.0]
    points = np.vstack([streets, near, far])
    distinct = np.ones(len(points), dtype=bool)
    for one, other in cKDTree(points).query_pairs(25.0):
        distinct[max(one, other)] = False
    return points[distinct], hearts


def _lattice(box: tuple[float, float, float, float], step: float, random: np.random.Generator) -> NDArray[np.float64]:
    west, south, east, north = box
    points = np.stack(np.meshgrid(np.arange(west, east, step), np.arange(south, north, step)), axis=-1).reshape(-1, 2)
    return np.asarray(points + random.uniform(-0.38, 0.38, points.shape) * step, dtype=np.float64)


def _gabriel(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the edges (m, 2) whose circle holds no third point (Gabriel and Sokal 1969): planar and connected."""
    corners = Delaunay(points).simplices
    edges = np.unique(np.sort(np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1), axis=0)
    middle = points[edges].mean(axis=1)
    half = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T) / 2
    return np.asarray(edges[cKDTree(points).query(middle)[0] >= half - 1e-6], dtype=np.int64)


def _thinned(
    points: NDArray[np.float64], edges: NDArray[np.int64], river: shapely.LineString, random: np.random.Generator
) -> NDArray[np.int64]:
    """Take away most river crossings and every fourth street that is not needed to stay in one piece."""
    lines = shapely.linestrings(points[edges])
    wet = np.asarray(shapely.intersects(lines, river), dtype=bool)
    middles = shapely.points(points[edges].mean(axis=1))
    along = np.asarray(shapely.line_locate_point(river, middles), dtype=np.float64)
    bridges: set[int] = set()
    for stretch in np.unique((along[wet] // _BRIDGE_EVERY_M).astype(int)):
        here = np.flatnonzero(wet & ((along // _BRIDGE_EVERY_M).astype(int) == stretch))
        bridges.add(int(here[np.argmin(np.abs(along[here] - (stretch + 0.5) * _BRIDGE_EVERY_M))]))
    dry = ~wet
    dry[list(bridges)] = True
    edges = edges[dry]
    bridge = wet[dry]
    length = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    tree = minimum_spanning_tree(csr_matrix((length, edges.T), shape=(len(points),) * 2)).tocoo()
    needed = {(int(min(a, b)), int(max(a, b))) for a, b in zip(tree.row, tree.col, strict=True)}
    keep = bridge | np.array([(int(a), int(b)) in needed for a, b in edges]) | (random.random(len(edges)) > 0.27)
    return np.asarray(edges[keep], dtype=np.int64)


def _rank(
    points: NDArray[np.float64],
    edges: NDArray[np.int64],
    heart_of: dict[str, int],
    seat_of: dict[str, int],
    township_of: dict[str, str],
) -> NDArray[np.int64]:
    """Return the class of each edge, from who would use it."""
    length = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    rank = np.where(length < 1.8 * _BLOCK_M, _RESIDENTIAL, _UNCLASSIFIED)
    number = {(int(a), int(b)): edge for edge, (a, b) in enumerate(edges)}

    def ways(source: int, targets: Sequence[int]) -> list[list[int]]:
        cost = csr_matrix((length * _PULL[rank], edges.T), shape=(len(points),) * 2)
        before = dijkstra(cost, directed=False, indices=np.array([source]), return_predecessors=True)[1][0]
        found = []
        for target in targets:
            way, here = [], target
            while here != source and before[here] >= 0:
                there = int(before[here])
                way.append(number[min(here, there), max(here, there)])
                here = there
            found.append(way)
        return found

    seats = list(seat_of.values())
    rim = [_rim(points, np.array(side)) for side in ((-1, 0), (1, 0), (0, 1), (0, -1), (1, 1), (-1, -1))]
    for start, end in ((rim[0], seats[0]), (seats[0], seats[1]), (seats[1], rim[1])):
        rank[ways(start, [end])[0]] = _TRUNK
    for number_of_seat, seat in enumerate(seats):
        others = sorted(
            seats[:number_of_seat] + seats[number_of_seat + 1 :],
            key=lambda other: float(((points[other] - points[seat]) ** 2).sum()),
        )
        for way in ways(seat, others[:3]):
            rank[way] = np.maximum(rank[way], _PRIMARY)
    for target in rim[2:]:
        near = min(seats, key=lambda seat: float(((points[target] - points[seat]) ** 2).sum()))
        rank_way = ways(target, [near])[0]
        rank[rank_way] = np.maximum(rank[rank_way], _PRIMARY)
    for township, seat in seat_of.items():
        used = np.zeros(len(edges), dtype=np.int64)
        for way in ways(seat, [heart for code, heart in heart_of.items() if township_of[code] == township]):
            used[way] += 1
        rank = np.where(used >= 4, np.maximum(rank, _SECONDARY), np.where(used >= 1, np.maximum(rank, _TERTIARY), rank))
    return np.asarray(rank, dtype=np.int64)


def _rim(points: NDArray[np.float64], side: NDArray[np.int64]) -> int:
    """Return the junction farthest out in a direction, near the line through the middle."""
    away = points - points.mean(axis=0)
    direction = side / np.hypot(*side)
    return int(np.argmax(away @ direction - 0.8 * np.abs(away @ np.array([-direction[1], direction[0]]))))


def _one_ways(
    points: NDArray[np.float64],
    edges: NDArray[np.int64],
    rank: NDArray[np.int64],
    inside: NDArray[np.bool_],
    random: np.random.Generator,
) -> NDArray[np.bool_]:
    """Make some streets one-way, but only where both ends keep two other edges, so that few places are cut off."""
    degree = np.bincount(edges.ravel(), minlength=len(points))
    may = (rank == _RESIDENTIAL) & inside[edges].all(axis=1) & (degree[edges] >= 3).all(axis=1)
    oneway = np.zeros(len(edges), dtype=bool)
    for edge in np.flatnonzero(may & (random.random(len(edges)) < 2 * _ONEWAY_SHARE)):
        a, b = edges[edge]
        if degree[a] >= 3 and degree[b] >= 3:
            oneway[edge] = True
            degree[a] -= 1
            degree[b] -= 1
            if random.random() < 0.5:
                edges[edge] = b, a
    return oneway


def _bent(
    plane: Plane,
    points: NDArray[np.float64],
    lonlat: NDArray[np.float64],
    edges: NDArray[np.int64],
    rank: NDArray[np.int64],
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], ...]:
    """Return the polyline of every edge: straight in a village, slightly bent outside."""
    away = points[edges[:, 1]] - points[edges[:, 0]]
    length = np.hypot(*away.T)
    sway = random.uniform(-0.06, 0.06, len(edges)) * np.where(rank >= _PRIMARY, 0.5, 1.0)
    shapes = list(lonlat[edges])
    for edge in np.flatnonzero(length >= 2 * _BLOCK_M):
        count = int(min(2 + length[edge] // 300, 8))
        share = (np.arange(1, count + 1) / (count + 1))[:, None]
        side = np.array([-away[edge, 1], away[edge, 0]]) * sway[edge]
        inner = points[edges[edge, 0]] + away[edge] * share + side * np.sin(np.pi * share)
        ends = lonlat[edges[edge]]
        shapes[edge] = np.vstack([ends[:1], np.round(plane.degrees(inner), 7), ends[1:]])
    return tuple(shapes)

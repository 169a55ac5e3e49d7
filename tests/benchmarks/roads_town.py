"""The roads that the benchmarks ask about: Heidelberg, and copies of it laid side by side, joined at their borders."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import csr_matrix

from gridsvc.files.roads.osm_ways import read_survey
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import CLOSED, RoadNetwork
from gridsvc.roads.search.snapping import Snaps, snap
from gridsvc.roads.search.weights import weights_of

if TYPE_CHECKING:
    from collections.abc import Callable

HEIDELBERG = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "osm" / "heidelberg.osm.pbf"
SIZES = {"28k": 1, "1M": 6, "4.7M": 13}
"""Copies along each side: 1, 36 and 169 of them; arcs with those that only emergency vehicles may drive are more."""

CALLS, TEAMS = 300, 60
PROFILE = "normal"


class Town:
    """A network of tiles, the arcs that anybody may drive as scipy has them, and the places that are asked about."""

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        self.network = tiled(HEIDELBERG, tiles)
        self.weights = weights_of(self.network, PROFILE)
        net = self.network
        opened = self.weights.out_arcs[:, 1] != CLOSED
        self.tail, self.head = net.arc_tail[opened], net.arc_head[opened]
        self.ms = self.weights.out_arcs[opened, 1]
        n = net.node_count
        order = np.lexsort((self.ms, self.head, self.tail))
        keep = np.ones(len(order), bool)
        keep[1:] = np.diff(self.tail[order]) + np.diff(self.head[order]) != 0
        keep[1:] |= self.tail[order][1:] != self.tail[order][:-1]
        best = order[keep]
        seconds = np.maximum(self.ms[best], 1) / 1000.0
        self.graph = csr_matrix((seconds, (self.tail[best], self.head[best])), shape=(n, n))
        self.backward = self.graph.T.tocsr()
        draw = np.random.default_rng(5)
        self.teams = self.places(draw, TEAMS * tiles * tiles)
        self.calls = self.places(draw, CALLS)

    def places(self, draw: np.random.Generator, count: int) -> Snaps:
        """Places at junctions that anybody reaches, so that peers without snapping answer the same question."""
        net = self.network
        reached = np.unique(self.head)
        junction = np.searchsorted(net.junction_first, draw.choice(reached, count), side="right") - 1
        return snap(net, net.junction_lon[junction] * 1e-7, net.junction_lat[junction] * 1e-7)

    def middle(self) -> shapely.Point:
        """The junction in the middle of the town in the middle."""
        lon, lat = self.network.junction_lon * 1e-7, self.network.junction_lat * 1e-7
        inside = np.ones(len(lon), bool)
        for values in (lon, lat):
            column = (values - values.min()) / np.ptp(values) * self.tiles
            inside &= column.astype(int) == self.tiles // 2 if self.tiles > 1 else True
        x, y = lon[inside], lat[inside]
        k = int(np.argmin(np.hypot(x - np.median(x), y - np.median(y))))
        return shapely.Point(x[k], y[k])

    def nodes(self, places: Snaps) -> np.ndarray:
        """The node at which a place lies."""
        edge, end = places.edge[places.first[:-1]], places.fraction[places.first[:-1]]
        junction = np.where(end < 0.5, self.network.edge_from[edge], self.network.edge_to[edge])
        return self.network.junction_first[junction]


def tiled(file: Path, tiles: int) -> RoadNetwork:
    """Lay copies of an extract side by side, each joined to its neighbours by a street."""
    survey, speeds = read_survey(file)
    if tiles == 1:
        return build(survey, speeds, "heidelberg")
    width, height = np.ptp(survey.lon) + 0.002, np.ptp(survey.lat) + 0.002
    number = {int(p): i for i, p in enumerate(np.sort(survey.point))}
    dense = np.searchsorted(np.sort(survey.point), survey.point)
    known = np.isin(survey.way_point, survey.point)
    of_way = np.where(
        known, np.searchsorted(np.sort(survey.point), np.where(known, survey.way_point, survey.point[0])), -1
    )
    n, m = len(number), len(survey.way)
    inverse = np.argsort(dense)
    lon, lat = survey.lon[inverse], survey.lat[inverse]
    west, east, south, north = _outermost(build(survey, speeds), lon, lat)
    copies = [(i, j) for i in range(tiles) for j in range(tiles)]
    joins = []
    for i, j in copies:
        here = (i * tiles + j) * n
        if i + 1 < tiles:
            joins.append((here + east, here + tiles * n + west))
        if j + 1 < tiles:
            joins.append((here + north, here + n + south))
    way_first = [survey.way_first[:-1] + k * len(of_way) for k in range(len(copies))]
    whole = replace(
        survey,
        point=np.arange(n * len(copies)),
        lon=np.concatenate([lon + i * width for i, _ in copies]),
        lat=np.concatenate([lat + j * height for _, j in copies]),
        signal=np.tile(survey.signal[inverse], len(copies)),
        way=np.arange(m * len(copies) + len(joins)),
        way_first=np.concatenate([*way_first, len(of_way) * len(copies) + 2 * np.arange(len(joins) + 1)]),
        way_point=np.concatenate(
            [*(np.where(of_way >= 0, of_way + k * n, -1) for k in range(len(copies))), np.array(joins).reshape(-1)]
        ),
        road_class=np.concatenate([np.tile(survey.road_class, len(copies)), np.full(len(joins), 6, np.uint8)]),
        kph=np.concatenate([np.tile(survey.kph, (len(copies), 1)), np.full((len(joins), 4), 50, np.float32)]),
        roundabout=np.concatenate([np.tile(survey.roundabout, len(copies)), np.zeros(len(joins), bool)]),
        level=None,
        name=np.full(m * len(copies) + len(joins), -1, np.int32),
        names=(),
        barriers={},
        restrictions=(),
    )
    return build(whole, speeds, f"{tiles * tiles} copies of heidelberg")


def _outermost(net: RoadNetwork, lon: np.ndarray, lat: np.ndarray) -> list[int]:
    """Find the points that are the junctions farthest west, east, south and north that are open to anybody."""
    opened = weights_of(net, PROFILE).out_arcs[:, 1] != CLOSED
    junction = np.searchsorted(net.junction_first, np.unique(net.arc_head[opened]), side="right") - 1
    x, y = net.junction_lon[junction] * 1e-7, net.junction_lat[junction] * 1e-7
    ends = (np.argmin(x), np.argmax(x), np.argmin(y), np.argmax(y))
    return [int(np.argmin(np.hypot(lon - x[k], lat - y[k]))) for k in ends]


def best_s(*tasks: Callable[[], object], rounds: int = 5) -> list[float]:
    """Run the tasks by turns and return the least processor time of each."""
    best = [float("inf")] * len(tasks)
    for _ in range(rounds):
        for k, task in enumerate(tasks):
            started = time.process_time()
            task()
            best[k] = min(best[k], time.process_time() - started)
    return best

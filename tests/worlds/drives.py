"""Roads of a valley, a town and a motorway in Jindong, and what devices in vehicles report of drives on them.

Metres are those of a plane round (LON, LAT); `network` has degrees. Drives are computed along the lines that the roads
are drawn from, so that nothing of the program's own geometry is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import metres_per_degree
from gridsvc.files.osm.places import read_places
from gridsvc.files.roads.read import read_osm
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import DEGREE
from gridsvc.roads.network.speeds import CLASS_NUMBER
from gridsvc.roads.network.survey import Survey
from tests.worlds.toy_roads import QUIET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

    Line = NDArray[np.float64]

LON, LAT = 119.75, 29.15
EAST_M, NORTH_M = 97_290.0, 110_860.0
"""Metres of a degree at LAT, WGS-84, to 10 m."""

VALLEY_FROM_M, TOWN_AT_M, MOTORWAY_NORTH_M = -9_000.0, (4_000.0, 0.0), 3_000.0


def wave(x: Line, seed: int, height_m: float) -> Line:
    """A smooth bend of a road: sums of sines of 400 m to 5 km."""
    draw = np.random.default_rng(seed)
    return np.asarray(
        sum(height_m / n * np.sin(2 * np.pi * (x / (5_000 / n) + draw.random())) for n in range(1, 13)), dtype=float
    )


@cache
def valley() -> tuple[Line, ...]:
    """One winding road of 9 km, and three lanes that leave it."""
    x = np.arange(VALLEY_FROM_M, 1.0, 25.0)
    road = np.column_stack([x, wave(x, 1, 260.0)])
    y = np.arange(0.0, 1_501.0, 25.0)
    lanes = [np.column_stack([road[at, 0] + wave(y, at, 40.0) - wave(y[:1], at, 40.0), road[at, 1] + y])
             for at in (80, 170, 280)]  # fmt: skip
    return (road, *lanes)


@cache
def town() -> tuple[Line, ...]:
    """Streets of a town of 3 km: 30 each way, 70 to 130 m from each other, none quite straight."""
    draw = np.random.default_rng(2)
    found = []
    for turned in (False, True):
        across = np.cumsum(draw.uniform(70, 130, 30))
        along = np.arange(0.0, 3_001.0, 20.0)
        for number, at in enumerate(across):
            bent = at + wave(along, 100 * turned + number, 12.0)
            street = np.column_stack([bent, along] if turned else [along, bent])
            found.append(street + TOWN_AT_M)
    return tuple(found)


@cache
def motorway() -> tuple[Line, ...]:
    """Two carriageways 25 m from each other over 18 km."""
    x = np.arange(-9_000.0, 9_001.0, 50.0)
    y = MOTORWAY_NORTH_M + wave(x, 5, 350.0)
    return np.column_stack([x, y]), np.column_stack([x, y + 25.0])


def to_degrees(metres: Line) -> tuple[Line, Line]:
    return LON + metres[:, 0] / EAST_M, LAT + metres[:, 1] / NORTH_M


def roads_of(lines: Sequence[Line], names: Mapping[int, str] | None = None) -> RoadNetwork:
    """Return the network of lines; each joins the next at its first point, so that all are one piece."""
    lines = [*lines, np.array([line[0] for line in lines])] if len(lines) > 1 else list(lines)
    named = dict(names or {})
    numbers = {at: number for number, at in enumerate(named)}
    points = np.concatenate(lines)
    cells, number = np.unique(np.round(points, 2), axis=0, return_inverse=True)
    lon, lat = to_degrees(cells)
    lengths = [len(line) for line in lines]
    return build(
        Survey(
            point=np.arange(len(cells)), lon=lon, lat=lat, signal=np.zeros(len(cells), bool),
            way=np.arange(len(lines)), way_first=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            way_point=number.reshape(-1).astype(np.int64),
            road_class=np.full(len(lines), CLASS_NUMBER["residential"], np.uint8),
            kph=np.full((len(lines), 4), 40.0, np.float32), roundabout=np.zeros(len(lines), bool),
            name=np.array([numbers.get(at, -1) for at in range(len(lines))], np.int32), names=tuple(named.values()),
            barriers={}, restrictions=(),
        ),
        QUIET,
        "drives",
    )  # fmt: skip


@cache
def network() -> RoadNetwork:
    return roads_of([*valley(), *town(), *motorway()])


def drive(line: Line, *, step_m: float = 60.0, noise_m: float = 5.0, seed: int = 1) -> tuple[Line, Line]:
    """Return the degrees that a device reports of a drive along a line, a position every so many metres."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.arange(0.0, along[-1], step_m)
    true = np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
    return to_degrees(true + np.random.default_rng(seed).normal(0.0, noise_m, true.shape))


def through_town(streets: int = 6) -> Line:
    """A patrol up and down some streets of the town."""
    chosen = town()[3 : 3 + 4 * streets : 4]
    return np.concatenate([street if number % 2 == 0 else street[::-1] for number, street in enumerate(chosen)])


@dataclass(frozen=True)
class Houses:
    """Addresses that name their street: degrees (n,) and the names."""

    lon: Line
    lat: Line
    streets: list[str]


@cache
def moved_to_jindong(path: Path) -> tuple[RoadNetwork, Houses]:
    """Return the roads and houses of an OpenStreetMap file, moved to Jindong with their lengths kept."""
    network = read_osm(path)
    west, south, east, north = network.bounds
    x0, y0 = (west + east) / 2, (south + north) / 2
    there, here = metres_per_degree(y0), metres_per_degree(LAT)

    def lon_of(values: Line) -> Line:
        return np.asarray((values - x0) * there[0] / here[0] + LON, dtype=float)

    def lat_of(values: Line) -> Line:
        return np.asarray((values - y0) * there[1] / here[1] + LAT, dtype=float)

    frame = network.cell_frame.copy()
    frame[:4] = lon_of(frame[0]), lat_of(frame[1]), frame[2] * there[0] / here[0], frame[3] * there[1] / here[1]

    def moved(values: NDArray[np.int32], of: Callable[[Line], Line]) -> NDArray[np.int32]:
        return np.round(of(np.asarray(values, np.float64) * DEGREE) / DEGREE).astype(np.int32)

    rows = [each for each in read_places(path).addresses if each.street]
    houses = Houses(
        lon_of(np.array([each.lon for each in rows])),
        lat_of(np.array([each.lat for each in rows])),
        [each.street for each in rows],
    )
    there_now = replace(
        network,
        junction_lon=moved(network.junction_lon, lon_of),
        junction_lat=moved(network.junction_lat, lat_of),
        vertex_lon=moved(network.vertex_lon, lon_of),
        vertex_lat=moved(network.vertex_lat, lat_of),
        cell_frame=frame,
        kept={},
    )
    return there_now, houses


def random_drive(network: RoadNetwork, seed: int, *, noise_m: float, edges: int = 200) -> tuple[Line, Line]:
    """Return what a device reports, every 60 m, of a drive along random roads, seldom back the same way."""
    draw = np.random.default_rng(seed)
    first = np.append(network.edge_first_vertex[: network.edge_count], len(network.vertex_lon))
    at, last, seen = int(draw.integers(network.node_count)), -1, set[int]()
    parts = []
    for _ in range(edges):
        arcs = np.arange(network.out_first[at], network.out_first[at + 1]).tolist()
        new = [arc for arc in arcs if int(network.arc_slot[arc]) // 2 not in seen]
        ahead = [arc for arc in arcs if int(network.arc_slot[arc]) // 2 != last]
        arc = int(draw.choice(new or ahead or arcs))
        slot = int(network.arc_slot[arc])
        last = slot // 2
        seen.add(last)
        row = np.arange(first[last], first[last + 1])[:: -1 if slot % 2 else 1]
        lon, lat = network.vertex_lon[row] * DEGREE, network.vertex_lat[row] * DEGREE
        parts.append(np.column_stack([(lon - LON) * EAST_M, (lat - LAT) * NORTH_M]))
        at = int(network.arc_head[arc])
    return drive(np.concatenate(parts), noise_m=noise_m, seed=seed)

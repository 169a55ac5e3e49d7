"""Small road worlds: streets given as rows of point names, a metre grid about (0, 0) where a degree is one length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.network.building import build
from gridsvc.roads.network.speeds import CLASS_NUMBER, Speeds
from gridsvc.roads.network.survey import Restriction, Survey

if TYPE_CHECKING:
    from collections.abc import Collection

    from gridsvc.roads.network.network import RoadNetwork

QUIET = Speeds(signal_s=0.0, emergency_signal_s=0.0)
EAST_M, NORTH_M = 111_319.4908, 110_574.2758
"""Metres of a degree at the equator, WGS-84."""


def lonlat(x_m: float, y_m: float) -> tuple[float, float]:
    return x_m / EAST_M, y_m / NORTH_M


def survey(
    points: dict[int, tuple[float, float]],
    ways: dict[int, tuple[list[int], float, str]],
    *,
    signals: Collection[int] = (),
    barriers: dict[int, tuple[bool, bool]] | None = None,
    restrictions: tuple[Restriction, ...] = (),
    emergency_contraflow_kph: float = 0.0,
    levels: dict[int, int] | None = None,
) -> Survey:
    """Points (metres) and ways: id -> (points, km/h, "both" | "once"); `levels` of ways not on the surface."""
    place = np.array([lonlat(*xy) for xy in points.values()])
    kph = []
    for _, speed, direction in ways.values():
        back = speed if direction == "both" else 0.0
        kph.append([speed, back, speed, max(back, emergency_contraflow_kph)])
    lengths = [len(row) for row, _, _ in ways.values()]
    return Survey(
        point=np.array(list(points), np.int64), lon=place[:, 0], lat=place[:, 1],
        signal=np.array([p in signals for p in points]),
        way=np.array(list(ways), np.int64), way_first=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        way_point=np.array([p for row, _, _ in ways.values() for p in row], np.int64),
        road_class=np.full(len(ways), CLASS_NUMBER["residential"], np.uint8),
        kph=np.array(kph, np.float32), roundabout=np.zeros(len(ways), bool), name=np.full(len(ways), -1, np.int32),
        names=(), barriers=barriers or {}, restrictions=restrictions,
        level=np.array([(levels or {}).get(way, 0) for way in ways], np.uint8),
    )  # fmt: skip


def network(*args: object, speeds: Speeds = QUIET, **kwargs: object) -> RoadNetwork:
    return build(survey(*args, **kwargs), speeds, "toy")  # type: ignore[arg-type]


# A square of 360 m sides, 36 km/h = 10 m/s: 36 s a side. North is up.
#
#   3 --- 4
#   |     |
#   1 --- 2 --- 5 (dead end, 180 m)
SQUARE = {1: (0.0, 0.0), 2: (360.0, 0.0), 3: (0.0, 360.0), 4: (360.0, 360.0), 5: (540.0, 0.0)}
SQUARE_WAYS = {
    10: ([1, 2], 36.0, "both"),
    11: ([2, 4], 36.0, "both"),
    12: ([4, 3], 36.0, "both"),
    13: ([3, 1], 36.0, "both"),
    14: ([2, 5], 36.0, "both"),
}


def random_world(seed: int, *, crossings: int = 60, restricted: int = 25) -> Survey:
    """Random streets: a thinned grid with one-ways, parallel streets, loops and stubs.

    Some turns are forbidden, some of these over a whole street.
    """
    draw = np.random.default_rng(seed)
    side = int(np.sqrt(crossings))
    points = {i * side + j: (200.0 * i + draw.uniform(-60, 60), 200.0 * j + draw.uniform(-60, 60))
              for i in range(side) for j in range(side)}  # fmt: skip
    ways: dict[int, tuple[list[int], float, str]] = {}
    pairs = [(a, b) for a in points for b in points if (b == a + 1 and b % side) or b == a + side]
    for a, b in pairs:
        if draw.random() < 0.12:
            continue
        for _ in range(1 + int(draw.random() < 0.08)):
            middle = len(points) + 1000
            bend = (np.array(points[a]) + np.array(points[b])) / 2 + draw.normal(0, 25, 2)
            points[middle] = (float(bend[0]), float(bend[1]))
            kind = "once" if draw.random() < 0.3 else "both"
            row = [a, middle, b] if draw.random() < 0.5 else [b, middle, a]
            ways[len(ways) + 1] = (row, float(draw.choice([18, 30, 36, 50])), kind)
    # a loop back to where it began, and a street of no length
    x, y = points[0]
    points[5001], points[5002], points[5003] = (x - 50, y), (x - 50, y - 50), points[1]
    ways[9001] = ([0, 5001, 5002, 0], 36.0, "both")
    ways[9002] = ([1, 5003], 36.0, "both")
    at: dict[int, list[int]] = {}
    for way, (row, _, _) in ways.items():
        for end in (row[0], row[-1]):
            at.setdefault(end, []).append(way)
    restrictions = []
    for _ in range(restricted):
        via = int(draw.choice([p for p, there in at.items() if len(there) >= 2]))
        one, other = draw.choice(at[via], 2)
        if one == 9001 or other == 9001:
            continue
        if draw.random() < 0.25:
            far = ways[int(other)][0][0] if ways[int(other)][0][-1] == via else ways[int(other)][0][-1]
            last = int(draw.choice(at[far]))
            if one != other and last not in {int(other), 9001}:
                restrictions.append(Restriction(bool(draw.random() < 0.3), (int(one),), (last,), None, (int(other),)))
            continue
        restrictions.append(Restriction(bool(draw.random() < 0.3), (int(one),), (int(other),), via))
    return survey(points, ways, restrictions=tuple(restrictions), emergency_contraflow_kph=10.0)

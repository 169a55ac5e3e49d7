"""The place itself and its way to the road, as a part of its own area.

The mesh knows roads and 25 m beside them, so a place that is farther from its road, or just inside a one-way street,
would be outside the area that begins at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.coordinates import metres_per_degree
from gridsvc.isochrones.mesh import BUFFER_M
from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.search.snapping import EXIT_KPH, WALKING_KPH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon
    from shapely.geometry.base import BaseGeometry

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.weights import Weights

STRETCH_M = 60.0
"""Of the place's road, a little more than the distance between two corners of the mesh."""

AT_CORNER_M = 0.01

HALF_ROAD_M = 1.0
"""To each side of that stretch: no other road is so near."""


def with_own_ground(
    area: MultiPolygon, network: RoadNetwork, weights: Weights, place: Snaps, budget_s: float, direction: str
) -> MultiPolygon:
    """Return the area with the ground about its place, as far as the budget goes; as it is where that is inside.

    The ground narrows towards the nearest road, so that it meets no road elsewhere.
    """
    if not len(place.edge) or budget_s <= 0 or _at_junction(weights, place):
        return area
    lon, lat = float(place.lon[0]), float(place.lat[0])
    per_degree = np.array(metres_per_degree(lat))
    pieces: list[BaseGeometry] = [_leg(network, place, per_degree, budget_s, direction)]
    pieces += _stretches(network, weights, place, per_degree, budget_s, direction)
    ground = shapely.transform(shapely.union_all(pieces), lambda xy: xy / per_degree + (lon, lat))
    if area.covers(ground):
        return area
    joined: Any = area.union(ground)
    whole: MultiPolygon = joined if isinstance(joined, shapely.MultiPolygon) else shapely.MultiPolygon([joined])
    return whole


def _at_junction(weights: Weights, place: Snaps) -> bool:
    """Say whether the place is at a corner of the mesh, which is within any budget."""
    at = (place.offroad_m <= AT_CORNER_M) & ((place.fraction == 0.0) | (place.fraction == 1.0))
    slots = 2 * place.edge[at]
    return bool(((weights.slot_ms[slots] != CLOSED) | (weights.slot_ms[slots + 1] != CLOSED)).any())


def _beside_s(offroad_m: float, direction: str) -> float:
    return offroad_m * 3.6 / (WALKING_KPH if direction == "to" else EXIT_KPH)


def _leg(
    network: RoadNetwork, place: Snaps, per_degree: NDArray[np.float64], budget_s: float, direction: str
) -> BaseGeometry:
    """Return the ground from the place, at (0, 0) in metres, to its nearest road, or as far as the budget goes."""
    offroad_m = float(place.offroad_m[0])
    reached_m = min(offroad_m, budget_s / _beside_s(1.0, direction))
    about: BaseGeometry = shapely.Point(0.0, 0.0).buffer(
        max(min(BUFFER_M, offroad_m / 2, reached_m), HALF_ROAD_M), quad_segs=4
    )
    if offroad_m <= HALF_ROAD_M:
        return about
    foot = _line(network, int(place.edge[0]), float(place.fraction[0]), float(place.fraction[0]))[0]
    way = (foot - (float(place.lon[0]), float(place.lat[0]))) * per_degree * (reached_m / offroad_m)
    return shapely.union(about, shapely.Point(*way)).convex_hull


def _stretches(
    network: RoadNetwork,
    weights: Weights,
    place: Snaps,
    per_degree: NDArray[np.float64],
    budget_s: float,
    direction: str,
) -> Iterator[BaseGeometry]:
    """Yield the road on which the vehicle leaves the place or comes to it, in metres about the place."""
    here = (float(place.lon[0]), float(place.lat[0]))
    for e, f, offroad_m in zip(place.edge.tolist(), place.fraction.tolist(), place.offroad_m.tolist(), strict=True):
        left_s = budget_s - _beside_s(offroad_m, direction)
        length_m = float(network.edge_length_m[e])
        for side in (0, 1):
            ms = int(weights.slot_ms[2 * e + side])
            if ms == CLOSED or left_s <= 0 or length_m <= 0:
                continue
            share = min(STRETCH_M / length_m, 1000.0 * left_s / max(ms, 1))
            ahead = (side == 0) == (direction == "from")
            end = min(f + share, 1.0) if ahead else max(f - share, 0.0)
            if end != f:
                line = (_line(network, e, *sorted((f, end))) - here) * per_degree
                yield shapely.LineString(line).buffer(HALF_ROAD_M, quad_segs=2)


def _line(network: RoadNetwork, edge: int, begin: float, end: float) -> NDArray[np.float64]:
    """Return the polyline of an edge between two fractions, (points, 2) degrees."""
    a, b = int(network.edge_first_vertex[edge]), int(network.edge_first_vertex[edge + 1])
    metres = network.vertex_m[a:b]
    low, high = begin * float(network.edge_length_m[edge]), end * float(network.edge_length_m[edge])
    along = np.concatenate([[low], metres[(metres > low) & (metres < high)], [high]])
    return np.column_stack(
        [np.interp(along, metres, v[a:b] * DEGREE) for v in (network.vertex_lon, network.vertex_lat)]
    )

"""Closures and slowdowns: which edges one touches, and the weights while it lasts.

A closure is an area (every road that passes through it), a line (the roads along it, and those it is drawn across) or
a point (the nearest road). It applies to whole edges, from junction to junction, in both directions: the stretch before
the barrier is walked (`anchor_kernel`). Where several meet, the slowest counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.geometry import metres_per_degree
from gridsvc.roads.network.nearby import edges_in_box
from gridsvc.roads.network.network import CLOSED, DEGREE, PROFILES
from gridsvc.roads.search.snapping import snap
from gridsvc.roads.search.weights import Weights, changed_weights, weights_of
from gridsvc.times import check_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.roads.network.network import RoadNetwork

BESIDE_M = 10.0
"""A line closes the roads within so many metres of it."""

ALONG_M = 15.0
"""A road counts from so many metres of it within BESIDE_M on: one that is crossed has twice BESIDE_M, one that only
ends at a closed road has less."""

POINT_M = 100.0
"""A point closes the nearest road, if it is no farther."""

SLOWEST = 0.01
"""Factors below this close the road."""


@dataclass(frozen=True, slots=True)
class Closure:
    """Roads closed (factor 0) or slowed to a factor of their speed, for some profiles, from a time until another.

    geometry: lon/lat WGS-84. `until` None: until it is deleted. `reason` None: it was erased.
    """

    id: str
    geometry: BaseGeometry
    factor: float
    profiles: tuple[str, ...]
    since: datetime
    until: datetime | None
    reason: str | None = None

    def acts(self, profile: str, now: datetime) -> bool:
        """Say whether it applies to a profile at a time."""
        return profile in self.profiles and self.since <= now and (self.until is None or now < self.until)


def check_closure(
    geometry: BaseGeometry, factor: float, profiles: Sequence[str], since: datetime, until: datetime | None
) -> None:
    """Refuse a closure that makes no sense."""
    if not 0.0 <= factor <= 1.0:
        raise InvalidInput(
            f"`factor` is {factor}; 0 closes the road, up to 1 slows it to that share of its speed.", factor=factor
        )
    if not profiles or (strange := [p for p in profiles if p not in PROFILES]):
        given = ", ".join(strange) if profiles else "none"
        raise InvalidInput(
            f"`profiles` has {given}; choose from {', '.join(PROFILES)}.",
            kind="unknown-profile",
            given=list(profiles),
            unknown=strange if profiles else [],
            known=list(PROFILES),
        )
    if until is not None and until <= since:
        raise InvalidInput(
            f"The closure ends ({until.isoformat()}) before it begins ({since.isoformat()}).",
            until=until.isoformat(),
            since=since.isoformat(),
        )
    for name, moment in (("from", since), ("until", until)):
        if moment is None:
            continue
        try:
            check_time(moment)
        except ValueError as wrong:
            text = moment.isoformat()
            raise InvalidInput(f"`{name}` {text} {wrong}.", name=name, moment=text, wrong=str(wrong)) from None
    west, south, east, north = geometry.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput("The closure's coordinates are out of range: longitude first, then latitude, in degrees.")


def closed_edges(network: RoadNetwork, geometry: BaseGeometry) -> NDArray[np.int32]:
    """Return the edges to which a closure of this shape applies, in order."""
    if isinstance(geometry, shapely.Point):
        place = snap(network, geometry.x, geometry.y, any_level=True)
        near = len(place.edge) > 0 and place.offroad_m[0] <= POINT_M
        return place.edge[:1].astype(np.int32) if near else np.empty(0, np.int32)
    east, north = (float(v) for v in metres_per_degree((geometry.bounds[1] + geometry.bounds[3]) / 2))
    margin = BESIDE_M / min(east, north)
    west_, south_, east_, north_ = geometry.bounds
    edges = edges_in_box(network, west_ - margin, south_ - margin, east_ + margin, north_ + margin)
    if not len(edges):
        return edges

    def metres(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        return (degrees - [west_, south_]) * [east, north]

    shape = shapely.transform(geometry, metres)
    lines = shapely.transform(_lines(network, edges), metres)
    if geometry.geom_type in {"Polygon", "MultiPolygon"}:
        shapely.prepare(shape)
        touched: NDArray[np.int32] = edges[shapely.intersects(shape, lines)]
        return touched
    strip = shape.buffer(BESIDE_M)
    within = shapely.length(shapely.intersection(lines, strip))
    whole = shapely.length(lines)
    along: NDArray[np.int32] = edges[(within >= ALONG_M) | ((within > 0.8 * whole) & shapely.intersects(lines, shape))]
    return along


def _lines(network: RoadNetwork, edges: NDArray[np.int32]) -> NDArray[np.object_]:
    first = network.edge_first_vertex[edges].astype(np.int64)
    counts = network.edge_first_vertex[edges + 1] - first
    ends = np.cumsum(counts)
    vertex = np.repeat(first - (ends - counts), counts) + np.arange(int(ends[-1]))
    degrees = np.column_stack([network.vertex_lon[vertex], network.vertex_lat[vertex]]) * DEGREE
    return np.asarray(shapely.linestrings(degrees, indices=np.repeat(np.arange(len(edges)), counts)))


def with_closures(network: RoadNetwork, profile: str, bound: Sequence[tuple[Closure, NDArray[np.int32]]]) -> Weights:
    """Return the profile's weights under closures, each with its edges (`closed_edges`)."""
    base = weights_of(network, profile)
    if not bound:
        return base
    edges = np.concatenate([edges for _, edges in bound])
    factors = np.concatenate([np.full(len(edges), closure.factor) for closure, edges in bound])
    order = np.lexsort((factors, edges))
    edges, where = np.unique(edges[order], return_index=True)
    factor = np.repeat(factors[order][where], 2)
    slots = np.column_stack([2 * edges, 2 * edges + 1]).reshape(-1)
    before = base.slot_ms[slots]
    slowed = np.rint(before / np.maximum(factor, SLOWEST)).clip(0, CLOSED - 1)
    after = np.where((factor < SLOWEST) | (before == CLOSED), CLOSED, slowed).astype(np.uint32)
    version = ",".join([base.version, *sorted(closure.id for closure, _ in bound)])
    return changed_weights(network, base, slots, after, version)

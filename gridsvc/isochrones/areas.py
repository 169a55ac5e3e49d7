"""Service areas: the places reached within a budget, cut along the road where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.isochrones.certificate import Certificate, certify
from gridsvc.isochrones.mesh import BUFFER_M, Mesh, build_mesh
from gridsvc.roads.search import is_backward, node_milliseconds
from gridsvc.roads.weights import Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon

    from gridsvc.roads.network import RoadNetwork
    from gridsvc.roads.snapping import Snaps

FARTHEST_MS = 2**31 - 1
MOST_MINUTES = 1440.0


@dataclass(frozen=True, slots=True)
class Area:
    """One service area: `minutes` of travel time, direction `to` or `from` the place, lon/lat WGS-84.

    The area is what lies within the budget on the road, and BUFFER_M of open ground beside it. Empty where the place
    is farther from any road than the budget. `certificate` None: not asked for.
    """

    minutes: float
    direction: str
    geometry: MultiPolygon
    certificate: Certificate | None


def isochrones(
    network: RoadNetwork,
    place: Snaps,
    minutes: Sequence[float],
    direction: str = "to",
    profile: str | Weights = "emergency",
    *,
    certified: bool = True,
    mesh: Mesh | None = None,
) -> list[Area]:
    """Draw the areas of all budgets, the smallest first; each lies inside the next.

    `mesh`: the network's for this profile; without it one is made at the first use and kept with the network.

    Raises InvalidInput for a budget that is not finite, negative or above a day, and for another direction.
    """
    budgets = sorted({checked_minutes(m) for m in minutes})
    weights = weights_of(network, profile)
    mesh = mesh_of(network, weights.profile) if mesh is None else mesh
    time = corner_milliseconds(network, mesh, place, budgets[-1], direction, weights)
    areas = []
    for budget in budgets:
        geometry = outline(mesh, time, round(budget * 60_000))
        proof = certify(network, weights, place, geometry, budget * 60, direction) if certified else None
        areas.append(Area(budget, direction, geometry, proof))
    return areas


def checked_minutes(minutes: float) -> float:
    """Return a budget that can be meant."""
    if not 0.0 <= minutes <= MOST_MINUTES:
        raise InvalidInput(f"{minutes} minutes cannot be drawn: 0 to {MOST_MINUTES:.0f} can.")
    return float(minutes)


def mesh_of(network: RoadNetwork, profile: str) -> Mesh:
    """Return the network's mesh for a profile, made at its first use and kept with the network."""
    key = f"mesh {profile}"
    mesh = network.kept.get(key)
    if not isinstance(mesh, Mesh):
        mesh = build_mesh(network, profile)
        network.kept[key] = mesh
    return mesh


def corner_milliseconds(
    network: RoadNetwork, mesh: Mesh, place: Snaps, minutes: float, direction: str, weights: Weights
) -> NDArray[np.int32]:
    """Time of every corner of the mesh, 2^31 - 1 on open ground and beyond the budget."""
    from gridsvc.isochrones.contour_kernel import corner_times

    backward = is_backward(direction)
    node_ms = node_milliseconds(network, place, direction, weights, minutes * 60)
    time = np.full(len(mesh.lon), FARTHEST_MS, np.int32)
    corner_times(
        backward, node_ms, round(minutes * 60_000), weights.slot_ms, weights.out_arcs, network.slot_first,
        network.slot_arc, network.arc_tail, network.arc_head, mesh.corner_edge_first, mesh.corner, mesh.fraction,
        place.edge, place.fraction, place.offroad_m, time,
    )  # fmt: skip
    return time


def outline(mesh: Mesh, time: NDArray[np.int32], budget_ms: int) -> MultiPolygon:
    """Draw round all corners within the budget."""
    from gridsvc.isochrones.contour_kernel import trace

    lon, lat, first = trace(
        time, budget_ms, mesh.triangle, mesh.neighbour, mesh.lon, mesh.lat, mesh.x_m, mesh.y_m, BUFFER_M
    )
    return polygons_of(lon, lat, first)


def polygons_of(lon: NDArray[np.float64], lat: NDArray[np.float64], first: NDArray[np.int64]) -> MultiPolygon:
    """Sort rings (outer ones counter-clockwise, holes clockwise) into polygons."""
    from gridsvc.isochrones.contour_kernel import owners_of_rings

    if len(first) < 2:
        return shapely.MultiPolygon()
    owner = owners_of_rings(lon, lat, first)
    # every ring of three points or more; the shell of each polygon comes before its holes
    number = np.repeat(np.arange(len(first) - 1), np.diff(first))
    rings: Any = shapely.linearrings(np.column_stack([lon, lat]), indices=number)
    is_hole = owner != np.arange(len(owner))
    order = np.lexsort((is_hole, owner))
    _, polygon = np.unique(owner[order], return_inverse=True)
    parts: Any = shapely.polygons(rings[order], indices=polygon)
    whole: MultiPolygon = shapely.multipolygons(parts)
    return whole

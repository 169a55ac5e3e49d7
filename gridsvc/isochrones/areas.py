"""Service areas: the places reached within a budget, cut along the road where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.isochrones.certificate import Certificate, certify
from gridsvc.isochrones.mesh import BUFFER_M, Mesh, Tiles
from gridsvc.isochrones.starting_tiles import starting_tiles
from gridsvc.roads.search.search import flood_from, is_backward
from gridsvc.roads.search.weights import Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.workspace import Workspace

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


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Milliseconds of all corners of the tiles that a search came to; open ground and what lies beyond: 2^31 - 1.

    The corners of tile number[i] have time[first[i] : first[i + 1]], the least of them is earliest[i].
    """

    mesh: Mesh
    tiles: Tiles
    number: NDArray[np.int32]
    first: NDArray[np.int64]
    time: NDArray[np.int32]
    earliest: NDArray[np.int32]


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
    if not budgets:
        return []
    search = search_from(network, mesh, place, round(budgets[-1] * 60_000), direction, weights)
    # each budget gives its own times, so that its area is the same whichever others are asked for with it
    shapes = [outline(search.reach(ms), ms) for ms in (round(budget * 60_000) for budget in budgets)]
    proofs = [
        certify(network, weights, place, shape, budget * 60, direction) if certified else None
        for budget, shape in zip(budgets, shapes, strict=True)
    ]
    return [Area(budget, direction, shape, proof) for budget, shape, proof in zip(budgets, shapes, proofs, strict=True)]


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
        mesh = Mesh(network, profile)
        network.kept[key] = mesh
    return mesh


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A search from one place, whose times lie in this thread's workspace until it makes another."""

    network: RoadNetwork
    mesh: Mesh
    weights: Weights
    place: Snaps
    backward: bool
    space: Workspace
    stamp: int

    def reach(self, limit_ms: int) -> Reach:
        """Give the corners of all tiles within a limit, at most that of the search, their times."""
        from gridsvc.isochrones.kernels.contour_kernel import corner_times

        network, mesh, weights, place = self.network, self.mesh, self.weights, self.place
        start = starting_tiles(network, mesh.lattice, place)
        tiles = mesh.tiles
        while True:
            number, first, time, earliest, missing = corner_times(
                self.backward, self.space.state, self.stamp, limit_ms, weights.slot_ms, weights.out_arcs,
                network.slot_first, network.slot_arc, network.arc_tail, place.edge, place.fraction, place.offroad_m,
                start, tiles.address, mesh.lattice.columns,
            )  # fmt: skip
            if not len(missing):
                return Reach(mesh, tiles, number, first, time, earliest)
            tiles = mesh.with_tiles(missing.tolist(), number.tolist())


def search_from(
    network: RoadNetwork, mesh: Mesh, place: Snaps, limit_ms: int, direction: str, weights: Weights
) -> Search:
    """Search from the place, or towards it, as far as a limit."""
    backward = is_backward(direction)
    space, stamp = flood_from(network, place, weights, limit_ms, np.empty(0, np.int32), backward=backward)
    return Search(network, mesh, weights, place, backward, space, stamp)


def outline(reach: Reach, budget_ms: int, *, spread: bool = True) -> MultiPolygon:
    """Draw round all corners within the budget; `spread`: see `contour_kernel.trace`."""
    from gridsvc.isochrones.kernels.contour_kernel import trace
    from gridsvc.isochrones.kernels.rings_kernel import arranged

    lattice = reach.mesh.lattice
    lon, lat, first = trace(
        budget_ms, reach.number, reach.first, reach.time, reach.earliest, reach.tiles.address, lattice.columns,
        reach.mesh.metres, lattice.south, lattice.height, BUFFER_M, spread,
    )  # fmt: skip
    if first[0] < 0:
        raise RuntimeError("An area left the tiles that its search came to.")
    if len(first) < 2:
        return shapely.MultiPolygon()
    points, rings, polygons = arranged(lon, lat, first)
    whole: Any = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON, points, (rings, polygons, np.array([0, len(polygons) - 1]))
    )
    area: MultiPolygon = whole[0]
    return area

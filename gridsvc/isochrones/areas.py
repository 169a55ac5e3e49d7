"""Service areas: the places reached within a budget, cut along the road where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.isochrones.certificate import Certificate, certify
from gridsvc.isochrones.kernels.arguments import (
    CornerTimes,
    LatticeRows,
    PlaceOnRoad,
    Searched,
    Slots,
    TileTable,
)
from gridsvc.isochrones.kernels.contour_kernel import corner_times, trace
from gridsvc.isochrones.kernels.rings_kernel import arranged
from gridsvc.isochrones.mesh import BUFFER_M, Mesh, Tiles, nothing
from gridsvc.isochrones.own_ground import with_own_ground
from gridsvc.isochrones.starting_tiles import starting_tiles
from gridsvc.numba_types import read_only
from gridsvc.roads.search.search import flood_from, is_backward
from gridsvc.roads.search.weights import Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    The area is what is within the budget on the road, BUFFER_M of open ground beside it, and the place itself with its
    way to the road, as far as the budget goes. `certificate` None: not asked for.
    """

    minutes: float
    direction: str
    geometry: MultiPolygon
    certificate: Certificate | None


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Milliseconds of all corners of the tiles that a search reached; open ground and what is beyond: 2^31 - 1.

    The corners of tile number[i] have time[first[i] : first[i + 1]], the least of them is earliest[i].
    """

    mesh: Mesh
    tiles: Tiles
    number: NDArray[np.int32]
    first: NDArray[np.int64]
    time: NDArray[np.int32]
    earliest: NDArray[np.int32]

    def for_kernels(self) -> CornerTimes:
        """Return read-only views of the arrays, as kernels take them."""
        return CornerTimes(
            read_only(self.number), read_only(self.first), read_only(self.time), read_only(self.earliest)
        )


def isochrones(
    network: RoadNetwork,
    place: Snaps,
    minutes: Sequence[float],
    direction: str = "to",
    profile: str | Weights = "emergency",
    *,
    certified: bool = True,
    mesh: Mesh | None = None,
    check: Callable[[], object] = nothing,
) -> list[Area]:
    """Draw the areas of all budgets, the smallest first; each is inside the next.

    `mesh`: the network's for this profile; without it one is made at the first use and kept with the network.
    `check` is called between the steps of the drawing; what it raises ends the drawing.

    Raises InvalidInput for a budget that is not finite, negative or above a day, and for another direction.
    """
    budgets = sorted({checked_minutes(m) for m in minutes})
    weights = weights_of(network, profile)
    mesh = mesh_of(network, weights.profile) if mesh is None else mesh
    if not budgets:
        return []
    search = search_from(network, mesh, place, round(budgets[-1] * 60_000), direction, weights)
    # each budget gives its own times, so that its area is the same whichever others are asked for with it
    shapes = []
    for ms in (round(budget * 60_000) for budget in budgets):
        check()
        shape = outline(search.reach(ms, check), ms)
        shapes.append(with_own_ground(shape, network, weights, place, ms / 1000, direction))
    areas = []
    for budget, shape in zip(budgets, shapes, strict=True):
        check()
        proof = certify(network, weights, place, shape, budget * 60, direction) if certified else None
        areas.append(Area(budget, direction, shape, proof))
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
        mesh = Mesh(network, profile)
        network.kept[key] = mesh
    return mesh


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A search from one place, whose times stay in this thread's workspace until its next search."""

    network: RoadNetwork
    mesh: Mesh
    weights: Weights
    place: Snaps
    backward: bool
    space: Workspace
    stamp: int

    def reach(self, limit_ms: int, check: Callable[[], object] = nothing) -> Reach:
        """Give the corners of all tiles within a limit, at most that of the search, their times.

        `check`: see `Mesh.with_tiles`.
        """
        network, mesh, weights, place = self.network, self.mesh, self.weights, self.place
        start = starting_tiles(network, mesh.lattice, place)
        searched = Searched(self.backward, self.space.state, self.stamp, limit_ms)
        slots = Slots(
            read_only(weights.slot_ms),
            read_only(weights.out_arcs),
            read_only(network.slot_first),
            read_only(network.slot_arc),
            read_only(network.arc_tail),
        )
        on_road = PlaceOnRoad(read_only(place.edge), read_only(place.fraction), read_only(place.offroad_m))
        tiles = mesh.tiles
        while True:
            table = TileTable(read_only(tiles.address), mesh.lattice.columns)
            number, first, time, earliest, missing = corner_times(searched, slots, on_road, start, table)
            if not len(missing):
                return Reach(mesh, tiles, number, first, time, earliest)
            tiles = mesh.with_tiles(missing.tolist(), number.tolist(), check)


def search_from(
    network: RoadNetwork, mesh: Mesh, place: Snaps, limit_ms: int, direction: str, weights: Weights
) -> Search:
    """Search from the place, or towards it, as far as a limit."""
    backward = is_backward(direction)
    space, stamp = flood_from(network, place, weights, limit_ms, np.empty(0, np.int32), backward=backward)
    return Search(network, mesh, weights, place, backward, space, stamp)


def outline(reach: Reach, budget_ms: int, *, spread: bool = True) -> MultiPolygon:
    """Draw round all corners within the budget; `spread`: see `contour_kernel.trace`."""
    lattice = reach.mesh.lattice
    lon, lat, first = trace(
        budget_ms,
        reach.for_kernels(),
        TileTable(read_only(reach.tiles.address), lattice.columns),
        LatticeRows(read_only(reach.mesh.metres), lattice.south, lattice.height),
        BUFFER_M,
        spread,
    )
    if first[0] < 0:
        raise RuntimeError("An area left the tiles that its search reached.")
    if len(first) < 2:
        return shapely.MultiPolygon()
    points, rings, polygons = arranged(lon, lat, first)
    whole: Any = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON, points, (rings, polygons, np.array([0, len(polygons) - 1]))
    )
    area: MultiPolygon = whole[0]
    return area

"""Service areas of many stations together: who is first where, how many reach, and where anybody does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.isochrones.areas import FARTHEST_MS, Reach, checked_minutes, mesh_of, outline, search_from
from gridsvc.isochrones.kernels.arguments import Arrivals, JointTiles, Station
from gridsvc.isochrones.kernels.ranking_kernel import behind, rank
from gridsvc.numba_types import read_only
from gridsvc.roads.search.snapping import place
from gridsvc.roads.search.weights import Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon

    from gridsvc.isochrones.mesh import Mesh, Tiles
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps

LATEST_MS = 2**30


@dataclass(frozen=True, slots=True)
class StationAreas:
    """Areas of n stations, each within its own minutes.

    first[s]: where station s is the first to arrive; these do not overlap. reached_by[k - 1]: where at least k
    stations arrive in time, for k = 1 .. as many as were asked for; reached_by[0] is the union of all.
    """

    first: tuple[MultiPolygon, ...]
    reached_by: tuple[MultiPolygon, ...]


def station_areas(
    network: RoadNetwork,
    stations: Snaps,
    minutes: Sequence[float],
    profile: str | Weights = "emergency",
    *,
    at_least: int = 3,
    mesh: Mesh | None = None,
    delays_s: Sequence[float] | None = None,
) -> StationAreas:
    """Draw the areas of all stations from one mesh.

    Parameters
    ----------
    minutes
        (stations,) of driving that each has: its target less call handling and its own turnout (R9).
    at_least
        The largest k of `reached_by`.
    delays_s
        (stations,) seconds until each begins to drive, already taken off its minutes: the first to arrive, not the
        first by driving, is first.
    """
    if len(minutes) != len(stations):
        raise InvalidInput(f"{len(minutes)} budgets were given for {len(stations)} stations.")
    if not len(stations):
        return StationAreas((), ())
    weights = weights_of(network, profile)
    mesh = mesh_of(network, weights.profile) if mesh is None else mesh
    budgets = [round(checked_minutes(m) * 60_000) for m in minutes]
    reaches = [
        search_from(network, mesh, place(stations, s), budget, "from", weights).reach(budget)
        for s, budget in enumerate(budgets)
    ]
    if len(reaches) == 1:
        alone = outline(reaches[0], budgets[0])
        return StationAreas((alone,), (alone,))
    delays = [round(delay * 1000) for delay in delays_s or [0] * len(stations)]
    return _Ranking(mesh, reaches, budgets, delays, min(at_least, len(stations))).drawn()


class _Ranking:
    """The tiles of all stations in one row, and who is there when."""

    def __init__(
        self, mesh: Mesh, reaches: Sequence[Reach], budgets: Sequence[int], delays: Sequence[int], at_least: int
    ) -> None:
        self.entered = list(zip(reaches, budgets, delays, strict=True))
        corners = {
            number: int(count)
            for reach in reaches
            for number, count in zip(reach.number.tolist(), np.diff(reach.first).tolist(), strict=True)
        }
        self.number = np.array(sorted(corners), np.int32)
        self.first = np.cumsum([0, *(corners[number] for number in sorted(corners))]).astype(np.int64)
        self.place = np.full(mesh.lattice.count, -1, np.int32)
        self.place[self.number] = np.arange(len(self.number))
        self.mesh, self.tiles = mesh, mesh.with_tiles(self.number.tolist())
        total = int(self.first[-1])
        self.ranked = np.full((at_least, total), FARTHEST_MS, np.int32)
        latest = np.full(total, LATEST_MS, np.int32)
        self.arrivals = Arrivals(latest, latest.copy(), np.full(total, -1, np.int32))
        for s, (reach, budget, delay) in enumerate(self.entered):
            rank(Station(s, budget, delay), reach.for_kernels(), self._joint(), self.ranked, self.arrivals)

    def _joint(self) -> JointTiles:
        return JointTiles(read_only(self.place), read_only(self.first))

    def drawn(self) -> StationAreas:
        firsts = []
        for s, (reach, budget, delay) in enumerate(self.entered):
            late = behind(Station(s, budget, delay), reach.for_kernels(), self._joint(), self.arrivals)
            # without spreading: the line between two stations is the same for both
            firsts.append(_round(reach.mesh, reach.tiles, reach.number, reach.first, late, spread=False))
        reached_by = (_round(self.mesh, self.tiles, self.number, self.first, late) for late in self.ranked)
        return StationAreas(tuple(firsts), tuple(reached_by))


def _round(
    mesh: Mesh,
    tiles: Tiles,
    number: NDArray[np.int32],
    first: NDArray[np.int64],
    late: NDArray[np.int32],
    *,
    spread: bool = True,
) -> MultiPolygon:
    """Draw round the corners where `late` <= 0."""
    earliest = np.minimum.reduceat(late, first[:-1]) if len(number) else late
    return outline(Reach(mesh, tiles, number, first, late, earliest), 0, spread=spread)

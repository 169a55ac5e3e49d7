"""Service areas of many stations together: who is first where, how many reach, and where anybody does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.isochrones.areas import FARTHEST_MS, checked_minutes, corner_milliseconds, mesh_of, outline
from gridsvc.roads.search import place
from gridsvc.roads.weights import Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon

    from gridsvc.isochrones.mesh import Mesh
    from gridsvc.roads.network import RoadNetwork
    from gridsvc.roads.snapping import Snaps

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
    network: RoadNetwork, stations: Snaps, minutes: Sequence[float], profile: str | Weights = "emergency",
    *, at_least: int = 3, mesh: Mesh | None = None,
) -> StationAreas:  # fmt: skip
    """Draw the areas of all stations from one mesh.

    Parameters
    ----------
    minutes
        (stations,) of driving that each has: its target less call handling and its own turnout (R9).
    at_least
        The largest k of `reached_by`.
    """
    if len(minutes) != len(stations):
        raise InvalidInput(f"{len(minutes)} budgets were given for {len(stations)} stations.")
    if not len(stations):
        return StationAreas((), ())
    weights = weights_of(network, profile)
    mesh = mesh_of(network, weights.profile) if mesh is None else mesh
    budgets = [checked_minutes(m) for m in minutes]
    time = np.stack([
        corner_milliseconds(network, mesh, place(stations, s), budget, "from", weights)
        for s, budget in enumerate(budgets)
    ])  # fmt: skip
    # late[s] <= 0: in time; corners that a station does not reach at all stay FARTHEST
    budget_ms = np.array([round(b * 60_000) for b in budgets], np.int64)[:, None]
    late = np.where(time == FARTHEST_MS, FARTHEST_MS, time - budget_ms)
    ranked = np.sort(late, axis=0)
    reached_by = tuple(_drawn(mesh, ranked[k]) for k in range(min(at_least, len(stations))))
    return StationAreas(tuple(_first(mesh, time, late)), reached_by)


def _first(mesh: Mesh, time: NDArray[np.int32], late: NDArray[np.int64]) -> list[MultiPolygon]:
    """Draw where each station is in time and before all others; of those that arrive together the earlier in the list.

    Between two corners the border lies where both would arrive together, so that neighbours share it.
    """
    arrival = np.where(late <= 0, time.astype(np.int64), LATEST_MS)
    if len(arrival) == 1:
        return [_drawn(mesh, late[0])]
    order = np.argsort(arrival, axis=0, kind="stable")
    corners = np.arange(arrival.shape[1])
    best, second = arrival[order[0], corners], arrival[order[1], corners]
    areas = []
    for s in range(len(arrival)):
        mine = order[0] == s
        # behind the best of the others; a tie that is won counts as won
        behind = np.where(mine, np.minimum(best - second, 0), np.maximum(time[s] - best, 1))
        reached = time[s] < FARTHEST_MS
        areas.append(_drawn(mesh, np.where(reached, np.maximum(late[s], behind), FARTHEST_MS)))
    return areas


def _drawn(mesh: Mesh, late: NDArray[np.int64]) -> MultiPolygon:
    """Draw round the corners where `late` <= 0."""
    shifted = np.where(late >= FARTHEST_MS, FARTHEST_MS, np.clip(late, -LATEST_MS + 1, LATEST_MS - 2) + LATEST_MS)
    return outline(mesh, np.minimum(shifted, FARTHEST_MS).astype(np.int32), LATEST_MS)

"""Places on the road: the point on an edge, both directions of a two-way street, the leg between place and road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.numba_types import read_only
from gridsvc.roads.kernels.arguments import Candidates, SnappedPlaces
from gridsvc.roads.kernels.snapping_kernel import snap_places
from gridsvc.roads.search.kernel_arguments import snap_index_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gridsvc.roads.network.network import RoadNetwork

WALKING_KPH = 5.0
"""Speed of the leg between the road and the scene (Highway Capacity Manual: 1.2 to 1.5 m/s on foot)."""

EXIT_KPH = 15.0
"""Speed of the leg between where a vehicle stands and its road, out of a yard or off a field: that of a service road
(OSRM's car.lua, `service`)."""

TRAVEL_RULES = 3
"""Counts changes of the times that the same roads give: where a place meets its road, and the legs beside it. A record
names the number, and is recomputed under it alone."""

FARTHEST_M = 20_000.0
"""Beyond this a place is on no road: it has no candidate and every time from or to it is unreachable."""

BLOCK = 1 << 16
"""Places snapped at once: bounds the memory of a million."""

MOST_CANDIDATES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Snaps:
    """Where places meet the road; made once, good for every profile and closure of the network.

    The candidates of place p are rows first[p] .. first[p + 1], the nearest first; more than one near a junction or
    between the carriageways of a divided road. `fraction` runs along the polyline of the edge, 0 and 1 at its ends.
    `offroad_m` is the straight line between the place and that point.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    first: NDArray[np.int32]
    edge: NDArray[np.int32]
    fraction: NDArray[np.float64]
    offroad_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lon)

    def for_kernels(self) -> SnappedPlaces:
        """Return read-only views of the arrays, as kernels take them."""
        return SnappedPlaces(
            read_only(self.lon),
            read_only(self.lat),
            read_only(self.first),
            read_only(self.edge),
            read_only(self.fraction),
            read_only(self.offroad_m),
        )


def place(snaps: Snaps, number: int) -> Snaps:
    """Take one place out of many."""
    a, b = int(snaps.first[number]), int(snaps.first[number + 1])
    first = np.array([0, b - a], np.int32)
    at = slice(number, number + 1)
    return Snaps(snaps.lon[at], snaps.lat[at], first, snaps.edge[a:b], snaps.fraction[a:b], snaps.offroad_m[a:b])


def snap(network: RoadNetwork, lon: ArrayLike, lat: ArrayLike, *, any_level: bool = False) -> Snaps:
    """Find the road of each place.

    A place on the surface is in no tunnel, and on a motorway or a bridge only within 15 m of its middle, where there is
    any other road within FARTHEST_M.

    Parameters
    ----------
    lon, lat
        Degrees WGS-84, scalars or arrays (n,). Raises InvalidInput where one is not finite or out of range.
    any_level
        The places are said to be on a road, whichever is nearest: tunnels and motorways count like any other.
    """
    x = np.ascontiguousarray(lon, np.float64).reshape(-1)
    y = np.ascontiguousarray(lat, np.float64).reshape(-1)
    if len(x) != len(y):
        raise InvalidInput(f"{len(x)} longitudes for {len(y)} latitudes.", lon=len(x), lat=len(y))
    # NaN fails every comparison
    fine = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
    if not fine.all():
        worst = int(np.argmin(fine))
        raise InvalidInput(
            f"Place {worst + 1} of {len(x)} is at ({x[worst]}, {y[worst]}): longitude -180 to 180 first, then "
            "latitude -90 to 90, in degrees.",
            place=worst + 1,
            count=len(x),
            lon=float(x[worst]),
            lat=float(y[worst]),
        )
    index = snap_index_of(network, any_level=any_level)
    blocks = []
    for start in range(0, max(len(x), 1), BLOCK):
        here, there = x[start : start + BLOCK], y[start : start + BLOCK]
        room = len(here) * MOST_CANDIDATES
        first = np.empty(len(here) + 1, np.int32)
        edge, fraction, offroad_m = np.empty(room, np.int32), np.empty(room), np.empty(room)
        n = snap_places(here, there, FARTHEST_M, index, first, Candidates(edge, fraction, offroad_m))
        if len(x) <= BLOCK:
            return Snaps(x, y, first, edge[:n], fraction[:n], offroad_m[:n])
        blocks.append((first, edge[:n].copy(), fraction[:n].copy(), offroad_m[:n].copy()))
    counts = np.concatenate([np.diff(block[0]) for block in blocks])
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    edge, fraction, offroad_m = (np.concatenate([block[i] for block in blocks]) for i in (1, 2, 3))
    return Snaps(x, y, first, edge, fraction, offroad_m)

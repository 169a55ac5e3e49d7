"""Places to the road: the middle of an edge, both directions of a two-way street, the walk beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    import numpy as np

    from gridsvc.roads.network import RoadNetwork

WALKING_KPH = 5.0
"""Speed of the leg between the place and the road (Highway Capacity Manual: 1.2 to 1.5 m/s on foot)."""

FARTHEST_M = 20_000.0
"""Beyond this a place is on no road: it has no candidate and every time from or to it is unreachable."""


@dataclass(frozen=True, slots=True, eq=False)
class Snaps:
    """Where places meet the road; made once, good for every profile and closure.

    The candidates of place p are rows first[p] .. first[p + 1], the nearest first; more than one near a junction or
    between the carriageways of a divided road. `fraction` runs along the polyline of the edge, 0 and 1 at its ends.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    first: NDArray[np.int32]
    edge: NDArray[np.int32]
    fraction: NDArray[np.float64]
    offroad_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lon)


def snap(network: RoadNetwork, lon: ArrayLike, lat: ArrayLike) -> Snaps:
    """Find the road of each place.

    Parameters
    ----------
    lon, lat
        Degrees WGS-84, scalars or arrays (n,). Raises InvalidInput where one is not finite or out of range.
    """
    raise NotImplementedError

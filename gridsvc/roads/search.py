"""Travel times and routes between snapped places. Seconds as float64, inf = unreachable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import numpy as np

    from gridsvc.roads.network import RoadNetwork
    from gridsvc.roads.snapping import Snaps


@dataclass(frozen=True, slots=True)
class Route:
    """The quickest way: seconds and metres of it, and its line as (lon, lat) pairs from the origin to the end."""

    seconds: float
    length_m: float
    line: tuple[tuple[float, float], ...]


def seconds_to(
    network: RoadNetwork, origins: Snaps, destination: Snaps, profile: str = "emergency"
) -> NDArray[np.float64]:
    """Time from each of n origins to the one destination, (n,) seconds; inf = no way there."""
    raise NotImplementedError


def seconds_from(
    network: RoadNetwork, origin: Snaps, destinations: Snaps, profile: str = "emergency"
) -> NDArray[np.float64]:
    """Time from the one origin to each of n destinations, (n,) seconds; inf = no way there."""
    raise NotImplementedError


def nearest_to(
    network: RoadNetwork, origins: Snaps, destination: Snaps, k: int, profile: str = "emergency"
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The k origins that are first at the destination: their numbers and seconds, quickest first, fewer if fewer can."""
    raise NotImplementedError


def matrix(
    network: RoadNetwork, origins: Snaps, destinations: Snaps, profile: str = "emergency"
) -> NDArray[np.float64]:
    """Time from every origin to every destination, (origins, destinations) seconds; inf = no way there."""
    raise NotImplementedError


def route(network: RoadNetwork, origin: Snaps, destination: Snaps, profile: str = "emergency") -> Route | None:
    """The quickest way from the one origin to the one destination; None = no way there."""
    raise NotImplementedError

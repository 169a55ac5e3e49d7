"""Service areas: the places reached within a budget, cut along the road, each with its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry import MultiPolygon

    from gridsvc.roads.network import RoadNetwork
    from gridsvc.roads.snapping import Snaps


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an independent walk of the unsimplified graph found at `points` on roads near the edge of the area."""

    points: int
    wrong: int

    @property
    def share(self) -> float:
        """Wrong over points, 0 to 1."""
        return self.wrong / self.points if self.points else 0.0


@dataclass(frozen=True, slots=True)
class Area:
    """One service area: `minutes` of travel time, direction `to` or `from` the place, lon/lat WGS-84."""

    minutes: float
    direction: str
    geometry: MultiPolygon
    certificate: Certificate | None


def isochrones(
    network: RoadNetwork,
    place: Snaps,
    minutes: Sequence[float],
    direction: str = "to",
    profile: str = "emergency",
    certify: bool = True,
) -> list[Area]:
    """Draw the areas of all budgets, the smallest first; each lies inside the next."""
    raise NotImplementedError

"""Named features of a map: rivers, railways, hills, bridges, and places that callers know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

RIVER, STREAM, RAILWAY = "river", "stream", "railway"
PEAK, WATER, BRIDGE, STATION, PLACE = "peak", "water", "bridge", "station", "place"
LINES = (RIVER, STREAM, RAILWAY)
KINDS = (*LINES, PEAK, WATER, BRIDGE, STATION, PLACE)
"""`water`: a lake, pond or reservoir; `station`: of trains; `place`: a school, temple, market, park ..."""


@dataclass(frozen=True, slots=True)
class NamedFeature:
    """A line of one of LINES, else a point; degrees WGS-84.

    radius_m: the largest distance of what is meant from the point, 0 for a line.
    """

    name: str
    kind: str
    geometry: BaseGeometry
    radius_m: float = 0.0

    @property
    def lon(self) -> float:
        """Longitude of a point; not a number for a line."""
        return float(shapely.get_x(self.geometry))

    @property
    def lat(self) -> float:
        """Latitude of a point; not a number for a line."""
        return float(shapely.get_y(self.geometry))

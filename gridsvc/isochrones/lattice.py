"""The lattice of tiles: service areas are drawn on square pieces of ground of 3 km, each made when it is needed.

Coordinates are whole numbers of 1e-7 degrees, as the network keeps them; so neighbours agree on their common border
to the last digit. A tile is closed: what is on its border belongs to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.network.geometry import metres_per_degree
from gridsvc.roads.network.network import DEGREE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

HEIGHT = 270_000
"""Height of a tile in 1e-7 degrees, 3.0 km."""

OFFSET = 54_321
"""No line of the lattice has a round number, since drawn roads often do."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Tiles by number, row by row from the south-west; west, south, width and height of a tile in 1e-7 degrees."""

    west: int
    south: int
    width: int
    height: int
    columns: int
    rows: int

    @property
    def count(self) -> int:
        """All tiles, most of which are never made."""
        return self.columns * self.rows

    def corner(self, number: int) -> tuple[int, int]:
        """Return the south-western corner of a tile."""
        return self.west + number % self.columns * self.width, self.south + number // self.columns * self.height

    def metres(self) -> NDArray[np.float64]:
        """Metres of 1e-7 degrees eastward and northward in the middle of each row, (rows, 2)."""
        return self.metres_at(self.south + (np.arange(self.rows) + 0.5) * self.height)

    def metres_at(self, lat: NDArray[Any] | float) -> NDArray[np.float64]:
        """Metres of 1e-7 degrees eastward and northward at a latitude in 1e-7 degrees, (..., 2)."""
        return np.stack(metres_per_degree(np.asarray(lat, np.float64) * DEGREE), axis=-1) * DEGREE


def lattice_of(network: RoadNetwork) -> Lattice:
    """Lay the lattice over a network, a tile wider all round: every tile with roads has all its neighbours."""
    west, south, east, north = (round(v / DEGREE) for v in network.bounds)
    east_m, north_m = (float(v) for v in metres_per_degree((south + north) / 2 * DEGREE))
    width = max(round(HEIGHT * north_m / max(east_m, 1.0) / 1000), 1) * 1000
    first_column, last_column = (west - OFFSET) // width - 1, (east - OFFSET) // width + 1
    first_row, last_row = (south - OFFSET) // HEIGHT - 1, (north - OFFSET) // HEIGHT + 1
    return Lattice(
        west=first_column * width + OFFSET,
        south=first_row * HEIGHT + OFFSET,
        width=width,
        height=HEIGHT,
        columns=last_column - first_column + 1,
        rows=last_row - first_row + 1,
    )

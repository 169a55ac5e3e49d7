"""The owner chains of the places of a gazetteer, as names and codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.grids.levels import Level
from gridsvc.places.model import Entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.grids.index import OwnershipIndex

    Floats = NDArray[np.float64]


@dataclass(slots=True)
class OwnerChains:
    """The owner chains of places, as names and codes."""

    index: OwnershipIndex | None
    _chains: dict[int, tuple[str | None, str | None, tuple[str, ...]]] = field(default_factory=dict)

    def rows(self, lon: Floats, lat: Floats) -> NDArray[np.int32]:
        """(n,) row of the finest grid of each point; -1 outside the grids."""
        if self.index is None or not lon.size:
            return np.full(lon.size, -1, np.int32)
        rows = self.index.find_rows(lon, lat)
        return np.where(rows == self.index.size, -1, rows).astype(np.int32)

    def chain(self, row: int) -> tuple[str | None, str | None, tuple[str, ...]]:
        """Return the names of township and village, and the codes of the chain, of a row of the grids."""
        if self.index is None or row < 0:
            return None, None, ()
        if row not in self._chains:
            links = [int(link) for link in self.index.chains[row]]
            grids = self.index.grids
            township, village = (
                None if links[level - 1] < 0 else grids.names[links[level - 1]]
                for level in (Level.TOWNSHIP, Level.VILLAGE)
            )
            self._chains[row] = township, village, tuple(grids.codes[link] for link in links if link >= 0)
        return self._chains[row]

    def entry(self, name: str, kind: str, lon: float, lat: float, radius_m: float, *, source: str) -> Entry:
        """Return an entry with the owners of its point."""
        row = int(self.rows(np.array([lon]), np.array([lat]))[0])
        township, village, codes = self.chain(row)
        return Entry(name, kind, lon, lat, radius_m, township, village, codes, source=source)

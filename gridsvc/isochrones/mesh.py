"""Triangles over the road, in tiles that are made when an area first comes to them.

A service area is the part of the mesh where the time is within the budget. Every point of the road's line is a corner,
so the area cuts every road where the budget ends; since all areas come from one mesh, a smaller budget's area is
inside a larger one's, and none crosses itself. Neighbouring tiles share the corners and sides of their border, so an
area goes on from tile to tile without a seam, and is the same whichever were made first.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.isochrones.lattice import lattice_of
from gridsvc.isochrones.tiles import build_tile
from gridsvc.roads.network.container import pack, unpack
from gridsvc.roads.network.network import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

    Keep = Callable[[str, Callable[[], bytes]], bytes | memoryview]

MAGIC = b"gsTILE2\n"

BUFFER_M = 25.0
"""So far the area reaches beside a road where there is open ground."""

MOST_BYTES = 48_000_000
"""Tiles in memory beyond which those that no running query needs are let go."""


def nothing() -> None:
    """Do nothing: the `check` of work that always goes on to its end."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """The tiles in memory, and of all tiles of the lattice the address, 0 = not in memory. Never changed."""

    rows: dict[int, NDArray[np.int32]]
    address: NDArray[np.int64]


class Mesh:
    """The mesh of one network and profile; safe to use from many threads.

    Parameters
    ----------
    keep
        Where tiles are kept: called with a name and what makes its bytes, returns the bytes. None: only in memory.
    """

    def __init__(self, network: RoadNetwork, profile: str, keep: Keep | None = None) -> None:
        if profile not in PROFILES:
            raise InvalidInput(f"There is no profile {profile!r}; the profiles are {', '.join(PROFILES)}.")
        self.network, self.profile = network, profile
        self.lattice = lattice_of(network)
        self.metres = self.lattice.metres()
        self.tiles = Tiles({}, np.zeros(self.lattice.count, np.int64))
        self._keep = keep
        self._loading = threading.Lock()

    def with_tiles(
        self, numbers: Iterable[int], needed: Iterable[int] = (), check: Callable[[], object] = nothing
    ) -> Tiles:
        """Bring tiles into memory beside those `needed` already; returns a state that has them all.

        `check` is called before each tile that is made or read; what it raises ends the work.
        """
        with self._loading:
            rows = dict(self.tiles.rows)
            if sum(row.nbytes for row in rows.values()) > MOST_BYTES:
                rows = {number: rows[number] for number in needed if number in rows}
            for number in (*needed, *numbers):
                if number not in rows:
                    check()
                    rows[number] = self._tile(number)
            address = np.zeros(self.lattice.count, np.int64)
            for number, row in rows.items():
                address[number] = row.ctypes.data
            self.tiles = Tiles(rows, address)
            return self.tiles

    def _tile(self, number: int) -> NDArray[np.int32]:
        if self._keep is None:
            return build_tile(self.network, self.profile, self.lattice, number)

        def make() -> bytes:
            return tile_bytes(build_tile(self.network, self.profile, self.lattice, number))

        return open_tile(self._keep(f"{number}.tile", make))


def tile_bytes(tile: NDArray[np.int32]) -> bytes:
    """Write a tile as a file with a checksum."""
    return b"".join(pack({"tile": tile}, {}, magic=MAGIC))


def open_tile(buffer: bytes | memoryview) -> NDArray[np.int32]:
    """Read what `tile_bytes` wrote. Raises InvalidInput for anything else."""
    read, _, _ = unpack(buffer, magic=MAGIC)
    tile: NDArray[np.int32] = read["tile"].copy()
    return tile

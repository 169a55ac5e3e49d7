"""A cache of the tiles that this process has drawn, valid while their sources are the same."""

from __future__ import annotations

import gzip
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from gridsvc.access.scopes import Scope
from gridsvc.db.grids.versions import list_versions
from gridsvc.db.roads.service_areas import list_numbers
from gridsvc.db.tiles import LAYERS, draw_tile, find_bounds
from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gridsvc.db.session.connection import Database

_VERSIONS_TTL_S = 1.0  # version cache time-to-live
_MOVING_TTL_S = 2.0  # time-to-live of a tile with teams or cases
_KEPT_BYTES = 48 * 2**20
_BOUNDS_KEPT = 256

Bounds = tuple[float, float, float, float]


class Key(NamedTuple):
    """One tile of some layers as one scope sees it."""

    scope: Scope
    layers: tuple[str, ...]
    z: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class DrawnTile:
    """One tile: its bytes, plain and gzipped, and a weak entity tag of them (one for both encodings).

    `sources` is the version vector that it was drawn from, `at` the monotonic clock then.
    """

    content: bytes
    gzipped: bytes
    etag: str
    sources: Sources
    at: float


@dataclass(frozen=True, slots=True)
class Sources:
    """The districts that tiles show, the versions of their data, and the numbers of their service areas."""

    districts: tuple[str, ...]
    versions: tuple[tuple[str, int | None, str | None], ...]
    areas: tuple[tuple[str, int], ...] = ()

    def of(self, layers: Sequence[str]) -> tuple[object, ...]:
        """Return the sources of tiles of these layers."""
        drawn = any(LAYERS[name].drawn for name in layers)
        return self.districts, self.versions, self.areas if drawn else ()


class TileStore:
    """Draws tiles and caches the most recently used ones, at most 48 MB.

    Safe for threads. Content is at most 2 s behind the database. While the database is unavailable, tiles that were
    drawn before are still served.

    Parameters
    ----------
    clock
        Monotonic seconds; another one in tests.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Key, DrawnTile] = OrderedDict()
        self._bytes = 0
        self._sources: Sources | None = None
        self._sources_at = float("-inf")
        self._bounds: OrderedDict[Scope, tuple[Sources, Bounds | None]] = OrderedDict()

    def find(self, key: Key) -> DrawnTile | None:
        """Return a tile that is cached and valid, without using the database."""
        now = self._clock()
        if now - self._sources_at > _VERSIONS_TTL_S:
            return None
        with self._lock:
            tile = self._tiles.get(key)
            if tile is None or not self._is_valid(tile, key, now):
                return None
            self._tiles.move_to_end(key)
            return tile

    def get(self, key: Key) -> DrawnTile:
        """Return a tile, drawing it where the cache has no valid one.

        Raises
        ------
        Unavailable
            When the database is unavailable and the tile was never drawn.
        """
        try:
            sources = self._read_sources()
            return self.find(key) or self._draw(key, sources)
        except Unavailable:
            with self._lock:
                known = self._tiles.get(key)
            if known is None:
                raise
            return known

    def find_bounds(self, scope: Scope) -> Bounds | None:
        """Return west, south, east, north of all districts of a scope; None without any."""
        sources = self._read_sources()
        known = self._bounds.get(scope)
        if known is None or known[0].of(()) != sources.of(()):
            with self._database.seen_by(scope).transaction() as connection:
                known = (sources, find_bounds(connection, sources.districts))
            with self._lock:
                self._bounds[scope] = known
                while len(self._bounds) > _BOUNDS_KEPT:
                    self._bounds.popitem(last=False)
        return known[1]

    def age_s(self, tile: DrawnTile) -> int:
        """Whole seconds since the tile was drawn."""
        return int(self._clock() - tile.at)

    def _is_valid(self, tile: DrawnTile, key: Key, now: float) -> bool:
        moving = any(LAYERS[name].moving for name in key.layers)
        if self._sources is None or (moving and now - tile.at > _MOVING_TTL_S):
            return False
        return tile.sources.of(key.layers) == self._sources.of(key.layers)

    def _read_sources(self) -> Sources:
        known = self._sources
        if known is not None and self._clock() - self._sources_at <= _VERSIONS_TTL_S:
            return known
        asked_at = self._clock()
        with self._database.transaction() as connection:
            vectors = list_versions(connection)
            areas = list_numbers(connection)
        found = Sources(
            tuple(vector.district for vector in vectors),
            tuple((vector.district, vector.generation, vector.network) for vector in vectors),
            areas,
        )
        self._sources, self._sources_at = found, asked_at
        return found

    def _draw(self, key: Key, sources: Sources) -> DrawnTile:
        at = self._clock()
        layers = [LAYERS[name] for name in key.layers]
        content = self._database.seen_by(key.scope).read(
            lambda connection: draw_tile(connection, layers, key.z, key.x, key.y, sources.districts)
        )
        etag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
        tile = DrawnTile(content, gzip.compress(content, 6, mtime=0) if content else b"", etag, sources, at)
        with self._lock:
            before = self._tiles.pop(key, None)
            self._tiles[key] = tile
            self._bytes += _size(tile) - (_size(before) if before else 0)
            while self._bytes > _KEPT_BYTES and len(self._tiles) > 1:
                self._bytes -= _size(self._tiles.popitem(last=False)[1])
        return tile


def _size(tile: DrawnTile) -> int:
    return len(tile.content) + len(tile.gzipped) + 500

"""What one process of the service holds: the database, and a cache of the versions that it has loaded.

Each noun has a loader (`operations/<noun>/mapped.py`) that names its kind and version. The cache is limited in memory;
a version that it drops is freed when its last reader drops it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gridsvc.access.scopes import OPERATOR
from gridsvc.operations.runtime.version_cache import ABSENT, VersionCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from gridsvc.access.scopes import Caller
    from gridsvc.db.session.connection import Database

T = TypeVar("T")

CACHE_BYTES = 128 << 20
_DISTRICTS_REMEMBERED = 32

_log = logging.getLogger("gridsvc.service")


@dataclass(frozen=True, slots=True)
class OutsideGeocoder:
    """The geocoder of another host: its https address, format (`tianditu`, `nominatim`), key and time limit."""

    url: str = field(repr=False)
    format: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Service:
    """The database, the data folder and the cache of immutable versions, for one caller.

    Parameters
    ----------
    caller
        Who makes the request: its scope applies to every transaction of `database`, and operations check its rights.
    owner_url
        Returns the URL of the database as the schema's owner, for backups; None where this process must not know it.
    anchor_url
        Where anchors of the evidence are sent each day; None: nowhere.
    dask
        Address of the Dask scheduler on whose workers heavy jobs run; None: they run in the process of the job.
    backups
        The folder of the daily backups, None = `backups` in the data folder.
    geocoder
        Asked for addresses that the gazetteer does not know well enough; None: nobody outside is asked.

    Notes
    -----
    The cache is shared by all callers and threads. So what goes into it is read for the whole district, and is
    immutable: `cached("network", (district, digest), load)` loads a version once in a process.
    """

    database: Database
    folder: Path
    caller: Caller = OPERATOR
    owner_url: Callable[[], str] | None = field(default=None, repr=False)
    backups: Path | None = None
    dask: str | None = None
    anchor_url: str | None = field(default=None, repr=False)
    geocoder: OutsideGeocoder | None = None
    cache: VersionCache = field(default_factory=lambda: VersionCache(CACHE_BYTES), repr=False)
    _memory: dict[str, OrderedDict[str, tuple[float, object]]] = field(default_factory=dict, repr=False)
    _preparing: set[tuple[str, Hashable]] = field(default_factory=set, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def seen_by(self, caller: Caller) -> Service:
        """Return the same service for another caller."""
        return replace(self, database=self.database.seen_by(caller.scope), caller=caller)

    def cached(self, kind: str, version: Hashable, load: Callable[[], T]) -> T:
        """Return a version of a kind; the first use loads it, and other threads wait for it."""
        found = self.cache.get(kind, version)
        if found is ABSENT:
            with self._lock:
                found = self.cache.get(kind, version)
                if found is ABSENT:
                    found = load()
                    self.cache.put(kind, version, found)
        return cast("T", found)

    def prepared(self, kind: str, version: Hashable, load: Callable[[], T]) -> T | None:
        """Return a version of a kind if it is cached; else start to load it in a thread and return None.

        For values that take long to load and that an answer can do without.
        """
        if (found := self.cache.get(kind, version)) is not ABSENT:
            return cast("T", found)
        with self._lock:
            if (kind, version) in self._preparing:
                return None
            self._preparing.add((kind, version))
        # A version that failed stays in `_preparing`: it would fail again.
        threading.Thread(target=self._prepare, args=(kind, version, load), name=f"prepare {kind}", daemon=True).start()
        return None

    def _prepare(self, kind: str, version: Hashable, load: Callable[[], object]) -> None:
        try:
            value = load()
        except Exception:  # noqa: BLE001 - answers are made without it
            _log.exception("%s cannot be prepared", kind)
            return
        with self._lock:
            self.cache.put(kind, version, value)
            self._preparing.discard((kind, version))

    def remember(self, kind: str, district: str, value: object) -> None:
        """Keep the present state, to answer from while the database is unavailable (R22); of the latest districts."""
        with self._lock:
            known = self._memory.setdefault(kind, OrderedDict())
            known[district] = (time.monotonic(), value)
            known.move_to_end(district)
            while len(known) > _DISTRICTS_REMEMBERED:
                known.popitem(last=False)

    def recall(self, kind: str) -> dict[str, tuple[float, Any]]:
        """Return {district: (age in seconds, value)} of what `remember` kept, in the order of the codes."""
        now = time.monotonic()
        with self._lock:
            known = sorted(self._memory.get(kind, {}).items())
        return {code: (now - at, value) for code, (at, value) in known}

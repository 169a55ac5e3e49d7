"""What one process of the service holds: the database, and a cache of the versions that it has loaded.

Each noun has a loader (`operations/<noun>/mapped.py`) that names its kind and version. The cache keeps the newest few
versions of each kind; an older version is freed when its last reader drops it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from gridsvc.access.scopes import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from gridsvc.access.scopes import Caller
    from gridsvc.db.session.connection import Database

T = TypeVar("T")

_KEPT_PER_KIND = 8
_ABSENT = object()

_log = logging.getLogger("gridsvc.service")


@dataclass(frozen=True, slots=True)
class Service:
    """The database, the data folder and the cache of immutable versions, for one caller.

    Parameters
    ----------
    caller
        Who makes the request: its scope applies to every transaction of `database`, and operations check its rights.
    owner_url
        Returns the URL of the database as the schema's owner, for backups; None where this process must not know it.

    Notes
    -----
    The cache is shared by all callers and threads. So what goes into it is read for the whole district, and is
    immutable: `cached("network", (district, digest), load)` loads a version once in a process.
    """

    database: Database
    folder: Path
    caller: Caller = OPERATOR
    owner_url: Callable[[], str] | None = field(default=None, repr=False)
    _memory: dict[tuple[str, str], tuple[float, object]] = field(default_factory=dict, repr=False)
    _cache: dict[str, OrderedDict[Hashable, Any]] = field(default_factory=dict, repr=False)
    _preparing: set[tuple[str, Hashable]] = field(default_factory=set, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def seen_by(self, caller: Caller) -> Service:
        """Return the same service for another caller."""
        return replace(self, database=self.database.seen_by(caller.scope), caller=caller)

    def cached(self, kind: str, version: Hashable, load: Callable[[], T]) -> T:
        """Return a version of a kind; the first use loads it, and other threads wait for it."""
        known = self._cache.get(kind)
        value: T
        if known is not None and (value := known.get(version, _ABSENT)) is not _ABSENT:
            return value
        with self._lock:
            known = self._cache.setdefault(kind, OrderedDict())
            if version not in known:
                self._keep(kind, version, load())
            value = known[version]
        return value

    def prepared(self, kind: str, version: Hashable, load: Callable[[], T]) -> T | None:
        """Return a version of a kind if it is cached; else start to load it in a thread and return None.

        For values that take long to load and that an answer can do without.
        """
        known = self._cache.get(kind)
        value: T
        if known is not None and (value := known.get(version, _ABSENT)) is not _ABSENT:
            return value
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
            self._keep(kind, version, value)
            self._preparing.discard((kind, version))

    def _keep(self, kind: str, version: Hashable, value: object) -> None:
        known = self._cache.setdefault(kind, OrderedDict())
        known[version] = value
        while len(known) > _KEPT_PER_KIND:
            known.popitem(last=False)

    def remember(self, kind: str, district: str, value: object) -> None:
        """Keep the present state, to answer from while the database is unavailable (R22)."""
        self._memory[kind, district] = (time.monotonic(), value)

    def recall(self, kind: str) -> dict[str, tuple[float, Any]]:
        """Return {district: (age in seconds, value)} of what `remember` kept, in the order of the codes."""
        now = time.monotonic()
        return {code: (now - at, value) for (known, code), (at, value) in sorted(self._memory.items()) if known == kind}

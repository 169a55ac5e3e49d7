"""What one process of the service holds: the database and, by version, what it has mapped of the districts.

Each noun supplies a loader (`kind`, what to load from which digest or number); the cache keeps the newest few
versions of each kind, so that a replaced one lives until its last reader lets go.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from gridsvc.db.connection import Database

T = TypeVar("T")

_KEPT_PER_KIND = 8
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Service:
    """The database, the data folder and the cache of immutable versions.

    `cached("network", (district, digest), load)` loads a version once per process, also when many threads ask at
    the same time; what it returns must be immutable, for everyone shares it.
    """

    database: Database
    folder: Path
    _cache: dict[str, OrderedDict[Hashable, object]] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def cached(self, kind: str, version: Hashable, load: Callable[[], T]) -> T:
        """Return the value of one version of one kind, loading it at its first use."""
        known = self._cache.get(kind)
        if known is not None and (value := known.get(version, _ABSENT)) is not _ABSENT:
            return value  # type: ignore[return-value]
        with self._lock:
            known = self._cache.setdefault(kind, OrderedDict())
            if version not in known:
                known[version] = load()
                while len(known) > _KEPT_PER_KIND:
                    known.popitem(last=False)
            return known[version]  # type: ignore[return-value]

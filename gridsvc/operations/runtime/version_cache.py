"""Immutable versions in memory: the least recently used are dropped above a number of bytes."""

from __future__ import annotations

import gc
import sys
import threading
from collections import OrderedDict
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

ABSENT = object()
"""What `get` returns for a version that is not there."""

ALWAYS_KEPT = 24
"""The newest are never dropped: one answer uses about ten at once, and none of these may be loaded twice for it."""

_NOT_WALKED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


class VersionCache:
    """Values by kind and version.

    Parameters
    ----------
    most_bytes
        Of private memory, as measured when a value comes in: what a mapped file holds, and what another value of the
        cache holds, is not counted. A value of very many objects says its size itself, in `cache_bytes`: to walk over
        them takes longer than to load them.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.used_bytes = 0
        self._values: OrderedDict[tuple[str, Hashable], tuple[object, int]] = OrderedDict()
        self._ids: set[int] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, kind: str, version: Hashable) -> object:
        """Return a value; ABSENT where it is not there."""
        key = (kind, version)
        found = self._values.get(key)
        if found is None:
            return ABSENT
        with suppress(KeyError):  # another thread dropped it a moment ago
            self._values.move_to_end(key)
        return found[0]

    def put(self, kind: str, version: Hashable, value: object) -> None:
        """Keep a value, and drop those that were not used for the longest time."""
        size = getattr(value, "cache_bytes", None) or private_bytes(value, self._ids)
        with self._lock:
            self._drop((kind, version))
            self._values[kind, version] = (value, size)
            self._ids.add(id(value))
            self.used_bytes += size
            while self.used_bytes > self.most_bytes and len(self._values) > ALWAYS_KEPT:
                self._drop(next(iter(self._values)))

    def forget(self, kind: str) -> None:
        """Drop all values of a kind."""
        with self._lock:
            for key in [key for key in self._values if key[0] == kind]:
                self._drop(key)

    def _drop(self, key: tuple[str, Hashable]) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._ids.discard(id(found[0]))
            self.used_bytes -= found[1]


def private_bytes(value: object, elsewhere: set[int] | frozenset[int] = frozenset()) -> int:
    """Return the bytes of a value and of all that it refers to, but for objects with an id in `elsewhere`."""
    seen: set[int] = set()
    stack, total = [value], 0
    while stack:
        each = stack.pop()
        if id(each) in seen or (id(each) in elsewhere and each is not value) or isinstance(each, _NOT_WALKED):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        stack += gc.get_referents(each)
    return total

"""Token buckets in memory that all HTTP processes of a service share, so that n processes do not allow n times a rate.

The memory is made before the processes are forked, and a process that is forked again has it, too. It is a table of
sets of four entries, like the cache of a processor: a name's digest chooses the set, and the entry that was used the
longest ago makes way. A lock of the set's byte is held for a microsecond, and is free when its process is killed.

::

    header   8 bytes: number of services, 8 bytes: monotonic time when they were counted
    entry    8 bytes: digest of the name, 8 bytes: tokens left, 8 bytes: monotonic time of that
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import struct
import tempfile
import threading
import weakref
from hashlib import blake2b
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = struct.Struct("=dd")
_ENTRY = struct.Struct("=8sdd")
_SET = struct.Struct("=8sdd8sdd8sdd8sdd")
_SETS = 1 << 14
_SET_BYTES = _SET.size
_START = 64
COUNTED_EVERY_S = 5.0


class RateTable:
    """Shared by the process that makes it and all processes that are forked from it. Safe for threads."""

    def __init__(self) -> None:
        # A process can lock bytes of a file, not of bare memory.
        self._file = _open_nameless()
        self._file.truncate(_START + _SETS * _SET_BYTES)
        self._number = self._file.fileno()
        self._memory = mmap.mmap(self._number, 0)
        weakref.finalize(self, self._file.close)
        self._secret = secrets.token_bytes(32)  # nobody can choose names that push another one out
        self._threads = threading.Lock()

    def update(self, name: str, change: Callable[[tuple[float, float] | None], tuple[float, float]]) -> None:
        """Replace the (tokens left, time) of a name by what `change` makes of them; None where it has none."""
        digest = blake2b(name.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).digest()
        first = _START + int.from_bytes(digest[:4], "little") % _SETS * _SET_BYTES
        tag = digest[8:]
        memory = self._memory
        self._lock(first)
        try:
            # A set is read at once: this is done for every request.
            known = _SET.unpack_from(memory, first)
            if tag in known:
                place = known.index(tag)
                _ENTRY.pack_into(memory, first + 8 * place, tag, *change((known[place + 1], known[place + 2])))
            else:
                times = known[2::3]
                place = 3 * times.index(min(times))
                _ENTRY.pack_into(memory, first + 8 * place, tag, *change(None))
        finally:
            self._unlock(first)

    @property
    def services(self) -> int:
        """How many services share the rates; 1 until they were counted."""
        return max(1, int(_HEADER.unpack_from(self._memory, 0)[0]))

    def count_services(self, now: float, count: Callable[[], int]) -> None:
        """Count the services, unless a process of this one has done that within COUNTED_EVERY_S."""
        self._lock(0)
        try:
            known, at = _HEADER.unpack_from(self._memory, 0)
            if at and now - at < COUNTED_EVERY_S:
                return
            _HEADER.pack_into(self._memory, 0, known, now)  # the others need not count
        finally:
            self._unlock(0)
        number = count()
        _HEADER.pack_into(self._memory, 0, float(number), now)

    def _lock(self, byte: int) -> None:
        """Take the lock of a byte, against the other processes and the other threads of this one."""
        self._threads.acquire()
        fcntl.lockf(self._number, fcntl.LOCK_EX, 1, byte)

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self._number, fcntl.LOCK_UN, 1, byte)
        self._threads.release()


def _open_nameless() -> IO[bytes]:
    """Return a file without a name: in memory on Linux, so that a full disk does not matter."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("gridsvc rates"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)

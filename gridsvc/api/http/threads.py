"""Threads for one kind of work: at most so many at once, whatever else a process does."""

from __future__ import annotations

import anyio
from anyio.lowlevel import RunVar


class Threads:
    """A limit of threads for each event loop: a limiter wakes only those who wait in its own loop.

    A process that answers HTTP has one loop; a test client makes one for each request.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar("limiter")

    @property
    def limiter(self) -> anyio.CapacityLimiter:
        """The limiter of the running event loop, for `anyio.to_thread.run_sync`."""
        try:
            return self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._most)
            self._limiter.set(limiter)
            return limiter

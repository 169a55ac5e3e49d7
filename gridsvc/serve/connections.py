"""How many connections each HTTP process of a service has, and which of them takes a new one."""

from __future__ import annotations

import mmap
import struct

_COUNT = struct.Struct("=i")
_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.05


class ConnectionCounts:
    """How many connections each HTTP process of a service has, in memory that all share. Numbers start at 1."""

    def __init__(self, processes: int) -> None:
        self._memory = mmap.mmap(-1, _COUNT.size * processes)
        self._processes = processes

    def set(self, number: int, connections: int) -> None:
        """Say how many connections a process has."""
        _COUNT.pack_into(self._memory, _COUNT.size * (number - 1), connections)

    def wait_s(self, number: int) -> float:
        """Return how long a process leaves a new connection to those with fewer; 0 for one with the fewest.

        A process with fewer takes it at once, unless it hangs; so nobody waits longer than a twentieth of a second.
        """
        counts = [_COUNT.unpack_from(self._memory, _COUNT.size * place)[0] for place in range(self._processes)]
        return float(min(_WAIT_S * (counts[number - 1] - min(counts)), _LONGEST_WAIT_S))

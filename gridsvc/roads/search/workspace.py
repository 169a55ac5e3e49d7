"""Memory that searches write to: one set a thread and network size, kept from query to query."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.search.weights import BUCKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 3
"""Networks of different sizes whose workspaces a thread keeps."""

LAST_STAMP = 2**31 - 2


@dataclass(slots=True, eq=False)
class Workspace:
    """See `search_kernel` for the arrays; `stamp` is the number of the last search."""

    state: NDArray[np.int32]
    wheel: NDArray[np.int32]
    target_of: NDArray[np.int32]
    stamp: int = 0

    def next_stamp(self) -> int:
        """Return the number of a new search."""
        if self.stamp >= LAST_STAMP:
            self.state[:, 1] = 0
            self.stamp = 0
        self.stamp += 1
        return self.stamp


_of_thread = threading.local()


def workspace(nodes: int) -> Workspace:
    """Return this thread's workspace for a network of so many nodes."""
    known: dict[int, Workspace] = _of_thread.__dict__.setdefault("by_nodes", {})
    found = known.get(nodes)
    if found is None:
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        state = np.zeros((nodes, 4), np.int32)
        state[:, 3] = -2
        found = Workspace(state, np.full(BUCKETS, -1, np.int32), np.full(nodes, -1, np.int32))
        known[nodes] = found
    return found

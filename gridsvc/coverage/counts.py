"""Who is covered by how many free teams, kept up to date team by team; the loss of each dispatch; move-ups (R8, R12).

Beside the count of free teams, a column keeps the sum of their numbers: where the count is 1 the sum is the team, so
that the loss of every team is one pass over the columns, however many teams there are.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


class FreeCover:
    """Columns and the teams that are free, safe for any number of threads.

    Parameters
    ----------
    columns
        For each team the numbers of the columns that it covers from its station.
    weight
        (columns,).
    """

    def __init__(self, columns: Sequence[NDArray[np.intp]], weight: Floats) -> None:
        self.weight = weight
        self.total = float(weight.sum())
        self._columns = columns
        self._free = np.zeros(len(columns), bool)
        self._count = np.zeros(len(weight), np.int32)
        self._sum = np.zeros(len(weight), np.int64)
        self._lock = threading.Lock()

    def counts(self, free: Flags) -> NDArray[np.int32]:
        """Return how many free teams cover each column, (columns,); `free`: (teams,)."""
        with self._lock:
            self._update(free)
            return self._count.copy()

    def losses(self, free: Flags) -> Floats:
        """Return the weight that would be covered by nobody if a team left, (teams,); 0 for teams that are not free."""
        with self._lock:
            self._update(free)
            alone = np.flatnonzero(self._count == 1)
            return np.bincount(self._sum[alone], self.weight[alone], minlength=len(free)).astype(np.float64)

    def _update(self, free: Flags) -> None:
        for team in np.flatnonzero(free != self._free).tolist():
            columns, sign = self._columns[team], 1 if free[team] else -1
            self._count[columns] += sign
            self._sum[columns] += sign * team
        self._free = free.copy()

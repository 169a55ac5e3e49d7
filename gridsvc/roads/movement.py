"""Which positions of a team were reported on the move: those that say something about roads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import LocalMetres

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_MPS = 3.0
"""Slower is on foot, which needs no road."""
FASTEST_MPS = 60.0
"""Faster is no vehicle but an error."""
WINDOW_S = (60.0, 600.0)
"""Speed is measured against a position so long ago: over less, errors of the device look like speed."""
WORST_ACCURACY_M = 50.0


def find_moving(
    at_s: NDArray[np.float64], lon: NDArray[np.float64], lat: NDArray[np.float64], accuracy_m: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which positions (n,) are of a moving vehicle.

    Parameters
    ----------
    at_s
        Seconds since any moment, ascending.
    lon, lat
        Degrees.
    accuracy_m
        As the device says; NaN = unknown. A worse one than WORST_ACCURACY_M is left out.
    """
    if not len(at_s):
        return np.zeros(0, bool)
    before = np.searchsorted(at_s, at_s - WINDOW_S[0], side="right") - 1
    x, y = LocalMetres(float(lon[0]), float(lat[0])).to_metres(lon, lat)
    since_s = at_s - at_s[before]
    known = (before >= 0) & (since_s <= WINDOW_S[1])
    metres = np.hypot(x - x[before], y - y[before])
    speed = np.divide(metres, since_s, out=np.zeros(len(at_s)), where=known & (since_s > 0))
    exact = ~(accuracy_m > WORST_ACCURACY_M)
    moving: NDArray[np.bool_] = known & (speed >= LEAST_MPS) & (speed <= FASTEST_MPS) & exact
    return moving

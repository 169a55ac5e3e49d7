"""Metres of a degree, for compiled code."""

from __future__ import annotations

import math

from numba import njit


@njit(nogil=True, inline="always")
def metres_per_degree_at(lat):
    """Return metres of one degree eastward and northward at a latitude, on the ellipsoid WGS-84."""
    sine = math.sin(math.radians(lat))
    root = math.sqrt(1.0 - 0.00669437999014 * sine * sine)
    east = math.radians(1.0) * 6378137.0 / root * math.cos(math.radians(lat))
    north = math.radians(1.0) * 6378137.0 * (1.0 - 0.00669437999014) / (root * root * root)
    return east, north

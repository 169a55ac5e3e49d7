"""The compiled part of many stations together: who is first at a corner, how late each is, over tiles in one row."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.isochrones.kernels.arguments import (
    arrivals_type,
    corner_times_type,
    joint_tiles_type,
    station_type,
)
from gridsvc.numba_types import borrowed, i4, i4_2d, void

FARTHEST_MS = 2**31 - 1
LATEST_MS = 2**30


@njit(void(station_type, corner_times_type, joint_tiles_type, i4_2d, arrivals_type), cache=True, nogil=True)
def rank(station, corners, joint, ranked, arrivals):
    """Count one station.

    ranked (k, corners): the least lateness (time less budget) at each corner of the joint tiles, the second least and
    so on.
    """
    corners, joint, arrivals = borrowed(corners), borrowed(joint), borrowed(arrivals)
    number, first, time = corners.tiles, corners.first, corners.time
    best, second, owner = arrivals
    for i in range(len(number)):
        base = joint.first[joint.place[number[i]]] - first[i]
        for c in range(first[i], first[i + 1]):
            if time[c] == FARTHEST_MS:
                continue
            late = np.int32(max(time[c] - station.budget_ms, -LATEST_MS))
            at = base + c
            arrival = np.int32(time[c] + station.delay_ms)
            if late <= 0 and arrival < best[at]:
                second[at], best[at], owner[at] = best[at], arrival, station.number
            elif late <= 0 and arrival < second[at]:
                second[at] = arrival
            for k in range(len(ranked)):
                if late < ranked[k, at]:
                    late, ranked[k, at] = ranked[k, at], late


@njit(i4(station_type, corner_times_type, joint_tiles_type, arrivals_type), cache=True, nogil=True)
def behind(station, corners, joint, arrivals):
    """How far each corner of a station's tiles is from being in time and first there; up to 0: it is.

    Between two corners the border is where both stations would arrive together, so that neighbours share it.
    """
    corners, joint, arrivals = borrowed(corners), borrowed(joint), borrowed(arrivals)
    number, first, time = corners.tiles, corners.first, corners.time
    best, second, owner = arrivals
    result = np.full(len(time), FARTHEST_MS, np.int32)
    for i in range(len(number)):
        base = joint.first[joint.place[number[i]]] - first[i]
        for c in range(first[i], first[i + 1]):
            if time[c] < FARTHEST_MS:
                at = base + c
                # a tie that is won counts as won
                won = owner[at] == station.number
                lost = min(best[at] - second[at], 0) if won else max(time[c] + station.delay_ms - best[at], 1)
                result[c] = max(time[c] - station.budget_ms, lost)
    return result

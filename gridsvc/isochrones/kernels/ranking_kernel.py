"""The compiled part of many stations together: who is first at a corner, how late each is, over tiles in one row."""

# ruff: noqa: ANN001, ANN201  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.roads.kernels.signatures import i4, i4_2d, int64, read_i4, read_i8, void

FARTHEST_MS = 2**31 - 1
LATEST_MS = 2**30


@njit(
    void(int64, int64, int64, read_i4, read_i8, read_i4, read_i4, read_i8, i4_2d, i4, i4, i4),
    cache=True,
    nogil=True,
)  # fmt: skip
def rank(station, budget, delay, number, first, time, place, joint_first, ranked, best, second, owner):
    """Count in one station.

    Parameters
    ----------
    budget, delay
        Milliseconds that it may drive, and those until it begins to.
    number, first, time
        Its tiles and the milliseconds of their corners, as `corner_times` gives them.
    place, joint_first
        Which of the joint tiles each tile of the lattice is, and where the corners of those begin.
    ranked
        (k, corners) the least lateness (time less budget) at each corner, the second least and so on.
    best, second, owner
        (corners,) the earliest arrival within a budget, the next one, and whose the earliest is: of two that arrive
        together the one counted in first.
    """
    for i in range(len(number)):
        base = joint_first[place[number[i]]] - first[i]
        for c in range(first[i], first[i + 1]):
            if time[c] == FARTHEST_MS:
                continue
            late = np.int32(max(time[c] - budget, -LATEST_MS))
            at = base + c
            arrival = np.int32(time[c] + delay)
            if late <= 0 and arrival < best[at]:
                second[at], best[at], owner[at] = best[at], arrival, station
            elif late <= 0 and arrival < second[at]:
                second[at] = arrival
            for k in range(len(ranked)):
                if late < ranked[k, at]:
                    late, ranked[k, at] = ranked[k, at], late


@njit(
    i4(int64, int64, int64, read_i4, read_i8, read_i4, read_i4, read_i8, read_i4, read_i4, read_i4),
    cache=True,
    nogil=True,
)  # fmt: skip
def behind(station, budget, delay, number, first, time, place, joint_first, best, second, owner):
    """How far each corner of a station's tiles is from being in time and first there; up to 0: it is.

    Between two corners the border lies where both stations would arrive together, so that neighbours share it.
    """
    told = np.full(len(time), FARTHEST_MS, np.int32)
    for i in range(len(number)):
        base = joint_first[place[number[i]]] - first[i]
        for c in range(first[i], first[i + 1]):
            if time[c] < FARTHEST_MS:
                at = base + c
                # a tie that is won counts as won
                lost = min(best[at] - second[at], 0) if owner[at] == station else max(time[c] + delay - best[at], 1)
                told[c] = max(time[c] - budget, lost)
    return told

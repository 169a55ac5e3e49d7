"""The compiled sorting of rings: which hole belongs to which outer ring."""

# mypy: disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import i8, read_f8, read_i8


@njit(nogil=True)
def _encloses(x, y, a, b, px, py):
    """Say whether ring a..b goes round a point (crossings of a ray)."""
    odd = False
    j = b - 1
    for i in range(a, b):
        if (y[i] > py) != (y[j] > py) and px < (x[j] - x[i]) * (py - y[i]) / (y[j] - y[i]) + x[i]:
            odd = not odd
        j = i
    return odd


@njit(nogil=True)
def _owners_of_rings(x, y, first):
    """Say of each ring which outer ring it belongs to: itself, or for a hole the smallest outer one round it."""
    n = len(first) - 1
    area = np.zeros(n)
    box = np.empty((n, 4))
    for r in range(n):
        a, b = first[r], first[r + 1]
        box[r, 0], box[r, 1], box[r, 2], box[r, 3] = x[a], y[a], x[a], y[a]
        for i in range(a, b):
            j = i + 1 if i + 1 < b else a
            # about the first point, to lose no digits
            area[r] += (x[i] - x[a]) * (y[j] - y[a]) - (x[j] - x[a]) * (y[i] - y[a])
            box[r, 0], box[r, 1] = min(box[r, 0], x[i]), min(box[r, 1], y[i])
            box[r, 2], box[r, 3] = max(box[r, 2], x[i]), max(box[r, 3], y[i])
    owner = np.arange(n)
    outer = np.flatnonzero(area > 0.0)
    outer = outer[np.argsort(area[outer])]
    for hole in range(n):
        if area[hole] > 0.0:
            continue
        px, py = x[first[hole]], y[first[hole]]
        last = -1
        for r in outer:
            if px < box[r, 0] or py < box[r, 1] or px > box[r, 2] or py > box[r, 3]:
                continue
            # the smallest ring round it; the last possible one is taken without a test, since there is one
            if last >= 0 and _encloses(x, y, first[last], first[last + 1], px, py):
                break
            last = int(r)
        owner[hole] = last if last >= 0 else hole
    return owner


@njit(types.Tuple((types.float64[:, ::1], i8, i8))(read_f8, read_f8, read_i8), cache=True, nogil=True)
def arranged(x, y, first):
    """Put the rings of `trace` in the order of polygons: each outer one, its holes after it, every ring closed.

    Returns the points (n, 2), where each ring begins, and at which ring each polygon begins; the ends come last.
    """
    rings = len(first) - 1
    owner = _owners_of_rings(x, y, first)
    # the outer ring of a polygon before its holes
    order = np.argsort(2 * owner + (owner != np.arange(rings)), kind="mergesort")
    points = np.empty((len(x) + rings, 2))
    ring_first = np.zeros(rings + 1, np.int64)
    polygon_first = np.empty(rings + 1, np.int64)
    polygons = 0
    at = 0
    for k in range(rings):
        r = order[k]
        if owner[r] == r:
            polygon_first[polygons] = k
            polygons += 1
        for i in range(first[r], first[r + 1]):
            points[at, 0], points[at, 1] = x[i], y[i]
            at += 1
        points[at, 0], points[at, 1] = x[first[r]], y[first[r]]
        at += 1
        ring_first[k + 1] = at
    polygon_first[polygons] = rings
    return points, ring_first, polygon_first[: polygons + 1].copy()

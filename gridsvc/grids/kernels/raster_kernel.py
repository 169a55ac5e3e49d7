"""Compiled build of an ownership index, first part: edges to cells, and a sweep for the faces at every corner.

`layout` says what the result means, `crossing_kernel` how it is read. Rounding may add an edge to
a cell, never omits one: an edge that a path does not cross changes nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.grids.kernels.arguments import borders_type, crossed_type, frame_type
from gridsvc.grids.kernels.crossing_kernel import is_crossed
from gridsvc.grids.layout import NEAR_DEG
from gridsvc.numba_types import f8_2d, i4, i8, int64, void

PAD_DEG = 4 * NEAR_DEG
"""NEAR_DEG, plus much more than the rounding error of a cell's position."""

_INTERIOR, _BORDER, _OVERLAP, _GAP, OUTSIDE = range(5)


@njit(nogil=True)
def outcome(state, count, levels, finest, outside):
    """Return the outcome where exactly the faces state[:count] (ascending) hold a place."""
    if count == 0:
        return np.int64(outside)
    owner = state[0]
    rule = _INTERIOR
    if count > 1 and levels[state[1]] == levels[owner]:
        rule = _OVERLAP
    elif levels[owner] != finest:
        rule = _GAP
    return (np.int64(owner) << 3) | rule


@njit(nogil=True)
def toggle(state, count, face):
    """Put a face into the ascending state[:count], or take it out; return the new count."""
    at = 0
    while at < count and state[at] < face:
        at += 1
    if at < count and state[at] == face:
        for i in range(at, count - 1):
            state[i] = state[i + 1]
        return count - 1
    for i in range(count, at, -1):
        state[i] = state[i - 1]
    state[at] = face
    return count + 1


@njit(nogil=True)
def with_room(array, used, need):
    """Return an array with room for `need` more elements after the first `used`."""
    if used + need <= array.size:
        return array
    larger = np.zeros(2 * array.size + need, array.dtype)
    larger[:used] = array[:used]
    return larger


@njit(void(f8_2d, frame_type, i8, i8, i4, types.boolean), cache=True, nogil=True)
def spread(edges, frame, counts, places, entries, fill):
    """Count the edges near every cell (fill false), or write their numbers to entries[places[cell]:] (fill true)."""
    west, south, cell, columns, rows = frame
    for k in range(edges.shape[0]):
        ax, ay, bx, by = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
        low, high = min(ax, bx), max(ax, bx)
        first_row = max(int(np.floor((ay - PAD_DEG - south) / cell)), 0)
        last_row = min(int(np.floor((by + PAD_DEG - south) / cell)), rows - 1)
        for row in range(first_row, last_row + 1):
            band_low = south + row * cell - PAD_DEG
            band_high = south + (row + 1) * cell + PAD_DEG
            x0, x1 = low, high
            if by > ay:
                slope = (bx - ax) / (by - ay)
                enters = ax if band_low <= ay else ax + (band_low - ay) * slope
                leaves = bx if band_high >= by else ax + (band_high - ay) * slope
                x0 = max(min(enters, leaves), low)
                x1 = min(max(enters, leaves), high)
            first = max(int(np.floor((x0 - PAD_DEG - west) / cell)), 0)
            last = min(int(np.floor((x1 + PAD_DEG - west) / cell)), columns - 1)
            for column in range(first, last + 1):
                at = row * columns + column
                if fill:
                    entries[places[at]] = k
                    places[at] += 1
                else:
                    counts[at] += 1


@njit(
    types.Tuple((i4, i8, i8, i4))(borders_type, crossed_type, frame_type, int64),
    cache=True,
    nogil=True,
)
def sweep(borders, crossed, frame, finest):
    """Sweep each row of cells from the west, outside all faces, and track the faces at the south-east corner.

    Returns
    -------
    The codes of all cells (outcomes; 0 for cells with edges), the numbers of the cells with edges, and for those as CSR
    the faces that contain the south-east corner.
    """
    edges, face_first, faces, levels = borders
    first, entries = crossed
    west, south, cell, columns, rows = frame
    outside = (levels.size << 3) | OUTSIDE
    cells = np.empty(rows * columns, np.int32)
    state = np.empty(levels.size + 1, np.int64)
    many = 0
    for at in range(rows * columns):
        many += first[at + 1] > first[at]
    mixed = np.empty(many, np.int64)
    state_first = np.zeros(many + 1, np.int64)
    states = np.empty(max(4 * many, 64), np.int32)
    seen = 0
    for row in range(rows):
        count = 0
        y = south + row * cell
        for column in range(columns):
            at = row * columns + column
            if first[at + 1] == first[at]:
                cells[at] = outcome(state, count, levels, finest, outside)
                continue
            x = west + column * cell
            corner = west + (column + 1) * cell
            for i in range(first[at], first[at + 1]):
                k = entries[i]
                if is_crossed(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], x, y, corner, y):
                    for j in range(face_first[k], face_first[k + 1]):
                        count = toggle(state, count, faces[j])
            cells[at] = 0
            mixed[seen] = at
            begin = state_first[seen]
            states = with_room(states, begin, count)
            for j in range(count):
                states[begin + j] = state[j]
            seen += 1
            state_first[seen] = begin + count
    return cells, mixed, state_first, states[: state_first[seen]].copy()

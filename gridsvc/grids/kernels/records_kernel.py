"""Compiled build of an ownership index, second part: the records of the cells with borders.

`layout` says what a record holds, `raster_kernel` finds the cells.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.grids.kernels.arguments import Cells, borders_type, cells_type
from gridsvc.grids.kernels.crossing_kernel import is_crossed, is_left
from gridsvc.grids.kernels.raster_kernel import OUTSIDE, PAD_DEG, outcome, toggle, with_room
from gridsvc.grids.layout import CORNER_BIT, FACES_PER_WORD, SPLIT
from gridsvc.numba_types import i8, int64

CORNER = 1 << CORNER_BIT


@njit(nogil=True)
def _near_cell(ax, ay, bx, by, west, south, cell):
    """Say whether an edge may be near a cell; false only where it certainly is not."""
    x0, x1 = west - PAD_DEG, west + cell + PAD_DEG
    y0, y1 = south - PAD_DEG, south + cell + PAD_DEG
    if max(ax, bx) < x0 or min(ax, bx) > x1 or by < y0 or ay > y1:
        return False
    # The edge is not near if all four corners are on one side of it, by more than the rounding error.
    dx, dy = bx - ax, by - ay
    slack = 1e-13 * (abs(dx) + abs(dy))
    sides = 0
    for x, y in ((x0, y0), (x1, y0), (x0, y1), (x1, y1)):
        det = dx * (y - ay) - dy * (x - ax)
        if abs(det) <= slack:
            return True
        sides += 1 if det > 0 else -1
    return abs(sides) < 4


@njit(nogil=True)
def _thins_out(borders, cells, c, side):
    """Say whether 4 x 4 smaller cells have clearly fewer edges each; not so where many lines coincide."""
    edges = borders.edges
    quarter = side * 0.25
    total = 0
    for child in range(16):
        w = cells.west[c] + (child % 4) * quarter
        s = cells.south[c] + (child // 4) * quarter
        for i in range(cells.first[c], cells.first[c + 1]):
            k = cells.entries[i]
            total += _near_cell(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], w, s, quarter)
    return total <= 6 * (cells.first[c + 1] - cells.first[c])


@njit(nogil=True)
def _states_of(cells, c, local):
    """Copy the faces at the corner of cell c to `local`; return their number."""
    begin = cells.state_first[c]
    size = cells.state_first[c + 1] - begin
    for j in range(size):
        local[j] = cells.states[begin + j]
    return size


@njit(nogil=True)
def _room_for_cell(smaller, waiting, more_entries, more_states):
    """Return the cells with room for one more, with so many edges and faces."""
    entries_used, states_used = smaller.first[waiting], smaller.state_first[waiting]
    return Cells(
        with_room(smaller.west, waiting, 1),
        with_room(smaller.south, waiting, 1),
        with_room(smaller.target, waiting, 1),
        with_room(smaller.first, waiting + 1, 1),
        with_room(smaller.entries, entries_used, more_entries),
        with_room(smaller.state_first, waiting + 1, 1),
        with_room(smaller.states, states_used, more_states),
    )


@njit(nogil=True)
def _enter_child(borders, cells, c, side, child, smaller, waiting, local):  # one of the 16 cells that c is cut into
    """Write the edges near a child behind those of the `smaller` cells, its faces to `local`; returns the counts."""
    edges, face_first, faces = borders.edges, borders.face_first, borders.faces
    quarter = side * 0.25
    w = cells.west[c] + (child % 4) * quarter
    s = cells.south[c] + (child // 4) * quarter
    corner_x, corner_y = cells.west[c] + side, cells.south[c]
    size = _states_of(cells, c, local)
    end = smaller.first[waiting]
    for i in range(cells.first[c], cells.first[c + 1]):
        k = cells.entries[i]
        ax, ay, bx, by = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
        if _near_cell(ax, ay, bx, by, w, s, quarter):
            smaller.entries[end] = k
            end += 1
        if is_crossed(ax, ay, bx, by, w + quarter, s, corner_x, corner_y):
            for j in range(face_first[k], face_first[k + 1]):
                size = toggle(local, size, faces[j])
    smaller.west[waiting], smaller.south[waiting] = w, s
    smaller.first[waiting + 1] = end
    return end - smaller.first[waiting], size


@njit(nogil=True)
def _faces_of_record(borders, cells, c, local):
    """Write all faces at the corner of a cell or on an edge near it to `local`, ascending; return their number."""
    face_first, faces = borders.face_first, borders.faces
    size = _states_of(cells, c, local)
    for i in range(cells.first[c], cells.first[c + 1]):
        for j in range(face_first[cells.entries[i]], face_first[cells.entries[i] + 1]):
            face = faces[j]
            at = 0
            while at < size and local[at] < face:
                at += 1
            if at == size or local[at] != face:
                size = toggle(local, size, face)
    return size


@njit(nogil=True)
def _write_record(borders, cells, c, corner, local, size, pool, used):
    """Write the record of a cell from pool[used] on: its faces, those at its corner, its edges; returns the end."""
    edges, face_first, faces, levels = borders
    corner_x, corner_y, finest = corner
    count = cells.first[c + 1] - cells.first[c]
    masks = (size + FACES_PER_WORD - 1) // FACES_PER_WORD
    of_finest = 0
    while of_finest < size and levels[local[of_finest]] == finest:
        of_finest += 1
    pool[used] = count | (size << 20) | (of_finest << 40)
    for j in range(size):
        pool[used + 1 + j // 2] |= local[j] << (32 * (j % 2))
    corner_at = used + 1 + (size + 1) // 2
    for j in range(cells.state_first[c], cells.state_first[c + 1]):
        at = np.searchsorted(local[:size], cells.states[j])
        pool[corner_at + at // FACES_PER_WORD] |= np.int64(1) << (at % FACES_PER_WORD)
    floats = pool.view(np.float64)
    for i in range(count):
        k = cells.entries[cells.first[c] + i]
        e = corner_at + masks + i * (4 + masks)
        for j in range(4):
            floats[e + j] = edges[k, j]
        for j in range(face_first[k], face_first[k + 1]):
            at = np.searchsorted(local[:size], faces[j])
            pool[e + 4 + at // FACES_PER_WORD] ^= np.int64(1) << (at % FACES_PER_WORD)
        if is_left(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], corner_x, corner_y):
            pool[e + 4] |= np.int64(CORNER)
    return corner_at + masks + count * (4 + masks)


@njit(nogil=True)
def _first_cells():
    return Cells(
        np.zeros(64),
        np.zeros(64),
        np.zeros(64, np.int64),
        np.zeros(65, np.int64),
        np.zeros(256, np.int32),
        np.zeros(65, np.int64),
        np.zeros(256, np.int32),
    )


@njit(
    types.Tuple((i8, i8, cells_type))(borders_type, cells_type, types.float64, int64, types.boolean, int64, int64),
    cache=True,
    nogil=True,
)
def emit(borders, cells, side, base, may_split, limit, finest):
    """Write the records of cells of one size; cells with more than `limit` edges are cut into 4 x 4.

    Parameters
    ----------
    side
        Side of the cells in degrees.
    base
        Number of words that the pool already has.

    Returns
    -------
    The new words; the code of each cell; and the smaller cells that remain to be written, each with the half word of
    the pool where its code belongs.
    """
    levels = borders.levels
    outside = (levels.size << 3) | OUTSIDE
    amount = cells.west.size
    pool = np.zeros(64 + 8 * cells.entries.size, np.int64)
    used = 0
    codes = np.empty(amount, np.int64)
    local = np.empty(levels.size + 1, np.int64)
    smaller = _first_cells()
    waiting = 0
    for c in range(amount):
        count = cells.first[c + 1] - cells.first[c]
        codes[c] = ~(base + used)
        if not (may_split and count > limit and _thins_out(borders, cells, c, side)):
            size = _faces_of_record(borders, cells, c, local)
            masks = (size + FACES_PER_WORD - 1) // FACES_PER_WORD
            pool = with_room(pool, used, 1 + (size + 1) // 2 + masks + count * (4 + masks))
            corner = cells.west[c] + side, cells.south[c], finest
            used = _write_record(borders, cells, c, corner, local, size, pool, used)
            continue
        pool = with_room(pool, used, 9)
        pool[used] = SPLIT
        for child in range(16):
            smaller = _room_for_cell(smaller, waiting, count, 0)
            near, size = _enter_child(borders, cells, c, side, child, smaller, waiting, local)
            if near == 0:
                pool[used + 1 + child // 2] |= outcome(local, size, levels, finest, outside) << (32 * (child % 2))
                continue
            smaller = _room_for_cell(smaller, waiting, count, size)
            begin = smaller.state_first[waiting]
            for j in range(size):
                smaller.states[begin + j] = local[j]
            smaller.target[waiting] = 2 * (base + used + 1) + child
            smaller.state_first[waiting + 1] = begin + size
            waiting += 1
        used += 9
    west, south, target, first, entries, state_first, states = smaller
    return (
        pool[:used].copy(),
        codes,
        Cells(
            west[:waiting].copy(),
            south[:waiting].copy(),
            target[:waiting].copy(),
            first[: waiting + 1].copy(),
            entries[: first[waiting]].copy(),
            state_first[: waiting + 1].copy(),
            states[: state_first[waiting]].copy(),
        ),
    )

"""Compiled build of an ownership index: edges to cells, a sweep for the faces at every corner, records.

`layout` says what the result means, `crossing` how it is read. Everything here errs on the side of one edge too many
in a cell: an edge that a path does not cross changes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gridsvc.grids.crossing import is_crossed, is_left
from gridsvc.grids.layout import CORNER_BIT, FACES_PER_WORD, NEAR_DEG, SPLIT

_PAD_DEG = 4 * NEAR_DEG  # nearness, and far more than any rounding of a cell's number
_INTERIOR, _BORDER, _OVERLAP, _GAP, _OUTSIDE = range(5)
_SPLIT = SPLIT
_CORNER = 1 << CORNER_BIT


@njit(cache=True, nogil=True)
def _outcome(state: Any, count: int, levels: Any, finest: int, outside: int) -> Any:
    """Return the outcome where exactly the faces state[:count] (ascending) hold a place."""
    if count == 0:
        return outside
    owner = state[0]
    rule = _INTERIOR
    if count > 1 and levels[state[1]] == levels[owner]:
        rule = _OVERLAP
    elif levels[owner] != finest:
        rule = _GAP
    return (np.int64(owner) << 3) | rule


@njit(cache=True, nogil=True)
def _toggle(state: Any, count: int, face: int) -> Any:
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


@njit("void(f8[:, ::1], f8, f8, f8, i8, i8, i8[::1], i8[::1], i4[::1], b1)", cache=True, nogil=True)
def spread(
    edges: Any, west: float, south: float, cell: float, columns: int, rows: int,
    counts: Any, places: Any, entries: Any, fill: bool,
) -> None:  # fmt: skip
    """Count the edges near every cell (fill false), or write their numbers from places[cell] on."""
    for k in range(edges.shape[0]):
        ax, ay, bx, by = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
        low, high = min(ax, bx), max(ax, bx)
        first_row = max(int(np.floor((ay - _PAD_DEG - south) / cell)), 0)
        last_row = min(int(np.floor((by + _PAD_DEG - south) / cell)), rows - 1)
        for row in range(first_row, last_row + 1):
            band_low = south + row * cell - _PAD_DEG
            band_high = south + (row + 1) * cell + _PAD_DEG
            x0, x1 = low, high
            if by > ay:
                slope = (bx - ax) / (by - ay)
                enters = ax if band_low <= ay else ax + (band_low - ay) * slope
                leaves = bx if band_high >= by else ax + (band_high - ay) * slope
                x0 = max(min(enters, leaves), low)
                x1 = min(max(enters, leaves), high)
            first = max(int(np.floor((x0 - _PAD_DEG - west) / cell)), 0)
            last = min(int(np.floor((x1 + _PAD_DEG - west) / cell)), columns - 1)
            for column in range(first, last + 1):
                at = row * columns + column
                if fill:
                    entries[places[at]] = k
                    places[at] += 1
                else:
                    counts[at] += 1


@njit(
    "Tuple((i4[::1], i8[::1], i8[::1], i4[::1]))"
    "(f8[:, ::1], i8[::1], i4[::1], i8[::1], i4[::1], i1[::1], f8, f8, f8, i8, i8, i8)",
    cache=True, nogil=True,
)  # fmt: skip
def sweep(
    edges: Any, face_first: Any, faces: Any, first: Any, entries: Any, levels: Any,
    west: float, south: float, cell: float, columns: int, rows: int, finest: int,
) -> Any:  # fmt: skip
    """Go through every row of cells from the west, where nothing is, keeping the faces at the south-east corner.

    Returns
    -------
    Codes of the cells (outcomes; 0 where there are borders), the numbers of the cells with borders, and as a CSR pair
    the faces at the corners of those.
    """
    outside = (levels.size << 3) | _OUTSIDE
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
                cells[at] = _outcome(state, count, levels, finest, outside)
                continue
            x = west + column * cell
            corner = west + (column + 1) * cell
            for i in range(first[at], first[at + 1]):
                k = entries[i]
                if is_crossed(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], x, y, corner, y):
                    for j in range(face_first[k], face_first[k + 1]):
                        count = _toggle(state, count, faces[j])
            cells[at] = 0
            mixed[seen] = at
            begin = state_first[seen]
            if begin + count > states.size:
                larger = np.empty(2 * states.size + count, np.int32)
                larger[:begin] = states[:begin]
                states = larger
            for j in range(count):
                states[begin + j] = state[j]
            seen += 1
            state_first[seen] = begin + count
    return cells, mixed, state_first, states[: state_first[seen]].copy()


@njit(cache=True, nogil=True)
def _near_cell(ax: float, ay: float, bx: float, by: float, west: float, south: float, cell: float) -> Any:
    """Tell whether an edge comes near a cell (it may say yes a little too often)."""
    x0, x1 = west - _PAD_DEG, west + cell + _PAD_DEG
    y0, y1 = south - _PAD_DEG, south + cell + _PAD_DEG
    if max(ax, bx) < x0 or min(ax, bx) > x1 or by < y0 or ay > y1:
        return False
    # On one side of the edge with all four corners, by more than any rounding: it passes by.
    dx, dy = bx - ax, by - ay
    slack = 1e-13 * (abs(dx) + abs(dy))
    sides = 0
    for x, y in ((x0, y0), (x1, y0), (x0, y1), (x1, y1)):
        det = dx * (y - ay) - dy * (x - ax)
        if abs(det) <= slack:
            return True
        sides += 1 if det > 0 else -1
    return abs(sides) < 4


@njit(
    "Tuple((i8[::1], i8[::1], f8[::1], f8[::1], i8[::1], i8[::1], i4[::1], i8[::1], i4[::1]))"
    "(f8[:, ::1], i8[::1], i4[::1], i1[::1], f8[::1], f8[::1], f8, i8[::1], i4[::1], i8[::1], i4[::1], "
    "i8, b1, i8, i8)",
    cache=True, nogil=True,
)  # fmt: skip
def emit(
    edges: Any, face_first: Any, faces: Any, levels: Any,
    wests: Any, souths: Any, cell: float,
    first: Any, entries: Any, state_first: Any, states: Any,
    base: int, may_split: bool, limit: int, finest: int,
) -> Any:  # fmt: skip
    """Write the records of cells of one size; cells with more than `limit` edges are cut into 4 x 4.

    Parameters
    ----------
    wests, souths, first, entries, state_first, states
        The cells: south-west corners, edges near them (CSR), faces at their south-east corners (CSR, ascending).
    base
        Words of the pool already written.

    Returns
    -------
    The new words; the code of each cell; and the smaller cells that remain to be written: wests, souths, the half word
    of the pool where the code of each belongs, first, entries, state_first, states.
    """
    outside = (levels.size << 3) | _OUTSIDE
    amount = wests.size
    pool = np.zeros(64 + 8 * entries.size, np.int64)
    used = 0
    codes = np.empty(amount, np.int64)
    local = np.empty(levels.size + 1, np.int64)
    room = 64
    next_west = np.empty(room)
    next_south = np.empty(room)
    next_target = np.empty(room, np.int64)
    next_first = np.zeros(room + 1, np.int64)
    next_state_first = np.zeros(room + 1, np.int64)
    next_entries = np.empty(256, np.int32)
    next_states = np.empty(256, np.int32)
    waiting = 0
    for c in range(amount):
        count = first[c + 1] - first[c]
        corner_x = wests[c] + cell
        corner_y = souths[c]
        split = may_split and count > limit
        if split:  # not where cutting does not thin the edges out, as for lines that lie upon each other
            quarter = cell * 0.25
            total = 0
            for child in range(16):
                w = wests[c] + (child % 4) * quarter
                s = souths[c] + (child // 4) * quarter
                for i in range(first[c], first[c + 1]):
                    k = entries[i]
                    total += _near_cell(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], w, s, quarter)
            split = total <= 6 * count
        if split:
            need = 9
            if used + need > pool.size:
                larger = np.zeros(2 * pool.size + need, np.int64)
                larger[:used] = pool[:used]
                pool = larger
            pool[used] = _SPLIT
            for child in range(16):
                w = wests[c] + (child % 4) * quarter
                s = souths[c] + (child // 4) * quarter
                begin = next_first[waiting]
                if begin + count > next_entries.size:
                    more = np.empty(2 * next_entries.size + count, np.int32)
                    more[:begin] = next_entries[:begin]
                    next_entries = more
                size = state_first[c + 1] - state_first[c]
                for j in range(size):
                    local[j] = states[state_first[c] + j]
                end = begin
                for i in range(first[c], first[c + 1]):
                    k = entries[i]
                    ax, ay, bx, by = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
                    if _near_cell(ax, ay, bx, by, w, s, quarter):
                        next_entries[end] = k
                        end += 1
                    if is_crossed(ax, ay, bx, by, w + quarter, s, corner_x, corner_y):
                        for j in range(face_first[k], face_first[k + 1]):
                            size = _toggle(local, size, faces[j])
                target = 2 * (base + used + 1) + child
                if end == begin:
                    half = _outcome(local, size, levels, finest, outside)
                    word = used + 1 + child // 2
                    if child % 2 == 0:
                        pool[word] |= half
                    else:
                        pool[word] |= half << 32
                    continue
                begin_state = next_state_first[waiting]
                if begin_state + size > next_states.size:
                    more = np.empty(2 * next_states.size + size, np.int32)
                    more[:begin_state] = next_states[:begin_state]
                    next_states = more
                for j in range(size):
                    next_states[begin_state + j] = local[j]
                if waiting == room:
                    grown = 2 * room
                    a, b, d = np.empty(grown), np.empty(grown), np.empty(grown, np.int64)
                    f, g = np.zeros(grown + 1, np.int64), np.zeros(grown + 1, np.int64)
                    a[:room], b[:room], d[:room] = next_west, next_south, next_target
                    f[: room + 1], g[: room + 1] = next_first, next_state_first
                    next_west, next_south, next_target, next_first, next_state_first = a, b, d, f, g
                    room = grown
                next_west[waiting] = w
                next_south[waiting] = s
                next_target[waiting] = target
                waiting += 1
                next_first[waiting] = end
                next_state_first[waiting] = begin_state + size
            codes[c] = ~(base + used)
            used += need
            continue
        size = state_first[c + 1] - state_first[c]
        for j in range(size):
            local[j] = states[state_first[c] + j]
        for i in range(first[c], first[c + 1]):
            for j in range(face_first[entries[i]], face_first[entries[i] + 1]):
                face = faces[j]
                at = 0
                while at < size and local[at] < face:
                    at += 1
                if at == size or local[at] != face:
                    size = _toggle(local, size, face)
        masks = (size + FACES_PER_WORD - 1) // FACES_PER_WORD
        need = 1 + (size + 1) // 2 + masks + count * (4 + masks)
        if used + need > pool.size:
            larger = np.zeros(2 * pool.size + need, np.int64)
            larger[:used] = pool[:used]
            pool = larger
        of_finest = 0
        while of_finest < size and levels[local[of_finest]] == finest:
            of_finest += 1
        pool[used] = count | (size << 20) | (of_finest << 40)
        for j in range(size):
            pool[used + 1 + j // 2] |= local[j] << (32 * (j % 2))
        corner_at = used + 1 + (size + 1) // 2
        for j in range(state_first[c], state_first[c + 1]):
            at = np.searchsorted(local[:size], states[j])
            pool[corner_at + at // FACES_PER_WORD] |= np.int64(1) << (at % FACES_PER_WORD)
        floats = pool.view(np.float64)
        for i in range(first[c], first[c + 1]):
            k = entries[i]
            e = corner_at + masks + (i - first[c]) * (4 + masks)
            for j in range(4):
                floats[e + j] = edges[k, j]
            for j in range(face_first[k], face_first[k + 1]):
                at = np.searchsorted(local[:size], faces[j])
                pool[e + 4 + at // FACES_PER_WORD] ^= np.int64(1) << (at % FACES_PER_WORD)
            if is_left(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], corner_x, corner_y):
                pool[e + 4] |= np.int64(_CORNER)
        codes[c] = ~(base + used)
        used += need
    return (
        pool[:used].copy(), codes,
        next_west[:waiting].copy(), next_south[:waiting].copy(), next_target[:waiting].copy(),
        next_first[: waiting + 1].copy(), next_entries[: next_first[waiting]].copy(),
        next_state_first[: waiting + 1].copy(), next_states[: next_state_first[waiting]].copy(),
    )  # fmt: skip

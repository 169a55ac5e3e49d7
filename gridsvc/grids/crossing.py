"""Compiled look-up in an ownership index: exact half-open crossings, one point or many.

Importing this module imports numba; nothing but `OwnershipIndex.prepare` and the build does. The same walk in plain
Python is in `point`; `layout` says what the words mean.

The side of an edge is decided in floating point where its error bound allows and else with exact expansions
(Shewchuk, Adaptive precision floating-point arithmetic and fast robust geometric predicates, 1997). Between a point
and its cell's south-east corner, whose faces are known, runs a path: east to the cell's side, then south. Every edge
that it crosses toggles the faces on its two sides. All borders count with one rule, so that faces that tile the plane
on paper tile it here, whatever the rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from gridsvc.grids.layout import CORNER_BIT, FACES_PER_WORD, NEAR_DEG, SPLIT

_ERROR_BOUND = 3.3306690738754716e-16  # (3 + 16 eps) eps, eps = 2^-53
_SPLITTER = 134217729.0  # 2^27 + 1
_NEAR2 = NEAR_DEG * NEAR_DEG
_FACE_BITS = (1 << FACES_PER_WORD) - 1
_INTERIOR, _BORDER, _OVERLAP, _GAP, _OUTSIDE = range(5)
_SPLIT = SPLIT


@intrinsic
def _pointer(_context: Any, address: Any) -> Any:
    """Turn an integer into a pointer that carray takes."""

    def make(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), make


@njit(cache=True, nogil=True)
def _exact_left(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> bool:
    """Decide the side without any rounding: the sign of a sum of six products."""
    left = (bx, -bx, -ax, -by, by, ay)
    right = (py, ay, py, px, ax, px)
    terms = np.zeros(13)
    count = 0
    for i in range(6):
        a, b = left[i], right[i]
        high = a * b
        big = _SPLITTER * a
        a_high = big - (big - a)
        a_low = a - a_high
        big = _SPLITTER * b
        b_high = big - (big - b)
        b_low = b - b_high
        low = a_low * b_low - (((high - a_high * b_high) - a_low * b_high) - a_high * b_low)
        for part in (low, high):  # grow the expansion by one exact component
            carry = part
            for j in range(count):
                total = carry + terms[j]
                virtual = total - carry
                terms[j] = (carry - (total - virtual)) + (terms[j] - virtual)
                carry = total
            terms[count] = carry
            count += 1
    for j in range(count - 1, -1, -1):
        if terms[j] != 0.0:
            return bool(terms[j] > 0.0)
    return False


@njit("b1(f8, f8, f8, f8, f8, f8)", cache=True, nogil=True, inline="never")
def is_left(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> bool:
    """Tell whether p lies strictly left of the canonical edge a-b; a point on it does not."""
    t = (bx - ax) * (py - ay)
    u = (by - ay) * (px - ax)
    det = t - u
    if abs(det) > _ERROR_BOUND * (abs(t) + abs(u)):
        return det > 0.0
    return _exact_left(ax, ay, bx, by, px, py)


@njit("b1(f8, f8, f8, f8, f8, f8, f8, f8)", cache=True, nogil=True)
def is_crossed(
    ax: float, ay: float, bx: float, by: float, px: float, py: float, corner_x: float, corner_y: float
) -> bool:
    """Tell whether the path from p east (or west) to corner_x, then along the meridian to corner_y, crosses a-b."""
    crossed = False
    spans_y = ay <= py < by
    spans_x = min(ax, bx) <= corner_x < max(ax, bx)
    if spans_y or spans_x:
        turn_left = is_left(ax, ay, bx, by, corner_x, py)
        if spans_y and is_left(ax, ay, bx, by, px, py) != turn_left:
            crossed = not crossed
        if spans_x and is_left(ax, ay, bx, by, corner_x, corner_y) != turn_left:
            crossed = not crossed
    return crossed


@njit(cache=True, nogil=True)
def _settle(
    words: Any, floats: Any, halves: Any, levels: Any, at: int, finest: int, outside: int,
    lon: float, lat: float, corner_x: float,
) -> int:  # fmt: skip
    """Return the outcome of a point in a cell with borders."""
    head = words[at]
    edges = head & 0xFFFFF
    faces = (head >> 20) & 0xFFFFF
    masks = (faces + FACES_PER_WORD - 1) // FACES_PER_WORD
    faces_at = 2 * (at + 1)
    corner_at = at + 1 + (faces + 1) // 2
    edges_at = corner_at + masks
    stride = 4 + masks
    owner = -1
    owner_level = 0
    rule = _INTERIOR
    near_bits = np.int64(0)
    for word in range(masks):
        inside = words[corner_at + word]
        near_bits = np.int64(0)
        for k in range(edges):
            e = edges_at + k * stride
            ax = floats[e]
            ay = floats[e + 1]
            bx = floats[e + 2]
            by = floats[e + 3]
            crossed = False
            turn_left = False
            spans_x = min(ax, bx) <= corner_x < max(ax, bx)
            if spans_x or (ax > corner_x and bx > corner_x):
                turn_left = is_left(ax, ay, bx, by, corner_x, lat)
            if ay - NEAR_DEG <= lat <= by + NEAR_DEG:
                dx = bx - ax
                dy = by - ay
                ex = lon - ax
                ey = lat - ay
                t = dx * ey
                u = dy * ex
                det = t - u
                if det * det <= _NEAR2 * (dx * dx + dy * dy) and (
                    min(ax, bx) - NEAR_DEG <= lon <= max(ax, bx) + NEAR_DEG
                ):
                    near_bits |= words[e + 4 + word]
                if ay <= lat < by:
                    if abs(det) > _ERROR_BOUND * (abs(t) + abs(u)):
                        left = det > 0.0
                    else:
                        left = _exact_left(ax, ay, bx, by, lon, lat)
                    crossed = left != turn_left
            if spans_x and turn_left != ((words[e + 4] >> CORNER_BIT) & 1 == 1):
                crossed = not crossed
            if crossed:
                inside ^= words[e + 4 + word]
        inside &= _FACE_BITS
        near_bits &= _FACE_BITS
        if owner < 0 and inside != 0:
            bit = 0
            while (inside >> bit) & 1 == 0:
                bit += 1
            owner = halves[faces_at + word * FACES_PER_WORD + bit]
            owner_level = levels[owner]
            inside &= inside - 1
        if owner >= 0 and inside != 0 and rule != _OVERLAP:
            bit = 0
            while (inside >> bit) & 1 == 0:
                bit += 1
            if levels[halves[faces_at + word * FACES_PER_WORD + bit]] == owner_level:
                rule = _OVERLAP
        if near_bits != 0 and rule == _INTERIOR:
            for bit in range(FACES_PER_WORD):
                if (near_bits >> bit) & 1 and (
                    owner < 0 or levels[halves[faces_at + word * FACES_PER_WORD + bit]] == owner_level
                ):
                    rule = _BORDER
    if owner < 0:
        return outside
    if rule != _OVERLAP and owner_level != finest:
        rule = _GAP
    return (owner << 3) | rule


@njit(cache=True, nogil=True)
def _descend(
    words: Any, floats: Any, halves: Any, levels: Any, code: int, finest: int, outside: int,
    lon: float, lat: float, west: float, south: float, cell: float,
) -> int:  # fmt: skip
    """Follow a cell's code to the outcome; west, south and cell are the cell's own."""
    while code < 0:
        at = ~code
        if words[at] & _SPLIT == 0:
            return _settle(words, floats, halves, levels, at, finest, outside, lon, lat, west + cell)
        cell *= 0.25
        column = min(max(int((lon - west) / cell), 0), 3)
        row = min(max(int((lat - south) / cell), 0), 3)
        west += column * cell
        south += row * cell
        code = halves[2 * (at + 1) + 4 * row + column]
    return code


@njit("i8(i8, f8, f8)", cache=True, nogil=True)
def locate_one(address: int, lon: float, lat: float) -> int:
    """Return the outcome (row << 3 | rule) of one point; `address` is that of the mapped file."""
    real = carray(_pointer(address + 64), 12, np.float64)
    whole = carray(_pointer(address + 64), 12, np.int64)
    west, south, cell, per_deg = real[0], real[1], real[2], real[3]
    columns, rows, grids, finest = whole[4], whole[5], whole[6], whole[7]
    outside = (grids << 3) | _OUTSIDE
    x = (lon - west) * per_deg
    y = (lat - south) * per_deg
    if not (x >= 0.0 and y >= 0.0 and x < columns and y < rows):
        return outside
    column = int(x)
    row = int(y)
    cells = carray(_pointer(address + whole[8]), rows * columns, np.int32)
    code = np.int64(cells[row * columns + column])
    if code >= 0:
        return code
    words = carray(_pointer(address + whole[9]), 1, np.int64)
    floats = carray(_pointer(address + whole[9]), 1, np.float64)
    halves = carray(_pointer(address + whole[9]), 1, np.int32)
    levels = carray(_pointer(address + whole[10]), 1, np.int8)
    return _descend(
        words, floats, halves, levels, code, finest, outside,
        lon, lat, west + column * cell, south + row * cell, cell,
    )  # fmt: skip


@njit("void(i8, f8[::1], f8[::1], i4[::1], u1[::1])", cache=True, nogil=True)
def locate_many(address: int, lon: Any, lat: Any, owner: Any, rule: Any) -> None:
    """Write the owner's row (number of grids where outside) and the rule of every point.

    In blocks: first all cells of a block are fetched, so that their cache misses overlap, then borders are settled.
    """
    real = carray(_pointer(address + 64), 12, np.float64)
    whole = carray(_pointer(address + 64), 12, np.int64)
    west, south, cell, per_deg = real[0], real[1], real[2], real[3]
    columns, rows, grids, finest = whole[4], whole[5], whole[6], whole[7]
    outside = (grids << 3) | _OUTSIDE
    cells = carray(_pointer(address + whole[8]), rows * columns, np.int32)
    words = carray(_pointer(address + whole[9]), 1, np.int64)
    floats = carray(_pointer(address + whole[9]), 1, np.float64)
    halves = carray(_pointer(address + whole[9]), 1, np.int32)
    levels = carray(_pointer(address + whole[10]), 1, np.int8)
    block = 256
    waiting = np.empty(block, np.int64)
    wide, high = float(columns), float(rows)
    for start in range(0, lon.size, block):
        mixed = 0
        for i in range(start, min(start + block, lon.size)):
            x = (lon[i] - west) * per_deg
            y = (lat[i] - south) * per_deg
            code = np.int64(outside)
            if x >= 0.0 and y >= 0.0 and x < wide and y < high:
                code = np.int64(cells[int(y) * columns + int(x)])
            owner[i] = code >> 3
            rule[i] = code & 7
            waiting[mixed] = i
            mixed += code < 0
        for k in range(mixed):
            i = waiting[k]
            column = int((lon[i] - west) * per_deg)
            row = int((lat[i] - south) * per_deg)
            code = _descend(
                words, floats, halves, levels, np.int64(cells[row * columns + column]), finest, outside,
                lon[i], lat[i], west + column * cell, south + row * cell, cell,
            )  # fmt: skip
            owner[i] = code >> 3
            rule[i] = code & 7

"""Compiled look-up in an ownership index: exact half-open crossings, one point or many.

Importing this module imports numba; only `OwnershipIndex.prepare` and the build do so. The same walk in plain Python
is in `point`; `layout` says what the words mean.

The side of an edge is decided in floating point where its error bound allows and else with exact expansions
(Shewchuk, Adaptive precision floating-point arithmetic and fast robust geometric predicates, 1997). Between a point
and its cell's south-east corner, whose faces are known, runs a path: east to the cell's side, then south. Every edge
that it crosses toggles the faces on its two sides. All borders count with one rule, so that faces that tile the plane
on paper tile it here, whatever the rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from gridsvc.grids.layout import CORNER_BIT, FACES_PER_WORD, NEAR_DEG, RIM, SPLIT
from gridsvc.numba_types import float64, i4, int64

_ERROR_BOUND = 3.3306690738754716e-16  # (3 + 16 eps) eps, eps = 2^-53
_SPLITTER = 134217729.0  # 2^27 + 1
_NEAR2 = NEAR_DEG * NEAR_DEG
_FACE_BITS = (1 << FACES_PER_WORD) - 1
_INTERIOR, _BORDER, _OVERLAP, _GAP, _OUTSIDE = range(5)
_SPLIT, _RIM = SPLIT, RIM
_ANY_LEVEL = -1


class Index(NamedTuple):
    """Numbers and addresses of a mapped index: outcome of a point outside, finest level, cells, records, levels."""

    outside: int
    finest: int
    cells_at: int
    pool_at: int
    levels_at: int


def _loader(result, bits):
    """Make an intrinsic that reads one number at an address; bits None: a float64."""

    def load(_context, address):
        def make(_target, builder, _signature, arguments):
            kind = ir.DoubleType() if bits is None else ir.IntType(bits)
            value = builder.load(builder.inttoptr(arguments[0], kind.as_pointer()))
            return value if bits in {None, 64} else builder.sext(value, ir.IntType(64))

        return result(address), make

    return intrinsic(load)


_float = _loader(types.float64, None)
_word = _loader(types.int64, 64)
_half = _loader(types.int64, 32)
_byte = _loader(types.int64, 8)


def _typed_lowest_bit(_context, word):
    """Return the number of the lowest bit set; the word is not zero."""

    def make(_target, builder, _signature, arguments):
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.int64(word), make


def _typed_fetch(_context, address):
    """Prefetch the cache line at an address."""

    def make(target, builder, _signature, arguments):
        byte, int32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, int32, int32, int32])
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, kind, "llvm.prefetch.p0i8")
        where = builder.inttoptr(arguments[0], byte)
        builder.call(function, [where, int32(0), int32(3), int32(1)])
        return target.get_dummy_value()

    return types.void(address), make


_lowest_bit: Any = intrinsic(_typed_lowest_bit)
_fetch: Any = intrinsic(_typed_fetch)


@njit(nogil=True)
def _exact_left(ax, ay, bx, by, px, py):
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


@njit(types.boolean(float64, float64, float64, float64, float64, float64), cache=True, nogil=True, inline="never")
def is_left(ax, ay, bx, by, px, py):
    """Say whether p is strictly left of the canonical edge a-b; a point on it does not."""
    t = (bx - ax) * (py - ay)
    u = (by - ay) * (px - ax)
    det = t - u
    if abs(det) > _ERROR_BOUND * (abs(t) + abs(u)):
        return det > 0.0
    return _exact_left(ax, ay, bx, by, px, py)


@njit(types.boolean(float64, float64, float64, float64, float64, float64, float64, float64), cache=True, nogil=True)
def is_crossed(ax, ay, bx, by, px, py, corner_x, corner_y):
    """Say whether the path from p east (or west) to corner_x, then along the meridian to corner_y, crosses a-b."""
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


@njit(nogil=True)
def _outcome_of_faces(at, index, inside, near, of_finest):
    """Return the outcome from the faces that hold a point and those whose borders are near, as bits."""
    owners = inside & of_finest
    if owners == 0:  # no face of the finest level holds the point: its borders do not matter
        owners = inside & _FACE_BITS
        if owners == 0:
            rim = near & _FACE_BITS
            if rim == 0:
                return index.outside
            return (_half(at + 8 + 4 * _lowest_bit(rim)) << 3) | _RIM
        owner = _half(at + 8 + 4 * _lowest_bit(owners))
        rule = _GAP
        owners &= owners - 1
        if owners != 0 and _byte(index.levels_at + _half(at + 8 + 4 * _lowest_bit(owners))) == _byte(
            index.levels_at + owner
        ):
            rule = _OVERLAP
        return (owner << 3) | rule
    rule = _INTERIOR
    if owners & (owners - 1):
        rule = _OVERLAP
    elif near & of_finest:
        rule = _BORDER
    return (_half(at + 8 + 4 * _lowest_bit(owners)) << 3) | rule


@njit(nogil=True)
def _is_beside(dx, dy, x, y):
    """Say whether a point near the line of an edge (0, 0)-(dx, dy) is near the edge: beside it, or near an end."""
    along = dx * x + dy * y
    if along < 0.0:
        return x * x + y * y <= _NEAR2
    if along > dx * dx + dy * dy:
        x, y = x - dx, y - dy
        return x * x + y * y <= _NEAR2
    return True


@njit(nogil=True)
def _settle(at, head, index, lon, lat, corner_x):
    """Return the outcome of a point in a cell with borders; `at` is the address of its record."""
    edges = head & 0xFFFFF
    faces = (head >> 20) & 0xFFFFF
    if faces > FACES_PER_WORD:
        return _settle_crowd(at, head, index, lon, lat, corner_x)
    of_finest = (np.int64(1) << ((head >> 40) & 0xFFFFF)) - 1
    e = at + 8 + 8 * ((faces + 1) >> 1)
    inside = _word(e)
    near = np.int64(0)
    e += 8
    for _ in range(edges):
        ax, ay, bx, by = _float(e), _float(e + 8), _float(e + 16), _float(e + 24)
        of_edge = _word(e + 32)
        e += 40
        dx = bx - ax
        dy = by - ay
        t = dx * (lat - ay)
        det = t - dy * (lon - ax)
        turn = t - dy * (corner_x - ax)
        left = det > 0.0
        turn_left = turn > 0.0
        spans_y = (ay <= lat) & (lat < by)
        spans_x = (min(ax, bx) <= corner_x) & (corner_x < max(ax, bx))
        tiny = _NEAR2 * (dx * dx + dy * dy)
        if det * det <= tiny:  # far wider than the error bound of `det`
            left = is_left(ax, ay, bx, by, lon, lat)
            if _is_beside(dx, dy, lon - ax, lat - ay):
                near |= of_edge
        if turn * turn <= tiny:
            turn_left = is_left(ax, ay, bx, by, corner_x, lat)
        corner_left = ((of_edge >> CORNER_BIT) & 1) != 0
        crossed = (spans_y & (left != turn_left)) ^ (spans_x & (turn_left != corner_left))
        inside ^= of_edge & -np.int64(crossed)
    return _outcome_of_faces(at, index, inside, near, of_finest)


@njit(nogil=True)
def _near_crowd(at, head, levels_at, level, lon, lat):
    """Return the first face of a level (or of any) whose border is near, in a cell of many faces; -1 none."""
    edges = head & 0xFFFFF
    faces = (head >> 20) & 0xFFFFF
    masks = (faces + FACES_PER_WORD - 1) // FACES_PER_WORD
    edges_at = at + 8 + 8 * ((faces + 1) >> 1) + 8 * masks
    first = faces
    for k in range(edges):
        e = edges_at + k * 8 * (4 + masks)
        ax, ay, bx, by = _float(e), _float(e + 8), _float(e + 16), _float(e + 24)
        dx, dy = bx - ax, by - ay
        det = dx * (lat - ay) - dy * (lon - ax)
        if det * det <= _NEAR2 * (dx * dx + dy * dy) and _is_beside(dx, dy, lon - ax, lat - ay):
            for face in range(first):
                word, bit = face // FACES_PER_WORD, face % FACES_PER_WORD
                of_level = level == _ANY_LEVEL or _byte(levels_at + _half(at + 8 + 4 * face)) == level
                if (_word(e + 32 + 8 * word) >> bit) & 1 and of_level:
                    first = face
                    break
    return -1 if first == faces else _half(at + 8 + 4 * first)


@njit(nogil=True)
def _toggled_by(e, word, lon, lat, corner_x):
    """Return the faces of one mask word that the edge at address e toggles on the path of a point."""
    ax, ay, bx, by = _float(e), _float(e + 8), _float(e + 16), _float(e + 24)
    mask = _word(e + 32 + 8 * word)
    toggled = np.int64(0)
    turn_left = is_left(ax, ay, bx, by, corner_x, lat)
    if ay <= lat < by and is_left(ax, ay, bx, by, lon, lat) != turn_left:
        toggled ^= mask
    if min(ax, bx) <= corner_x < max(ax, bx) and turn_left != (((_word(e + 32) >> CORNER_BIT) & 1) != 0):
        toggled ^= mask
    return toggled


@njit(nogil=True)
def _settle_crowd(at, head, index, lon, lat, corner_x):
    """Do as `_settle` where more than 62 faces meet in one smallest cell."""
    edges = head & 0xFFFFF
    faces = (head >> 20) & 0xFFFFF
    masks = (faces + FACES_PER_WORD - 1) // FACES_PER_WORD
    corner_at = at + 8 + 8 * ((faces + 1) >> 1)
    edges_at = corner_at + 8 * masks
    owner = -1
    owner_level = 0
    overlap = False
    for word in range(masks):
        inside = _word(corner_at + 8 * word)
        for k in range(edges):
            e = edges_at + k * 8 * (4 + masks)
            inside ^= _toggled_by(e, word, lon, lat, corner_x)
        inside &= _FACE_BITS
        while inside != 0:
            row = _half(at + 8 + 4 * (word * FACES_PER_WORD + _lowest_bit(inside)))
            inside &= inside - 1
            if owner < 0:
                owner = row
                owner_level = _byte(index.levels_at + row)
            elif _byte(index.levels_at + row) == owner_level:
                overlap = True
    if owner < 0:
        rim = _near_crowd(at, head, index.levels_at, _ANY_LEVEL, lon, lat)
        return index.outside if rim < 0 else (rim << 3) | _RIM
    if overlap:
        return (owner << 3) | _OVERLAP
    if owner_level != index.finest:
        return (owner << 3) | _GAP
    near = _near_crowd(at, head, index.levels_at, owner_level, lon, lat)
    return (owner << 3) | (_INTERIOR if near < 0 else _BORDER)


@njit(nogil=True)
def _descend(index, code, lon, lat, west, south, cell):
    """Follow a cell's negative code to the outcome; west, south and cell are the cell's own."""
    while code < 0:
        at = index.pool_at + 8 * ~code
        head = _word(at)
        if head & _SPLIT == 0:
            return _settle(at, head, index, lon, lat, west + cell)
        cell *= 0.25
        column = min(max(int((lon - west) / cell), 0), 3)
        row = min(max(int((lat - south) / cell), 0), 3)
        west += column * cell
        south += row * cell
        code = _half(at + 8 + 4 * (4 * row + column))
    return code


@njit(nogil=True)
def _read_index(address):
    """Read the index's addresses and numbers at its front."""
    front = address + 64
    return Index(
        (_word(front + 48) << 3) | _OUTSIDE,
        _word(front + 56),
        address + _word(front + 64),
        address + _word(front + 72),
        address + _word(front + 80),
    )


@njit(int64(int64, float64, float64), cache=True, nogil=True)
def locate_one(address, lon, lat):
    """Return the outcome (row << 3 | rule or RIM) of one point; `address` is that of the mapped file."""
    front = address + 64
    west, south, cell, per_deg = _float(front), _float(front + 8), _float(front + 16), _float(front + 24)
    columns, rows = _word(front + 32), _word(front + 40)
    index = _read_index(address)
    x = (lon - west) * per_deg
    y = (lat - south) * per_deg
    if not (x >= 0.0 and y >= 0.0 and x < columns and y < rows):
        return index.outside
    column = int(x)
    row = int(y)
    code = _half(index.cells_at + 4 * (row * columns + column))
    if code >= 0:
        return code
    return _descend(index, code, lon, lat, west + column * cell, south + row * cell, cell)


@njit(int64(int64, int64, int64, i4, types.uint8[::1]), cache=True, nogil=True)
def locate_many(address, lon_at, lat_at, owner, rule):
    """Write the owner's row (number of grids where outside) and the rule, or RIM, of every point.

    `lon_at`, `lat_at`: addresses of as many float64 degrees, which may be read-only. Returns how many of the points
    are no degrees.

    In blocks: first all cells of a block are read and the records of those with borders are prefetched, so that the
    waits for memory overlap; then the borders are settled.
    """
    front = address + 64
    west, south, cell, per_deg = _float(front), _float(front + 8), _float(front + 16), _float(front + 24)
    columns, rows = _word(front + 32), _word(front + 40)
    index = _read_index(address)
    block = 512
    waiting = np.empty(block, np.int64)
    codes = np.empty(block, np.int64)
    wide, high = float(columns), float(rows)
    impossible = 0
    for start in range(0, owner.size, block):
        mixed = 0
        for i in range(start, min(start + block, owner.size)):
            x = (_float(lon_at + 8 * i) - west) * per_deg
            y = (_float(lat_at + 8 * i) - south) * per_deg
            code = index.outside
            if x >= 0.0 and y >= 0.0 and x < wide and y < high:
                code = _half(index.cells_at + 4 * (int(y) * columns + int(x)))
            elif not (abs(_float(lon_at + 8 * i)) <= 180.0 and abs(_float(lat_at + 8 * i)) <= 90.0):
                impossible += 1
            owner[i] = code >> 3
            rule[i] = code & 7
            waiting[mixed] = i
            codes[mixed] = code
            mixed += code < 0
        for k in range(mixed):
            at = index.pool_at + 8 * ~codes[k]
            _fetch(at)
            _fetch(at + 64)
        for k in range(mixed):
            i = waiting[k]
            lon, lat = _float(lon_at + 8 * i), _float(lat_at + 8 * i)
            column = int((lon - west) * per_deg)
            row = int((lat - south) * per_deg)
            code = _descend(index, codes[k], lon, lat, west + column * cell, south + row * cell, cell)
            owner[i] = code >> 3
            rule[i] = code & 7
    return impossible

"""The compiled triangulation of one tile: Delaunay, point by point, with the stretches of road as sides.

Points are inserted one after another and sides are flipped until no corner lies in the circle of a triangle beside it
(Lawson 1977); then the sides that cross a stretch of road are flipped away (Sloan 1993). Which side of a line a point
lies on is decided in whole numbers, so that no rounding can fold the mesh; circles only decide about its beauty.

Arrays: `triangle` (t, 3) corners counter-clockwise; `neighbour` (t, 3) the triangle opposite each corner, -1 = none;
`fixed` (t, 3) that side is road; `at_corner` one triangle of each corner.
"""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from gridsvc.roads.kernels.signatures import f8, float64, i4_2d, i8, read_f8, read_i8

SHORTEST_M = 4.0
"""A stretch of road that crosses another on a bridge is halved down to this."""

HALVES = 16
"""Pieces that one stretch of road may be halved into: 50 m down to 4 m."""

HALF_WAY = (0.5, 0.4, 0.6)
"""Where it is halved: a point on the road that it crosses will not do."""

MOST_TURNS = 1000
"""Flips for one stretch of road; more than a few are never seen."""


@njit(nogil=True)
def _turn(x, y, a, b, c):
    """Above 0 where c lies to the left of the way from a to b; exact."""
    return (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])


@njit(nogil=True)
def _in_circle(x, y, x_m, y_m, a, b, c, d):
    """Say whether d lies clearly within the circle through a, b and c."""
    ax, ay = (x[a] - x[d]) * x_m, (y[a] - y[d]) * y_m
    bx, by = (x[b] - x[d]) * x_m, (y[b] - y[d]) * y_m
    cx, cy = (x[c] - x[d]) * x_m, (y[c] - y[d]) * y_m
    aa, bb, cc = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    value = ax * (by * cc - bb * cy) - ay * (bx * cc - bb * cx) + aa * (bx * cy - by * cx)
    return value > 1e-9 * (aa + bb + cc) ** 2


@njit(nogil=True)
def _side_to(neighbour, t, u):
    """Which side of t is shared with u."""
    if neighbour[t, 0] == u:
        return 0
    return 1 if neighbour[t, 1] == u else 2


@njit(nogil=True)
def _replace(neighbour, t, old, new):
    """Tell t that what lay beyond one of its sides has another number."""
    if t >= 0:
        neighbour[t, _side_to(neighbour, t, old)] = new


@njit(nogil=True)
def _put(triangle, neighbour, fixed, at_corner, t, a, b, c, na, nb, nc, fa, fb, fc):
    triangle[t, 0], triangle[t, 1], triangle[t, 2] = a, b, c
    neighbour[t, 0], neighbour[t, 1], neighbour[t, 2] = na, nb, nc
    fixed[t, 0], fixed[t, 1], fixed[t, 2] = fa, fb, fc
    at_corner[a] = at_corner[b] = at_corner[c] = t


@njit(nogil=True)
def _flip(triangle, neighbour, fixed, at_corner, x, y, t, k):
    """Turn side k of t within the four corners about it; afterwards corner 0 of both triangles is the old corner k.

    Returns whether that could be done: the four corners must make a convex shape.
    """
    u = neighbour[t, k]
    j = _side_to(neighbour, u, t)
    k1, k2, j1, j2 = (k + 1) % 3, (k + 2) % 3, (j + 1) % 3, (j + 2) % 3
    p, a, b, q = triangle[t, k], triangle[t, k1], triangle[t, k2], triangle[u, j]
    if _turn(x, y, p, a, q) <= 0 or _turn(x, y, p, q, b) <= 0:
        return False
    beyond_bp, beyond_pa = neighbour[t, k1], neighbour[t, k2]
    beyond_aq, beyond_qb = neighbour[u, j1], neighbour[u, j2]
    fixed_bp, fixed_pa, fixed_aq, fixed_qb = fixed[t, k1], fixed[t, k2], fixed[u, j1], fixed[u, j2]
    _replace(neighbour, beyond_bp, t, u)
    _replace(neighbour, beyond_aq, u, t)
    _put(triangle, neighbour, fixed, at_corner, t, p, a, q, beyond_aq, u, beyond_pa, fixed_aq, False, fixed_pa)
    _put(triangle, neighbour, fixed, at_corner, u, p, q, b, beyond_qb, beyond_bp, t, fixed_qb, fixed_bp, False)
    return True


@njit(nogil=True)
def _settle(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, stack, n):
    """Flip the sides on the stack (pairs of triangle and side), and those that this disturbs."""
    while n > 0:
        n -= 1
        t, k = stack[n, 0], stack[n, 1]
        u = neighbour[t, k]
        if u < 0 or fixed[t, k]:
            continue
        q = triangle[u, _side_to(neighbour, u, t)]
        if not _in_circle(x, y, x_m, y_m, triangle[t, 0], triangle[t, 1], triangle[t, 2], q):
            continue
        if _flip(triangle, neighbour, fixed, at_corner, x, y, t, k) and n + 2 < len(stack):
            stack[n, 0], stack[n, 1] = t, 0
            stack[n + 1, 0], stack[n + 1, 1] = u, 0
            n += 2


@njit(nogil=True)
def _locate(triangle, neighbour, x, y, p, begin, count):
    """Find the triangle in which corner p lies, walking towards it."""
    t = begin
    for _ in range(count):
        moved = False
        for k in range(3):
            if _turn(x, y, triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3], p) < 0:
                t = neighbour[t, k]
                moved = True
                break
        if not moved:
            return t
    # a walk among fixed sides may go in circles
    for t in range(count):
        if (
            _turn(x, y, triangle[t, 0], triangle[t, 1], p) >= 0
            and _turn(x, y, triangle[t, 1], triangle[t, 2], p) >= 0
            and _turn(x, y, triangle[t, 2], triangle[t, 0], p) >= 0
        ):
            return t
    return -1


@njit(nogil=True)
def _insert(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, p, t, count, stack):
    """Make p, which lies in t or on one of its sides, a corner. Returns the new count of triangles."""
    on = -1
    for k in range(3):
        if _turn(x, y, triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3], p) == 0:
            on = k
    k = max(on, 0)
    a, b, c = triangle[t, k], triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3]
    na, nb, nc = neighbour[t, k], neighbour[t, (k + 1) % 3], neighbour[t, (k + 2) % 3]
    fa, fb, fc = fixed[t, k], fixed[t, (k + 1) % 3], fixed[t, (k + 2) % 3]
    t1, t2 = count, count + 1
    if on < 0:
        _replace(neighbour, na, t, t1)
        _replace(neighbour, nb, t, t2)
        _put(triangle, neighbour, fixed, at_corner, t, p, a, b, nc, t1, t2, fc, False, False)
        _put(triangle, neighbour, fixed, at_corner, t1, p, b, c, na, t2, t, fa, False, False)
        _put(triangle, neighbour, fixed, at_corner, t2, p, c, a, nb, t, t1, fb, False, False)
        stack[0, 0], stack[1, 0], stack[2, 0] = t, t1, t2
        stack[:3, 1] = 0
        _settle(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, stack, 3)
        return count + 2
    # on the side b-c, beyond which lies u with the far corner d
    u = na
    _replace(neighbour, nb, t, t1)
    if u < 0:
        _put(triangle, neighbour, fixed, at_corner, t, p, a, b, nc, -1, t1, fc, fa, False)
        _put(triangle, neighbour, fixed, at_corner, t1, p, c, a, nb, t, -1, fb, False, fa)
        stack[0, 0], stack[1, 0] = t, t1
        stack[:2, 1] = 0
        _settle(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, stack, 2)
        return count + 1
    j = _side_to(neighbour, u, t)
    d = triangle[u, j]
    beyond_bd, beyond_dc = neighbour[u, (j + 1) % 3], neighbour[u, (j + 2) % 3]
    fixed_bd, fixed_dc = fixed[u, (j + 1) % 3], fixed[u, (j + 2) % 3]
    _replace(neighbour, beyond_bd, u, t2)
    _put(triangle, neighbour, fixed, at_corner, t, p, a, b, nc, t2, t1, fc, fa, False)
    _put(triangle, neighbour, fixed, at_corner, t1, p, c, a, nb, t, u, fb, False, fa)
    _put(triangle, neighbour, fixed, at_corner, u, p, d, c, beyond_dc, t1, t2, fixed_dc, fa, False)
    _put(triangle, neighbour, fixed, at_corner, t2, p, b, d, beyond_bd, u, t, fixed_bd, False, fa)
    stack[0, 0], stack[1, 0], stack[2, 0], stack[3, 0] = t, t1, u, t2
    stack[:4, 1] = 0
    _settle(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, stack, 4)
    return count + 2


@njit(nogil=True)
def _is_open(triangle, fixed, x, y, t, p):
    """Say whether p, which lies in t, is neither one of its corners nor on a side that is road."""
    for k in range(3):
        if x[triangle[t, k]] == x[p] and y[triangle[t, k]] == y[p]:
            return False
        if fixed[t, k] and _turn(x, y, triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3], p) == 0:
            return False
    return True


@njit(nogil=True)
def _next_about(triangle, neighbour, a, t, turn):
    """Return the next triangle about corner a, counter-clockwise (turn 1) or clockwise (turn 2)."""
    k = 0 if triangle[t, 0] == a else (1 if triangle[t, 1] == a else 2)
    return neighbour[t, (k + turn) % 3]


@njit(nogil=True)
def _towards(triangle, neighbour, at_corner, x, y, a, b):
    """Find where the way from a to b begins: triangle, corner number of a in it, and the corner met.

    The third is b or another corner that lies on the way, or -1: then the way leaves through the side opposite a.
    """
    begin = at_corner[a]
    t, turn = begin, 1
    while True:
        k = 0 if triangle[t, 0] == a else (1 if triangle[t, 1] == a else 2)
        p, q = triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3]
        if b in (p, q):
            return t, k, b
        right, left = _turn(x, y, a, p, b), _turn(x, y, a, b, q)
        if right > 0 and left > 0:
            return t, k, -1
        for c, side in ((p, right), (q, left)):
            if side == 0 and (x[c] - x[a]) * (x[b] - x[a]) + (y[c] - y[a]) * (y[b] - y[a]) > 0:
                return t, k, c
        t = _next_about(triangle, neighbour, a, t, turn)
        if t < 0 and turn == 1:
            turn = 2
            t = _next_about(triangle, neighbour, a, begin, turn)
        if t < 0 or t == begin:
            return -1, 0, -1


@njit(nogil=True)
def _fix(triangle, neighbour, fixed, t, k, b):
    """Mark the side from corner k of t to its corner b as road."""
    side = (k + 2) % 3 if triangle[t, (k + 1) % 3] == b else (k + 1) % 3
    fixed[t, side] = True
    u = neighbour[t, side]
    if u >= 0:
        fixed[u, _side_to(neighbour, u, t)] = True


@njit(nogil=True)
def _lay(triangle, neighbour, fixed, at_corner, x, y, a, b, crossing):
    """Make the way from a to b sides of triangles as far as the next corner on it.

    Returns that corner; -1 where other road lies across.
    """
    t, k, met = _towards(triangle, neighbour, at_corner, x, y, a, b)
    if met >= 0:
        _fix(triangle, neighbour, fixed, t, k, met)
        return met
    if t < 0:
        return -1
    # gather the sides that lie across, as pairs of corners
    n = 0
    p, q = triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3]
    while True:
        if fixed[t, k] or n == len(crossing):
            return -1
        crossing[n, 0], crossing[n, 1] = p, q
        n += 1
        u = neighbour[t, k]
        j = _side_to(neighbour, u, t)
        far = triangle[u, j]
        side = _turn(x, y, a, b, far)
        if far == b or side == 0:
            b = far
            break
        # u is (far, q, p): the way leaves opposite q where far lies to the left, else opposite p
        if side > 0:
            t, k, q = u, (j + 1) % 3, far
        else:
            t, k, p = u, (j + 2) % 3, far
    head, waiting, turns = 0, n, 0
    room = len(crossing)
    while waiting > 0:
        turns += 1
        if turns > MOST_TURNS:
            return -1
        p, q = crossing[head, 0], crossing[head, 1]
        head = (head + 1) % room
        waiting -= 1
        t, k, _ = _towards(triangle, neighbour, at_corner, x, y, p, q)
        # the side from corner k to q, named by the corner opposite
        side = (k + 2) % 3 if triangle[t, (k + 1) % 3] == q else (k + 1) % 3
        if _flip(triangle, neighbour, fixed, at_corner, x, y, t, side):
            p, q = triangle[t, 0], triangle[t, 2]
            right, left = _turn(x, y, a, b, p), _turn(x, y, a, b, q)
            if not (right < 0 < left or left < 0 < right):
                continue
        tail = (head + waiting) % room
        crossing[tail, 0], crossing[tail, 1] = p, q
        waiting += 1
    t, k, met = _towards(triangle, neighbour, at_corner, x, y, a, b)
    if met < 0:
        return -1
    _fix(triangle, neighbour, fixed, t, k, met)
    return met


@njit(
    types.Tuple((i4_2d, i4_2d, types.boolean[:, ::1], i8, i8, i8, i8, f8))(
        read_i8, read_i8, float64, float64, read_i8, read_i8, read_i8, read_f8, read_f8),
    cache=True,
    nogil=True,
)  # fmt: skip
def triangulate(corner_x, corner_y, x_m, y_m, piece_a, piece_b, piece_edge, piece_from, piece_to):
    """Triangulate a rectangle with all these corners and stretches of road.

    Parameters
    ----------
    corner_x, corner_y
        Whole numbers up to 2^30, no two corners alike; the first four are the rectangle's, counter-clockwise.
    x_m, y_m
        Metres of one.
    piece_a, piece_b, piece_edge, piece_from, piece_to
        Stretches of road: two corners, an edge and the fractions along it.

    Returns
    -------
    triangle, neighbour, fixed, x, y, and of the corners that roads were given on their way: corner, edge, fraction.
    """
    given = len(corner_x)
    room = given + HALVES * len(piece_a)
    x, y = np.empty(room, np.int64), np.empty(room, np.int64)
    x[:given], y[:given] = corner_x, corner_y
    triangle, neighbour = np.empty((2 * room, 3), np.int32), np.empty((2 * room, 3), np.int32)
    fixed = np.zeros((2 * room, 3), np.bool_)
    at_corner = np.empty(room, np.int32)
    stack = np.empty((4096, 2), np.int64)
    crossing = np.empty((256, 2), np.int64)
    _put(triangle, neighbour, fixed, at_corner, 0, 0, 1, 2, -1, 1, -1, False, False, False)
    _put(triangle, neighbour, fixed, at_corner, 1, 0, 2, 3, -1, -1, 0, False, False, False)
    count = 2
    t = 0
    for p in range(4, given):
        t = _locate(triangle, neighbour, x, y, p, t, count)
        count = _insert(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, p, t, count, stack)
        t = at_corner[p]
    n = given
    more = 0
    more_room = room + 2 * len(piece_a)
    more_corner, more_edge = np.empty(more_room, np.int64), np.empty(more_room, np.int64)
    more_fraction = np.empty(more_room)
    open_piece, open_fraction = np.empty((64, 2), np.int64), np.empty((64, 2))
    for piece in range(len(piece_a)):
        open_piece[0, 0], open_piece[0, 1] = piece_a[piece], piece_b[piece]
        open_fraction[0, 0], open_fraction[0, 1] = piece_from[piece], piece_to[piece]
        waiting = 1
        while waiting > 0:
            waiting -= 1
            a, b = open_piece[waiting]
            begin, end = open_fraction[waiting]
            if a == b:
                continue
            met = _lay(triangle, neighbour, fixed, at_corner, x, y, a, b, crossing)
            if met == b:
                continue
            length = math.hypot((x[b] - x[a]) * x_m, (y[b] - y[a]) * y_m)
            halved = met < 0
            if not halved:
                # another corner lies on the way
                share = math.hypot((x[met] - x[a]) * x_m, (y[met] - y[a]) * y_m) / length
            else:
                if length <= SHORTEST_M or n == room:
                    continue
                for share in HALF_WAY:
                    x[n], y[n] = x[a] + int(share * (x[b] - x[a])), y[a] + int(share * (y[b] - y[a]))
                    t = _locate(triangle, neighbour, x, y, n, at_corner[a], count)
                    if t >= 0 and _is_open(triangle, fixed, x, y, t, n):
                        break
                    t = -1
                if t < 0:
                    continue
                count = _insert(triangle, neighbour, fixed, at_corner, x, y, x_m, y_m, n, t, count, stack)
                met = n
                n += 1
            if more == more_room:
                continue
            middle = begin + share * (end - begin)
            more_corner[more], more_edge[more], more_fraction[more] = met, piece_edge[piece], middle
            more += 1
            # the nearer half is laid first; up to a corner on the way it is already
            open_piece[waiting, 0], open_piece[waiting, 1] = met, b
            open_fraction[waiting, 0], open_fraction[waiting, 1] = middle, end
            waiting += 1
            if halved:
                open_piece[waiting, 0], open_piece[waiting, 1] = a, met
                open_fraction[waiting, 0], open_fraction[waiting, 1] = begin, middle
                waiting += 1
    return (triangle[:count].copy(), neighbour[:count].copy(), fixed[:count].copy(), x[:n].copy(), y[:n].copy(),
            more_corner[:more].copy(), more_edge[:more].copy(), more_fraction[:more].copy())  # fmt: skip

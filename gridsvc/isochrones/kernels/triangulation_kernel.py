"""The compiled triangulation of one tile: Delaunay, point by point, with the stretches of road as sides.

Points are inserted one after another and sides are flipped until no corner is in the circle of a triangle beside it
(Lawson 1977); then the sides that cross a stretch of road are flipped away (Sloan 1993). Which side of a line a point
is on is decided in whole numbers, so that no rounding can fold the mesh; circles only decide the shapes of triangles.

The arrays are those of `arguments.Triangles`.
"""

# ruff: noqa: ANN001, ANN201, ANN202  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from gridsvc.isochrones.kernels.arguments import Triangles, pieces_type
from gridsvc.numba_types import b1_2d, borrowed, f8, float64, i4_2d, i8, read_i8

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
    """Above 0 where c is to the left of the way from a to b; exact."""
    return (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])


@njit(nogil=True)
def _in_circle(mesh, a, b, c, d):
    """Say whether d is clearly within the circle through a, b and c."""
    x, y, x_m, y_m = mesh.x, mesh.y, mesh.x_m, mesh.y_m
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
    """Renumber the neighbour of t that had the number `old`."""
    if t >= 0:
        neighbour[t, _side_to(neighbour, t, old)] = new


@njit(nogil=True)
def _put(mesh, t, corners, neighbours, roads):
    """Write triangle t: its corners, the neighbour opposite each, and whether the side opposite each is road."""
    triangle, neighbour, fixed, at_corner = mesh.triangle, mesh.neighbour, mesh.fixed, mesh.at_corner
    a, b, c = corners
    na, nb, nc = neighbours
    fa, fb, fc = roads
    triangle[t, 0], triangle[t, 1], triangle[t, 2] = a, b, c
    neighbour[t, 0], neighbour[t, 1], neighbour[t, 2] = na, nb, nc
    fixed[t, 0], fixed[t, 1], fixed[t, 2] = fa, fb, fc
    at_corner[a] = at_corner[b] = at_corner[c] = t


@njit(nogil=True)
def _flip(mesh, t, k):
    """Turn side k of t within the four corners about it; afterwards corner 0 of both triangles is the old corner k.

    Returns whether that could be done: the four corners must make a convex shape.
    """
    triangle, neighbour, fixed, x, y = mesh.triangle, mesh.neighbour, mesh.fixed, mesh.x, mesh.y
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
    _put(mesh, t, (p, a, q), (beyond_aq, u, beyond_pa), (fixed_aq, False, fixed_pa))
    _put(mesh, u, (p, q, b), (beyond_qb, beyond_bp, t), (fixed_qb, fixed_bp, False))
    return True


@njit(nogil=True)
def _settle(mesh, stack, n):
    """Flip the sides on the stack (pairs of triangle and side), and those that this disturbs."""
    triangle, neighbour, fixed = mesh.triangle, mesh.neighbour, mesh.fixed
    while n > 0:
        n -= 1
        t, k = stack[n, 0], stack[n, 1]
        u = neighbour[t, k]
        if u < 0 or fixed[t, k]:
            continue
        q = triangle[u, _side_to(neighbour, u, t)]
        if not _in_circle(mesh, triangle[t, 0], triangle[t, 1], triangle[t, 2], q):
            continue
        if _flip(mesh, t, k) and n + 2 < len(stack):
            stack[n, 0], stack[n, 1] = t, 0
            stack[n + 1, 0], stack[n + 1, 1] = u, 0
            n += 2


@njit(nogil=True)
def _locate(mesh, p, begin, count):
    """Find the triangle that holds corner p, walking towards it."""
    triangle, neighbour, x, y = mesh.triangle, mesh.neighbour, mesh.x, mesh.y
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
def _insert(mesh, p, t, count, stack):
    """Make p, which is in t or on one of its sides, a corner. Returns the new count of triangles."""
    triangle, neighbour, fixed, x, y = mesh.triangle, mesh.neighbour, mesh.fixed, mesh.x, mesh.y
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
        _put(mesh, t, (p, a, b), (nc, t1, t2), (fc, False, False))
        _put(mesh, t1, (p, b, c), (na, t2, t), (fa, False, False))
        _put(mesh, t2, (p, c, a), (nb, t, t1), (fb, False, False))
        stack[0, 0], stack[1, 0], stack[2, 0] = t, t1, t2
        stack[:3, 1] = 0
        _settle(mesh, stack, 3)
        return count + 2
    # on the side b-c, beyond which is u with the far corner d
    u = na
    _replace(neighbour, nb, t, t1)
    if u < 0:
        _put(mesh, t, (p, a, b), (nc, -1, t1), (fc, fa, False))
        _put(mesh, t1, (p, c, a), (nb, t, -1), (fb, False, fa))
        stack[0, 0], stack[1, 0] = t, t1
        stack[:2, 1] = 0
        _settle(mesh, stack, 2)
        return count + 1
    j = _side_to(neighbour, u, t)
    d = triangle[u, j]
    beyond_bd, beyond_dc = neighbour[u, (j + 1) % 3], neighbour[u, (j + 2) % 3]
    fixed_bd, fixed_dc = fixed[u, (j + 1) % 3], fixed[u, (j + 2) % 3]
    _replace(neighbour, beyond_bd, u, t2)
    _put(mesh, t, (p, a, b), (nc, t2, t1), (fc, fa, False))
    _put(mesh, t1, (p, c, a), (nb, t, u), (fb, False, fa))
    _put(mesh, u, (p, d, c), (beyond_dc, t1, t2), (fixed_dc, fa, False))
    _put(mesh, t2, (p, b, d), (beyond_bd, u, t), (fixed_bd, False, fa))
    stack[0, 0], stack[1, 0], stack[2, 0], stack[3, 0] = t, t1, u, t2
    stack[:4, 1] = 0
    _settle(mesh, stack, 4)
    return count + 2


@njit(nogil=True)
def _is_open(mesh, t, p):
    """Say whether p, which is in t, is neither one of its corners nor on a side that is road."""
    triangle, fixed, x, y = mesh.triangle, mesh.fixed, mesh.x, mesh.y
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
def _towards(mesh, a, b):
    """Find where the way from a to b begins: triangle, corner number of a in it, and the corner met.

    The third is b or another corner on the way, or -1: then the way leaves through the side opposite a.
    """
    triangle, neighbour, x, y = mesh.triangle, mesh.neighbour, mesh.x, mesh.y
    begin = mesh.at_corner[a]
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
def _fix(mesh, t, k, b):
    """Mark the side from corner k of t to its corner b as road."""
    triangle, neighbour, fixed = mesh.triangle, mesh.neighbour, mesh.fixed
    side = (k + 2) % 3 if triangle[t, (k + 1) % 3] == b else (k + 1) % 3
    fixed[t, side] = True
    u = neighbour[t, side]
    if u >= 0:
        fixed[u, _side_to(neighbour, u, t)] = True


@njit(nogil=True)
def _gather(mesh, a, b, t, k, crossing):
    """Write the sides across the way from a to b as pairs of corners, from side k of t on.

    Returns how many there are, and the corner that the way meets; -1 where road is among them or they are too many.
    """
    triangle, neighbour, fixed, x, y = mesh.triangle, mesh.neighbour, mesh.fixed, mesh.x, mesh.y
    n = 0
    p, q = triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3]
    while True:
        if fixed[t, k] or n == len(crossing):
            return -1, np.int64(b)
        crossing[n, 0], crossing[n, 1] = p, q
        n += 1
        u = neighbour[t, k]
        j = _side_to(neighbour, u, t)
        far = triangle[u, j]
        side = _turn(x, y, a, b, far)
        if far == b or side == 0:
            return n, np.int64(far)
        # u is (far, q, p): the way leaves opposite q where far is to the left, else opposite p
        if side > 0:
            t, k, q = u, (j + 1) % 3, far
        else:
            t, k, p = u, (j + 2) % 3, far


@njit(nogil=True)
def _flip_across(mesh, a, b, crossing, n):
    """Flip the n sides across the way from a to b until none is left; returns whether that could be done."""
    triangle, x, y = mesh.triangle, mesh.x, mesh.y
    head, waiting, turns = 0, n, 0
    room = len(crossing)
    while waiting > 0:
        turns += 1
        if turns > MOST_TURNS:
            return False
        p, q = crossing[head, 0], crossing[head, 1]
        head = (head + 1) % room
        waiting -= 1
        t, k, _ = _towards(mesh, p, q)
        # the side from corner k to q, named by the corner opposite
        side = (k + 2) % 3 if triangle[t, (k + 1) % 3] == q else (k + 1) % 3
        if _flip(mesh, t, side):
            p, q = triangle[t, 0], triangle[t, 2]
            right, left = _turn(x, y, a, b, p), _turn(x, y, a, b, q)
            if not (right < 0 < left or left < 0 < right):
                continue
        tail = (head + waiting) % room
        crossing[tail, 0], crossing[tail, 1] = p, q
        waiting += 1
    return True


@njit(nogil=True)
def _lay(mesh, a, b, crossing):
    """Make the way from a to b sides of triangles as far as the next corner on it.

    Returns that corner; -1 where other road is across.
    """
    t, k, met = _towards(mesh, a, b)
    if met >= 0:
        _fix(mesh, t, k, met)
        return np.int64(met)
    if t < 0:
        return np.int64(-1)
    n, end = _gather(mesh, a, b, t, k, crossing)
    if n < 0 or not _flip_across(mesh, a, end, crossing, n):
        return np.int64(-1)
    t, k, met = _towards(mesh, a, end)
    if met < 0:
        return np.int64(-1)
    _fix(mesh, t, k, met)
    return np.int64(met)


@njit(nogil=True)
def _halve(mesh, a, b, n, count, stack):
    """Make a point about half way from a to b the corner n.

    Returns its share of the way (0 = no point will do) and the new count of triangles.
    """
    x, y = mesh.x, mesh.y
    for share in HALF_WAY:
        x[n], y[n] = x[a] + int(share * (x[b] - x[a])), y[a] + int(share * (y[b] - y[a]))
        t = _locate(mesh, n, mesh.at_corner[a], count)
        if t >= 0 and _is_open(mesh, t, n):
            return share, _insert(mesh, n, t, count, stack)
    return 0.0, count


@njit(nogil=True)
def _first_triangles(corner_x, corner_y, x_m, y_m, room, stack):
    """Triangulate the corners alone; returns the mesh, with room for so many corners, and its count of triangles."""
    given = len(corner_x)
    x, y = np.empty(room, np.int64), np.empty(room, np.int64)
    x[:given], y[:given] = corner_x, corner_y
    mesh = Triangles(
        np.empty((2 * room, 3), np.int32),
        np.empty((2 * room, 3), np.int32),
        np.zeros((2 * room, 3), np.bool_),
        np.empty(room, np.int32),
        x,
        y,
        x_m,
        y_m,
    )
    lent = borrowed(mesh)
    _put(lent, 0, (0, 1, 2), (-1, 1, -1), (False, False, False))
    _put(lent, 1, (0, 2, 3), (-1, -1, 0), (False, False, False))
    count = 2
    t = 0
    for p in range(4, given):
        t = _locate(lent, p, t, count)
        count = _insert(lent, p, t, count, stack)
        t = lent.at_corner[p]
    return mesh, count


@njit(
    types.Tuple((i4_2d, i4_2d, b1_2d, i8, i8, i8, i8, f8))(read_i8, read_i8, float64, float64, pieces_type),
    cache=True,
    nogil=True,
)
def triangulate(corner_x, corner_y, x_m, y_m, pieces):
    """Triangulate a rectangle with all these corners and pieces of road.

    Parameters
    ----------
    corner_x, corner_y
        Whole numbers up to 2^30, no two corners alike; the first four are the rectangle's, counter-clockwise.
    x_m, y_m
        Metres of one.

    Returns
    -------
    triangle, neighbour, fixed, x, y, and of the corners that were added on roads: corner, edge, fraction.
    """
    pieces = borrowed(pieces)
    room = len(corner_x) + HALVES * len(pieces.a)
    stack = np.empty((4096, 2), np.int64)
    crossing = np.empty((256, 2), np.int64)
    mesh, count = _first_triangles(corner_x, corner_y, x_m, y_m, room, stack)
    # `mesh` stays in use to the end, so that the arrays do
    lent = borrowed(mesh)
    x, y = lent.x, lent.y
    n = len(corner_x)
    more = 0
    more_room = room + 2 * len(pieces.a)
    more_corner, more_edge = np.empty(more_room, np.int64), np.empty(more_room, np.int64)
    more_fraction = np.empty(more_room)
    open_piece, open_fraction = np.empty((64, 2), np.int64), np.empty((64, 2))
    for piece in range(len(pieces.a)):
        open_piece[0, 0], open_piece[0, 1] = pieces.a[piece], pieces.b[piece]
        open_fraction[0, 0], open_fraction[0, 1] = pieces.begin[piece], pieces.end[piece]
        waiting = 1
        while waiting > 0:
            waiting -= 1
            a, b = open_piece[waiting]
            begin, end = open_fraction[waiting]
            met = b if a == b else _lay(lent, a, b, crossing)
            if met == b:
                continue
            halved = met < 0
            length = math.hypot((x[b] - x[a]) * x_m, (y[b] - y[a]) * y_m)
            if not halved:
                # another corner is on the way
                share = math.hypot((x[met] - x[a]) * x_m, (y[met] - y[a]) * y_m) / length
            else:
                if length <= SHORTEST_M or n == room:
                    continue
                share, count = _halve(lent, a, b, n, count, stack)
                if share == 0.0:
                    continue
                met = n
                n += 1
            if more == more_room:
                continue
            middle = begin + share * (end - begin)
            more_corner[more], more_edge[more], more_fraction[more] = met, pieces.edge[piece], middle
            more += 1
            # the nearer half is laid first; up to a corner on the way it is already
            open_piece[waiting, 0], open_piece[waiting, 1] = met, b
            open_fraction[waiting, 0], open_fraction[waiting, 1] = middle, end
            waiting += 1
            if halved:
                open_piece[waiting, 0], open_piece[waiting, 1] = a, met
                open_fraction[waiting, 0], open_fraction[waiting, 1] = begin, middle
                waiting += 1
    return (
        mesh.triangle[:count].copy(),
        mesh.neighbour[:count].copy(),
        mesh.fixed[:count].copy(),
        mesh.x[:n].copy(),
        mesh.y[:n].copy(),
        more_corner[:more].copy(),
        more_edge[:more].copy(),
        more_fraction[:more].copy(),
    )

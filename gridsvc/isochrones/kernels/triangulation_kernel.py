"""The compiled triangulation of one tile: Delaunay, with the stretches of road as sides.

The points are triangulated first (`insertion_kernel`); then the sides that cross a stretch of road are flipped away
(Sloan 1993). The arrays are those of `arguments.Triangles`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from gridsvc.isochrones.kernels.arguments import pieces_type
from gridsvc.isochrones.kernels.insertion_kernel import (
    flip,
    insert,
    locate,
    orientation,
    side_to,
    triangulate_corners,
    with_corners,
)
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
def _is_open(mesh, t, p):
    """Say whether p, which is in t, is neither one of its corners nor on a side that is road."""
    triangle, fixed, x, y = mesh.triangle, mesh.fixed, mesh.x, mesh.y
    for k in range(3):
        if x[triangle[t, k]] == x[p] and y[triangle[t, k]] == y[p]:
            return False
        if fixed[t, k] and orientation(x, y, triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3], p) == 0:
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
        right, left = orientation(x, y, a, p, b), orientation(x, y, a, b, q)
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
        fixed[u, side_to(neighbour, u, t)] = True


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
        j = side_to(neighbour, u, t)
        far = triangle[u, j]
        side = orientation(x, y, a, b, far)
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
        if flip(mesh, t, side):
            p, q = triangle[t, 0], triangle[t, 2]
            right, left = orientation(x, y, a, b, p), orientation(x, y, a, b, q)
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
        t = locate(mesh, n, mesh.at_corner[a], count)
        if t >= 0 and _is_open(mesh, t, n):
            return share, insert(mesh, n, t, count, stack)
    return 0.0, count


@njit(nogil=True)
def _lay_pieces(mesh, pieces, n, count, stack):
    """Make all pieces of road sides of the `count` triangles of n corners.

    Returns the new n and count; and of the corners that were added on roads: corner, edge, fraction.
    """
    mesh, pieces = borrowed(mesh), borrowed(pieces)
    crossing = np.empty((256, 2), np.int64)
    x, y, x_m, y_m = mesh.x, mesh.y, mesh.x_m, mesh.y_m
    more = 0
    room = len(x)
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
            met = b if a == b else _lay(mesh, a, b, crossing)
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
                share, count = _halve(mesh, a, b, n, count, stack)
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
    return n, count, more_corner[:more].copy(), more_edge[:more].copy(), more_fraction[:more].copy()


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
    given = len(corner_x)
    mesh = with_corners(corner_x, corner_y, x_m, y_m, given + HALVES * len(pieces.a))
    stack = np.empty((4096, 2), np.int64)
    count = triangulate_corners(mesh, given, stack)
    n, count, more_corner, more_edge, more_fraction = _lay_pieces(mesh, pieces, given, count, stack)
    return (
        mesh.triangle[:count].copy(),
        mesh.neighbour[:count].copy(),
        mesh.fixed[:count].copy(),
        mesh.x[:n].copy(),
        mesh.y[:n].copy(),
        more_corner,
        more_edge,
        more_fraction,
    )

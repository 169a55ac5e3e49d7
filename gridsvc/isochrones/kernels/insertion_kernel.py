"""The compiled Delaunay triangulation of points, one after another.

A point is inserted into its triangle, and sides are flipped until no corner is in the circle of a triangle beside it
(Lawson 1977). Which side of a line a point is on is decided in whole numbers, so that no rounding can fold the mesh;
circles only decide the shapes of triangles.

The arrays are those of `arguments.Triangles`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridsvc.isochrones.kernels.arguments import Triangles
from gridsvc.numba_types import borrowed


@njit(nogil=True)
def orientation(x, y, a, b, c):
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
def side_to(neighbour, t, u):
    """Which side of t is shared with u."""
    if neighbour[t, 0] == u:
        return 0
    return 1 if neighbour[t, 1] == u else 2


@njit(nogil=True)
def _replace(neighbour, t, old, new):
    """Renumber the neighbour of t that had the number `old`."""
    if t >= 0:
        neighbour[t, side_to(neighbour, t, old)] = new


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
def flip(mesh, t, k):
    """Turn side k of t within the four corners about it; afterwards corner 0 of both triangles is the old corner k.

    Returns whether that could be done: the four corners must make a convex shape.
    """
    triangle, neighbour, fixed, x, y = mesh.triangle, mesh.neighbour, mesh.fixed, mesh.x, mesh.y
    u = neighbour[t, k]
    j = side_to(neighbour, u, t)
    k1, k2, j1, j2 = (k + 1) % 3, (k + 2) % 3, (j + 1) % 3, (j + 2) % 3
    p, a, b, q = triangle[t, k], triangle[t, k1], triangle[t, k2], triangle[u, j]
    if orientation(x, y, p, a, q) <= 0 or orientation(x, y, p, q, b) <= 0:
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
        q = triangle[u, side_to(neighbour, u, t)]
        if not _in_circle(mesh, triangle[t, 0], triangle[t, 1], triangle[t, 2], q):
            continue
        if flip(mesh, t, k) and n + 2 < len(stack):
            stack[n, 0], stack[n, 1] = t, 0
            stack[n + 1, 0], stack[n + 1, 1] = u, 0
            n += 2


@njit(nogil=True)
def locate(mesh, p, begin, count):
    """Find the triangle that holds corner p, walking towards it."""
    triangle, neighbour, x, y = mesh.triangle, mesh.neighbour, mesh.x, mesh.y
    t = begin
    for _ in range(count):
        moved = False
        for k in range(3):
            if orientation(x, y, triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3], p) < 0:
                t = neighbour[t, k]
                moved = True
                break
        if not moved:
            return t
    # a walk among fixed sides may go in circles
    for t in range(count):
        if (
            orientation(x, y, triangle[t, 0], triangle[t, 1], p) >= 0
            and orientation(x, y, triangle[t, 1], triangle[t, 2], p) >= 0
            and orientation(x, y, triangle[t, 2], triangle[t, 0], p) >= 0
        ):
            return t
    return -1


@njit(nogil=True)
def insert(mesh, p, t, count, stack):
    """Make p, which is in t or on one of its sides, a corner. Returns the new count of triangles."""
    triangle, neighbour, fixed, x, y = mesh.triangle, mesh.neighbour, mesh.fixed, mesh.x, mesh.y
    on = -1
    for k in range(3):
        if orientation(x, y, triangle[t, (k + 1) % 3], triangle[t, (k + 2) % 3], p) == 0:
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
    j = side_to(neighbour, u, t)
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
def with_corners(corner_x, corner_y, x_m, y_m, room):
    """Return a mesh with these corners, room for `room` corners in all, and no triangle yet."""
    given = len(corner_x)
    x, y = np.empty(room, np.int64), np.empty(room, np.int64)
    x[:given], y[:given] = corner_x, corner_y
    return Triangles(
        np.empty((2 * room, 3), np.int32),
        np.empty((2 * room, 3), np.int32),
        np.zeros((2 * room, 3), np.bool_),
        np.empty(room, np.int32),
        x,
        y,
        x_m,
        y_m,
    )


@njit(nogil=True)
def triangulate_corners(mesh, given, stack):
    """Triangulate the first `given` corners; returns the count of triangles."""
    mesh = borrowed(mesh)
    _put(mesh, 0, (0, 1, 2), (-1, 1, -1), (False, False, False))
    _put(mesh, 1, (0, 2, 3), (-1, -1, 0), (False, False, False))
    count = 2
    t = 0
    for p in range(4, given):
        t = locate(mesh, p, t, count)
        count = insert(mesh, p, t, count, stack)
        t = mesh.at_corner[p]
    return count

"""The compiled search for open ground: where beside the roads the mesh has corners of its own."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from gridsvc.numba_types import float64, i8, int64, read_i8

numbers = types.UniTuple(float64, 2)
spacing_type = types.UniTuple(float64, 3)


@njit(types.Tuple((i8, i8))(read_i8, read_i8, int64, int64, numbers, spacing_type), cache=True, nogil=True)
def open_ground(x, y, width, height, unit_m, spacing_m):
    """Lay a lattice of triangles over a rectangle of width x height units, where the open ground near roads is.

    x, y are the road points; unit_m the metres of a unit eastward and northward. spacing_m: the side of a triangle, and
    the least and the greatest distance of its corners from the nearest road point.
    """
    x_m, y_m = unit_m
    step_m, near_m, far_m = spacing_m
    step_x, step_y = step_m / x_m, step_m * math.sqrt(0.75) / y_m
    columns, rows = int(width / step_x) + 1, int(height / step_y) + 1
    state = np.zeros((rows, columns), np.int8)
    reach_x, reach_y = int(far_m / step_m) + 2, int(far_m / (step_y * y_m)) + 1
    for p in range(len(x)):
        row_of, column_of = math.floor(y[p] / step_y), math.floor(x[p] / step_x)
        for row in range(max(row_of - reach_y, 0), min(row_of + reach_y + 1, rows - 1) + 1):
            for column in range(max(column_of - reach_x, 0), min(column_of + reach_x, columns - 1) + 1):
                if state[row, column] == 2:
                    continue
                east, north = ((column + 0.5 * (row % 2)) * step_x - x[p]) * x_m, (row * step_y - y[p]) * y_m
                square = east * east + north * north
                if square < near_m * near_m:
                    state[row, column] = 2
                elif square <= far_m * far_m:
                    state[row, column] = 1
    ground_x, ground_y = np.empty(rows * columns, np.int64), np.empty(rows * columns, np.int64)
    n = 0
    for row in range(rows):
        for column in range(columns):
            at_x, at_y = int((column + 0.5 * (row % 2)) * step_x), int(row * step_y)
            if state[row, column] == 1 and 0 < at_x < width and 0 < at_y < height:
                ground_x[n], ground_y[n] = at_x, at_y
                n += 1
    return ground_x[:n].copy(), ground_y[:n].copy()

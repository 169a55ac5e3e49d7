"""The compiled part of the index of snapping: segments into cells, and the rings of empty cells around each."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import i4, int64, read_f8, read_i4


@njit(types.Tuple((i4, i4))(read_i4, read_i4, read_i4, read_f8), cache=True, nogil=True)
def fill_cells(lon, lat, segment, frame):
    """Sort the segments of a layer into cells, CSR (see `geometry.cell_index`)."""
    west, south, width, height = frame[0], frame[1], frame[2], frame[3]
    columns, rows = int(frame[4]), int(frame[5])
    first = np.zeros(columns * rows + 1, np.int32)
    cells = np.empty(0, np.int32)
    for filling in range(2):
        for s in segment:
            x1, y1 = (lon[s] * 1e-7 - west) / width, (lat[s] * 1e-7 - south) / height
            x2, y2 = (lon[s + 1] * 1e-7 - west) / width, (lat[s + 1] * 1e-7 - south) / height
            # a hair wider than the segment, so that rounding loses none
            left, right = max(int(min(x1, x2) - 1e-6), 0), min(int(max(x1, x2) + 1e-6), columns - 1)
            low, high = max(int(min(y1, y2) - 1e-6), 0), min(int(max(y1, y2) + 1e-6), rows - 1)
            dx, dy = x2 - x1, y2 - y1
            reach = 0.5 * (abs(dx) + abs(dy)) + 1e-6
            for row in range(low, high + 1):
                for column in range(left, right + 1):
                    # the cell's centre is as near to the line as its corner would reach
                    if abs((column + 0.5 - x1) * dy - (row + 0.5 - y1) * dx) > reach:
                        continue
                    cell = row * columns + column
                    if filling:
                        cells[first[cell]] = s
                        first[cell] += 1
                    else:
                        first[cell + 1] += 1
        if not filling:
            first = np.cumsum(first).astype(np.int32)
            cells = np.empty(first[-1], np.int32)
    # filling moved every start to the next one's
    first[1:] = first[:-1].copy()
    first[0] = 0
    return first, cells


@njit(i4(read_i4, int64, int64), cache=True, nogil=True)
def empty_rings(first, columns, rows):
    """Chessboard distance of each cell to the nearest filled one, in two sweeps (Rosenfeld and Pfaltz 1966)."""
    away = np.where(np.diff(first) > 0, 0, columns + rows).astype(np.int32)
    for sweep in range(2):
        for at in range(columns * rows):
            cell = at if sweep == 0 else columns * rows - 1 - at
            row, column = cell // columns, cell % columns
            sign = -1 if sweep == 0 else 1
            best = away[cell]
            beside, other = column + sign, row + sign
            if 0 <= beside < columns:
                best = min(best, away[row * columns + beside] + 1)
            if 0 <= other < rows:
                for i in range(max(column - 1, 0), min(column + 1, columns - 1) + 1):
                    best = min(best, away[other * columns + i] + 1)
            away[cell] = best
    return away

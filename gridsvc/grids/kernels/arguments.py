"""Arrays that kernels take together: one named tuple for each group, and its numba type (see `numba_types`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import types

from gridsvc.numba_types import f8, f8_2d, i4, i8, int64, named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Frame(NamedTuple):
    """A raster of square cells: its south-west corner, the side of a cell in degrees, columns and rows."""

    west: float
    south: float
    cell: float
    columns: int
    rows: int


class Borders(NamedTuple):
    """Edges [n, 4] = (ax, ay, bx, by) in degrees; as CSR the faces that each edge bounds; the level of each face."""

    edges: NDArray[np.float64]
    face_first: NDArray[np.int64]
    faces: NDArray[np.int32]
    levels: NDArray[np.int8]


class Crossed(NamedTuple):
    """The edges near each cell, as CSR."""

    first: NDArray[np.int64]
    entries: NDArray[np.int32]


class Cells(NamedTuple):
    """Cells with borders: south-west corners, a target each, CSR the edges near them and the faces at a corner.

    The faces, ascending, are those that hold the cell's south-east corner. The target says where its code belongs.
    """

    west: NDArray[np.float64]
    south: NDArray[np.float64]
    target: NDArray[np.int64]
    first: NDArray[np.int64]
    entries: NDArray[np.int32]
    state_first: NDArray[np.int64]
    states: NDArray[np.int32]


frame_type = named(Frame, types.float64, types.float64, types.float64, int64, int64)
borders_type = named(Borders, f8_2d, i8, i4, types.int8[::1])
crossed_type = named(Crossed, i8, i4)
cells_type = named(Cells, f8, f8, i8, i8, i4, i8, i4)

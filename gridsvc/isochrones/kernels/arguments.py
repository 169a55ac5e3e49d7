"""Arrays that kernels take together: one named tuple for each group, and its numba type (see `numba_types`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import types

from gridsvc.numba_types import (
    b1_2d,
    float64,
    i4,
    i4_2d,
    i8,
    int64,
    named,
    read_f8,
    read_f8_2d,
    read_i4,
    read_i8,
    read_u4,
    read_u4_2d,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Searched(NamedTuple):
    """A search just made: its direction, `state` of its workspace, its number, and the limit in milliseconds."""

    backward: bool
    state: NDArray[np.int32]
    stamp: int
    limit_ms: int


class Slots(NamedTuple):
    """Milliseconds of slots and arcs, and the arcs that run over each slot (see `network.RoadNetwork`)."""

    slot_ms: NDArray[np.uint32]
    out_arcs: NDArray[np.uint32]
    slot_first: NDArray[np.int32]
    slot_arc: NDArray[np.int32]
    arc_tail: NDArray[np.int32]


class PlaceOnRoad(NamedTuple):
    """The candidates of the place: edge, fraction along it, metres beside it."""

    edge: NDArray[np.int32]
    fraction: NDArray[np.float64]
    offroad_m: NDArray[np.float64]


class TileTable(NamedTuple):
    """The address of each tile of the lattice, 0 = not built; and how many tiles a row of the lattice has."""

    address: NDArray[np.int64]
    columns: int


class CornerTimes(NamedTuple):
    """Tiles, and the milliseconds of their corners: those of tile i are time[first[i] : first[i + 1]]."""

    tiles: NDArray[np.int32]
    first: NDArray[np.int64]
    time: NDArray[np.int32]
    earliest: NDArray[np.int32]


class LatticeRows(NamedTuple):
    """Metres of a unit eastward and northward by row of the lattice [rows, 2]; its south and the height of a row."""

    metres: NDArray[np.float64]
    south: int
    height: int


class Station(NamedTuple):
    """A station: its number, the milliseconds that it may drive, and those until it starts."""

    number: int
    budget_ms: int
    delay_ms: int


class JointTiles(NamedTuple):
    """The tiles of all stations: which of them each tile of the lattice is, and where the corners of each begin."""

    place: NDArray[np.int32]
    first: NDArray[np.int64]


class Arrivals(NamedTuple):
    """The earliest arrival within a budget at each corner, the next one, and the station of the earliest.

    Of two stations that arrive together the one counted first is the earliest.
    """

    best: NDArray[np.int32]
    second: NDArray[np.int32]
    owner: NDArray[np.int32]


class Triangles(NamedTuple):
    """A triangulation. Shapes: t triangles, c corners.

    `triangle` [t, 3] corners counter-clockwise; `neighbour` [t, 3] the triangle opposite each corner, -1 = none;
    `fixed` [t, 3] that side is road; `at_corner` [c] one triangle of each corner; `x`, `y` [c] whole numbers; metres
    of one unit eastward and northward.
    """

    triangle: NDArray[np.int32]
    neighbour: NDArray[np.int32]
    fixed: NDArray[np.bool_]
    at_corner: NDArray[np.int32]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    x_m: float
    y_m: float


class RoadPieces(NamedTuple):
    """Pieces of road: two corners, an edge and the fractions along it."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    edge: NDArray[np.int64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]


searched_type = named(Searched, types.boolean, i4_2d, int64, int64)
slots_type = named(Slots, read_u4, read_u4_2d, read_i4, read_i4, read_i4)
place_type = named(PlaceOnRoad, read_i4, read_f8, read_f8)
table_type = named(TileTable, read_i8, int64)
corner_times_type = named(CornerTimes, read_i4, read_i8, read_i4, read_i4)
lattice_rows_type = named(LatticeRows, read_f8_2d, int64, int64)
station_type = named(Station, int64, int64, int64)
joint_tiles_type = named(JointTiles, read_i4, read_i8)
arrivals_type = named(Arrivals, i4, i4, i4)
triangles_type = named(Triangles, i4_2d, i4_2d, b1_2d, i4, i8, i8, float64, float64)
pieces_type = named(RoadPieces, read_i8, read_i8, read_i8, read_f8, read_f8)

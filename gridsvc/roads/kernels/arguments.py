"""Arrays that kernels take together: one named tuple for each group, and its numba type.

Groups that kernels only read hold read-only views (see `numba_types`). Shapes are in brackets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import types

from gridsvc.numba_types import (
    f8,
    i4,
    i4_2d,
    i8,
    int64,
    named,
    read_f8,
    read_i4,
    read_i4_2d,
    read_i8,
    read_u1,
    read_u4,
    read_u4_2d,
    u4,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SnappedPlaces(NamedTuple):
    """Places on the road: `snapping.Snaps` as kernels read them. Candidates of p: first[p] to first[p + 1]."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    first: NDArray[np.int32]
    edge: NDArray[np.int32]
    fraction: NDArray[np.float64]
    offroad_m: NDArray[np.float64]


class EdgeEnds(NamedTuple):
    """What leads from the middle of an edge to the nodes at its ends (see `network.RoadNetwork`)."""

    slot_first: NDArray[np.int32]
    slot_arc: NDArray[np.int32]
    arc_tail: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    junction_first: NDArray[np.int32]
    edge_from: NDArray[np.int32]
    edge_to: NDArray[np.int32]
    edge_length_m: NDArray[np.float64]


class ArcCosts(NamedTuple):
    """Milliseconds of the slots [slots] and of the arcs in the order of their tails [arcs, 2] = (head, ms)."""

    slot_ms: NDArray[np.uint32]
    out_arcs: NDArray[np.uint32]


class SnapIndex(NamedTuple):
    """The cells that find a road near a place, and the polylines (see `geometry.cell_index`)."""

    cell_frame: NDArray[np.float64]
    cell_first: NDArray[np.int32]
    cell_segment: NDArray[np.int32]
    cell_empty: NDArray[np.int32]
    segment_edge: NDArray[np.int32]
    segment_level: NDArray[np.uint8]
    vertex_lon: NDArray[np.int32]
    vertex_lat: NDArray[np.int32]
    vertex_m: NDArray[np.float64]
    edge_length_m: NDArray[np.float64]
    profile_ms: NDArray[np.uint32]


class Candidates(NamedTuple):
    """Room for the candidates of places: edge, fraction along it or metres along it, metres beside it."""

    edge: NDArray[np.int32]
    along: NDArray[np.float64]
    offroad_m: NDArray[np.float64]


class Entries(NamedTuple):
    """Room for entries into the network: node, milliseconds from the place to it or back, number of the place."""

    node: NDArray[np.int32]
    ms: NDArray[np.int64]
    place: NDArray[np.int32]


class PlaceEntries(NamedTuple):
    """Entries by place: those of place p are rows first[p] to first[p + 1]."""

    first: NDArray[np.int32]
    node: NDArray[np.int32]
    ms: NDArray[np.uint32]


class Direction(NamedTuple):
    """The network in one direction of search, CSR: arcs [arcs, 2] = (other node, ms); buckets are 2^shift ms wide."""

    backward: bool
    first: NDArray[np.int32]
    arcs: NDArray[np.uint32]
    shift: int


class SearchSpace(NamedTuple):
    """The arrays of a `workspace.Workspace`, and the number of the search that uses them."""

    state: NDArray[np.int32]
    wheel: NDArray[np.int32]
    target_of: NDArray[np.int32]
    stamp: int


class Seeds(NamedTuple):
    """Where a search begins, in the order of the milliseconds."""

    node: NDArray[np.int32]
    ms: NDArray[np.int64]


class Targets(NamedTuple):
    """Entries that a search looks for: next entry at the same node (-1 = none), its target, ms from the node to it."""

    following: NDArray[np.int32]
    target: NDArray[np.int32]
    ms: NDArray[np.int64]


class Upward(NamedTuple):
    """The upward graph of a hierarchy, CSR over ranks, with the ms of one direction of its arcs."""

    first: NDArray[np.int32]
    head: NDArray[np.int32]
    ms: NDArray[np.uint32]


class TwoWays(NamedTuple):
    """Milliseconds of the upward arcs, from the lower to the upper end and back."""

    up: NDArray[np.uint32]
    down: NDArray[np.uint32]


class Below(NamedTuple):
    """The upward graph by its heads: the arcs to each node, CSR, their lower ends, and the network's node of a rank."""

    first: NDArray[np.int32]
    arc: NDArray[np.int32]
    node: NDArray[np.int32]
    node_of: NDArray[np.int32]


class Topology(NamedTuple):
    """The upward graph without weights, CSR over ranks."""

    first: NDArray[np.int32]
    head: NDArray[np.int32]


class OutArcs(NamedTuple):
    """The arcs of the network by their tails, CSR: arcs [arcs, 2] = (head, ms)."""

    first: NDArray[np.int32]
    arcs: NDArray[np.uint32]


class SweepRows(NamedTuple):
    """Rows of a sweep: the row of each node (-1 = none), and by row, CSR, pairs of (row above, ms)."""

    row: NDArray[np.int32]
    first: NDArray[np.int32]
    pairs: NDArray[np.uint32]


class SweepTargets(NamedTuple):
    """Targets of a sweep, CSR: pairs of (row, ms)."""

    first: NDArray[np.int32]
    pairs: NDArray[np.uint32]


class Reach(NamedTuple):
    """Stations that reach each node of a hierarchy from below, CSR: number of the station, milliseconds."""

    first: NDArray[np.int32]
    station: NDArray[np.int32]
    ms: NDArray[np.uint32]


class StationIndex(NamedTuple):
    """All that does not change from one query for the nearest stations to the next.

    `rank` is the rank of each node; `climb` is the upward graph with the ms downward. `by_edge` are the candidates of
    the stations in the order of their edges, `station_of` the station of each candidate.
    """

    roads: SnapIndex
    ends: EdgeEnds
    costs: ArcCosts
    rank: NDArray[np.int32]
    climb: Upward
    places: SnappedPlaces
    by_edge: NDArray[np.int32]
    station_of: NDArray[np.int32]


class ClimbSpace(NamedTuple):
    """Room of a query: distances of the nodes, all FAR between queries; a path; milliseconds of the stations."""

    distance: NDArray[np.uint32]
    path: NDArray[np.int32]
    best: NDArray[np.int64]


class ArcClasses(NamedTuple):
    """The arcs of each node, the slot of each arc and the class of each edge."""

    out_first: NDArray[np.int32]
    arc_slot: NDArray[np.int32]
    edge_class: NDArray[np.uint8]


class Labels(NamedTuple):
    """What a search left behind: `state`, its number, and `seen`, which is -1 everywhere between calls."""

    state: NDArray[np.int32]
    seen: NDArray[np.int32]
    stamp: int


snapped_places = named(SnappedPlaces, read_f8, read_f8, read_i4, read_i4, read_f8, read_f8)
edge_ends = named(EdgeEnds, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_i4, read_f8)
arc_costs = named(ArcCosts, read_u4, read_u4_2d)
snap_index = named(
    SnapIndex,
    read_f8,
    read_i4_2d,
    read_i4,
    read_i4_2d,
    read_i4,
    read_u1,
    read_i4,
    read_i4,
    read_f8,
    read_f8,
    read_u4_2d,
)
candidates = named(Candidates, i4, f8, f8)
entries = named(Entries, i4, i8, i4)
place_entries = named(PlaceEntries, read_i4, read_i4, read_u4)
direction = named(Direction, types.boolean, read_i4, read_u4_2d, int64)
search_space = named(SearchSpace, i4_2d, i4, i4, int64)
seeds = named(Seeds, read_i4, read_i8)
targets = named(Targets, read_i4, read_i4, read_i8)
upward = named(Upward, read_i4, read_i4, read_u4)
two_ways = named(TwoWays, u4, u4)
known_ways = named(TwoWays, read_u4, read_u4)
below = named(Below, read_i4, read_i4, read_i4, read_i4)
topology = named(Topology, read_i4, read_i4)
out_arcs = named(OutArcs, read_i4, read_u4_2d)
sweep_rows = named(SweepRows, read_i4, read_i4, read_u4_2d)
sweep_targets = named(SweepTargets, read_i4, read_u4_2d)
reach = named(Reach, read_i4, read_i4, read_u4)
station_index = named(StationIndex, snap_index, edge_ends, arc_costs, read_i4, upward, snapped_places, read_i4, read_i4)
climb_space = named(ClimbSpace, u4, i4, i8)
arc_classes = named(ArcClasses, read_i4, read_i4, read_u1)
labels = named(Labels, i4_2d, i4, int64)

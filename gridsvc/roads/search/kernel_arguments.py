"""The arrays of a network as kernels take them: made once for each network and kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.numba_types import read_only
from gridsvc.roads.kernels.arguments import ArcCosts, Direction, EdgeEnds, SearchSpace, SnapIndex

if TYPE_CHECKING:
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.weights import Weights
    from gridsvc.roads.search.workspace import Workspace


def edge_ends_of(network: RoadNetwork) -> EdgeEnds:
    """Return what leads from edges to nodes."""
    known = network.kept.get("edge_ends")
    if not isinstance(known, EdgeEnds):
        known = EdgeEnds(*(read_only(getattr(network, name)) for name in EdgeEnds._fields))
        network.kept["edge_ends"] = known
    return known


def snap_index_of(network: RoadNetwork, *, any_level: bool = False) -> SnapIndex:
    """Return the cells and polylines that snapping reads; `any_level`: as if all roads were on the surface."""
    kept = "snap_index of any level" if any_level else "snap_index"
    known = network.kept.get(kept)
    if not isinstance(known, SnapIndex):
        names = ("slot_ms" if name == "profile_ms" else name for name in SnapIndex._fields)
        known = SnapIndex(*(read_only(getattr(network, name)) for name in names))
        if any_level:
            known = known._replace(segment_level=read_only(np.zeros_like(network.segment_level)))
        network.kept[kept] = known
    return known


def arc_costs_of(weights: Weights) -> ArcCosts:
    """Return the milliseconds of slots and arcs."""
    return ArcCosts(read_only(weights.slot_ms), read_only(weights.out_arcs))


def direction_of(network: RoadNetwork, weights: Weights, *, backward: bool) -> Direction:
    """Return the arcs in the direction of a search."""
    first, arcs = (network.in_first, weights.in_arcs) if backward else (network.out_first, weights.out_arcs)
    return Direction(backward, read_only(first), read_only(arcs), weights.shift)


def search_space_of(space: Workspace, stamp: int) -> SearchSpace:
    """Return the arrays of a workspace for the search of this number."""
    return SearchSpace(space.state, space.wheel, space.target_of, stamp)

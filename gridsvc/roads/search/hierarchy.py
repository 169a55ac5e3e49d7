"""A customisable contraction hierarchy above the network: matrices by sweeps instead of searches.

Dibbelt, Strasser, Wagner 2016, Customizable contraction hierarchies. The order and the upward graph belong to the
topology (`Hierarchy`, once a network); the weights are customised for each set of weights (`Customised`), and partly
again where a closure changes few of them. Distances to and from nodes follow the paths up to the root and down again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.numba_types import read_only
from gridsvc.roads.kernels.arguments import Below, OutArcs, Topology, TwoWays
from gridsvc.roads.kernels.hierarchy_kernel import contract, customise
from gridsvc.roads.kernels.partial_kernel import customise_again, downward
from gridsvc.roads.network.container import pack, unpack
from gridsvc.roads.network.network import CLOSED
from gridsvc.roads.search.dissection import order_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.weights import Weights

MAGIC = b"gsCCH01\n"
FAR = 0x3FFFFFFF


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """The contraction of a topology.

    rank (nodes,): the node's number in the hierarchy; first, head: the upward graph over ranks, CSR, heads sorted,
    the first of each being its parent in the elimination tree. arc_up (arcs,): the upward arc of each arc of the
    network, counted from 0 for those that lead up and as -1 - a for those that lead down.
    """

    rank: NDArray[np.int32]
    first: NDArray[np.int32]
    head: NDArray[np.int32]
    arc_up: NDArray[np.int32]

    def to_blocks(self) -> list[bytes | memoryview]:
        """Return the file of the hierarchy without copying the arrays; `open` maps it again."""
        return pack({name: getattr(self, name) for name in self.__slots__}, {}, magic=MAGIC)

    def to_bytes(self) -> bytes:
        """Return the file as one value."""
        return b"".join(self.to_blocks())

    @classmethod
    def open(cls, buffer: bytes | memoryview, *, verify: bool = True) -> Hierarchy:
        """Read a hierarchy without copying it; `verify` compares all bytes first.

        Raises InvalidInput for anything else.
        """
        read, _, _ = unpack(buffer, magic=MAGIC, verify=verify)
        if set(read) != set(cls.__slots__):
            raise InvalidInput("This is not a hierarchy of gridsvc.", kind="network-file")
        arrays: dict[str, Any] = dict(read)
        return cls(**arrays)


@dataclass(frozen=True, slots=True, eq=False)
class Customised:
    """Milliseconds of the upward arcs under some weights: up from the lower to the upper end, down the other way."""

    up: NDArray[np.uint32]
    down: NDArray[np.uint32]
    weights: Weights


def build_hierarchy(network: RoadNetwork) -> Hierarchy:
    """Order and contract the nodes of a network; needs its topology only."""
    rank = order_of(network)
    tail, head = rank[network.arc_tail], rank[network.arc_head]
    no_loop = tail != head
    low, high = np.minimum(tail, head)[no_loop], np.maximum(tail, head)[no_loop]
    order = np.lexsort((high, low))
    first = np.searchsorted(low[order], np.arange(network.node_count + 1)).astype(np.int32)
    up_first, up_head = contract(first, high[order])
    return Hierarchy(rank, up_first, up_head, _places(tail, head, up_first, up_head))


def _places(
    tail: NDArray[np.int32], head: NDArray[np.int32], first: NDArray[np.int32], up_head: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Find the upward arc between the ends of each arc; loops, which no shortest path takes, get the place 0 upward."""
    n = np.int64(len(first) - 1)
    owner = np.repeat(np.arange(n), np.diff(first))
    known = owner * n + up_head
    low, high = np.minimum(tail, head).astype(np.int64), np.maximum(tail, head).astype(np.int64)
    at = np.searchsorted(known, low * n + high)
    place = np.where(tail < head, at, -1 - at)
    return np.where(tail == head, len(known), place).astype(np.int32)


def customised(hierarchy: Hierarchy, weights: Weights) -> Customised:
    """Give the upward arcs their weights: the network's own arcs, then everything over lower nodes."""
    m = len(hierarchy.head)
    up, down = np.full(m + 1, FAR, np.uint32), np.full(m + 1, FAR, np.uint32)
    ms = weights.out_arcs[:, 1]
    ms = np.where(ms == CLOSED, FAR, np.minimum(ms, FAR)).astype(np.uint32)
    upward = hierarchy.arc_up >= 0
    np.minimum.at(up, hierarchy.arc_up[upward], ms[upward])
    np.minimum.at(down, -1 - hierarchy.arc_up[~upward], ms[~upward])
    up, down = up[:m].copy(), down[:m].copy()
    customise(hierarchy.first, hierarchy.head, up, down)
    return Customised(up, down, weights)


def downward_of(hierarchy: Hierarchy) -> Below:
    """Return the upward graph by its heads, for partial customisation."""
    node_of = np.empty(len(hierarchy.rank), np.int32)
    node_of[hierarchy.rank] = np.arange(len(node_of), dtype=np.int32)
    first, arc, node = downward(hierarchy.first, hierarchy.head)
    return Below(read_only(first), read_only(arc), read_only(node), read_only(node_of))


def customised_again(
    network: RoadNetwork,
    hierarchy: Hierarchy,
    below: Below,
    known: Customised,
    weights: Weights,
    arcs: NDArray[np.int32],
) -> Customised:
    """Customise for weights that differ from known ones at some arcs of the network; equal to `customised`."""
    m = len(hierarchy.head)
    place = hierarchy.arc_up[arcs]
    start = np.unique(np.where(place < 0, -1 - place, place))
    ways = TwoWays(known.up.copy(), known.down.copy())
    customise_again(
        Topology(read_only(hierarchy.first), read_only(hierarchy.head)),
        below,
        OutArcs(read_only(network.out_first), read_only(weights.out_arcs)),
        start[start < m].astype(np.int32),
        TwoWays(read_only(known.up), read_only(known.down)),
        ways,
    )
    return Customised(ways.up, ways.down, weights)

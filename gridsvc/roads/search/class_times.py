"""What a trip is made of: the quickest way's milliseconds on each class of road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.speeds import CLASSES
from gridsvc.roads.search.search import FARTHEST_MS, milliseconds_one_place
from gridsvc.roads.search.weights import Weights, weights_of
from gridsvc.roads.search.workspace import workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps


def find_class_milliseconds(
    network: RoadNetwork, origin: Snaps, destination: Snaps, profile: str | Weights = "emergency"
) -> tuple[int, NDArray[np.int64]] | None:
    """Milliseconds of the quickest way, whole and by class (in the order of `speeds.CLASSES`); None = no way there.

    The classes lack what is walked beside the road or lost in forbidden turns. The search ends at the origin, so that
    it costs what the trip's surroundings cost and not the whole network.
    """
    from gridsvc.roads.kernels.path_kernel import spent

    if len(origin) != 1 or len(destination) != 1:
        raise InvalidInput("A trip has one origin and one destination.")
    weights = weights_of(network, profile)
    best = int(milliseconds_one_place(network, origin, destination, weights, wanted=1, backward=True)[0])
    if best >= FARTHEST_MS:
        return None
    space = workspace(network.node_count)
    class_ms = np.zeros(len(CLASSES), np.int64)
    spent(
        network.out_first, weights.out_arcs, network.arc_slot, weights.slot_ms, network.slot_first, network.slot_arc,
        network.arc_tail, network.arc_head, network.junction_first, network.edge_from, network.edge_to,
        network.edge_length_m, network.edge_class, origin.edge, origin.fraction, origin.offroad_m, destination.edge,
        destination.fraction, destination.offroad_m, space.state, space.target_of, space.stamp, best, class_ms,
    )  # fmt: skip
    return best, class_ms

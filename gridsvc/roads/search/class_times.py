"""What a trip is made of: the quickest way's milliseconds on each class of road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.numba_types import read_only
from gridsvc.roads.kernels.arguments import ArcClasses, Labels
from gridsvc.roads.kernels.path_kernel import spent
from gridsvc.roads.network.speeds import CLASSES
from gridsvc.roads.search.kernel_arguments import arc_costs_of, edge_ends_of
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

    The classes lack what is beside the road or lost in forbidden turns. The search ends at the origin, so that
    it costs what the trip's surroundings cost and not the whole network.
    """
    if len(origin) != 1 or len(destination) != 1:
        raise InvalidInput("A trip has one origin and one destination.")
    weights = weights_of(network, profile)
    best = int(milliseconds_one_place(network, origin, destination, weights, wanted=1, backward=True)[0])
    if best >= FARTHEST_MS:
        return None
    space = workspace(network.node_count)
    class_ms = np.zeros(len(CLASSES), np.int64)
    spent(
        arc_costs_of(weights),
        edge_ends_of(network),
        ArcClasses(read_only(network.out_first), read_only(network.arc_slot), read_only(network.edge_class)),
        origin.for_kernels(),
        destination.for_kernels(),
        Labels(space.state, space.target_of, space.stamp),
        best,
        class_ms,
    )
    return best, class_ms

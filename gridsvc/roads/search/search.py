"""Travel times between snapped places. Seconds as float64, inf = unreachable.

Every function takes a profile's name, or `Weights` where closures act. Times are whole milliseconds within.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.kernels.one_kernel import between, flood
from gridsvc.roads.search.kernel_arguments import arc_costs_of, direction_of, edge_ends_of, search_space_of
from gridsvc.roads.search.weights import Weights, weights_of
from gridsvc.roads.search.workspace import workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.workspace import Workspace

FARTHEST_MS = 2**31 - 1


def seconds_to(
    network: RoadNetwork,
    origins: Snaps,
    destination: Snaps,
    profile: str | Weights = "emergency",
    limit_s: float | None = None,
) -> NDArray[np.float64]:
    """Time from each of n origins to the one destination, (n,) seconds; inf = no way there within the limit."""
    return as_seconds(milliseconds_one_place(network, origins, destination, profile, limit_s, backward=True))


def seconds_from(
    network: RoadNetwork,
    origin: Snaps,
    destinations: Snaps,
    profile: str | Weights = "emergency",
    limit_s: float | None = None,
) -> NDArray[np.float64]:
    """Time from the one origin to each of n destinations, (n,) seconds; inf = no way there within the limit."""
    return as_seconds(milliseconds_one_place(network, destinations, origin, profile, limit_s, backward=False))


def nearest_to(
    network: RoadNetwork, origins: Snaps, destination: Snaps, k: int, profile: str | Weights = "emergency"
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the k origins that are first at the destination: numbers and seconds, quickest first, fewer if fewer can."""
    ms = milliseconds_one_place(network, origins, destination, profile, wanted=k, backward=True)
    order = np.argsort(ms, kind="stable")[:k]
    order = order[ms[order] < FARTHEST_MS]
    return order, ms[order] / 1000.0


def as_seconds(ms: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.float64]:
    """Turn milliseconds into seconds, the farthest into inf."""
    seconds = ms / 1000.0
    seconds[ms >= FARTHEST_MS] = np.inf
    return seconds


def milliseconds_one_place(
    network: RoadNetwork,
    many: Snaps,
    one: Snaps,
    profile: str | Weights,
    limit_s: float | None = None,
    wanted: int = 0,
    *,
    backward: bool,
) -> NDArray[np.int64]:
    """Milliseconds between one place and many, (many,): towards it when searched backward, from it when forward.

    2^31 - 1 = no way there within the limit. `wanted`: enough when so many of them are known for certain; 0 = all.
    """
    if len(one) != 1:
        raise InvalidInput(f"One place was meant, {len(one)} were given.", count=len(one))
    weights = weights_of(network, profile)
    limit = FARTHEST_MS - 1 if limit_s is None else min(int(limit_s * 1000), FARTHEST_MS - 1)
    space = workspace(network.node_count)
    best = np.empty(len(many), np.int64)
    between(
        direction_of(network, weights, backward=backward),
        arc_costs_of(weights),
        edge_ends_of(network),
        many.for_kernels(),
        one.for_kernels(),
        search_space_of(space, space.next_stamp()),
        (limit, wanted),
        best,
    )
    return best


def node_milliseconds(
    network: RoadNetwork,
    place: Snaps,
    direction: str,
    profile: str | Weights = "emergency",
    limit_s: float | None = None,
) -> NDArray[np.int32]:
    """Milliseconds between the one place and every node, (nodes,); 2^31 - 1 = beyond the limit or no way.

    direction `to`: from the nodes to the place; `from`: from the place to the nodes.
    """
    weights = weights_of(network, profile)
    limit_ms = FARTHEST_MS - 1 if limit_s is None else min(int(limit_s * 1000), FARTHEST_MS - 1)
    result = np.empty(network.node_count, np.int32)
    flood_from(network, place, weights, limit_ms, result, backward=is_backward(direction))
    return result


def flood_from(
    network: RoadNetwork, place: Snaps, weights: Weights, limit_ms: int, result: NDArray[np.int32], *, backward: bool
) -> tuple[Workspace, int]:
    """Search from a place, or towards it, as far as a limit; write the nodes' milliseconds where `result` has room.

    Returns the workspace of this thread and the stamp of the search: until the next one its labels are there to read.
    """
    space = workspace(network.node_count)
    stamp = space.next_stamp()
    flood(
        direction_of(network, weights, backward=backward),
        arc_costs_of(weights),
        edge_ends_of(network),
        place.for_kernels(),
        search_space_of(space, stamp),
        limit_ms,
        result,
    )
    return space, stamp


def is_backward(direction: str) -> bool:
    """Say whether a direction is searched backward: `to` the place is, `from` it is not."""
    if direction not in {"to", "from"}:
        raise InvalidInput(
            f"The direction is {direction!r}; it is `to` (towards the place) or `from` (away from it).",
            direction=direction,
        )
    return direction == "to"

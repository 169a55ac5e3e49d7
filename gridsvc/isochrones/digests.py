"""What decides a station's area, as a digest: areas of one digest are one area, and need not be drawn again.

A closure counts only where the station's drives meet it. If no edge that is closed or slowed has an end within the
budget, no drive within the budget uses one, with or without the closure, so that the area is the same.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.roads.search.search import FARTHEST_MS, node_milliseconds
from gridsvc.roads.search.weights import weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.weights import Weights

DRAWING = 3
"""Counts changes of how an area is drawn from the same roads: areas of an earlier number are drawn again."""


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """The slots whose milliseconds are not those of the profile without closures, and the arcs over them.

    slot, ms (changed,); arc_slot (arcs,) = number among the changed, arc_tail, arc_head (arcs,) = nodes.
    """

    slot: NDArray[np.int64]
    ms: NDArray[np.uint32]
    arc_slot: NDArray[np.int64]
    arc_tail: NDArray[np.int64]
    arc_head: NDArray[np.int64]


def changes_of(network: RoadNetwork, weights: Weights) -> Changes:
    """Find what closures have changed."""
    slot = np.flatnonzero(weights.slot_ms != weights_of(network, weights.profile).slot_ms).astype(np.int64)
    first, last = network.slot_first[slot].astype(np.int64), network.slot_first[slot + 1].astype(np.int64)
    counts = last - first
    ends = np.cumsum(counts)
    at = np.repeat(first - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
    arcs = network.slot_arc[at]
    number = np.repeat(np.arange(len(slot)), counts)
    tail, head = (ends_[arcs].astype(np.int64) for ends_ in (network.arc_tail, network.arc_head))
    return Changes(slot, weights.slot_ms[slot], number, tail, head)


def area_digest(
    network: RoadNetwork, network_digest: str, weights: Weights, changes: Changes, place: Snaps, driving_s: int
) -> str:
    """Return the digest of the area within `driving_s` seconds from one place; costs a search where there are changes.

    `network_digest` names the network, `changes` are those of the weights.
    """
    met = _met(network, weights, changes, place, driving_s)
    result = [
        DRAWING,
        network_digest,
        weights.profile,
        weights.extra_ms,
        repr(float(place.lon[0])),
        repr(float(place.lat[0])),
        driving_s,
        [[int(changes.slot[n]), int(changes.ms[n])] for n in met],
    ]
    return hashlib.sha256(json.dumps(result, separators=(",", ":")).encode()).hexdigest()


def _met(network: RoadNetwork, weights: Weights, changes: Changes, place: Snaps, driving_s: int) -> NDArray[np.int64]:
    """Return which of the changed slots a drive within the budget comes to, in order."""
    if not len(changes.slot):
        return np.empty(0, np.int64)
    reached = node_milliseconds(network, place, "from", weights, driving_s) < FARTHEST_MS
    met = np.isin(changes.slot // 2, place.edge)
    met[changes.arc_slot[reached[changes.arc_tail] | reached[changes.arc_head]]] = True
    return np.flatnonzero(met).astype(np.int64)

"""What each arc costs now: a profile, with the closures of the moment, in the order that searches read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.network import CLOSED, PROFILES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network import RoadNetwork

BUCKETS = 2048
LEAST_SHIFT = 11
"""Buckets of the search are at least 2^11 ms wide, a third of a street between two corners."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Milliseconds of one profile; CLOSED arcs are skipped, never added.

    slot_ms (slots,), out_arcs (arcs, 2) = head, ms in the order of `out_first`, in_arcs (arcs, 2) = tail, ms in the
    order of `in_first`. `extra_ms` is what a forbidden turn adds, CLOSED = never made. `shift` is the width of the
    search's buckets, a power of two of milliseconds. `version` tells weights apart that differ.
    """

    profile: str
    slot_ms: NDArray[np.uint32]
    out_arcs: NDArray[np.uint32]
    in_arcs: NDArray[np.uint32]
    extra_ms: int
    shift: int
    version: str = ""


def weights_of(network: RoadNetwork, profile: str | Weights) -> Weights:
    """Return the profile's weights without any closure; weights are handed through."""
    if isinstance(profile, Weights):
        return profile
    known = network.kept.get(profile)
    if not isinstance(known, Weights):
        if profile not in PROFILES:
            raise InvalidInput(f"There is no profile {profile!r}; the profiles are {', '.join(PROFILES)}.")
        row = PROFILES.index(profile)
        known = make_weights(network, profile, network.slot_ms[row], int(network.forbidden_turn_ms[row]), profile)
        network.kept[profile] = known
    return known


def make_weights(
    network: RoadNetwork, profile: str, slot_ms: NDArray[np.uint32], extra_ms: int, version: str
) -> Weights:
    """Lay out milliseconds of slots for the searches."""
    ms = slot_ms[network.arc_slot]
    forbidden = network.arc_forbidden
    if extra_ms == CLOSED:
        ms[forbidden] = CLOSED
    else:
        dear = ms[forbidden].astype(np.int64) + extra_ms
        ms[forbidden] = np.where(ms[forbidden] == CLOSED, CLOSED, np.minimum(dear, CLOSED - 1))
    out_arcs = np.column_stack([network.arc_head.view(np.uint32), ms])
    order = network.in_arc
    in_arcs = np.column_stack([network.arc_tail[order].view(np.uint32), ms[order]])
    opened = ms[ms != CLOSED]
    longest = int(opened.max()) if len(opened) else 0
    # the wheel must reach beyond the longest arc
    shift = max(LEAST_SHIFT, int(longest // (BUCKETS - 2)).bit_length())
    return Weights(profile, slot_ms, out_arcs, in_arcs, extra_ms, shift, version)

"""What each arc costs now: a profile, with the closures of the moment, in the order that searches read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.network import CLOSED, PROFILES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

BUCKETS = 2048
LEAST_SHIFT = 11
"""Buckets of the search are at least 2^11 ms wide, a third of a street between two corners."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Milliseconds of one profile; CLOSED arcs are skipped, never added.

    slot_ms (slots,), out_arcs (arcs, 2) = head, ms in the order of `out_first`, in_arcs (arcs, 2) = tail, ms in the
    order of `in_first`. `extra_ms` is what a forbidden turn adds, CLOSED = never made. `shift` is the width of the
    search's buckets, a power of two of milliseconds. Weights that differ have different versions. Where they were made
    from others, `base` are these, and `changed` the arcs at which they may differ.
    """

    profile: str
    slot_ms: NDArray[np.uint32]
    out_arcs: NDArray[np.uint32]
    in_arcs: NDArray[np.uint32]
    extra_ms: int
    shift: int
    version: str = ""
    base: Weights | None = None
    changed: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))


def weights_of(network: RoadNetwork, profile: str | Weights) -> Weights:
    """Return the profile's weights without any closure; weights are returned as they are."""
    if isinstance(profile, Weights):
        return profile
    known = network.kept.get(profile)
    if not isinstance(known, Weights):
        if profile not in PROFILES:
            raise InvalidInput(
                f"There is no profile {profile!r}; the profiles are {', '.join(PROFILES)}.",
                kind="unknown-profile",
                profile=profile,
                known=list(PROFILES),
            )
        row = PROFILES.index(profile)
        known = make_weights(network, profile, network.slot_ms[row], int(network.forbidden_turn_ms[row]), profile)
        network.kept[profile] = known
    return known


def make_weights(
    network: RoadNetwork, profile: str, slot_ms: NDArray[np.uint32], extra_ms: int, version: str
) -> Weights:
    """Arrange milliseconds of slots for the searches."""
    ms = slot_ms[network.arc_slot]
    forbidden = network.arc_forbidden
    ms[forbidden] = _with_extra(ms[forbidden], extra_ms)
    order = network.in_arc
    out_arcs = np.empty((len(ms), 2), np.uint32)
    out_arcs[:, 0], out_arcs[:, 1] = network.arc_head, ms
    in_arcs = np.empty((len(ms), 2), np.uint32)
    in_arcs[:, 0], in_arcs[:, 1] = network.arc_tail[order], ms[order]
    opened = ms[ms != CLOSED]
    longest = int(opened.max()) if len(opened) else 0
    return Weights(profile, slot_ms, out_arcs, in_arcs, extra_ms, _shift(longest), version)


def changed_weights(
    network: RoadNetwork, base: Weights, slots: NDArray[np.int64], slot_ms: NDArray[np.uint32], version: str
) -> Weights:
    """Return weights that differ from `base` at some slots; costs a copy and what is changed."""
    result = base.slot_ms.copy()
    result[slots] = slot_ms
    counts = network.slot_first[slots + 1] - network.slot_first[slots]
    ends = np.cumsum(counts)
    at = np.repeat(network.slot_first[slots] - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
    arcs = network.slot_arc[at]
    ms = np.repeat(slot_ms, counts)
    forbidden = network.arc_forbidden[arcs]
    ms[forbidden] = _with_extra(ms[forbidden], base.extra_ms)
    out_arcs, in_arcs = base.out_arcs.copy(), base.in_arcs.copy()
    out_arcs[arcs, 1] = ms
    in_arcs[_place_among_in_arcs(network)[arcs], 1] = ms
    opened = ms[ms != CLOSED]
    shift = max(base.shift, _shift(int(opened.max()))) if len(opened) else base.shift
    changed = np.union1d(arcs, base.changed).astype(np.int32) if len(base.changed) else np.sort(arcs)
    return Weights(base.profile, result, out_arcs, in_arcs, base.extra_ms, shift, version, base.base or base, changed)


def differing_arcs(a: Weights, b: Weights) -> NDArray[np.int32] | None:
    """Return the arcs at which two weights differ, in order; None where they do not come from the same ones."""
    if (a.base or a) is not (b.base or b):
        return None
    arcs = np.union1d(a.changed, b.changed)
    differing: NDArray[np.int32] = arcs[a.out_arcs[arcs, 1] != b.out_arcs[arcs, 1]]
    return differing


def _with_extra(ms: NDArray[np.uint32], extra_ms: int) -> NDArray[np.uint32]:
    """Add what a forbidden turn costs."""
    if extra_ms == CLOSED:
        return np.full(len(ms), CLOSED, np.uint32)
    dear = np.minimum(ms.astype(np.int64) + extra_ms, CLOSED - 1)
    return np.where(ms == CLOSED, CLOSED, dear).astype(np.uint32)


def _shift(longest_ms: int) -> int:
    """Return the width of buckets with which the wheel reaches beyond the longest arc."""
    return max(LEAST_SHIFT, int(longest_ms // (BUCKETS - 2)).bit_length())


def _place_among_in_arcs(network: RoadNetwork) -> NDArray[np.int32]:
    """Return where each arc stands in the order of the heads."""
    known = network.kept.get("in_place")
    if not isinstance(known, np.ndarray):
        known = np.empty(network.arc_count, np.int32)
        known[network.in_arc] = np.arange(network.arc_count, dtype=np.int32)
        network.kept["in_place"] = known
    return known

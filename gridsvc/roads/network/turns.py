"""Forbidden turns: junctions split into as many nodes as there are ways of arriving that forbid something.

The network accepts exactly the paths that contain no forbidden sequence of slots (Villeneuve and Desaulniers 2005,
The shortest path problem with forbidden paths; built as Aho and Corasick 1975 build their automaton). A node is the
longest beginning of a forbidden sequence that the path ends with; the plain junction is the empty one. A turn that is
forbidden stays as an arc of its own, marked, since an emergency may make it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Slots = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SplitGraph:
    """Nodes and arcs after the split. Node j < junctions is the plain junction j; later ones are split from it."""

    node_junction: NDArray[np.int32]
    arc_tail: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    arc_slot: NDArray[np.int32]
    arc_forbidden: NDArray[np.bool_]


def split_at_forbidden_turns(
    junctions: int,
    slot: NDArray[np.int32],
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    forbidden: Iterable[Slots],
) -> SplitGraph:
    """Split the junctions of the forbidden sequences.

    Parameters
    ----------
    slot, tail, head
        The usable slots with their junctions, (n,) each.
    forbidden
        Sequences of two or more slots, each beginning where the one before ends; those with a slot that is not
        usable are passed over.
    """
    size = int(slot.max()) + 1 if len(slot) else 0
    tail_of, head_of = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    tail_of[slot], head_of[slot] = tail, head
    sequences = {
        sequence for sequence in forbidden if len(sequence) > 1 and all(s < size and tail_of[s] >= 0 for s in sequence)
    }
    prefixes = sorted({sequence[:i] for sequence in sequences for i in range(1, len(sequence))})
    node_of = {prefix: junctions + i for i, prefix in enumerate(prefixes)}
    junction_of_prefix = [int(head_of[prefix[-1]]) for prefix in prefixes]

    def target(path: Slots) -> int:
        """Find the node of the longest suffix of the path that is a beginning of a forbidden sequence."""
        for start in range(len(path)):
            if (node := node_of.get(path[start:])) is not None:
                return node
        return int(head_of[path[-1]])

    # a slot that begins a forbidden sequence leads to the node that remembers it
    remembered = np.full(size, -1, np.int32)
    for prefix, node in node_of.items():
        if len(prefix) == 1:
            remembered[prefix[0]] = node
    plain_head = np.where(remembered[slot] >= 0, remembered[slot], head).astype(np.int32)
    leaving: dict[int, list[int]] = {}
    at_split = np.isin(tail, np.array(sorted(set(junction_of_prefix)), np.int32))
    for s, start in zip(slot[at_split].tolist(), tail[at_split].tolist(), strict=True):
        leaving.setdefault(start, []).append(s)
    extra = [
        (node_of[prefix], target((*prefix, s)), s, _ends_forbidden((*prefix, s), sequences))
        for prefix, junction in zip(prefixes, junction_of_prefix, strict=True)
        for s in leaving.get(junction, [])
    ]
    more = np.array(extra, np.int32).reshape(-1, 4)
    return SplitGraph(
        node_junction=np.concatenate([np.arange(junctions, dtype=np.int32), np.array(junction_of_prefix, np.int32)]),
        arc_tail=np.concatenate([tail, more[:, 0]]),
        arc_head=np.concatenate([plain_head, more[:, 1]]),
        arc_slot=np.concatenate([slot, more[:, 2]]),
        arc_forbidden=np.concatenate([np.zeros(len(slot), bool), more[:, 3].astype(bool)]),
    )


def _ends_forbidden(path: Slots, sequences: set[Slots]) -> bool:
    return any(path[start:] in sequences for start in range(len(path) - 1))

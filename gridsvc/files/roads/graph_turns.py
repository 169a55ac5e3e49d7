"""Forbidden turns beside a graph of osmnx, which has no place for them: as a list that other programs pass over.

`graph.graph["turn_restrictions"]` is JSON: sequences of two or more edges, each [from node, to node, key], that nobody
may drive one after the other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.survey import Restriction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.roads.network.network import RoadNetwork

ATTRIBUTE = "turn_restrictions"

Slots = tuple[int, ...]
Edge = tuple[Any, Any, int]


def forbidden_slots(network: RoadNetwork) -> list[Slots]:
    """Return the sequences of slots that contain a forbidden turn, read back from the nodes that remember them.

    A node beside a junction's plain one is the beginning of a sequence (`turns.split_at_forbidden_turns`): the slot by
    which a plain node leads to it, or a shorter beginning and a slot more.
    """
    plain = np.zeros(network.node_count, bool)
    plain[network.junction_first[:-1]] = True
    known: dict[int, Slots] = {}
    unknown = {int(node) for node in network.arc_tail[network.arc_forbidden]}
    into: dict[int, list[tuple[int, int]]] = {}
    for arc in np.flatnonzero(~plain[network.arc_head]).tolist():
        tail, head, slot = int(network.arc_tail[arc]), int(network.arc_head[arc]), int(network.arc_slot[arc])
        if plain[tail]:
            known[head] = (slot,)
        else:
            into.setdefault(head, []).append((tail, slot))
    while True:
        # the shortest beginnings first: a longer one that ends alike leads to the same node
        found = {}
        for node, ways in into.items():
            if node not in known:
                longer = [(*known[tail], slot) for tail, slot in ways if tail in known]
                if longer:
                    found[node] = min(longer, key=len)
        if not found:
            break
        shortest = min(map(len, found.values()))
        known |= {node: slots for node, slots in found.items() if len(slots) == shortest}
    return sorted(
        (*known[int(network.arc_tail[arc])], int(network.arc_slot[arc]))
        for arc in np.flatnonzero(network.arc_forbidden).tolist()
        if int(network.arc_tail[arc]) in known and int(network.arc_tail[arc]) in unknown
    )


def written(network: RoadNetwork, edge_of_slot: Mapping[int, Edge]) -> str:
    """Return the attribute's text.

    Sequences with a slot that is no edge of the graph are left out, and those with a street that ends where it begins:
    of a way that comes to its junction from both sides, a restriction does not say which is meant.
    """
    sequences = [
        [edge_of_slot[slot] for slot in slots]
        for slots in forbidden_slots(network)
        if all(slot in edge_of_slot and edge_of_slot[slot][0] != edge_of_slot[slot][1] for slot in slots)
    ]
    return json.dumps(sequences, separators=(",", ":"))


def read(text: object, way_of: Mapping[Edge, int], number: Mapping[Any, int]) -> tuple[Restriction, ...]:
    """Read the attribute's text; `way_of` an edge is its way, `number` of a node its point.

    Raises InvalidInput (kind bad-graph) for anything else than `written` writes, and for edges that are not there.
    """
    try:
        restrictions = []
        for sequence in json.loads(str(text)):
            edges = [(u, v, int(key)) for u, v, key in sequence]
            first, *between, last = (way_of[edge] for edge in edges)
            via = None if between else number[edges[0][1]]
            restrictions.append(Restriction(False, (first,), (last,), via, tuple(between)))
    except (ValueError, TypeError, KeyError) as wrong:
        raise InvalidInput(
            f"The graph's attribute {ATTRIBUTE!r} does not fit its edges ({str(wrong)[:80]}). "
            "Take it away, or write the graph again from its roads.",
            kind="bad-graph",
        ) from wrong
    return tuple(restrictions)

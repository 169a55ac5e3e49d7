"""A survey becomes a network: cut at junctions, split for turns, its largest connected part, in memory order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.chains import Chains, chain
from gridsvc.roads.network.geometry import cell_index, distance_m, hilbert
from gridsvc.roads.network.network import CLOSED, DEGREE, RoadNetwork
from gridsvc.roads.network.restrictions import forbidden_sequences
from gridsvc.roads.network.speeds import CLASS_NUMBER, Speeds
from gridsvc.roads.network.streets import Streets, segments, shut_barriers
from gridsvc.roads.network.turns import SplitGraph, split_at_forbidden_turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gridsvc.roads.network.survey import Survey

GATE = CLASS_NUMBER["gate"]
LISTED_PARTS = 20
"""So many of the parts that were cut off are named in the report, the longest first."""


def build(survey: Survey, speeds: Speeds, source: str = "") -> RoadNetwork:
    """Make the network of a survey.

    `facts` has source, bounds and report: what was read, restricted, closed and cut off.
    Raises InvalidInput (kind no-roads) where no road is left.
    """
    report: dict[str, Any] = dict(survey.report)
    streets = segments(survey, report)
    if not len(streets.u):
        raise _no_roads()
    streets = shut_barriers(streets, survey.barriers, report)
    sequences, via = forbidden_sequences(survey.restrictions, streets, report)
    edges = _edges(streets, via)
    slot_ms = _slot_milliseconds(edges, streets, speeds)
    usable = np.flatnonzero((slot_ms != CLOSED).any(axis=0)).astype(np.int32)
    tail, head = edges.slot_ends(usable)
    graph = split_at_forbidden_turns(edges.junctions, usable, tail, head, edges.in_slots(sequences))
    # What only the steps before needed is not held while the arrays of the network are made.
    nothing = np.empty(0, np.int64)
    edges = replace(edges, slot_of=nothing)
    streets = replace(streets, u=nothing, v=nothing, along=nothing, against=nothing)
    del tail, head, usable, sequences
    kept = _hang_together(graph, slot_ms, edges, streets, report)
    facts = {"source": source, "report": report}
    return _assemble(_Parts(edges, streets, graph, kept, slot_ms), survey.names, speeds, facts)


def _no_roads() -> InvalidInput:
    return InvalidInput(
        "There are no roads in this file that a vehicle may use and whose points are known. "
        "Check that it is a street extract: ways with a `highway` tag, together with their nodes.",
        kind="no-roads",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Chains with their ends as junctions numbered from 0, `junction_point` the point of each."""

    chains: Chains
    junction_point: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    length_m: NDArray[np.float64]
    vertex_m: NDArray[np.float64]
    kind: NDArray[np.int64]
    slot_of: NDArray[np.int64]
    """(segments, 2): the slot of a segment driven from u to v, and from v to u."""

    @property
    def junctions(self) -> int:
        return len(self.junction_point)

    def slot_ends(self, slot: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Junctions at the tails and heads of slots."""
        edge, back = slot >> 1, (slot & 1).astype(bool)
        return np.where(back, self.end[edge], self.start[edge]), np.where(back, self.start[edge], self.end[edge])

    def in_slots(self, sequences: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Turn sequences of directed segments into sequences of slots."""
        result = []
        for sequence in sequences:
            slots = [int(self.slot_of[d >> 1, d & 1]) for d in sequence]
            result.append(tuple(s for i, s in enumerate(slots) if i == 0 or s != slots[i - 1]))
        return result


def _edges(streets: Streets, via: NDArray[np.int64]) -> _Edges:
    keep = np.zeros(len(streets.point), bool)
    keep[via] = True
    chains = chain(streets.u, streets.v, streets.along, streets.against, keep)
    first, last = chains.first[:-1], chains.first[1:] - 1
    ends = np.concatenate([chains.point[first], chains.point[last]])
    junction_point, junction = np.unique(ends, return_inverse=True)
    lon, lat = streets.lon[chains.point], streets.lat[chains.point]
    step = np.zeros(len(lon))
    step[1:] = distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    step[first] = 0.0
    run = np.cumsum(step)
    vertex_m = run - np.repeat(run[first], np.diff(chains.first))
    leads = chains.segment >= 0
    edge_of = np.repeat(np.arange(len(first)), np.diff(chains.first))[leads]
    segment, against = chains.segment[leads], chains.against[leads]
    slot_of = np.full((len(streets.u), 2), -1, np.int64)
    slot_of[segment, against.astype(np.int64)] = 2 * edge_of
    slot_of[segment, 1 - against.astype(np.int64)] = 2 * edge_of + 1
    start = chains.segment[first]
    kind = np.where(chains.against[first], streets.against[start], streets.along[start])
    n = len(first)
    return _Edges(
        chains,
        junction_point,
        junction[:n].astype(np.int32),
        junction[n:].astype(np.int32),
        vertex_m[last],
        vertex_m,
        kind,
        slot_of,
    )


def _slot_milliseconds(edges: _Edges, streets: Streets, speeds: Speeds) -> NDArray[np.uint32]:
    """Driving time of every slot, (2, 2 * edges): normal, emergency; signals and gates included."""
    kph = streets.kph[edges.kind].astype(np.float64)
    signals = np.zeros(2 * len(edges.kind))
    chains = edges.chains
    flags = streets.signal[chains.point].astype(np.int64)
    run = np.concatenate([[0], np.cumsum(flags)])
    first, last = chains.first[:-1], chains.first[1:] - 1
    signals[0::2] = run[last + 1] - run[first + 1]
    signals[1::2] = run[last] - run[first]
    result = np.full((2, 2 * len(edges.kind)), CLOSED, np.uint32)
    gate = streets.road_class[edges.kind] == GATE
    gate_s = (speeds.gate_s, speeds.emergency_gate_s)
    for profile, signal_s in enumerate((speeds.signal_s, speeds.emergency_signal_s)):
        for side in (0, 1):
            speed = kph[:, 2 * profile + side]
            opened = speed > 0
            seconds = edges.length_m * 3.6 / np.where(opened, speed, 1.0) + signals[side::2] * signal_s
            # a gate that opens for anybody costs an emergency no more than anybody
            waits = np.where(kph[:, side] > 0, speeds.gate_s, gate_s[profile])
            ms = np.rint(np.where(gate, waits, seconds) * 1000).clip(0, CLOSED - 1)
            result[profile, side::2] = np.where(opened, ms, CLOSED).astype(np.uint32)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    node: NDArray[np.bool_]
    arc: NDArray[np.bool_]
    slot_in_normal: NDArray[np.bool_]


def _hang_together(
    graph: SplitGraph, slot_ms: NDArray[np.uint32], edges: _Edges, streets: Streets, report: dict[str, Any]
) -> _Kept:
    """Keep the largest part in which everybody reaches everybody; and for the normal profile the same within it."""
    emergency = slot_ms[1, graph.arc_slot] != CLOSED
    whole, label = _largest(graph, emergency, np.ones(len(graph.node_junction), bool))
    normal = (slot_ms[0, graph.arc_slot] != CLOSED) & ~graph.arc_forbidden
    inner, _ = _largest(graph, normal, whole)
    # a plain junction where every way of arriving is split has none that leads to it, yet routes may begin there
    node = whole.copy()
    node[: edges.junctions] |= np.bincount(graph.node_junction[whole], minlength=edges.junctions) > 0
    arc = emergency & node[graph.arc_tail] & whole[graph.arc_head]
    in_normal = np.zeros(slot_ms.shape[1], bool)
    in_normal[graph.arc_slot[normal & inner[graph.arc_tail] & inner[graph.arc_head]]] = True
    _report_cut_off(graph, arc, label, edges, streets, report)
    closed = (slot_ms[0] != CLOSED) & ~in_normal
    km = float(np.repeat(edges.length_m, 2)[closed].sum() / 1000)
    report["dead_ends_of_one_way_streets"] = {"directed_km": round(km, 3)}
    return _Kept(node, arc, in_normal)


def _largest(
    graph: SplitGraph, arc: NDArray[np.bool_], node: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    arc = arc & node[graph.arc_tail] & node[graph.arc_head]
    n = len(graph.node_junction)
    ones = np.ones(int(arc.sum()), np.int8)
    links = csr_matrix((ones, (graph.arc_tail[arc], graph.arc_head[arc])), shape=(n, n))
    _, label = connected_components(links, connection="strong")
    return label == np.bincount(label).argmax(), label


def _report_cut_off(
    graph: SplitGraph,
    arc: NDArray[np.bool_],
    label: NDArray[np.int32],
    edges: _Edges,
    streets: Streets,
    report: dict[str, Any],
) -> None:
    inside = np.zeros(len(edges.length_m), bool)
    inside[graph.arc_slot[arc] >> 1] = True
    outside = np.zeros(len(edges.length_m), bool)
    outside[graph.arc_slot >> 1] = True
    outside &= ~inside
    part = label[edges.start[outside]]
    km = np.bincount(part, edges.length_m[outside] / 1000) if len(part) else np.empty(0)
    longest = np.argsort(-km)[:LISTED_PARTS]
    where: dict[int, int] = {}
    for edge, p in zip(np.flatnonzero(outside).tolist(), part.tolist(), strict=True):
        where.setdefault(p, edge)
    lon, lat = (values[edges.junction_point[edges.start]].tolist() for values in (streets.lon, streets.lat))
    report["cut_off"] = {
        "edges": int(outside.sum()),
        "km": round(float(edges.length_m[outside].sum() / 1000), 3),
        "parts": int((km > 0).sum()),
        "longest": [
            {"km": round(float(km[p]), 3), "lon": round(lon[where[p]], 7), "lat": round(lat[where[p]], 7)}
            for p in longest.tolist()
            if p in where
        ],
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What a network is assembled from."""

    edges: _Edges
    streets: Streets
    graph: SplitGraph
    kept: _Kept
    slot_ms: NDArray[np.uint32]


def _assemble(parts: _Parts, names: tuple[str, ...], speeds: Speeds, origin: dict[str, Any]) -> RoadNetwork:
    """Lay out every array, with junctions, nodes, arcs and edges in the order of memory."""
    edges, streets, graph, kept, slot_ms = parts.edges, parts.streets, parts.graph, parts.kept, parts.slot_ms
    if not kept.arc.any():
        raise _no_roads()
    lon = np.rint(streets.lon / DEGREE).astype(np.int32)
    lat = np.rint(streets.lat / DEGREE).astype(np.int32)
    # junctions along the curve, nodes with their junction, edges with their start
    junctions = np.unique(graph.node_junction[kept.node])
    point = edges.junction_point[junctions]
    junctions = junctions[np.lexsort((point, hilbert(lon[point], lat[point])))]
    new_junction = np.full(edges.junctions, -1, np.int32)
    new_junction[junctions] = np.arange(len(junctions))
    nodes = np.flatnonzero(kept.node)
    nodes = nodes[np.lexsort((nodes, new_junction[graph.node_junction[nodes]]))]
    new_node = np.full(len(graph.node_junction), -1, np.int32)
    new_node[nodes] = np.arange(len(nodes))
    node_junction = new_junction[graph.node_junction[nodes]]
    old_edges = np.unique(graph.arc_slot[kept.arc] >> 1)
    old_edges = old_edges[np.lexsort((new_junction[edges.end[old_edges]], new_junction[edges.start[old_edges]]))]
    new_edge = np.full(len(edges.length_m), -1, np.int32)
    new_edge[old_edges] = np.arange(len(old_edges))

    arcs = _arcs(graph, kept, new_node, new_edge)
    del new_node, new_edge
    junction_first = _first(node_junction, len(junctions))

    counts = np.diff(edges.chains.first)[old_edges]
    first_vertex = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    pick = np.repeat(edges.chains.first[old_edges] - first_vertex[:-1], counts) + np.arange(first_vertex[-1])
    vertex = edges.chains.point[pick]
    vertex_lon, vertex_lat, vertex_m = lon[vertex], lat[vertex], edges.vertex_m[pick]
    # the last point of an edge begins no segment
    segment_at = edges.chains.segment[pick]
    segment_level = np.where(segment_at >= 0, streets.level[np.maximum(segment_at, 0)], 0).astype(np.uint8)
    del pick, vertex, segment_at
    kind = edges.kind[old_edges]
    segment = edges.chains.segment[edges.chains.first[old_edges]]
    ms = slot_ms.copy()
    ms[0, ~kept.slot_in_normal] = CLOSED
    ms = ms.reshape(2, -1, 2)[:, old_edges].reshape(2, -1)
    is_gate = streets.road_class[kind] == GATE
    last = np.zeros(len(vertex_lon), bool)
    last[first_vertex[1:] - 1] = True
    edge_of = np.repeat(np.arange(len(old_edges), dtype=np.int32), counts)
    findable = np.flatnonzero(~last & ~is_gate[edge_of]).astype(np.int32)
    anybody = findable[(ms[0].reshape(-1, 2) != CLOSED).any(axis=1)[edge_of[findable]]]
    frame, cell_first, cell_segment, cell_empty = cell_index(vertex_lon, vertex_lat, (findable, anybody))
    del last, findable, anybody
    forward_kph = streets.kph[kind].max(axis=1)
    facts = {
        **origin,
        "bounds": [
            round(float(v) * DEGREE, 7)
            for v in (vertex_lon.min(), vertex_lat.min(), vertex_lon.max(), vertex_lat.max())
        ],
        "levels": True,
        "km": round(float(edges.length_m[old_edges].sum() / 1000), 3),
    }
    return RoadNetwork(
        junction_lon=lon[edges.junction_point[junctions]],
        junction_lat=lat[edges.junction_point[junctions]],
        junction_first=junction_first,
        out_first=_first(arcs.tail, len(nodes)),
        arc_tail=arcs.tail,
        arc_head=arcs.head,
        arc_slot=arcs.slot,
        arc_forbidden=arcs.forbidden,
        in_first=_first(arcs.head[arcs.by_head], len(nodes)),
        in_arc=arcs.by_head,
        slot_first=_first(arcs.slot[arcs.by_slot], 2 * len(old_edges)),
        slot_arc=arcs.by_slot,
        edge_from=new_junction[edges.start[old_edges]],
        edge_to=new_junction[edges.end[old_edges]],
        edge_length_m=edges.length_m[old_edges],
        edge_class=streets.road_class[kind],
        edge_kph=forward_kph.astype(np.float32),
        edge_flags=streets.roundabout[kind].astype(np.uint16),
        edge_name=_names(edges, streets)[old_edges],
        edge_way=streets.way[segment],
        edge_first_vertex=first_vertex,
        vertex_lon=vertex_lon,
        vertex_lat=vertex_lat,
        vertex_m=vertex_m,
        cell_frame=frame,
        cell_first=cell_first,
        cell_segment=cell_segment,
        cell_empty=cell_empty,
        segment_edge=edge_of,
        segment_level=segment_level,
        slot_ms=np.ascontiguousarray(ms),
        forbidden_turn_ms=np.array([CLOSED, round(speeds.forbidden_turn_s * 1000)], np.uint32),
        facts=facts,
        names=names,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Arcs:
    """The arcs of the network by their tails, and their numbers by their heads and by their slots."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    slot: NDArray[np.int32]
    forbidden: NDArray[np.bool_]
    by_head: NDArray[np.int32]
    by_slot: NDArray[np.int32]


def _arcs(graph: SplitGraph, kept: _Kept, new_node: NDArray[np.int32], new_edge: NDArray[np.int32]) -> _Arcs:
    tail, head = new_node[graph.arc_tail[kept.arc]], new_node[graph.arc_head[kept.arc]]
    slot = graph.arc_slot[kept.arc]
    slot = (2 * new_edge[slot >> 1] + (slot & 1)).astype(np.int32)
    order = np.lexsort((slot, head, tail))
    tail, head, slot = tail[order], head[order], slot[order]
    forbidden = graph.arc_forbidden[kept.arc][order]
    del order
    by_head = np.argsort(head, kind="stable").astype(np.int32)
    by_slot = np.lexsort((tail, slot)).astype(np.int32)
    return _Arcs(tail, head, slot, forbidden, by_head, by_slot)


def _first(of: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """Return where each of `count` numbers begins in a sorted array, and at last its length."""
    return np.searchsorted(of, np.arange(count + 1)).astype(np.int32)


def _names(edges: _Edges, streets: Streets) -> NDArray[np.int32]:
    """Name each edge after the first of its segments that has one; -1 = none."""
    leads = edges.chains.segment >= 0
    edge = np.repeat(np.arange(len(edges.kind)), np.diff(edges.chains.first))[leads]
    name = streets.name[edges.chains.segment[leads]]
    named = np.full(len(edges.kind), -1, np.int32)
    has = name >= 0
    named[edge[has][::-1]] = name[has][::-1]
    return named

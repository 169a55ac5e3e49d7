"""The road network: one immutable topology as arrays, saved as one file, mapped and shared by all processes.

Terms: a *junction* is a place where roads meet or end. A *node* is a state of a search: the junction itself, plus one
more for each way of arriving from which some turn is forbidden. An *edge* is the road between two junctions with its
polyline. A *slot* is an edge in one direction: `2 * edge` along the polyline, `2 * edge + 1` against it. An *arc* is
a slot between two nodes; a slot has several arcs where a junction was split for its forbidden turns.

Units: degrees as int32 in 1e-7 (as OpenStreetMap keeps them), metres, milliseconds as uint32. CLOSED = never usable.
Nodes are stored in the order of a Hilbert curve, so that neighbours on the ground are neighbours in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.container import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CLOSED = 0xFFFF_FFFF
"""Milliseconds of an arc that may not be used, and of a place that cannot be reached."""

PROFILES = ("normal", "emergency")
"""normal: what traffic law allows anybody. emergency: contraflow, gates and private ways too, but slowly."""

DEGREE = 1e-7
"""One unit of the stored coordinates, in degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class RoadNetwork:
    """Every array of the network; none is ever written to.

    The arrays may be views of a mapped file. `facts` is what the import said: source, report, bounds.
    """

    # junctions and nodes; the nodes of junction j are junction_first[j] .. junction_first[j + 1], the plain one first
    junction_lon: NDArray[np.int32]
    junction_lat: NDArray[np.int32]
    junction_first: NDArray[np.int32]
    # arcs in the order of their tails, and the same in the order of their heads
    out_first: NDArray[np.int32]
    arc_tail: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    arc_slot: NDArray[np.int32]
    arc_forbidden: NDArray[np.bool_]
    in_first: NDArray[np.int32]
    in_arc: NDArray[np.int32]
    # the arcs of slot s are slot_arc[slot_first[s] : slot_first[s + 1]], the one from the plain node first
    slot_first: NDArray[np.int32]
    slot_arc: NDArray[np.int32]
    # edges and their polylines; vertex_m counts metres from the start of the edge
    edge_from: NDArray[np.int32]
    edge_to: NDArray[np.int32]
    edge_length_m: NDArray[np.float64]
    edge_class: NDArray[np.uint8]
    edge_kph: NDArray[np.float32]
    edge_flags: NDArray[np.uint16]
    edge_name: NDArray[np.int32]
    edge_way: NDArray[np.int64]
    edge_first_vertex: NDArray[np.int32]
    vertex_lon: NDArray[np.int32]
    vertex_lat: NDArray[np.int32]
    vertex_m: NDArray[np.float64]
    # the index of snapping: cells of a lon/lat grid to the segments that pass them (segment = its first vertex)
    cell_frame: NDArray[np.float64]
    cell_first: NDArray[np.int32]
    cell_segment: NDArray[np.int32]
    cell_empty: NDArray[np.int32]
    segment_edge: NDArray[np.int32]
    # whether a segment is on the surface (see `speeds.LEVELS`)
    segment_level: NDArray[np.uint8]
    # milliseconds of each slot, one row a profile, in the order of PROFILES; of a forbidden turn in addition
    slot_ms: NDArray[np.uint32]
    forbidden_turn_ms: NDArray[np.uint32]
    facts: Mapping[str, Any]
    names: tuple[str, ...] = field(repr=False)
    digest: str = ""
    kept: dict[str, object] = field(default_factory=dict, repr=False)
    """What others derived from this network: base weights, meshes."""

    @property
    def levels_known(self) -> bool:
        """Whether the file was made by a program that reads tunnels, bridges and motorways."""
        return bool(self.facts.get("levels"))

    @property
    def node_count(self) -> int:
        """Junctions with the extra nodes of their forbidden turns."""
        return len(self.out_first) - 1

    @property
    def arc_count(self) -> int:
        return len(self.arc_head)

    @property
    def edge_count(self) -> int:
        return len(self.edge_length_m)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = self.facts["bounds"]
        return west, south, east, north

    def to_blocks(self) -> list[bytes | memoryview]:
        """Return the file: magic, version, checksum, then the arrays at aligned offsets. The arrays are not copied."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return pack(arrays, {"facts": dict(self.facts), "names": list(self.names)})

    def to_bytes(self) -> bytes:
        """Return the file as one value."""
        return b"".join(self.to_blocks())

    @classmethod
    def open(cls, buffer: bytes | bytearray | memoryview, *, verify: bool = True) -> RoadNetwork:
        """Read a network without copying its arrays, e.g. from a mapped file; `verify` compares all bytes first.

        Raises InvalidInput for a file that is cut short, damaged, of another version, or no network at all.
        """
        read, rest, digest = unpack(buffer, verify=verify)
        arrays: dict[str, Any] = dict(read)
        if "segment_level" not in arrays and "segment_edge" in arrays:
            # a file of before: all of it counts as on the surface
            arrays["segment_level"] = np.zeros(len(arrays["segment_edge"]), np.uint8)
        if missing := [name for name in ARRAYS if name not in arrays]:
            result = f"The network file lacks {', '.join(missing)}. Load the roads again."
            raise InvalidInput(result, kind="network-file")
        return cls(**arrays, facts=rest["facts"], names=tuple(rest["names"]), digest=digest)


ARRAYS = tuple(name for name in RoadNetwork.__slots__ if name not in {"facts", "names", "digest", "kept"})

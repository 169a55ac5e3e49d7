"""Small OpenStreetMap files for tests, written node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import osmium
from osmium.osm.mutable import Node, Relation, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path


class OsmFile:
    """Collects points, ways and relations, and writes them in a chosen order; ids count down from -1 if negative."""

    def __init__(self, *, negative: bool = False) -> None:
        self.step = -1 if negative else 1
        self.nodes: dict[tuple[float, float], tuple[int, dict[str, str]]] = {}
        self.ways: list[tuple[int, list[int], dict[str, str]]] = []
        self.relations: list[tuple[int, list[tuple[str, int, str]], dict[str, str]]] = []

    def node(self, lon: float, lat: float, **tags: str) -> int:
        key = (round(lon, 7), round(lat, 7))
        number, held = self.nodes.get(key, (self.step * (len(self.nodes) + 1), {}))
        self.nodes[key] = (number, held | tags)
        return number

    def way(self, points: Iterable[tuple[float, float]], tags: Mapping[str, str]) -> int:
        number = self.step * (1000 + len(self.ways))
        self.ways.append((number, [self.node(*point) for point in points], dict(tags)))
        return number

    def area(self, level: int, name: str, ways: Iterable[tuple[int, str]]) -> int:
        number = self.step * (5000 + len(self.relations))
        members = [("w", way, role) for way, role in ways]
        tags = {"type": "boundary", "boundary": "administrative", "admin_level": str(level), "name": name}
        self.relations.append((number, members, tags))
        return number

    def write(self, path: Path, *, shuffled: bool = False, without_ways: Iterable[int] = ()) -> Path:
        gone = set(without_ways)
        nodes = [Node(id=n, location=at, tags=tags) for at, (n, tags) in self.nodes.items()]
        ways = [Way(id=n, nodes=refs, tags=tags) for n, refs, tags in self.ways if n not in gone]
        relations = [Relation(id=n, members=members, tags=tags) for n, members, tags in self.relations]
        if shuffled:
            nodes.reverse()
            ways.reverse()
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            kinds: list[tuple[Callable[[Any], None], Sequence[object]]] = [
                (writer.add_relation, relations),
                (writer.add_way, ways),
                (writer.add_node, nodes),
            ]
            for add, objects in kinds if shuffled else reversed(kinds):
                for thing in objects:
                    add(thing)
        return path


def square(west: float, south: float, size: float = 0.02) -> list[tuple[float, float]]:
    """Corners of a closed square, counter-clockwise."""
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]

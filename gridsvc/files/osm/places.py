"""Boundaries, named places and features, addresses and stations out of a .osm.pbf, by osmium.

The roads are `files.roads.read_osm`. One pass for each kind of object (relations, ways, nodes), so that the order of
the file and the sign of its ids do not matter, and only what was asked for is kept in memory.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.osm import features
from gridsvc.files.osm.model import Address, Settlement, StationSite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from osmium import BaseFilter
    from osmium.osm import Node, Relation, TagList, Way
    from shapely.geometry.base import BaseGeometry

    from gridsvc.places.features import NamedFeature

    _Object = TypeVar("_Object", Node, Way, Relation)

STATION_AMENITIES = ("fire_station", "police", "townhall")

PLACE_WEIGHTS = {
    "city": 40.0,
    "town": 15.0,
    "suburb": 8.0,
    "quarter": 5.0,
    "village": 5.0,
    "neighbourhood": 3.0,
    "hamlet": 1.0,
    "isolated_dwelling": 0.2,
    "farm": 0.2,
    "locality": 0.1,
}
"""Rough ratio of the people who live in a place of each rank; places of other kinds are not settlements."""

SEAT_ROLES = ("admin_centre", "label")

BOUNDARY_ROLES = {"", "outer", "inner", "exclave", "enclave"}


@dataclass(frozen=True, slots=True)
class OsmArea:
    """One complete administrative area: Polygon or MultiPolygon with holes and exclaves, lon/lat WGS-84."""

    osm_id: str
    admin_level: int
    name: str
    geometry: BaseGeometry


_LACKS = "the file lacks"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An administrative area that the file does not hold whole, and why.

    border: what the file has of it, lines in degrees. seat: a place inside of it (its admin_centre or label).
    """

    osm_id: str
    admin_level: int
    name: str
    reason: str
    border: BaseGeometry = field(default_factory=shapely.MultiLineString)
    seat: tuple[float, float] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether it goes on outside of the file, as the neighbours of an extract do."""
        return self.reason.startswith(_LACKS)


@dataclass(frozen=True, slots=True)
class OsmPlaces:
    """What one file says about places. Each tuple is sorted by name, then by id, whatever the order of the file."""

    areas: tuple[OsmArea, ...]
    left_out: tuple[LeftOut, ...]
    settlements: tuple[Settlement, ...]
    addresses: tuple[Address, ...]
    stations: tuple[StationSite, ...]
    features: tuple[NamedFeature, ...] = ()


@dataclass(slots=True)
class _Member:
    osm_id: str
    admin_level: int
    name: str
    ways: list[int]
    seats: list[int] = field(default_factory=list)


def read_places(path: Path) -> OsmPlaces:
    """Read everything of `path` that is not a road.

    Raises
    ------
    InvalidInput
        The file is missing, empty, truncated or no OpenStreetMap PBF file.
    """
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}; give the path of a .osm.pbf file.")
    if path.stat().st_size == 0:
        raise InvalidInput(f"{path.name} is empty (0 bytes); download it again.")
    try:
        relations = _read_relations(path)
        wanted = {way for relation in relations for way in relation.ways}
        ways, tagged_ways, closed = _read_ways(path, wanted)
        needed = {node for nodes in ways.values() for node in nodes}
        needed |= {node for relation in relations for node in relation.seats}
        located, tagged_nodes = _read_nodes(path, needed)
    except (RuntimeError, OSError, ValueError) as broken:
        raise InvalidInput(
            f"{path.name} cannot be read as an OpenStreetMap PBF file ({broken}); download it again, "
            "or cut it anew with `osmium extract`."
        ) from broken
    areas, left_out = _assemble([*relations, *closed], ways, located)
    places = [each for each in tagged_ways if _interesting(each[1])]
    objects = [*(each for each in tagged_nodes if _interesting(each[1])), *_points_of_ways(places, ways, located)]
    return OsmPlaces(
        areas=tuple(sorted(areas, key=lambda area: (area.admin_level, area.name, area.osm_id))),
        left_out=tuple(sorted(left_out, key=lambda area: (area.admin_level, area.name, area.osm_id))),
        settlements=_settlements(objects),
        addresses=_addresses(objects),
        stations=_stations(objects),
        features=features.in_order(
            [
                *(features.point_feature(tags, at) for _, tags, at in tagged_nodes),
                *(
                    features.way_feature(tags, [located[node] for node in ways[way] if node in located])
                    for _, tags, way in tagged_ways
                ),
            ]
        ),
    )


def _admin_level(tags: TagList) -> int | None:
    """Return the admin_level as a number, None where it is absent or no number (`6;8`, `none`)."""
    result = tags.get("admin_level") or ""
    return int(result) if result.isascii() and result.isdigit() and len(result) <= 2 else None


def _objects(path: Path, kind: type[_Object], only: BaseFilter) -> Iterator[_Object]:
    """Yield the objects of one kind that pass a filter, in the order of the file."""
    import osmium

    kinds = {osmium.osm.Node: osmium.osm.NODE, osmium.osm.Way: osmium.osm.WAY, osmium.osm.Relation: osmium.osm.RELATION}
    for thing in osmium.FileProcessor(str(path), kinds[kind]).with_filter(only):
        if isinstance(thing, kind):
            yield thing


def _objects_by_id(path: Path, kind: type[_Object], wanted: set[int]) -> Iterator[_Object]:
    """Yield the wanted objects; osmium's own filter knows no negative ids, which editors give to new objects."""
    import osmium

    if not wanted:
        return
    negative = min(wanted) < 0
    only = osmium.filter.EntityFilter(osmium.osm.OBJECT) if negative else osmium.filter.IdFilter(wanted)
    for thing in _objects(path, kind, only):
        if thing.id in wanted:
            yield thing


def _read_relations(path: Path) -> list[_Member]:
    import osmium

    found = []
    only = osmium.filter.TagFilter(("boundary", "administrative"))
    for relation in _objects(path, osmium.osm.Relation, only):
        level, name = _admin_level(relation.tags), relation.tags.get("name")
        if level is None or not name or relation.tags.get("type", "boundary") not in {"boundary", "multipolygon"}:
            continue
        ways = [member.ref for member in relation.members if member.type == "w" and member.role in BOUNDARY_ROLES]
        seats = [member.ref for member in relation.members if member.type == "n" and member.role in SEAT_ROLES]
        found.append(_Member(f"relation/{relation.id}", level, name, ways, seats))
    return found


def _interesting(tags: TagList | dict[str, str]) -> bool:
    return "addr:housenumber" in tags or "place" in tags or tags.get("amenity") in STATION_AMENITIES


def _matters(tags: TagList) -> bool:
    if _interesting(tags):
        return True
    return any(key in tags for key in features.NAMES) and features.kind_of(dict(tags)) is not None


_TAGS = ("addr:housenumber", "place", *features.KEYS)


def _read_ways(
    path: Path, wanted: set[int]
) -> tuple[dict[int, list[int]], list[tuple[str, dict[str, str], int]], list[_Member]]:
    """Return the nodes of each way that matters, the tagged ways among them and the closed boundary ways."""
    import osmium

    nodes: dict[int, list[int]] = {}
    tagged: list[tuple[str, dict[str, str], int]] = []
    closed: list[_Member] = []
    for way in _objects(path, osmium.osm.Way, osmium.filter.KeyFilter("boundary", *_TAGS)):
        if _matters(way.tags):
            tagged.append((f"way/{way.id}", dict(way.tags), way.id))
            nodes[way.id] = [node.ref for node in way.nodes]
        elif way.tags.get("boundary") == "administrative" and way.is_closed() and "name" in way.tags:
            level = _admin_level(way.tags)
            if level is not None and "highway" not in way.tags:
                closed.append(_Member(f"way/{way.id}", level, way.tags["name"], [way.id]))
                nodes[way.id] = [node.ref for node in way.nodes]
    for way in _objects_by_id(path, osmium.osm.Way, wanted):
        nodes[way.id] = [node.ref for node in way.nodes]
    return nodes, tagged, closed


def _read_nodes(
    path: Path, needed: set[int]
) -> tuple[dict[int, tuple[float, float]], list[tuple[str, dict[str, str], tuple[float, float]]]]:
    from gridsvc.files.osm.locations import read_locations

    tagged: list[tuple[str, dict[str, str], tuple[float, float]]] = []

    def take(node: Node) -> None:
        if _matters(node.tags) and node.location.valid():
            tagged.append((f"node/{node.id}", dict(node.tags), (node.lon, node.lat)))

    wanted = np.array(sorted(needed), np.int64)
    found = read_locations(path, wanted, _TAGS, take)
    places = zip(found.lon.tolist(), found.lat.tolist(), strict=True)
    return dict(zip(found.ids.tolist(), places, strict=True)), tagged


def _assemble(
    members: Iterable[_Member], ways: dict[int, list[int]], located: dict[int, tuple[float, float]]
) -> tuple[list[OsmArea], list[LeftOut]]:
    areas, left_out = [], []
    for member in members:
        missing = [way for way in member.ways if way not in ways]
        gone = {node for way in member.ways for node in ways.get(way, ()) if node not in located}
        geometry, reason = None, "its boundary does not close"
        if not member.ways:
            reason = "it has no boundary way"
        elif missing or gone:
            lack = f"{len(missing)} of its {len(member.ways)} ways" if missing else f"{len(gone)} of its points"
            reason = f"{_LACKS} {lack}"
        else:
            geometry = _area_of([ways[way] for way in dict.fromkeys(member.ways)], located)
        if geometry is not None:
            areas.append(OsmArea(member.osm_id, member.admin_level, member.name, geometry))
            continue
        seat = next((located[node] for node in member.seats if node in located), None)
        border = _border_of([ways[way] for way in dict.fromkeys(member.ways) if way in ways], located)
        left_out.append(LeftOut(member.osm_id, member.admin_level, member.name, reason, border, seat))
    return areas, left_out


def _area_of(ways: list[list[int]], located: dict[int, tuple[float, float]]) -> BaseGeometry | None:
    """Return the area that the ways enclose, by the even-odd rule; None where one of its rings stays open."""
    lines = [shapely.LineString([located[node] for node in nodes]) for nodes in ways if len(nodes) > 1]
    ends: dict[int, int] = defaultdict(int)
    for nodes in ways:
        ends[nodes[0]] += 1
        ends[nodes[-1]] += 1
    if any(count % 2 for count in ends.values()):
        return None
    area = shapely.build_area(shapely.MultiLineString(lines))
    return area if area.is_valid and area.area > 0 else None


def _border_of(ways: list[list[int]], located: dict[int, tuple[float, float]]) -> BaseGeometry:
    """Return the lines of the ways as far as their points are known; a missing point interrupts them."""
    lines = []
    for nodes in ways:
        line: list[tuple[float, float]] = []
        for node in [*nodes, None]:
            if node in located:
                line.append(located[node])
            elif len(line) > 1:
                lines.append(line)
                line = []
            else:
                line = []
    return shapely.MultiLineString(lines)


def _points_of_ways(
    tagged: Iterable[tuple[str, dict[str, str], int]],
    ways: dict[int, list[int]],
    located: dict[int, tuple[float, float]],
) -> Iterable[tuple[str, dict[str, str], tuple[float, float]]]:
    """Give each tagged way (a building, a station) one point inside or on it."""
    for osm_id, tags, way in tagged:
        corners = [located[node] for node in ways[way] if node in located]
        if not corners:
            continue
        if len(corners) >= 4 and corners[0] == corners[-1]:
            inner = shapely.Polygon(corners)
            point = inner.representative_point() if inner.is_valid and inner.area else shapely.Point(corners[0])
        else:
            point = shapely.Point(corners[len(corners) // 2])
        yield osm_id, tags, (round(point.x, 7), round(point.y, 7))


_Tagged = tuple[str, dict[str, str], tuple[float, float]]


def _settlements(objects: Iterable[_Tagged]) -> tuple[Settlement, ...]:
    found = [
        Settlement(tags["name"], tags["place"], lon, lat, PLACE_WEIGHTS[tags["place"]])
        for _, tags, (lon, lat) in objects
        if tags.get("place") in PLACE_WEIGHTS and tags.get("name")
    ]
    return tuple(sorted(found, key=lambda place: (place.name, place.lon, place.lat)))


def _addresses(objects: Iterable[_Tagged]) -> tuple[Address, ...]:
    found = []
    for _, tags, (lon, lat) in objects:
        number = tags.get("addr:housenumber", "").strip()
        place = (tags.get("addr:city") or tags.get("addr:village") or "").strip()
        street = (tags.get("addr:street") or tags.get("addr:place") or place).strip()
        if not number:
            continue
        text = f"{street} {number}".strip() + (f", {place}" if place and place != street else "")
        found.append(Address(text, street, number, place, lon, lat, tags.get("addr:postcode", "").strip()))
    return tuple(sorted(found, key=lambda address: (address.text, address.lon, address.lat)))


def _stations(objects: Iterable[_Tagged]) -> tuple[StationSite, ...]:
    found = []
    for osm_id, tags, (lon, lat) in objects:
        kind = tags.get("amenity")
        if kind in STATION_AMENITIES:
            found.append(StationSite(tags.get("name") or f"{kind} {osm_id.split('/')[1]}", kind, lon, lat))
    return tuple(sorted(found, key=lambda station: (station.name, station.lon, station.lat)))

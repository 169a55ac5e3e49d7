"""The entries of a district's gazetteer: from its grids, addresses, roads, stations, and the public names around it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres, distance_m
from gridsvc.files.grids.divisions import list_divisions
from gridsvc.files.grids.neighbours import list_former_townships, read_surroundings
from gridsvc.grids.levels import LEVEL_KEYS, Level
from gridsvc.operations.places.feature_entries import feature_entries
from gridsvc.operations.places.owner_chains import OwnerChains
from gridsvc.places.model import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gridsvc.db.grids.addresses import Address
    from gridsvc.db.places.learned import LearnedName
    from gridsvc.db.places.sources import NamedPoint, NamedRoad
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.places.features import NamedFeature

    Floats = NDArray[np.float64]

KINDS = frozenset(
    {"regional", "township", "area", "village", "road", "house", "junction", "kilometre", "place", "unit", "postcode"}
)
"""Levels of addresses that are kinds of entries; a settlement of another level is a `place`."""

LEARNED = "learned"
LEARNED_ONCE = "learned-once"
"""Sources of names that two different persons, or only one, gave to places of cases."""

_LANES = ("弄", "巷", "胡同")
_JUNCTION_M = 20.0
_STATION_M = 60.0
_SAME_PLACE_M = 300.0
PERSONS = 2
"""So many different persons make a learned name one that is acted on."""
_ELSEWHERE_M = {"township": 5_000.0, "county": 30_000.0, "prefecture": 80_000.0, "province": 400_000.0}
_SUFFIX = re.compile(r"(村民委员会|村委会|社区居民委员会|社区居委会|居民委员会|居委会)$")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a gazetteer is made from; `index` None: no grids are in force."""

    district: str
    index: OwnershipIndex | None
    addresses: Sequence[Address] = ()
    roads: Sequence[NamedRoad] = ()
    stations: Sequence[NamedPoint] = ()
    features: Sequence[NamedFeature] = ()


def entries_of(sources: Sources) -> list[Entry]:
    """Return all entries of a district, the grids first, in an order that depends on the sources alone."""
    owners = OwnerChains(sources.index)
    settlements = [each for each in sources.addresses if each.level not in KINDS or each.level in LEVEL_KEYS]
    found = _grids(sources.index, owners, settlements)
    by_code = {each.codes[-1]: each for each in found}
    found += _former(sources.district, by_code)
    named = {(plain_name(each.name), each.codes[-1]) for each in found}
    found += _addresses(sources.addresses, owners, named)
    found += _roads(sources.roads, owners)
    found += [
        owners.entry(each.name, "place", each.lon, each.lat, _STATION_M, source="stations") for each in sources.stations
    ]
    found += feature_entries(sources.features, owners, found)
    return found + _elsewhere(sources.district)


def _grids(index: OwnershipIndex | None, owners: OwnerChains, settlements: Sequence[Address]) -> list[Entry]:
    """Return an entry for each grid; its point is the settlement of the same name in it, else one inside."""
    if index is None:
        return []
    spots: dict[str, list[Address]] = defaultdict(list)
    for each in settlements:
        spots[plain_name(each.text)].append(each)
    found = []
    for row in range(index.size):
        name, shape = index.grids.names[row], index.repaired(row)
        if shape.is_empty:
            continue
        inside = [each for each in spots[plain_name(name)] if shape.covers(shapely.Point(each.lon, each.lat))]
        point = shape.representative_point()
        lon, lat = (inside[0].lon, inside[0].lat) if len(inside) == 1 else (point.x, point.y)
        township, village, codes = owners.chain(row)
        kind = Level(int(index.grids.levels[row])).key
        found.append(Entry(name, kind, lon, lat, _reach_m(shape, lon, lat), township, village, codes, source="grids"))
    return sorted(found, key=lambda each: (LEVEL_KEYS.index(each.kind), each.codes))


def _reach_m(shape: shapely.Geometry, lon: float, lat: float) -> float:
    """Return the distance of the farthest border, in whole metres."""
    x, y = LocalMetres(lon, lat).to_metres(*shapely.get_coordinates(shape).T)
    return float(np.ceil(np.hypot(x, y).max()))


def _former(district: str, by_code: dict[str, Entry]) -> list[Entry]:
    """Return the former names of grids and the townships that they took over."""
    names = [(each.former_name, each.code) for each in list_divisions(district) if each.former_name is not None]
    found = []
    for name, code in (*names, *list_former_townships(district)):
        if (now := by_code.get(code)) is not None:
            found.append(
                Entry(name, now.kind, now.lon, now.lat, now.radius_m, now.township, now.village, now.codes,
                      former_of=code, source="divisions")
            )  # fmt: skip
    return found


def _addresses(addresses: Sequence[Address], owners: OwnerChains, named: set[tuple[str, str]]) -> list[Entry]:
    """Return an entry for each address and settlement, but for the settlements that a grid is named after."""
    rows = owners.rows(np.array([each.lon for each in addresses]), np.array([each.lat for each in addresses]))
    found = []
    for each, row in zip(addresses, rows.tolist(), strict=True):
        township, village, codes = owners.chain(row)
        plain = plain_name(each.text)
        if each.level not in {"house", "road", "junction"} and any((plain, code) in named for code in codes):
            continue
        kind = each.level if each.level in KINDS else "place"
        former = codes[-1] if kind in LEVEL_KEYS and codes else None
        found.append(
            Entry(each.text, kind, each.lon, each.lat, each.radius_m, township, village, codes, former,
                  each.source, dict(each.parts))
        )  # fmt: skip
    return found


def _roads(roads: Sequence[NamedRoad], owners: OwnerChains) -> list[Entry]:
    """Return an entry for each named road in a township, and for each junction of two named roads."""
    if not roads:
        return []
    lines = shapely.from_wkb(np.array([each.wkb for each in roads], dtype=object))
    middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    lon, lat = shapely.get_x(middles), shapely.get_y(middles)
    rows = owners.rows(lon, lat)
    groups: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    nodes: dict[tuple[float, float], set[str]] = defaultdict(set)
    for n, (each, row) in enumerate(zip(roads, rows.tolist(), strict=True)):
        if row < 0:
            continue
        groups[each.name, owners.chain(row)[0]].append(n)
        for x, y in shapely.get_coordinates(lines[n])[[0, -1]]:
            nodes[round(float(x), 6), round(float(y), 6)].add(each.name)
    found = []
    for (name, _), numbers in sorted(groups.items(), key=lambda pair: (pair[0][0], pair[0][1] or "")):
        at = _nearest_to_mean(lon[numbers], lat[numbers])
        spot = numbers[at]
        whole = shapely.MultiLineString(list(lines[numbers]))
        reach_m = _reach_m(whole, float(lon[spot]), float(lat[spot]))
        found.append(_with_parts(owners, name, "road", (float(lon[spot]), float(lat[spot]), reach_m), {"street": name}))
    return found + _junctions(nodes, owners)


def _junctions(nodes: dict[tuple[float, float], set[str]], owners: OwnerChains) -> list[Entry]:
    """Return one entry for each place where two named roads meet; the nodes of one crossing are one place.

    Where two lanes meet is left out: nobody names such a place, and in a town they are most of all junctions.
    """
    met: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for node, names in sorted(nodes.items()):
        for pair in combinations(sorted(names), 2):
            if not all(name.endswith(_LANES) for name in pair):
                met[pair].append(node)
    found = []
    for (first, second), places in sorted(met.items()):
        for group in _clusters(places):
            lon, lat = (sum(axis) / len(group) for axis in zip(*group, strict=True))
            reach_m = max(distance_m(lon, lat, *node) for node in group) + _JUNCTION_M
            parts = {"street": first, "street2": second}
            found.append(
                _with_parts(owners, f"{first}与{second}交叉口", "junction", (lon, lat, float(np.ceil(reach_m))), parts)
            )
    return found


def _clusters(places: Iterable[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Return the places in groups whose first place is within _SAME_PLACE_M of each other place of it."""
    groups: list[list[tuple[float, float]]] = []
    for place in places:
        home = next((each for each in groups if distance_m(*each[0], *place) <= _SAME_PLACE_M), None)
        if home is None:
            groups.append([place])
        else:
            home.append(place)
    return groups


def _with_parts(
    owners: OwnerChains, name: str, kind: str, circle: tuple[float, float, float], parts: dict[str, str]
) -> Entry:
    plain = owners.entry(name, kind, *circle, source="roads")
    return Entry(name, kind, *circle, plain.township, plain.village, plain.codes, source="roads", parts=parts)


def _nearest_to_mean(lon: Floats, lat: Floats) -> int:
    x, y = LocalMetres(float(lon.mean()), float(lat.mean())).to_metres(lon, lat)
    return int(np.argmin(np.hypot(x, y)))


def learned_entries(learned: Sequence[LearnedName], index: OwnershipIndex | None) -> list[Entry]:
    """Return an entry for each name and place, in the order of `groups_of`.

    Its source is LEARNED where two different persons gave the name, else LEARNED_ONCE.
    """
    owners = OwnerChains(index)
    return [_learned_entry(group, owners) for group in groups_of(learned)]


def groups_of(learned: Sequence[LearnedName]) -> list[list[LearnedName]]:
    """Return the confirmations of each name at one place together, by name, the oldest first."""
    by_name: dict[str, list[list[LearnedName]]] = defaultdict(list)
    for each in learned:
        groups = by_name[each.name]
        home = next((group for group in groups if _together(group[0], each)), None)
        if home is None:
            groups.append([each])
        else:
            home.append(each)
    return [group for _, groups in sorted(by_name.items()) for group in groups]


def _learned_entry(group: Sequence[LearnedName], owners: OwnerChains) -> Entry:
    source = LEARNED if len({each.confirmed_by for each in group}) >= PERSONS else LEARNED_ONCE
    best = min(group, key=lambda each: (each.radius_m, each.confirmed_at, each.id))
    reach_m = max(distance_m(best.lon, best.lat, each.lon, each.lat) for each in group) + best.radius_m
    radius_m = float(np.ceil(max(reach_m, _JUNCTION_M)))
    return owners.entry(best.name, "place", best.lon, best.lat, radius_m, source=source)


def _together(one: LearnedName, other: LearnedName) -> bool:
    return distance_m(one.lon, one.lat, other.lon, other.lat) <= max(_SAME_PLACE_M, one.radius_m, other.radius_m)


def _elsewhere(district: str) -> list[Entry]:
    """Return the names of divisions outside the district."""
    return [
        Entry(
            each.name,
            "elsewhere",
            each.lon,
            each.lat,
            _ELSEWHERE_M[each.level],
            source="neighbours",
            parts={"in": each.county or each.name, "level": each.level},
        )
        for each in read_surroundings(district).elsewhere
    ]


def plain_name(name: str) -> str:
    """Return a name without blanks, and without the word for its office: 浦口村委会 is 浦口村."""
    return _SUFFIX.sub("", "".join(name.split()))

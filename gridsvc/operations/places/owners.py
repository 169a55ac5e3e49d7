"""The owners of one place, of many places, of a file of places."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import Bounds, Datum, check_lonlat, check_lonlats, to_wgs84
from gridsvc.errors import NotFound, OutsideDistricts
from gridsvc.files.places.places import ENDINGS, read_places, write_places
from gridsvc.files.text import check_ending
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.grids.ownership import RULE_KEYS, Rule, Share
from gridsvc.operations.places.questions import with_shares

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridsvc.access.scopes import Scope
    from gridsvc.files.csv_text import BadRows
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.grids.ownership import Owner, Ownership
    from gridsvc.operations.places.questions import Around

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ManyOwners:
    """Owners of n points as codes by number: `words[column[i]]` is the code of point i, words[-1] is None.

    columns: district, regional, township, area, village and rule, each (n,) int32 into its words.
    """

    columns: dict[str, NDArray[np.int32]]
    words: dict[str, list[str | None]]
    generations: dict[str, int]


def bounds_of(indexes: Sequence[OwnershipIndex]) -> Bounds:
    """Return the box round all districts."""
    west, south, east, north = zip(*(index.bounds for index in indexes), strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def locate(
    indexes: Sequence[OwnershipIndex],
    lon: float,
    lat: float,
    *,
    datum: str = "WGS-84",
    radius_m: float | None = None,
    around: Around | None = None,
) -> Ownership:
    """Return the owner chain of a place; of districts that overlap, the lowest code has it.

    A point of the outer border of a district is of the district that holds it, else of the one whose border it is.
    `around`: for the question that goes with an uncertain place.

    Raises
    ------
    OutsideDistricts
        With distance and bearing to the nearest district.
    InvalidInput
        For coordinates that are not valid, or an unknown datum.
    """
    system = Datum.from_name(datum)
    check_lonlat(lon, lat, near=bounds_of(indexes))
    lon, lat = to_wgs84(lon, lat, system)
    rim: tuple[OwnershipIndex, Ownership] | None = None
    owned: tuple[OwnershipIndex, Ownership] | None = None
    for index in indexes:
        found = index.shares(lon, lat, radius_m) if radius_m else index.locate(lon, lat)
        if found.rim:
            rim = rim or (index, found)
        elif found.rule is not Rule.OUTSIDE:
            owned = index, found
            break
    if (owned := owned or rim) is not None:
        index, found = owned
        if not radius_m:
            return found
        network = around.find_network(index.district) if around is not None and found.confirm else None
        return with_shares(index, network, found, (lon, lat, radius_m), around)
    (distance_m, bearing_deg), nearest = min(
        ((index.distance(lon, lat), index) for index in indexes), key=lambda pair: pair[0][0]
    )
    raise OutsideDistricts(
        f"Longitude {lon:.6f}, latitude {lat:.6f} is outside every loaded district, {_length(distance_m)} from "
        f"district {nearest.district}, which is at {bearing_deg:.0f} degrees from there.",
        distance_m=round(distance_m, 1),
        bearing_deg=round(bearing_deg, 1),
        district=nearest.district,
        lon=round(lon, 6),
        lat=round(lat, 6),
    )


def locate_grid(indexes: Sequence[OwnershipIndex], code: str) -> Ownership:
    """Return the owners of a whole grid in force, by its code; NotFound where no district has it."""
    for index in indexes:
        if code in index.grids.codes:
            return index.of_geometry(index.repaired(index.grids.codes.index(code)))
    raise NotFound(f"There is no grid {code} in force. `gridsvc grids list` lists them.", kind="no-grid", code=code)


def _length(distance_m: float) -> str:
    return f"{distance_m / 1000:.1f} km" if distance_m >= 1000 else f"{distance_m:.0f} m"


def locate_many(indexes: Sequence[OwnershipIndex], lon: Floats, lat: Floats, *, datum: str = "WGS-84") -> ManyOwners:
    """Return the owners of n points, (n,) degrees each.

    Raises
    ------
    InvalidInput
        When a row is not valid; the first such row is named.
    """
    system = Datum.from_name(datum)
    if system is not Datum.WGS84 or lon.shape != lat.shape:
        check_lonlats(lon, lat, near=bounds_of(indexes))
    lon, lat = to_wgs84(lon, lat, system)
    words: dict[str, list[str | None]] = {"district": [], **{key: [] for key in LEVEL_KEYS}}
    columns = {key: np.full(lon.size, -1, np.int32) for key in words}
    rule = np.full(lon.size, Rule.OUTSIDE, np.int32)
    left: NDArray[np.int64] | None = None  # the points that no district so far has; None: all
    for index in indexes:
        owners = index.locate_many(lon, lat) if left is None else index.locate_many(lon[left], lat[left])
        # Where everything is found by the first district, nothing is copied a second time.
        held = owners.rule != Rule.OUTSIDE
        firm = held if owners.rim is None else held & ~owners.rim
        if owners.rim is not None:  # a point on the rim of two districts is of the first
            unclaimed = (rule if left is None else rule[left]) == Rule.OUTSIDE
            held = firm | (held & unclaimed)
        where = np.flatnonzero(held) if left is None else left[held]
        row = owners.row[held]
        columns["district"][where] = len(words["district"])
        words["district"].append(index.district)
        rule[where] = owners.rule[held]
        for k, key in enumerate(LEVEL_KEYS):
            chain = index.chains[:, k]
            own = np.unique(chain[chain >= 0])
            place = np.full(index.size + 1, -1, np.int32)
            place[own] = np.arange(len(words[key]), len(words[key]) + len(own), dtype=np.int32)
            words[key] += [index.grids.codes[i] for i in own]
            columns[key][where] = np.where(chain >= 0, place[chain], -1)[row]
        left = np.flatnonzero(~firm) if left is None else left[~firm]
        if not len(left):
            break
    if left is not None and len(left):  # only what no district has can be swapped
        check_lonlats(lon, lat, near=bounds_of(indexes))
    columns["rule"] = rule
    spelled: dict[str, list[str | None]] = {key: [*values, None] for key, values in words.items()}
    spelled["rule"] = [*RULE_KEYS, None]
    return ManyOwners(columns, spelled, {index.district: index.generation for index in indexes})


def within(scope: Scope, found: Ownership) -> Ownership:
    """Return the owners of a place in the grid of a scope; NotFound for one outside it.

    The parts of a radius in other grids are one share without owners; an overlap with one of them is left out.
    """
    if scope.grid is None:
        return found
    if scope.grid not in _codes(found.owners):
        raise NotFound("This place is outside the scope of your key.", kind="outside-scope")
    if found.shares is None:
        return replace(found, defect=None)
    own = tuple(share for share in found.shares if scope.grid in _codes(share.owners))
    beyond = [share for share in found.shares if share not in own]
    demand = None if found.emergencies is None else sum(share.demand_share or 0.0 for share in beyond)
    rest = (Share((None, None, None, None), sum(share.share for share in beyond), demand_share=demand),)
    question = found.question
    if question is not None and not all(scope.grid in _codes(choice.owners) for choice in question.choices):
        question = None  # it names grids beyond
    return replace(found, shares=own + (rest if beyond else ()), question=question, defect=None)


def _codes(owners: Sequence[Owner | None]) -> set[str]:
    return {owner.code for owner in owners if owner is not None}


def within_many(scope: Scope, found: ManyOwners) -> ManyOwners:
    """Return the owners of the places in the grid of a scope; the others are `outside`."""
    if scope.grid is None:
        return found
    held = np.zeros(len(found.columns["rule"]), bool)
    for key in LEVEL_KEYS:
        held |= np.isin(found.columns[key], [n for n, code in enumerate(found.words[key]) if code == scope.grid])
    columns = {key: np.where(held, numbers, -1).astype(np.int32) for key, numbers in found.columns.items()}
    columns["rule"] = np.where(held, found.columns["rule"], np.int32(Rule.OUTSIDE)).astype(np.int32)
    return ManyOwners(columns, found.words, found.generations)


@dataclass(frozen=True, slots=True)
class LocatedFile:
    """The outcome of `locate_file`: how many rows each rule has, and the rows that could not be used."""

    rules: dict[str, int]
    bad: BadRows


def locate_file(indexes: Sequence[OwnershipIndex], source: Path, target: Path, *, datum: str = "WGS-84") -> LocatedFile:
    """Add owners and rule to a CSV file of places; a row that cannot be used stays without them.

    Raises
    ------
    InvalidInput
        When the file is no CSV with longitudes and latitudes, or none of its rows can be used.
    """
    check_ending(target, ENDINGS, device_ok=True)
    with ThreadPoolExecutor(1) as pool:  # loads the kernels while the file is read
        prepared = pool.submit(indexes[0].prepare)
        places = read_places(source).without_swapped(bounds_of(indexes))
        prepared.result()
    good = places.good
    if good.all():
        owners = locate_many(indexes, places.lon, places.lat, datum=datum)
        columns = owners.columns
    else:
        owners = locate_many(indexes, places.lon[good], places.lat[good], datum=datum)
        columns = {key: np.full(good.size, -1, np.int32) for key in owners.columns}
        for key, numbers in owners.columns.items():
            columns[key][good] = numbers
    added = {key: (columns[key], owners.words[key]) for key in (*LEVEL_KEYS, "rule")}
    write_places(target, places, added)
    counts = np.bincount(owners.columns["rule"], minlength=len(RULE_KEYS))
    rules = {key: int(count) for key, count in zip(RULE_KEYS, counts, strict=True) if count}
    return LocatedFile(rules, places.bad)

"""A file of addresses that is shifted as if by another datum (R20): by streets, roads, and the grids that rows name."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import LocalMetres, from_wgs84, shift_words, to_wgs84
from gridsvc.db.evidence.artifacts import ArtifactLost
from gridsvc.db.grids.versions import list_versions
from gridsvc.grids.levels import Level
from gridsvc.grids.named_fit import fit_named
from gridsvc.operations.datum_shift import Shift, road_shift
from gridsvc.operations.grids.mapped import ownership_index
from gridsvc.operations.places.entries import plain_name
from gridsvc.operations.roads.mapped import road_network
from gridsvc.roads.datum_fit import fit_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.coordinates import Datum
    from gridsvc.db.grids.addresses import Address
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork

    Floats = NDArray[np.float64]

MOST_NAMED = 5_000
_VILLAGE = re.compile("(村|社区)$")
LEAST_NAME = 3
"""A shorter one is not looked for in a text: 上村 is in many words."""


def read_in_datum(addresses: Sequence[Address], datum: Datum) -> list[Address]:
    """Return addresses whose coordinates are of a datum in WGS-84."""
    lon, lat = to_wgs84(np.array([each.lon for each in addresses]), np.array([each.lat for each in addresses]), datum)
    return [replace(each, lon=x, lat=y) for each, x, y in zip(addresses, lon.tolist(), lat.tolist(), strict=True)]


def find_shift(
    service: Service, connection: Connection, district: str, addresses: Sequence[Address], declared: Datum
) -> Shift | None:
    """Compare addresses, WGS-84 as read with `declared`, with what is in force; None: nothing speaks against it."""
    versions = next((each for each in list_versions(connection) if each.district == district), None)
    if versions is None:
        return None
    network, index = None, None
    with suppress(ArtifactLost):  # `doctor` says so
        if versions.network is not None:
            network = road_network(service, connection, district, versions.network)
        if versions.generation is not None:
            index = ownership_index(service, connection, district, versions.generation)
    return compare(network, index, addresses, declared)


def compare(
    network: RoadNetwork | None, index: OwnershipIndex | None, addresses: Sequence[Address], declared: Datum
) -> Shift | None:
    """Return the shift of addresses, as `find_shift`.

    The first comparison that tells a datum decides: with the roads of their own streets, with the nearest roads, and
    with the grids that they name.
    """
    lon = np.array([each.lon for each in addresses])
    lat = np.array([each.lat for each in addresses])
    if network is not None:
        streets = [each.parts.get("street", "") for each in addresses]
        own = fit_places(network, lon, lat, declared, streets=streets)
        if own is not None and own.is_clear:
            return road_shift(own, "its addresses", "their own streets") if own.is_shifted else None
        near = fit_places(network, lon, lat, declared)
        if near is not None and near.is_clear:
            return road_shift(near, "its addresses", "the nearest road") if near.is_shifted else None
    return None if index is None else _compare_named(index, addresses, lon, lat, declared)


def _compare_named(
    index: OwnershipIndex, addresses: Sequence[Address], lon: Floats, lat: Floats, declared: Datum
) -> Shift | None:
    if len(addresses) > MOST_NAMED:
        taken = np.linspace(0, len(addresses) - 1, MOST_NAMED).astype(np.int64)
        addresses, lon, lat = [addresses[at] for at in taken.tolist()], lon[taken], lat[taken]
    raw = from_wgs84(lon, lat, declared)
    moved = {datum: to_wgs84(raw[0], raw[1], datum) for datum in declared.candidates}
    fit = fit_named(index, named_rows(index, addresses), moved, declared)
    if not fit.is_shifted:
        return None
    right = moved[fit.datum]
    plane = LocalMetres(float(right[0].mean()), float(right[1].mean()))
    east_m, north_m = (round(each) + 0.0 for each in plane.to_metres(float(lon.mean()), float(lat.mean())))
    return Shift(
        f"lies {shift_words(east_m, north_m)} of what is in force: as {declared.value} {fit.wrong} of {fit.places} "
        f"addresses are in another grid than the one that they name, as {fit.datum.value} {fit.best_wrong}",
        declared,
        fit.datum,
        east_m,
        north_m,
        {"places": fit.places, "wrong": fit.wrong, "wrong_as_likely": fit.best_wrong},
    )


def named_rows(index: OwnershipIndex, addresses: Iterable[Address]) -> NDArray[np.int32]:
    """Return the row of `index.grids` that each address names; -1 = none.

    A village counts before a township, and a field before the text. A name that two grids share counts for none.
    """
    levels = [
        (_rows_by_name(index, Level.VILLAGE), "village", ("村", "社区")),
        (_rows_by_name(index, Level.TOWNSHIP), "township", ("",)),
    ]
    words = [(name + ending, row) for rows, _, endings in levels for name, row in rows.items() for ending in endings]
    words = [(word, row) for word, row in words if len(word) >= LEAST_NAME]
    found = []
    for each in addresses:
        named = [rows[name] for rows, key, _ in levels if (name := _stem(each.parts.get(key, ""))) in rows]
        found.append(named[0] if named else next((row for word, row in words if word in each.text), -1))
    return np.array(found, np.int32)


def _rows_by_name(index: OwnershipIndex, level: Level) -> dict[str, int]:
    """Return the rows of the grids of a level by the stem of their names, the longest first."""
    grids = index.grids
    own = np.flatnonzero(grids.levels == level).tolist()
    names = [_stem(grids.names[row]) for row in own]
    single = [(name, row) for name, row in zip(names, own, strict=True) if name and names.count(name) == 1]
    return dict(sorted(single, key=lambda each: (-len(each[0]), each[0])))


def _stem(name: str) -> str:
    """Return a name without the word for a village and its office: 浦口村委会 and 浦口村 are 浦口."""
    return _VILLAGE.sub("", plain_name(name))

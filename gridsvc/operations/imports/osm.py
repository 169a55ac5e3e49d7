"""`gridsvc load osm`: what one OpenStreetMap file has of a district, and nothing made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db import teams
from gridsvc.db.grids import addresses
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import ensure_district, get_versions, list_versions
from gridsvc.db.places.features import replace_features
from gridsvc.errors import InvalidInput
from gridsvc.files.osm.cut_off import find_cut_off
from gridsvc.files.osm.levels import choose_admin_levels
from gridsvc.files.osm.model import REAL_CODE
from gridsvc.files.osm.places import read_places
from gridsvc.files.roads.read import read_osm
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.naming import resolve_codes
from gridsvc.grids.parents import adopt
from gridsvc.operations.roads import networks
from gridsvc.operations.roads.cover_guard import check_cover, list_present_grids
from gridsvc.roads.network.margins import in_words, margin
from gridsvc.roads.network.road_cover import cover_in_words, cover_of
from gridsvc.teams.model import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.files.osm.cut_off import Cut
    from gridsvc.files.osm.places import LeftOut, OsmPlaces
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork


def load_file(
    service: Service,
    path: Path,
    district: str | None,
    levels: Mapping[Level, int],
    say: Callable[[str], None],
    *,
    accept_uncovered: bool = False,
) -> dict[str, Any]:
    """Put the roads of a file in force, its stations, addresses and named features, and its boundaries into the draft.

    The notes name the municipalities that the file cuts off first, with what stays without owner.

    Raises
    ------
    InvalidInput
        An unreadable file, one without roads, an admin_level that the file does not have, or no choice between several
        districts is meant; also a file of another place than the district's grids, and, without `accept_uncovered`,
        one that leaves a township of theirs without roads.
    """
    network = read_osm(path)
    found = read_places(path)
    chosen = choose_admin_levels(found.areas, levels)
    grids = real_grids(found, chosen)
    code = service.database.run(lambda connection: _district(connection, district))
    present = service.database.run(lambda connection: list_present_grids(connection, code))
    check_cover(path.name, network, code, present, accept_uncovered=accept_uncovered)
    cut = find_cut_off(found, network, chosen)
    say(f"Roads: {network.node_count} nodes, {network.arc_count} arcs ...")
    digest = networks.establish(service, code, network, source=path.name)
    coded = _coded(grids, code)
    stations = [
        Station(f"{code}-{number:03}", station.name, station.kind, station.lon, station.lat)
        for number, station in enumerate(found.stations, 1)
    ]
    houses = [addresses.Address(a.text, "house", a.lon, a.lat, 20.0, path.name, a.parts()) for a in found.addresses]
    homes = [addresses.Address(s.name, s.kind, s.lon, s.lat, 800.0, path.name) for s in found.settlements]

    def work(connection: Connection) -> int | None:
        addresses.replace_addresses(connection, code, houses + homes)
        replace_features(connection, code, found.features, path.name)
        teams.put_stations(connection, code, stations)
        return _draft(connection, code, coded, path.name) if coded else None

    draft = service.database.run(work)
    counts = {level.key: sum(grid.level is level for grid in coded) for level in Level}
    return {
        "district": code,
        "generation": draft,
        "grids": counts,
        "roads": {"network": digest, "nodes": network.node_count, "arcs": network.arc_count},
        "stations": len(stations),
        "addresses": len(houses),
        "places": len(homes),
        "features": len(found.features),
        "cut_off": cut.as_json(),
        "notes": [*cut.in_words(), *_notes(found, cut, counts, draft), *_road_notes(network, coded or present)],
    }


def real_grids(found: OsmPlaces, chosen: Mapping[Level, int]) -> list[Grid]:
    """Return the file's complete areas as grids without codes, and without those outside all townships.

    `chosen`: `choose_admin_levels`.
    """
    grids = [
        Grid("", area.name, level, None, area.geometry)
        for level, number in sorted(chosen.items())
        for area in found.areas
        if area.admin_level == number
    ]
    townships = [grid.geometry for grid in grids if grid.level is Level.TOWNSHIP]
    return [
        grid
        for grid in grids
        if grid.level is Level.TOWNSHIP or any(shape.intersection(grid.geometry).area > 0 for shape in townships)
    ]


def _coded(grids: list[Grid], district: str) -> list[Grid]:
    """Give every grid a code from the district's and the sorted names, and the parent that holds most of it."""
    coded = []
    for level in Level:
        own = [grid for grid in grids if grid.level is level]
        places = [grid.geometry.representative_point().coords[0] for grid in own]
        named = resolve_codes(
            [grid.name for grid in own],
            [],
            [None] * len(own),
            district=district,
            level=level,
            places=[(x, y) for x, y in places],
        )
        coded += [Grid(n.code, g.name, level, None, g.geometry) for g, n in zip(own, named, strict=True)]
    return adopt(coded)


def _district(connection: Connection, code: str | None) -> str:
    loaded = [versions.district for versions in list_versions(connection)]
    if code is None and len(loaded) > 1:
        raise InvalidInput(f"{len(loaded)} districts are loaded ({', '.join(loaded)}): name one by --district.")
    code = code or (loaded[0] if loaded else REAL_CODE)
    ensure_district(connection, code)
    return code


def _draft(connection: Connection, district: str, grids: list[Grid], source: str) -> int:
    store.lock_drafts(connection, district)
    in_force = get_versions(connection, district).generation
    draft = store.find_draft(connection, district) or store.open_draft(connection, district, of=in_force, source={})
    levels = {grid.level for grid in grids}
    store.write_grids(connection, district, draft.number, grids, levels=levels)
    loads = [*draft.source.get("loads", []), {"file": source, "levels": sorted(level.key for level in levels)}]
    store.note_load(connection, district, draft.number, {**draft.source, "loads": loads})
    return draft.number


def _road_notes(network: RoadNetwork, grids: Sequence[Grid]) -> list[str]:
    if not grids:
        return []
    return [*cover_in_words(cover_of(network, grids)), *in_words(margin(network, grids))]


def _notes(found: OsmPlaces, cut: Cut, counts: dict[str, int], draft: int | None) -> list[str]:
    named = {each.area.osm_id for each in cut.areas}
    notes = left_out_in_words([area for area in found.left_out if area.osm_id not in named])
    if draft is None:
        notes.append("The file has no complete named boundary up to admin_level 8: load grids of your own")
    else:
        lacks = [key for key, count in counts.items() if not count]
        if lacks:
            notes.append(f"The file has nothing for {', '.join(lacks)}; `gridsvc demo --osm` would draw it")
        notes.append(f"Draft {draft}: `gridsvc grids check`, then `gridsvc grids activate {draft}`")
    return notes


def left_out_in_words(areas: Sequence[LeftOut]) -> list[str]:
    """Say which areas are no grids; those that go on outside of the file, in one line a level."""
    rim = [area for area in areas if area.is_cut]
    notes = [
        f"{area.name} (admin_level {area.admin_level}) is left out: {area.reason}" for area in areas if area not in rim
    ]
    for level in sorted({area.admin_level for area in rim}):
        names = "; ".join(area.name for area in rim if area.admin_level == level)
        notes.append(f"Not whole in the file, so left out (admin_level {level}): {names}")
    return notes

"""A real place from one OpenStreetMap file: its roads, boundaries, stations and addresses, and what must be drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.demo.world.crews import junction_points
from gridsvc.files.osm.cut_off import find_cut_off
from gridsvc.files.osm.levels import choose_admin_levels, draw_levels
from gridsvc.files.osm.model import REAL_CODE, DemoPlace
from gridsvc.files.osm.places import read_places
from gridsvc.files.osm.villages import Label
from gridsvc.files.roads.read import read_osm
from gridsvc.grids.levels import Level
from gridsvc.roads.network.margins import in_words, margin
from gridsvc.roads.network.network import DEGREE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gridsvc.files.osm.places import OsmPlaces
    from gridsvc.roads.network.network import RoadNetwork

_CHINA = (73.5, 18.0, 135.1, 53.6)


def make_real(path: Path, code: str = REAL_CODE, admin_levels: Mapping[Level, int] | None = None) -> DemoPlace:
    """Make a place of a .osm.pbf.

    Parameters
    ----------
    code
        District code; those of the grids are made from it and the sorted names.
    admin_levels
        Our level to the file's admin_level, where the user named it.

    Raises
    ------
    InvalidInput
        An unreadable file, one without roads, or an admin_level that it does not have.
    """
    roads = read_osm(path)
    found = read_places(path)
    junctions = junction_points(roads)
    name = _name_of(path, found, junctions)
    drawn = draw_levels(code, name, found.areas, found.settlements, junctions, _labels(found, roads), admin_levels)
    outline = shapely.union_all([grid.geometry for grid in drawn.grids if grid.level is Level.REGIONAL])
    shapely.prepare(outline)
    inside = [address for address in found.addresses if outline.covers(shapely.Point(address.lon, address.lat))]
    stations = [station for station in found.stations if outline.covers(shapely.Point(station.lon, station.lat))]
    cut = find_cut_off(found, roads, choose_admin_levels(found.areas, admin_levels))
    notes = [
        *cut.in_words(),
        *drawn.notes,
        *in_words(margin(roads, drawn.grids)),
        *_notes(found, len(stations), len(inside)),
    ]
    return DemoPlace(
        code=code,
        name=name,
        synthetic=not drawn.real_townships,
        time_zone=_time_zone(junctions),
        grids=drawn.grids,
        roads=roads,
        stations=tuple(replace(station, name=_named(station.name, station.kind)) for station in stations),
        settlements=tuple(home for home in found.settlements if outline.covers(shapely.Point(home.lon, home.lat))),
        addresses=tuple(inside),
        features=found.features,
        notes=tuple(notes),
    )


def _named(name: str, kind: str) -> str:
    """Give a station without a name of its own the words for its kind."""
    words = {"fire_station": "Fire station", "police": "Police", "townhall": "Town hall"}
    return name.replace(f"{kind} ", f"{words[kind]} ", 1) if name.startswith(f"{kind} ") else name


def _name_of(path: Path, found: OsmPlaces, junctions: np.ndarray) -> str:
    """Return the name of the smallest complete area with most of the roads, else one from the file's name."""
    sample = shapely.points(junctions[:: max(1, len(junctions) // 2000)])
    holders = [area for area in found.areas if shapely.covers(area.geometry, sample).mean() > 0.5]
    if holders:
        return min(holders, key=lambda area: area.geometry.area).name
    return path.name.split(".")[0].replace("-", " ").replace("_", " ").title()


def _labels(found: OsmPlaces, roads: RoadNetwork) -> list[Label]:
    """Return street names with a point each: those of addresses first, then of named roads."""
    labels = [Label(address.street, address.lon, address.lat) for address in found.addresses if address.street]
    named = np.flatnonzero(roads.edge_name >= 0)
    first = roads.edge_first_vertex[named]
    for edge, vertex in zip(named.tolist(), first.tolist(), strict=True):
        if name := roads.names[int(roads.edge_name[edge])]:
            lon, lat = float(roads.vertex_lon[vertex]) * DEGREE, float(roads.vertex_lat[vertex]) * DEGREE
            labels.append(Label(name, lon, lat))
    return labels


def _time_zone(junctions: np.ndarray) -> str:
    """Return China's zone inside China, else the whole-hour zone of the longitude: it is only a demo's clock."""
    lon, lat = np.median(junctions, axis=0)
    west, south, east, north = _CHINA
    if west <= lon <= east and south <= lat <= north:
        return "Asia/Shanghai"
    hours = round(float(lon) / 15)
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"


def _notes(found: OsmPlaces, stations: int, addresses: int) -> list[str]:
    kinds = Counter(station.kind for station in found.stations)
    notes = []
    if found.left_out:
        named = ", ".join(sorted({area.name for area in found.left_out})[:4])
        notes.append(f"{len(found.left_out)} areas are not whole in the file and are left out ({named}, ...)")
    said = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(kinds.items()))
    none = "The file has no fire station, police or town hall here: stations are made up at township centres"
    return [
        *notes,
        f"{stations} stations in the district ({said} in the file)" if stations else none,
        f"{addresses} addresses in the district, of {len(found.addresses)} in the file",
        "Teams, officers and incidents are made up",
    ]

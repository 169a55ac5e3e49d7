"""Stations and teams of a demo place: squadrons, regional joint teams, brigades (half in townships), partners."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gridsvc.files.osm.model import StationSite
from gridsvc.files.osm.tiling import Plane, cluster_centres
from gridsvc.grids.levels import Grid, Level
from gridsvc.law import BUREAU, UnitKind, township_unit
from gridsvc.roads.network.network import DEGREE
from gridsvc.teams.model import Station, Team, TeamKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.law import Catalogue, PlanBook
    from gridsvc.roads.network.network import RoadNetwork

_NAMESPACE = uuid.UUID("6f1d3c1e-4f0e-5a55-9a35-0d9a7c3f2b11")
_AREAS_PER_SQUADRON = 3
_TEAMS_PER_BRIGADE = 4
_PARTNER_TEAMS = {"partner-police": 3, "partner-fire": 4, "partner-traffic-police": 2, "partner-ambulance": 3}
_PARTNER_STATIONS = {"partner-fire": "fire_station", "partner-police": "police", "partner-traffic-police": "police"}
_URBAN_KM2, _APART_M = 5.0, 700.0
_CARRIES = 0.8
"""Share of what its run cards ask for that a team has, beyond the first team of each unit, which has all."""


@dataclass(frozen=True, slots=True)
class Crews:
    """Teams with the stations that they stand at (`station_of`: team id to station id)."""

    teams: tuple[Team, ...]
    stations: tuple[Station, ...]
    station_of: dict[str, str]


@dataclass(slots=True)
class _Muster:
    place: DemoPlace
    asked: dict[str, tuple[set[str], set[str], int]]
    random: np.random.Generator
    junctions: cKDTree
    scale: tuple[float, float]
    teams: list[Team] = field(default_factory=list)
    stations: dict[tuple[str, float, float], Station] = field(default_factory=dict)
    station_of: dict[str, str] = field(default_factory=dict)
    units_seen: set[str] = field(default_factory=set)

    def add(self, slug: str, name: str, unit: str, kind: TeamKind, station: StationSite, **fields: object) -> None:
        skills, equipment, staff = self.asked.get(unit, (set(), set(), 0))
        first = unit not in self.units_seen
        self.units_seen.add(unit)
        has = [
            frozenset(word for word in sorted(words) if first or self.random.random() < _CARRIES)
            for words in (skills, equipment)
        ]
        team_id = str(uuid.uuid5(_NAMESPACE, f"{self.place.code}/{slug}"))
        numbered = self.with_id(station)
        self.teams.append(
            Team(
                team_id,
                name,
                unit,
                kind,
                numbered.lon,
                numbered.lat,
                skills=has[0],
                equipment=has[1],
                staff_needed=max(3, staff),
                **fields,  # type: ignore[arg-type]
            )
        )
        self.station_of[team_id] = numbered.id

    def with_id(self, station: StationSite) -> Station:
        key = (station.name, station.lon, station.lat)
        if key not in self.stations:
            number = len(self.stations) + 1
            self.stations[key] = Station(
                f"{self.place.code}-{number:03}", station.name, station.kind, station.lon, station.lat, station.made_up
            )
        return self.stations[key]


def junction_points(network: RoadNetwork) -> NDArray[np.float64]:
    """Return the junctions of a network, (n, 2) degrees."""
    points = np.column_stack([network.junction_lon, network.junction_lat]) * DEGREE
    return np.asarray(points, dtype=np.float64)


def raise_crews(place: DemoPlace, catalogue: Catalogue, plans: PlanBook, seed: int = 1) -> Crews:
    """Man a place: every unit that a run card can ask for has a team, half of the brigades' teams are posted down."""
    scale = (float(np.cos(np.radians(place.roads.bounds[1]))), 1.0)
    junctions = cKDTree(junction_points(place.roads) * scale)
    muster = _Muster(place, _asked(plans), np.random.default_rng(seed), junctions, scale)
    townships = place.list_grids(Level.TOWNSHIP)
    stations = _stations_by_township(muster, townships)
    centre = _main_station(stations, townships)
    for township in townships:
        _muster_township(muster, township, stations[township.code])
    _muster_regions(muster, catalogue, stations)
    _muster_brigades(muster, catalogue, townships, stations, centre)
    _muster_partners(muster, catalogue, townships, stations)
    return Crews(tuple(muster.teams), tuple(muster.stations.values()), muster.station_of)


def _asked(plans: PlanBook) -> dict[str, tuple[set[str], set[str], int]]:
    """Return what the run cards ask of each unit: skills, equipment, staff; `township` is every township's."""
    asked: dict[str, tuple[set[str], set[str], int]] = defaultdict(lambda: (set(), set(), 0))
    for plan in plans.plans.values():
        for _, need in plan.all_needs():
            skills, equipment, staff = asked[need.unit]
            asked[need.unit] = (skills | need.skills, equipment | need.equipment, max(staff, need.staff))
    return asked


def _stations_by_township(muster: _Muster, townships: list[Grid]) -> dict[str, list[StationSite]]:
    """Return the stations of each township, real ones first; one is made up at its centre where it has none."""
    found: dict[str, list[StationSite]] = {grid.code: [] for grid in townships}
    tree = shapely.STRtree([grid.geometry for grid in townships])
    order = {"seat": 0, "fire_station": 1, "townhall": 2, "police": 3}
    for station in sorted(muster.place.stations, key=lambda p: (order.get(p.kind, 9), p.name, p.lon, p.lat)):
        inside = tree.query(shapely.Point(station.lon, station.lat), predicate="covered_by")
        if len(inside):
            found[townships[int(inside[0])].code].append(station)
    for grid in townships:
        if not found[grid.code]:
            found[grid.code].append(_made_up(muster, grid, "seat"))
    return found


def _made_up(muster: _Muster, grid: Grid, kind: str, suffix: str = "") -> StationSite:
    """Make up a station at the junction nearest to the heart of a grid: its first settlement, else its middle."""
    inside = [home for home in muster.place.settlements if grid.geometry.covers(shapely.Point(home.lon, home.lat))]
    if inside and not suffix:
        heart = max(inside, key=lambda home: (home.weight, home.name))
        lon, lat = heart.lon, heart.lat
    else:
        lon, lat = grid.geometry.representative_point().coords[0]
    nearest = muster.junctions.query(np.array((lon, lat)) * muster.scale)[1]
    lon, lat = muster.junctions.data[nearest] / muster.scale
    return StationSite(f"{grid.name} {kind}{suffix}", kind, round(float(lon), 7), round(float(lat), 7), made_up=True)


def _main_station(stations: dict[str, list[StationSite]], townships: list[Grid]) -> str:
    """Return the township that has the headquarters: the one with most stations, the first of equal ones."""
    return max(townships, key=lambda grid: (len(stations[grid.code]), -townships.index(grid))).code


def _muster_township(muster: _Muster, township: Grid, stations: list[StationSite]) -> None:
    areas = [grid for grid in muster.place.list_grids(Level.AREA) if grid.parent == township.code]
    count = max(1, round(len(areas) / _AREAS_PER_SQUADRON))
    spots = _urban_spots(muster, {grid.code for grid in areas})
    stations = [
        *stations,
        *(station for station in spots if all(_metres(station, other) > _APART_M for other in stations)),
    ]
    count = max(count, min(len(stations), count + len(spots)))
    hall = next((station for station in stations if station.kind in {"townhall", "seat"}), stations[0])
    for number in range(count):
        own = areas[number::count] or [areas[number % len(areas)]]
        station = stations[number] if number < len(stations) else _made_up(muster, own[0], "station", f" {number + 1}")
        name = f"{township.name} 派驻中队 {number + 1}"
        muster.add(
            f"squadron/{township.code}/{number}",
            name,
            BUREAU,
            TeamKind.SQUADRON,
            station,
            township=township.code,
            areas=tuple(grid.code for grid in own),
        )
    unit = township_unit(township.code)
    muster.asked.setdefault(unit, muster.asked.get("township", (set(), set(), 0)))
    muster.add(
        f"township/{township.code}", f"{township.name} 执法队", unit, TeamKind.TOWNSHIP, hall, township=township.code
    )


def _urban_spots(muster: _Muster, areas: set[str]) -> list[StationSite]:
    """Return stations among the urban villages of a township, one for each _URBAN_KM2: five minutes is not far."""
    urban = [
        grid
        for grid in muster.place.list_grids(Level.VILLAGE)
        if grid.parent in areas and grid.urban_rural_code in {"111", "112"}
    ]
    if not urban:
        return []
    land = shapely.union_all([grid.geometry for grid in urban])
    shapely.prepare(land)
    plane = Plane.of(land)
    points = muster.junctions.data / muster.scale
    inside = points[shapely.contains_xy(land, *points.T)]
    count = max(1, round(plane.to_metres(land).area / 1e6 / _URBAN_KM2))
    centres = plane.degrees(cluster_centres(plane.metres(inside), count, seed=17))
    nearest = muster.junctions.query(centres * muster.scale)[1]
    return [
        StationSite(f"{urban[0].name} {number}", "station", round(float(x), 7), round(float(y), 7), made_up=True)
        for number, (x, y) in enumerate(points[nearest], 1)
    ]


def _metres(one: StationSite, other: StationSite) -> float:
    east, north = (one.lon - other.lon) * np.cos(np.radians(one.lat)), one.lat - other.lat
    return float(np.hypot(east, north) * 111_195.0)


def _brigades(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [(unit.id, unit.name) for unit in catalogue.units if unit.kind is UnitKind.BRIGADE]


def _muster_regions(muster: _Muster, catalogue: Catalogue, stations: dict[str, list[StationSite]]) -> None:
    units = (BUREAU, *(unit for unit, _ in _brigades(catalogue)))
    muster.asked.setdefault(BUREAU, (set(), set(), 0))
    for region in muster.place.list_grids(Level.REGIONAL):
        own = [grid for grid in muster.place.list_grids(Level.TOWNSHIP) if grid.parent == region.code]
        largest = max(own, key=lambda grid: (len(stations[grid.code]), grid.geometry.area))
        muster.add(
            f"regional/{region.code}",
            f"{region.name} 联合执法队",
            BUREAU,
            TeamKind.REGIONAL,
            stations[largest.code][-1],
            region=region.code,
            represents=units,
        )


def _muster_brigades(
    muster: _Muster, catalogue: Catalogue, townships: list[Grid], stations: dict[str, list[StationSite]], centre: str
) -> None:
    """Give every brigade two teams at headquarters and two posted to townships, spread over all of them."""
    others = [grid.code for grid in townships if grid.code != centre] or [centre]
    turn = 0
    for unit, name in _brigades(catalogue):
        for number in range(_TEAMS_PER_BRIGADE):
            posted = number >= _TEAMS_PER_BRIGADE // 2
            township = others[turn % len(others)] if posted else centre
            turn += posted
            muster.add(
                f"{unit}/{number}",
                f"{name} {number + 1}",
                unit,
                TeamKind.BRIGADE,
                stations[township][0],
                township=township if posted else None,
            )


def _muster_partners(
    muster: _Muster, catalogue: Catalogue, townships: list[Grid], stations: dict[str, list[StationSite]]
) -> None:
    spread = _spread([grid.code for grid in townships])
    for unit in catalogue.units:
        if unit.kind is not UnitKind.PARTNER:
            continue
        kind = _PARTNER_STATIONS.get(unit.id)
        real = [station for code in stations for station in stations[code] if station.kind == kind]
        count = _PARTNER_TEAMS.get(unit.id, 1)
        if unit.id == "partner-fire":
            count = max(count, len(real))
        for number in range(count):
            station = real[number] if number < len(real) else stations[spread[number % len(spread)]][0]
            muster.add(f"{unit.id}/{number}", f"{unit.name} {number + 1}", unit.id, TeamKind.PARTNER, station)


def _spread(codes: Iterable[str]) -> list[str]:
    """Order codes so that the first few are far from each other in the list: every third, then the rest."""
    listed = list(codes)
    return listed[::3] + listed[1::3] + listed[2::3]

"""The synthetic Jindong as one place: real names and codes, everything else drawn from a seed and said to be so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.demo.world.jindong import DISTRICT_NAME, draw_grids, read_divisions
from gridsvc.demo.world.streets import draw_streets
from gridsvc.files.osm.model import SYNTHETIC_CODE, Address, DemoPlace, Settlement, StationSite
from gridsvc.files.osm.tiling import Plane, point_list
from gridsvc.grids.levels import Level
from gridsvc.roads.network.building import build
from gridsvc.roads.network.speeds import CHINA_KPH, Speeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gridsvc.demo.world.jindong import Township
    from gridsvc.demo.world.streets import Streets
    from gridsvc.grids.levels import Grid

_TRUNK_ENDS = ("东孝街道", "孝顺镇")
_ADDRESSES_PER_VILLAGE = 4
_OFF_THE_ROAD_M = 18.0


def make_jindong(geodata: Path, seed: int = 1) -> DemoPlace:
    """Make the demo district from the facts in `geodata` (the project's folder of that name)."""
    townships = read_divisions(geodata / "jindong")
    grids = draw_grids(townships, seed)
    villages = [grid for grid in grids if grid.level is Level.VILLAGE]
    township_of_area = {grid.code: str(grid.parent) for grid in grids if grid.level is Level.AREA}
    township_of = {grid.code: township_of_area[str(grid.parent)] for grid in villages}
    ordered = sorted(townships, key=lambda t: (t.name not in _TRUNK_ENDS, t.code))
    seats = {t.code: (t.lon, t.lat) for t in ordered}
    outline = shapely.union_all([grid.geometry for grid in grids if grid.level is Level.REGIONAL])
    streets = draw_streets(Plane.of(outline), villages, township_of, seats, seed)
    speeds = Speeds(class_kph=dict(CHINA_KPH))
    return DemoPlace(
        code=SYNTHETIC_CODE,
        name=f"{DISTRICT_NAME} (synthetic)",
        synthetic=True,
        time_zone="Asia/Shanghai",
        grids=grids,
        roads=build(streets.as_survey(speeds), speeds, source="synthetic"),
        stations=_stations(townships),
        settlements=_settlements(townships, villages),
        addresses=_addresses(streets, townships, villages, township_of, seed),
        notes=(
            "Names, codes, urban-rural codes and township seats of Jindong are real",
            "Synthetic: every border, road, station, team, person, address and incident is made up from a seed",
            "Which townships form which regional grid is a guess: the plan names three themes and no areas",
        ),
    )


def _stations(townships: Sequence[Township]) -> tuple[StationSite, ...]:
    """Return a station at each real seat; fire and police stations in the three largest townships and the first."""
    stations = [StationSite(f"{t.name}综合执法站", "seat", t.lon, t.lat, made_up=True) for t in townships]
    large = sorted(townships, key=lambda t: (-len(t.villages), t.code))[:3]
    for township in dict.fromkeys((townships[0], *large)):
        lon, lat = township.lon, township.lat
        stations.append(
            StationSite(f"{township.name}消防救援站", "fire_station", lon + 0.004, lat + 0.003, made_up=True)
        )
        stations.append(StationSite(f"{township.name}派出所", "police", lon - 0.003, lat + 0.002, made_up=True))
    return tuple(stations)


def _settlements(townships: Sequence[Township], villages: Sequence[Grid]) -> tuple[Settlement, ...]:
    seats = [Settlement(t.name, "town", t.lon, t.lat, 15.0) for t in townships]
    homes = []
    for village in villages:
        lon, lat = village.geometry.representative_point().coords[0]
        urban = (village.urban_rural_code or "220").startswith("1")
        homes.append(Settlement(village.name, "quarter" if urban else "village", lon, lat, 6.0 if urban else 2.0))
    return (*seats, *homes)


def _addresses(
    streets: Streets, townships: Sequence[Township], villages: Sequence[Grid], township_of: dict[str, str], seed: int
) -> tuple[Address, ...]:
    """Put a few house numbers along the streets of every village."""
    random = np.random.default_rng(seed + 3)
    names = {t.code: t.name for t in townships}
    middles = np.array([p[len(p) // 2] if len(p) > 2 else (p[0] + p[1]) / 2 for p in streets.shape])
    plane = Plane.of(shapely.MultiPoint(middles[:1]))
    found = []
    tree = shapely.STRtree(point_list(middles))
    for village in villages:
        inside = np.sort(tree.query(village.geometry, predicate="contains"))
        inside = inside[np.array([bool(streets.name[edge]) for edge in inside], dtype=bool)] if len(inside) else inside
        for edge in random.permutation(inside)[:_ADDRESSES_PER_VILLAGE]:
            street, number = streets.name[edge], int(random.integers(1, 200))
            lon, lat = middles[edge] + random.uniform(-1, 1, 2) * _OFF_THE_ROAD_M / plane.scale
            town = names[township_of[village.code]]
            text = f"金东区{town}{street}{number}号"
            found.append(Address(text, street, str(number), town, round(float(lon), 7), round(float(lat), 7)))
    return tuple(sorted(found, key=lambda address: (address.text, address.lon)))

"""Travel times and service areas on the roads in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.coordinates import check_lonlats
from gridsvc.errors import InvalidInput, NotFound, TooLarge, Unavailable
from gridsvc.files.derived import derived
from gridsvc.files.isochrones import MATRIX_ENDINGS, write_matrix
from gridsvc.files.places.places import read_places
from gridsvc.files.text import check_ending
from gridsvc.isochrones import BUFFER_M, Mesh, isochrones
from gridsvc.isochrones.mesh import nothing
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.layout import Districts
from gridsvc.roads.network.network import PROFILES
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.road_at import find_road
from gridsvc.roads.search.routes import route
from gridsvc.roads.search.snapping import snap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry import MultiPolygon
    from sqlalchemy import Connection

    from gridsvc.files.csv_text import BadRows
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.weights import Weights

DEFAULT_PROFILE = "normal"

BASIS = "free-flow"
"""What these times are: of roads without traffic, by class and posted limit. A calibration ranges responses alone."""

_POINTS_A_PIECE = 10_000
"""Of GeoJSON text at a time: five milliseconds."""

MOST_TIMES = 200_000_000
"""Of one matrix: 1.6 GB of seconds."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The roads of one district as they are now: network, weights with the closures of the moment, versions."""

    view: DistrictView
    network: RoadNetwork
    weights: Weights


def ground_at(
    service: Service, connection: Connection, district: str | None, profile: str, lon: float, lat: float
) -> Ground:
    """Return the roads for a place: those of the named district, else of the one whose roads reach the place.

    Raises NotFound where no roads are loaded, InvalidInput for an unknown profile.
    """
    if profile not in PROFILES:
        raise InvalidInput(
            f"There is no profile {profile!r}; the profiles are {', '.join(PROFILES)}.",
            kind="unknown-profile",
            profile=profile,
            known=list(PROFILES),
        )
    view, network = view_with_roads(service, connection, district, lon, lat)
    return Ground(view, network, weights_now(service, view, network, profile))


def view_with_roads(
    service: Service, connection: Connection, district: str | None, lon: float, lat: float
) -> tuple[DistrictView, RoadNetwork]:
    """Return the district named, else the one whose roads reach the place, with its network."""
    districts = Districts.now(service, connection)
    if district is None:
        near = districts.touching(shapely.Point(lon, lat))
        if any(view.network is not None and _beside(view.network.bounds, lon, lat) <= 0 for view in near):
            return roads_near(near, lon, lat)
    views = districts.view_all(None if district is None else (district,))
    if not views:
        which = "" if district is None else f" {district}"
        raise NotFound(
            f"No district{which} is loaded. `gridsvc load roads FILE --district CODE` loads one.",
            kind="no-district",
            district=district,
        )
    return roads_near(views, lon, lat)


def roads_near(views: Sequence[DistrictView], lon: float, lat: float) -> tuple[DistrictView, RoadNetwork]:
    """Return the district whose roads reach a place, with its network.

    Raises
    ------
    NotFound
        When no roads are loaded.
    Unavailable
        When the file of the only roads is lost.
    """
    with_roads = [(view, view.network) for view in views if view.network is not None]
    if not with_roads:
        if (lost := next(filter(None, (view.find_lost("roads") for view in views)), None)) is not None:
            raise Unavailable(lost.reason, kind="artifact-lost")
        raise NotFound("No roads are loaded. `gridsvc load roads FILE` loads them.", kind="no-roads")
    return min(with_roads, key=lambda pair: _beside(pair[1].bounds, lon, lat))


def mesh_of(service: Service, ground: Ground) -> Mesh:
    """Return the mesh of the roads in force; its tiles are kept in the data folder from their first use on."""
    digest, profile = ground.view.versions.network, ground.weights.profile

    def keep(name: str, make: Callable[[], bytes]) -> memoryview:
        return derived(service.folder, f"{digest}.{profile}.mesh5/{name}", lambda: [make()])

    return service.cached("mesh", (digest, profile), lambda: Mesh(ground.network, profile, keep))


def _beside(bounds: tuple[float, float, float, float], lon: float, lat: float) -> float:
    """Degrees between a place and a box; 0 inside, then the smaller box first."""
    west, south, east, north = bounds
    gap = max(west - lon, lon - east, south - lat, lat - north, 0.0)
    return gap if gap > 0 else -1.0 / (1.0 + (east - west) * (north - south))


def travel_times(
    service: Service,
    origins: NDArray[np.float64],
    destinations: NDArray[np.float64],
    *,
    profile: str = DEFAULT_PROFILE,
    district: str | None = None,
) -> NDArray[np.float64]:
    """Seconds from every origin (n, 2) to every destination (m, 2), lon/lat WGS-84; inf = unreachable.

    Raises TooLarge above MOST_TIMES; InvalidInput for invalid places.
    """
    if len(origins) * len(destinations) > MOST_TIMES:
        raise TooLarge(
            f"{len(origins)} times {len(destinations)} travel times are more than {MOST_TIMES} at once.",
            origins=len(origins),
            destinations=len(destinations),
            most=MOST_TIMES,
        )
    if not len(origins) or not len(destinations):
        return np.empty((len(origins), len(destinations)))

    def work(connection: Connection) -> Ground:
        near = Districts.now(service, connection).bounds
        for places in (origins, destinations):
            check_lonlats(places[:, 0], places[:, 1], near=near)
        return ground_at(service, connection, district, profile, float(origins[0, 0]), float(origins[0, 1]))

    ground = service.database.run(work)
    here, there = (snap(ground.network, places[:, 0], places[:, 1]) for places in (origins, destinations))
    return matrix(ground.network, here, there, ground.weights)


@dataclass(frozen=True, slots=True)
class FileTimes:
    """The outcome of `travel_times_of_files`; bad: the rows of both files that could not be used."""

    origins: int
    destinations: int
    unreachable: int
    bad: tuple[BadRows, BadRows]


def travel_times_of_files(
    service: Service,
    origins: Path,
    destinations: Path,
    out: Path,
    *,
    profile: str = DEFAULT_PROFILE,
    district: str | None = None,
) -> FileTimes:
    """Write the travel times from every place of a CSV file to every place of another: a row for each origin.

    A row that cannot be used keeps its row or column, with empty cells.
    """
    check_ending(out, MATRIX_ENDINGS, device_ok=True)
    here, there = read_places(origins), read_places(destinations)
    near = service.database.run(lambda connection: Districts.now(service, connection).bounds)
    if near is not None:
        here, there = here.without_swapped(near), there.without_swapped(near)
    ends = [np.column_stack([places.lon, places.lat])[places.good] for places in (here, there)]
    seconds = travel_times(service, *ends, profile=profile, district=district)
    unreachable = int(np.isinf(seconds).sum())
    if len(here.bad) or len(there.bad):
        whole = np.full((here.good.size, there.good.size), np.nan)
        whole[np.ix_(here.good, there.good)] = seconds
        seconds = whole
    write_matrix(out, seconds)
    return FileTimes(len(seconds), seconds.shape[1], unreachable, (here.bad, there.bad))


def service_areas(
    service: Service,
    lon: float,
    lat: float,
    minutes: Sequence[float],
    *,
    direction: str = "to",
    profile: str = DEFAULT_PROFILE,
    district: str | None = None,
    check: Callable[[], object] = nothing,
) -> str:
    """Draw the areas within some minutes of travel: the text of a GeoJSON FeatureCollection, the smallest first.

    `check` is called between the steps; what it raises ends the work.
    """
    if not minutes:
        raise InvalidInput("`minutes` is empty: give one or more, such as 5,15.")

    def work(connection: Connection) -> Ground:
        near = Districts.now(service, connection).bounds
        check_lonlats(np.array([lon]), np.array([lat]), near=near)
        return ground_at(service, connection, district, profile, lon, lat)

    ground = service.database.run(work)
    place = snap(ground.network, lon, lat)
    mesh = mesh_of(service, ground)
    areas = isochrones(ground.network, place, minutes, direction, ground.weights, mesh=mesh, check=check)
    road = find_road(ground.network, place)
    features = []
    for area in areas:
        properties = {
            "minutes": area.minutes,
            "direction": area.direction,
            "profile": profile,
            "buffer_m": BUFFER_M,
            "basis": BASIS,
            "road": None if road is None else road.as_json(),
            "offroad_m": None if road is None else road.offroad_m,
            "certificate": None
            if area.certificate is None
            else {
                "points": area.certificate.points,
                "wrong": area.certificate.wrong,
                "share": area.certificate.share,
            },
        }
        check()
        features.append(
            f'{{"type": "Feature", "geometry": {geometry_text(area.geometry)}, "properties": {json.dumps(properties)}}}'
        )
    # The shapes stay text: read and written again they would cost more than all else.
    versions = json.dumps(ground.view.versions.as_json(), ensure_ascii=False)
    return f'{{"type": "FeatureCollection", "features": [{",".join(features)}], "versions": {versions}}}'


def geometry_text(geometry: MultiPolygon) -> str:
    """Return GeoJSON text with coordinates to a millimetre if the geometry stays valid, else unrounded.

    Written in pieces: shapely keeps all other threads of the process waiting while it writes one geometry.
    """
    if geometry.is_empty:
        return '{"type":"MultiPolygon","coordinates":[]}'
    kind, points, (ring_ends, polygon_ends, ends) = shapely.to_ragged_array([geometry])
    rounded = np.round(points, 8)
    whole: Any = shapely.from_ragged_array(kind, rounded, (ring_ends, polygon_ends, ends))
    if shapely.is_valid(whole)[0]:  # of an array: of one geometry it would keep the other threads waiting
        points = rounded
    rings = [_ring_text(points[start:end]) for start, end in pairwise(ring_ends.tolist())]
    polygons = [f"[{','.join(rings[start:end])}]" for start, end in pairwise(polygon_ends.tolist())]
    return f'{{"type":"MultiPolygon","coordinates":[{",".join(polygons)}]}}'


_LINE = len('{"type":"LineString","coordinates":[')


def _ring_text(points: NDArray[np.float64]) -> str:
    pieces = np.array_split(points, -(-len(points) // _POINTS_A_PIECE))
    return f"[{','.join(str(shapely.to_geojson(shapely.linestrings(piece)))[_LINE:-2] for piece in pieces)}]"


def find_route(
    service: Service,
    origin: tuple[float, float],
    destination: tuple[float, float],
    *,
    profile: str = DEFAULT_PROFILE,
    district: str | None = None,
) -> dict[str, Any]:
    """Return the fastest route between two places (lon, lat) as a GeoJSON Feature; geometry null = no route."""

    def work(connection: Connection) -> Ground:
        near = Districts.now(service, connection).bounds
        lon, lat = (np.array(pair) for pair in zip(origin, destination, strict=True))
        check_lonlats(lon, lat, near=near)
        return ground_at(service, connection, district, profile, *destination)

    ground = service.database.run(work)
    here, there = (snap(ground.network, *place) for place in (origin, destination))
    way = route(ground.network, here, there, ground.weights)
    roads = [find_road(ground.network, place) for place in (here, there)]
    line = None if way is None or len(way.line) < 2 else {"type": "LineString", "coordinates": way.line}
    return {
        "type": "Feature",
        "geometry": line,
        "properties": {
            "seconds": None if way is None else way.seconds,
            "length_m": None if way is None else round(way.length_m, 1),
            "profile": profile,
            "basis": BASIS,
            "from_road": None if roads[0] is None else roads[0].as_json(),
            "to_road": None if roads[1] is None else roads[1].as_json(),
        },
        "versions": ground.view.versions.as_json(),
    }

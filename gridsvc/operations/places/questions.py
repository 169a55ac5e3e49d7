"""The question that goes with an uncertain place: roads, named features and grids put together (R3)."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import distance_m, metres_per_degree
from gridsvc.db.evidence.artifacts import ArtifactLost
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.places.features import list_features_in
from gridsvc.errors import Unavailable
from gridsvc.grids.questions import LARGEST_RADIUS_M, Landmark, question_of
from gridsvc.grids.shares import with_demand
from gridsvc.operations.coverage.demand import emergency_places
from gridsvc.operations.roads.mapped import road_network
from gridsvc.places.features import LINES, RAILWAY, RIVER, STREAM
from gridsvc.roads.network.nearby import list_named_roads
from gridsvc.roads.network.speeds import CLASS_NUMBER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.grids.ownership import Ownership
    from gridsvc.operations.coverage.demand import EmergencyPlaces
    from gridsvc.operations.runtime.service import Service
    from gridsvc.places.features import NamedFeature
    from gridsvc.roads.network.network import RoadNetwork

    Floats = NDArray[np.float64]
    Box = tuple[float, float, float, float]

_WIDE_ROAD = CLASS_NUMBER["primary_link"]
_RANKS = {RIVER: _WIDE_ROAD, RAILWAY: _WIDE_ROAD, STREAM: CLASS_NUMBER["tertiary_link"]}
"""A river or railway is asked for before every road of a lower class than a main road."""
_POINT_RANK = len(CLASS_NUMBER)
_HEAD_START = {RIVER: 2, RAILWAY: 2}
"""In twentieths: a caller knows their side of a river better than that of a lane which runs along the border."""
_POINT_LAG = 2
_MOST_POINTS = 40


@dataclass(frozen=True, slots=True)
class Around:
    """What is known round a place besides its grids: roads and named features.

    connection: of the caller's transaction, else each question has one of its own. While the database is unavailable
    roads are those in memory, and there are no features.
    """

    service: Service
    connection: Connection | None = None

    def find_network(self, district: str) -> RoadNetwork | None:
        """Return the roads in force of a district; None without any."""
        try:
            with self.service.database.transaction() as connection, suppress(ArtifactLost):
                digest = get_versions(connection, district).network
                return None if digest is None else road_network(self.service, connection, district, digest)
        except Unavailable:
            known = self.service.recall("view").get(district)
            return None if known is None else known[1].network
        return None

    def find_emergencies(self, district: str) -> EmergencyPlaces | None:
        """Return where the past emergencies of a district were; None while that is not known."""
        if self.connection is not None:
            now = get_versions(self.connection, district).now
            return emergency_places(self.service, self.connection, district, now)
        try:
            with self.service.database.transaction() as connection:
                now = get_versions(connection, district).now
                return emergency_places(self.service, connection, district, now)
        except Unavailable:
            return None

    def list_features(self, district: str, box: Box) -> list[NamedFeature]:
        """Return the features in a box of degrees."""
        if self.connection is not None:
            return list_features_in(self.connection, district, box)
        try:
            with self.service.database.transaction() as connection:
                return list_features_in(connection, district, box)
        except Unavailable:
            return []


def with_shares(
    index: OwnershipIndex,
    network: RoadNetwork | None,
    found: Ownership,
    circle: tuple[float, float, float],
    around: Around | None,
) -> Ownership:
    """Return the owner of a place known to a radius, with its shares by demand and its question.

    circle: longitude and latitude (degrees WGS-84), metres.
    """
    found = with_question(index, network, found, circle, around)
    emergencies = None
    if around is not None and found.shares is not None and len(found.shares) > 1:
        emergencies = around.find_emergencies(index.district)
    return found if emergencies is None else with_demand(index, found, circle, emergencies)


def with_question(
    index: OwnershipIndex,
    network: RoadNetwork | None,
    found: Ownership,
    circle: tuple[float, float, float],
    around: Around | None = None,
) -> Ownership:
    """Return the owner of a place known to a radius, with a question where a person should confirm.

    Without `around` only roads are landmarks.
    """
    lon, lat, radius_m = circle
    if not found.confirm:
        return found
    landmarks = []
    if radius_m <= LARGEST_RADIUS_M:
        if network is not None:
            roads = list_named_roads(network, lon, lat, radius_m)
            landmarks += [Landmark(road.name, road.rank, road.segments) for road in roads]
        if around is not None:
            box = _box(lon, lat, radius_m)
            landmarks += landmarks_of(around.list_features(index.district, box), circle, box)
    return replace(found, question=question_of(index, lon, lat, radius_m, landmarks))


def _box(lon: float, lat: float, radius_m: float) -> Box:
    east_m, north_m = metres_per_degree(lat)
    dx, dy = radius_m / max(east_m, 1.0), radius_m / north_m
    return lon - dx, lat - dy, lon + dx, lat + dy


def landmarks_of(features: Sequence[NamedFeature], circle: tuple[float, float, float], box: Box) -> list[Landmark]:
    """Return the lines that have a piece in a box, and the points within the radius, of these the nearest ones.

    Of a name that several points have no side is asked.
    """
    lon, lat, radius_m = circle
    lines: dict[tuple[str, str], list[Floats]] = defaultdict(list)
    points: dict[str, list[tuple[float, NamedFeature]]] = defaultdict(list)
    for each in features:
        if each.kind in LINES:
            lines[each.name, each.kind].append(_segments(each.geometry, box))
        else:
            away_m = distance_m(lon, lat, each.lon, each.lat)
            points[each.name].append((away_m, each))
    found = [
        Landmark(
            name,
            _RANKS[kind],
            np.concatenate(pieces),
            line=RAILWAY if kind == RAILWAY else RIVER,
            head_start=_HEAD_START.get(kind, 0),
            directed=kind != RAILWAY,
        )
        for (name, kind), pieces in sorted(lines.items())
    ]
    near = sorted((group[0] for group in points.values() if len(group) == 1), key=lambda pair: (pair[0], pair[1].name))
    spots = [
        Landmark(each.name, _POINT_RANK, lon=each.lon, lat=each.lat, head_start=-_POINT_LAG)
        for away_m, each in near[:_MOST_POINTS]
        if away_m <= radius_m
    ]
    return [each for each in found if each.segments is not None and len(each.segments)] + spots


def _segments(line: shapely.Geometry, box: Box) -> Floats:
    """Return the pieces of a line whose own box meets a box, (n, 4) degrees."""
    west, south, east, north = box
    corners = np.asarray(shapely.get_coordinates(line), np.float64)
    low, high = np.minimum(corners[:-1], corners[1:]), np.maximum(corners[:-1], corners[1:])
    meets = (low[:, 0] <= east) & (high[:, 0] >= west) & (low[:, 1] <= north) & (high[:, 1] >= south)
    return np.column_stack([corners[:-1], corners[1:]])[meets]

"""The question that goes with an uncertain place: roads and grids put together (R3)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gridsvc.db.evidence.artifacts import ArtifactLost
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import Unavailable
from gridsvc.grids.questions import LARGEST_RADIUS_M, Landmark, question_of
from gridsvc.operations.roads.mapped import road_network
from gridsvc.roads.network.nearby import list_named_roads

if TYPE_CHECKING:
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.grids.ownership import Ownership
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork


def with_question(
    index: OwnershipIndex, network: RoadNetwork | None, found: Ownership, lon: float, lat: float, radius_m: float
) -> Ownership:
    """Return the owner of a place (WGS-84 degrees) known to a radius, with a question where a person should confirm."""
    if not found.confirm:
        return found
    roads = []
    if network is not None and radius_m <= LARGEST_RADIUS_M:
        roads = list_named_roads(network, lon, lat, radius_m)
    landmarks = [Landmark(road.name, road.rank, road.segments) for road in roads]
    return replace(found, question=question_of(index, lon, lat, radius_m, landmarks))


def find_network(service: Service, district: str) -> RoadNetwork | None:
    """Return the roads in force of a district, from memory while the database is unavailable; None without any."""
    try:
        with service.database.transaction() as connection, suppress(ArtifactLost):
            digest = get_versions(connection, district).network
            return None if digest is None else road_network(service, connection, district, digest)
    except Unavailable:
        known = service.recall("view").get(district)
        return None if known is None else known[1].network
    return None

"""The roads of a version vector: the network as a file that every process maps, its closures, its calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.evidence.artifacts import open_artifact
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.roads.closures import list_closures
from gridsvc.db.session.scope import whole_district
from gridsvc.roads.calibration.model import Calibration
from gridsvc.roads.network.network import RoadNetwork

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.db.grids.versions import Versions
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.search.closures import Closure


def road_network(service: Service, connection: Connection, code: str, digest: str) -> RoadNetwork:
    """Return the mapped road network of a digest."""

    def load() -> RoadNetwork:
        # `open_artifact` has compared all bytes with the digest.
        return RoadNetwork.open(open_artifact(connection, service.folder, code, digest), verify=False)

    return service.cached("network", (code, digest), load)


def find_calibration(service: Service, connection: Connection, code: str, digest: str | None) -> Calibration | None:
    """Return the calibration of a digest; None for no digest."""
    if digest is None:
        return None

    def load() -> Calibration:
        return Calibration.from_document(get_document(connection, code, "calibration", digest))

    return service.cached("calibration", (code, digest), load)


def closures_at(service: Service, connection: Connection, versions: Versions) -> tuple[Closure, ...]:
    """Return all closures known at a version vector, also those that have not started or have ended."""
    if not versions.closures:
        return ()

    def load() -> tuple[Closure, ...]:
        with whole_district(connection):  # the cache is shared by all callers
            return tuple(list_closures(connection, versions.district, known_at=versions.now))

    return service.cached("closures", (versions.district, versions.closures), load)

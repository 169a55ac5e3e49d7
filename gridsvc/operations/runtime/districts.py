"""A district as one process sees it at one version vector: everything that an answer is made from, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.grids.versions import District, Versions, list_districts, list_versions
from gridsvc.errors import NotFound
from gridsvc.operations.grids.mapped import ownership_index, seat_codes
from gridsvc.operations.law.mapped import find_law
from gridsvc.operations.roads.mapped import closures_at, find_calibration, road_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.calibration.model import Calibration
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.closures import Closure


@dataclass(frozen=True, slots=True)
class DistrictView:
    """One district at one version vector.

    index None: no grids in force. seat_codes: township code -> urban-rural code of its seat. network None: no roads
    loaded. law None: no catalogue, response plans or clocks. calibration None: travel times are the network's own.
    """

    versions: Versions
    district: District
    index: OwnershipIndex | None
    seat_codes: Mapping[str, str | None]
    network: RoadNetwork | None
    law: Law | None
    closures: tuple[Closure, ...] = ()
    calibration: Calibration | None = None

    @property
    def code(self) -> str:
        """The district's code."""
        return self.versions.district


def list_views(service: Service, connection: Connection) -> list[DistrictView]:
    """Return all districts at the versions now in force; only what this process has not cached is loaded."""
    views = [view_at(service, connection, versions) for versions in list_versions(connection)]
    for view in views:
        service.remember("view", view.code, view)
    return views


def view_at(service: Service, connection: Connection, versions: Versions) -> DistrictView:
    """Return a district at a version vector; only what this process has not cached is loaded."""
    code = versions.district
    index = None if versions.generation is None else ownership_index(service, connection, code, versions.generation)
    return DistrictView(
        versions=versions,
        district=_district(service, connection, code),
        index=index,
        seat_codes={} if index is None else seat_codes(service, index),
        network=None if versions.network is None else road_network(service, connection, code, versions.network),
        law=find_law(service, connection, versions),
        closures=closures_at(service, connection, versions),
        calibration=find_calibration(service, connection, code, versions.calibration),
    )


def _district(service: Service, connection: Connection, code: str) -> District:
    def load() -> District:
        found = next((d for d in list_districts(connection) if d.code == code), None)
        if found is None:
            raise NotFound(f"No district {code} is loaded.", kind="no-district", district=code)
        return found

    return service.cached("district", code, load)

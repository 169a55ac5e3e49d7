"""A district as one process sees it at one version vector: everything that an answer is made from, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.documents import get_document, put_document
from gridsvc.db.teams import list_roster
from gridsvc.db.versions import District, Versions, list_districts, list_versions
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.dispatch import Prepared
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.service import Service
    from gridsvc.response_plans import PlanBook
    from gridsvc.roads.network import RoadNetwork


@dataclass(frozen=True, slots=True)
class DistrictView:
    """One district at one version vector.

    index None: no grids in force. network None: no roads loaded. prepared, plans None: no catalogue or run cards.
    `station_lon`, `station_lat` are degrees, in the order of `prepared.teams`.
    """

    versions: Versions
    district: District
    index: OwnershipIndex | None
    network: RoadNetwork | None
    plans: PlanBook | None
    prepared: Prepared | None
    station_lon: NDArray[np.float64]
    station_lat: NDArray[np.float64]

    @property
    def code(self) -> str:
        """The district's code."""
        return self.versions.district


def list_views(service: Service, connection: Connection) -> list[DistrictView]:
    """Return all districts at the versions now in force; what is known of them already is not loaded again."""
    return [view_at(service, connection, versions) for versions in list_versions(connection)]


def view_at(service: Service, connection: Connection, versions: Versions) -> DistrictView:
    """Return a district at a version vector, loading what this process has not seen yet."""
    code = versions.district
    index = None
    if versions.generation is not None:
        index = ownership_index(service, connection, code, versions.generation)
    network = None
    if versions.network is not None:
        network = road_network(service, connection, code, versions.network)
    plans, prepared, lon, lat = _law(service, connection, versions)
    return DistrictView(versions, _district(service, connection, code), index, network, plans, prepared, lon, lat)


def ownership_index(service: Service, connection: Connection, code: str, generation: int) -> OwnershipIndex:
    """Return the mapped ownership index of a generation that is or was in force."""
    from gridsvc.db.artifacts import open_artifact
    from gridsvc.db.grids import get_index_digest
    from gridsvc.grids.index import OwnershipIndex

    def load() -> OwnershipIndex:
        digest = get_index_digest(connection, code, generation)
        return OwnershipIndex.open(open_artifact(connection, service.folder, code, digest))

    return service.cached("index", (code, generation), load)


def road_network(service: Service, connection: Connection, code: str, digest: str) -> RoadNetwork:
    """Return the mapped road network of a digest."""
    from gridsvc.db.artifacts import open_artifact
    from gridsvc.roads.network import RoadNetwork

    return service.cached(
        "network", (code, digest), lambda: RoadNetwork.open(open_artifact(connection, service.folder, code, digest))
    )


def _district(service: Service, connection: Connection, code: str) -> District:
    def load() -> District:
        found = next((d for d in list_districts(connection) if d.code == code), None)
        if found is None:
            raise NotFound(f"No district {code} is loaded.", kind="no-district")
        return found

    return service.cached("district", code, load)


def _law(
    service: Service, connection: Connection, versions: Versions
) -> tuple[PlanBook | None, Prepared | None, NDArray[np.float64], NDArray[np.float64]]:
    """Return run cards and the teams arranged for dispatch, by the versions of catalogue, plans and teams."""
    import json

    import numpy as np

    from gridsvc.catalogue import Catalogue
    from gridsvc.dispatch import Prepared
    from gridsvc.response_plans import PlanBook

    code = versions.district

    def load() -> tuple[PlanBook | None, Prepared | None, NDArray[np.float64], NDArray[np.float64]]:
        nothing = np.empty(0)
        if versions.plans is None:
            return None, None, nothing, nothing
        plans = PlanBook.from_json(json.loads(get_document(connection, code, "plans", versions.plans)))
        if versions.catalogue is None:
            return plans, None, nothing, nothing
        catalogue = Catalogue.from_json(json.loads(get_document(connection, code, "catalogue", versions.catalogue)))
        prepared = Prepared.of(list_roster(connection, code), catalogue, plans)
        lon = np.array([team.lon for team in prepared.teams])
        lat = np.array([team.lat for team in prepared.teams])
        return plans, prepared, lon, lat

    return service.cached("law", (code, versions.catalogue, versions.plans, versions.teams), load)


def keep_prepared(connection: Connection, view: DistrictView) -> str | None:
    """Keep the roster, catalogue and plans that answers are made from, for a replay; return their digest."""
    if view.prepared is None:
        return None
    from gridsvc.audit import canonical, whole

    return put_document(connection, view.code, "prepared", canonical(whole(view.prepared.as_json())))

"""A district as one process sees it at one version vector: everything that an answer is made from, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.evidence.documents import get_document, put_document
from gridsvc.db.grids.versions import District, Versions, list_districts, list_versions
from gridsvc.db.session.connection import whole_district
from gridsvc.db.teams import list_roster
from gridsvc.errors import NotFound
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.dispatch import Prepared
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.law import ClockRules, PlanBook
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.calibration.model import Calibration
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.closures import Closure


@dataclass(frozen=True, slots=True)
class Law:
    """Catalogue, run cards, clocks and teams of one version vector; stations in the order of `prepared.teams`."""

    prepared: Prepared
    station_lon: NDArray[np.float64]
    station_lat: NDArray[np.float64]

    @property
    def plans(self) -> PlanBook:
        """The run cards."""
        return self.prepared.plans

    @property
    def clocks(self) -> ClockRules:
        """The clock policies and the class mapping."""
        return self.prepared.clocks

    @property
    def roster_digest(self) -> str:
        """Under which digest the teams are kept for a replay."""
        return self.prepared.roster.version


@dataclass(frozen=True, slots=True)
class DistrictView:
    """One district at one version vector.

    index None: no grids in force. seat_codes: township code -> its seat's urban-rural code. network None: no roads
    loaded. law None: no catalogue, run cards or clocks. calibration None: travel times are the network's own.
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
    """Return all districts at the versions now in force; what is known of them already is not loaded again."""
    views = [view_at(service, connection, versions) for versions in list_versions(connection)]
    for view in views:
        service.remember("view", view.code, view)
    return views


def view_at(service: Service, connection: Connection, versions: Versions) -> DistrictView:
    """Return a district at a version vector, loading what this process has not seen yet."""
    code = versions.district
    index, seats = None, {}
    if versions.generation is not None:
        generation = versions.generation
        index = ownership_index(service, connection, code, generation)
        seats = service.cached("seats", (code, generation), lambda: _seat_codes(index))
    network = None
    if versions.network is not None:
        network = road_network(service, connection, code, versions.network)
    law = _law(service, connection, versions)
    closures = _closures(service, connection, versions)
    calibration = find_calibration(service, connection, code, versions.calibration)
    district = _district(service, connection, code)
    return DistrictView(versions, district, index, seats, network, law, closures, calibration)


def ownership_index(service: Service, connection: Connection, code: str, generation: int) -> OwnershipIndex:
    """Return the mapped ownership index of a generation that is or was in force."""
    from gridsvc.db.evidence.artifacts import open_artifact
    from gridsvc.db.grids.generations import get_index_digest
    from gridsvc.grids.index import OwnershipIndex

    def load() -> OwnershipIndex:
        digest = get_index_digest(connection, code, generation)
        return OwnershipIndex.open(open_artifact(connection, service.folder, code, digest))

    return service.cached("index", (code, generation), load)


def road_network(service: Service, connection: Connection, code: str, digest: str) -> RoadNetwork:
    """Return the mapped road network of a digest."""
    from gridsvc.db.evidence.artifacts import open_artifact
    from gridsvc.roads.network.network import RoadNetwork

    return service.cached(
        "network", (code, digest), lambda: RoadNetwork.open(open_artifact(connection, service.folder, code, digest))
    )


def find_calibration(service: Service, connection: Connection, code: str, digest: str | None) -> Calibration | None:
    """Return the calibration of a digest; None where there is none."""
    if digest is None:
        return None
    from gridsvc.roads.calibration.model import Calibration

    def load() -> Calibration:
        return Calibration.from_document(get_document(connection, code, "calibration", digest))

    return service.cached("calibration", (code, digest), load)


def _closures(service: Service, connection: Connection, versions: Versions) -> tuple[Closure, ...]:
    """Return the closures known at a version vector, also those that do not act yet or any more."""
    from gridsvc.db.roads.closures import list_closures

    code = versions.district
    if not versions.closures:
        return ()

    def load() -> tuple[Closure, ...]:
        with whole_district(connection):  # what is kept here is kept for all callers
            return tuple(list_closures(connection, code, known_at=versions.now))

    return service.cached("closures", (code, versions.closures), load)


def _seat_codes(index: OwnershipIndex) -> dict[str, str | None]:
    table = index.grids
    rows = zip(table.codes, table.levels, table.urban_rural_codes, strict=True)
    return {code: seat for code, level, seat in rows if level == Level.TOWNSHIP}


def _district(service: Service, connection: Connection, code: str) -> District:
    def load() -> District:
        found = next((d for d in list_districts(connection) if d.code == code), None)
        if found is None:
            raise NotFound(f"No district {code} is loaded.", kind="no-district", district=code)
        return found

    return service.cached("district", code, load)


def _law(service: Service, connection: Connection, versions: Versions) -> Law | None:
    """Return catalogue, run cards, clocks and teams of a version vector; None while one of them is not loaded."""
    import numpy as np

    from gridsvc.dispatch import Prepared
    from gridsvc.law import Catalogue, ClockRules, PlanBook

    code = versions.district
    if versions.catalogue is None or versions.plans is None or versions.clock_policies is None:
        return None
    digests = (versions.catalogue, versions.plans, versions.clock_policies)

    def load() -> Law:
        catalogue = Catalogue.from_document(get_document(connection, code, "catalogue", digests[0]))
        plans = PlanBook.from_document(get_document(connection, code, "plans", digests[1]))
        clocks = ClockRules.from_document(get_document(connection, code, "clock_policies", digests[2]))
        with whole_district(connection):  # what is kept here is kept for all callers
            teams = list_roster(connection, code)
        prepared = Prepared.of(teams, catalogue, plans, clocks)
        roster = prepared.roster.document()
        # Its own transaction: this process remembers it as kept, whatever becomes of the present one.
        service.database.run(lambda own: put_document(own, code, "teams", roster))
        lon = np.array([team.lon for team in prepared.teams], dtype=float)
        lat = np.array([team.lat for team in prepared.teams], dtype=float)
        return Law(prepared, lon, lat)

    return service.cached("law", (code, *digests, versions.teams), load)

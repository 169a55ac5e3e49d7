"""The law of a version vector: catalogue, response plans, clocks and teams, prepared for dispatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.db.evidence.documents import get_document, put_document
from gridsvc.db.session.scope import whole_district
from gridsvc.db.teams import list_roster
from gridsvc.dispatch import Prepared
from gridsvc.law import Catalogue, ClockRules, PlanBook

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.db.grids.versions import Versions
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Law:
    """Catalogue, response plans, clocks and teams of one version vector.

    station_lon, station_lat: degrees WGS-84, (n,), in the order of `prepared.teams`.
    """

    prepared: Prepared
    station_lon: NDArray[np.float64]
    station_lat: NDArray[np.float64]

    @classmethod
    def of(cls, prepared: Prepared) -> Law:
        """Return the law with the stations of its teams as arrays."""
        lon = np.array([team.lon for team in prepared.teams], dtype=float)
        lat = np.array([team.lat for team in prepared.teams], dtype=float)
        return cls(prepared, lon, lat)

    @property
    def plans(self) -> PlanBook:
        """The response plans."""
        return self.prepared.plans

    @property
    def clocks(self) -> ClockRules:
        """The clock policies and the class mapping."""
        return self.prepared.clocks

    @property
    def roster_digest(self) -> str:
        """The digest under which the teams are stored for a replay."""
        return self.prepared.roster.version


def find_law(service: Service, connection: Connection, versions: Versions) -> Law | None:
    """Return the law of a version vector; None until catalogue, response plans and clocks are all loaded."""
    code = versions.district
    if versions.catalogue is None or versions.plans is None or versions.clock_policies is None:
        return None
    digests = (versions.catalogue, versions.plans, versions.clock_policies)

    def load() -> Law:
        catalogue = Catalogue.from_document(get_document(connection, code, "catalogue", digests[0]))
        plans = PlanBook.from_document(get_document(connection, code, "plans", digests[1]))
        clocks = ClockRules.from_document(get_document(connection, code, "clock_policies", digests[2]))
        with whole_district(connection):  # the cache is shared by all callers
            teams = list_roster(connection, code)
        law = Law.of(Prepared.of(teams, catalogue, plans, clocks))
        # Its own transaction: this process caches the roster as stored, even if the present transaction rolls back.
        service.database.run(lambda own: put_document(own, code, "teams", law.prepared.roster.document()))
        return law

    return service.cached("law", (code, *digests, versions.teams), load)

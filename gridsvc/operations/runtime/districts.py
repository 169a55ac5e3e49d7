"""A district as one process sees it at one version vector: everything that an answer is made from, in memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from gridsvc.db.evidence.artifacts import ArtifactLost
from gridsvc.db.grids.versions import District, Versions, list_districts, list_versions
from gridsvc.errors import NotFound
from gridsvc.operations.grids.mapped import ownership_index, seat_codes
from gridsvc.operations.law.mapped import find_law
from gridsvc.operations.roads.mapped import closures_at, find_calibration, road_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.calibration.model import Calibration
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.closures import Closure


T = TypeVar("T")

_log = logging.getLogger("gridsvc.districts")


@dataclass(frozen=True, slots=True)
class LostPart:
    """A part of a district that is in force and cannot be read: `grids` or `roads`, and the reason in words."""

    part: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return {part, reason}."""
        return {"part": self.part, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class DistrictView:
    """One district at one version vector.

    index None: no grids in force, or their file is lost. seat_codes: township code -> urban-rural code of its seat.
    network None: no roads loaded, or their file is lost. law None: no catalogue, response plans or clocks.
    calibration None: travel times are the network's own. lost: the parts whose file is lost (R10).
    """

    versions: Versions
    district: District
    index: OwnershipIndex | None
    seat_codes: Mapping[str, str | None]
    network: RoadNetwork | None
    law: Law | None
    closures: tuple[Closure, ...] = ()
    calibration: Calibration | None = None
    lost: tuple[LostPart, ...] = ()

    @property
    def code(self) -> str:
        """The district's code."""
        return self.versions.district

    def local_time(self, at: datetime) -> datetime:
        """Return a time in the district's time zone."""
        return at.astimezone(ZoneInfo(self.district.time_zone))

    def find_lost(self, part: str) -> LostPart | None:
        """Return the reason why a part cannot be read; None where it can, or where none is in force."""
        return next((each for each in self.lost if each.part == part), None)


def list_views(service: Service, connection: Connection) -> list[DistrictView]:
    """Return all districts at the versions now in force; only what this process has not cached is loaded."""
    views = [view_at(service, connection, versions) for versions in list_versions(connection)]
    for view in views:
        service.remember("view", view.code, view)
    return views


class InForce(NamedTuple):
    """A district, its versions, and which parts of it this process can answer from; `lost` has those it cannot."""

    district: District
    versions: Versions
    grids: bool
    roads: bool
    law: bool
    lost: tuple[LostPart, ...]


SEEN_WHOLE = 16
"""So many districts at most are loaded to say what is in force; of more, the versions alone say it."""


def list_in_force(service: Service) -> list[InForce]:
    """Return what is in force in every district, in the order of their codes."""
    with service.database.transaction() as connection:
        vectors = list_versions(connection)
        if len(vectors) <= SEEN_WHOLE:
            return [
                InForce(
                    view.district,
                    view.versions,
                    view.index is not None,
                    view.network is not None,
                    view.law is not None,
                    view.lost,
                )
                for view in list_views(service, connection)
            ]
        districts = {each.code: each for each in list_districts(connection)}
    return [
        InForce(
            districts[each.district],
            each,
            each.generation is not None,
            each.network is not None,
            None not in (each.catalogue, each.plans, each.clock_policies),
            (),
        )
        for each in vectors
    ]


def view_at(service: Service, connection: Connection, versions: Versions) -> DistrictView:
    """Return a district at a version vector; only what this process has not cached is loaded.

    A lost file of grids or roads is no error: the view has the reason in `lost`, and a report is taken without.
    """
    code, generation, digest = versions.district, versions.generation, versions.network
    index = network = None
    lost: list[LostPart] = []
    if generation is not None:
        index = _or_lost("grids", lambda: ownership_index(service, connection, code, generation), lost)
    if digest is not None:
        network = _or_lost("roads", lambda: road_network(service, connection, code, digest), lost)
    return DistrictView(
        versions=versions,
        district=_district(service, connection, versions),
        index=index,
        seat_codes={} if index is None else seat_codes(service, index),
        network=network,
        law=find_law(service, connection, versions),
        closures=closures_at(service, connection, versions),
        calibration=find_calibration(service, connection, code, versions.calibration),
        lost=tuple(lost),
    )


def _or_lost(part: str, load: Callable[[], T], lost: list[LostPart]) -> T | None:
    try:
        return load()
    except ArtifactLost as error:
        _log.error("%s: %s", part, error.detail)
        lost.append(LostPart(part, error.detail))
        return None


def _district(service: Service, connection: Connection, versions: Versions) -> District:
    code = versions.district

    def load() -> District:
        found = next((d for d in list_districts(connection) if d.code == code), None)
        if found is None:
            raise NotFound(f"No district {code} is loaded.", kind="no-district", district=code)
        return found

    # Its name and time zone have no version of their own; those of a district that was removed never come again.
    return service.cached("district", (code, versions.generation, versions.teams), load)

"""Closures: add, list, end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.access.scopes import mask_numbers
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import bump, get_versions, list_versions
from gridsvc.db.roads import closures as store
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.roads.mapped import road_network
from gridsvc.operations.roads.travel_times import view_with_roads
from gridsvc.operations.runtime.idempotency import answer_once
from gridsvc.roads.network.network import PROFILES
from gridsvc.roads.search.closures import check_closure, closed_edges

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection

    from gridsvc.db.grids.versions import Versions
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.closures import Closure

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class NewClosure:
    """Roads to close (`factor` 0) or to slow (speed times `factor`), and why.

    `since` None = now, `until` None = until it is deleted; both aware. Geometry is lon/lat WGS-84.
    """

    geometry: BaseGeometry
    factor: float
    reason: str
    profiles: Sequence[str] = PROFILES
    since: datetime | None = None
    until: datetime | None = None


def add_closure(
    service: Service,
    new: NewClosure,
    *,
    actor: str,
    district: str | None = None,
    request: RequestKey | None = None,
) -> KeptAnswer:
    """Close or slow roads, from the next query of every process on; the answer has the edges and kilometres affected.

    The reason is in no event and no stored answer: only `list_closures` returns it, until it is erased.

    Raises
    ------
    InvalidInput
        For an invalid geometry, factor, profile, time or reason, and where no road of the network is affected.
    """
    if not new.reason.strip() or len(new.reason) > LONGEST_REASON:
        raise InvalidInput(f"`reason` must say why, in 1 to {LONGEST_REASON} characters.", most=LONGEST_REASON)

    def work(connection: Connection) -> KeptAnswer:
        code = _district_at(service, connection, new.geometry, district)
        versions = get_versions(connection, code, lock="update")
        return answer_once(connection, code, request, 201, lambda: _add(service, connection, versions, new, actor))

    return service.database.run(work)


def _add(service: Service, connection: Connection, versions: Versions, new: NewClosure, actor: str) -> dict[str, Any]:
    """Write the closure and its event; return the answer."""
    code, since = versions.district, new.since or versions.now
    check_closure(new.geometry, new.factor, new.profiles, since, new.until)
    network = _network(service, connection, versions)
    edges = closed_edges(network, new.geometry)
    if not len(edges):
        raise InvalidInput(
            "No road of the network is there. A line closes roads along it or across it, a point the nearest "
            "road within 100 m.",
            kind="no-road-there",
        )
    number, digest = store.add_closure(
        connection,
        code,
        new.geometry,
        factor=new.factor,
        profiles=new.profiles,
        since=since,
        until=new.until,
        reason=new.reason,
    )
    bump(connection, code, "closures")
    answer = {
        "id": str(number),
        "district": code,
        "factor": new.factor,
        "profiles": list(new.profiles),
        "from": since.isoformat(),
        "until": None if new.until is None else new.until.isoformat(),
        "geometry": shapely.geometry.mapping(new.geometry),
        "edges": len(edges),
        "km": round(float(network.edge_length_m[edges].sum()) / 1000, 3),
        "version": versions.closures + 1,
    }
    append_event(connection, code, "closure", actor=actor, at=versions.now, data=answer | {"reason_digest": digest})
    return answer


def delete_closure(service: Service, number: UUID, *, actor: str, request: RequestKey | None = None) -> KeptAnswer:
    """End a closure at once. Raises NotFound for an unknown one."""

    def work(connection: Connection) -> KeptAnswer:
        code = store.find_district_of_closure(connection, number)
        if code is None:
            raise _no_closure(number)

        def end() -> None:
            versions = get_versions(connection, code, lock="update")
            if not store.delete_closure(connection, code, number):
                raise _no_closure(number)
            bump(connection, code, "closures")
            append_event(connection, code, "closure-ended", actor=actor, at=versions.now, data={"id": str(number)})

        return answer_once(connection, code, request, 204, end)

    return service.database.run(work)


def list_closures(service: Service, district: str | None = None) -> dict[str, Any]:
    """Return {items}: the closures that are not deleted, each with the profiles that it applies to now."""
    items = []
    with service.database.transaction() as connection:
        for versions in list_versions(connection):
            if district not in {None, versions.district}:
                continue
            items += [
                _closure_json(closure, versions) for closure in store.list_closures(connection, versions.district)
            ]
    return {"items": items}


def _closure_json(closure: Closure, versions: Versions) -> dict[str, Any]:
    return {
        "id": closure.id,
        "district": versions.district,
        "factor": closure.factor,
        "profiles": list(closure.profiles),
        "from": closure.since.isoformat(),
        "until": None if closure.until is None else closure.until.isoformat(),
        "reason": closure.reason and mask_numbers(closure.reason),
        "geometry": shapely.geometry.mapping(closure.geometry),
        "acts": [profile for profile in closure.profiles if closure.acts(profile, versions.now)],
    }


def _no_closure(number: UUID) -> NotFound:
    return NotFound(
        f"There is no closure {number}, or it has ended. See GET /closures.", kind="no-closure", closure_id=str(number)
    )


def _network(service: Service, connection: Connection, versions: Versions) -> RoadNetwork:

    if versions.network is None:
        raise NotFound(f"District {versions.district} has no roads yet.", kind="no-roads", district=versions.district)
    return road_network(service, connection, versions.district, versions.network)


def _district_at(service: Service, connection: Connection, geometry: BaseGeometry, district: str | None) -> str:

    middle = geometry.representative_point()
    return view_with_roads(service, connection, district, middle.x, middle.y)[0].code

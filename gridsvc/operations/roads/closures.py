"""Closures: made, listed, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.access.scopes import mask_numbers
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import bump, get_versions, list_versions
from gridsvc.db.roads import closures as store
from gridsvc.db.session import idempotency
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.cases.report import idempotency_answer
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


def add_closure(
    service: Service, geometry: BaseGeometry, *, factor: float, reason: str, actor: str, since: datetime | None = None,
    until: datetime | None = None, profiles: Sequence[str] = PROFILES, district: str | None = None,
    request: RequestKey | None = None,
) -> KeptAnswer:  # fmt: skip
    """Close or slow roads; acts on the next query of every process. The answer names the edges and kilometres bound.

    The reason is in no event and no kept answer: `list_closures` tells it until it is erased.

    Raises InvalidInput for what cannot be meant, and where no road lies there.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise InvalidInput(f"`reason` must say why, in 1 to {LONGEST_REASON} characters.", most=LONGEST_REASON)

    def work(connection: Connection) -> KeptAnswer:
        code = _district_at(service, connection, geometry, district)
        versions = get_versions(connection, code, lock="update")
        if request is not None and (kept := idempotency.begin_answer(connection, code, request)) is not None:
            return kept
        begins = since or versions.now
        check_closure(geometry, factor, profiles, begins, until)
        network = _network(service, connection, versions)
        edges = closed_edges(network, geometry)
        if not len(edges):
            raise InvalidInput(
                "No road of the network lies there. A line closes roads along it or across it, a point the nearest "
                "road within 100 m.",
                kind="no-road-there",
            )
        number, digest = store.add_closure(connection, code, geometry, factor=factor, profiles=profiles, since=begins,
                                   until=until, reason=reason)  # fmt: skip
        bump(connection, code, "closures")
        told = {
            "id": str(number), "district": code, "factor": factor, "profiles": list(profiles),
            "from": begins.isoformat(), "until": None if until is None else until.isoformat(),
            "geometry": shapely.geometry.mapping(geometry), "edges": len(edges),
            "km": round(float(network.edge_length_m[edges].sum()) / 1000, 3), "version": versions.closures + 1,
        }  # fmt: skip
        append_event(connection, code, "closure", actor=actor, at=versions.now, data=told | {"reason_digest": digest})
        answer = idempotency_answer(201, told)
        if request is not None:
            idempotency.keep_answer(connection, code, request, answer)
        return answer

    return service.database.run(work)


def delete_closure(service: Service, number: UUID, *, actor: str, request: RequestKey | None = None) -> KeptAnswer:
    """End a closure at once. Raises NotFound for one that is not there."""

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
    """Return {items}: the closures that are not deleted, with whether each acts now."""
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
        f"There is no closure {number}, or it was ended. See GET /closures.", kind="no-closure", closure_id=str(number)
    )


def _network(service: Service, connection: Connection, versions: Versions) -> RoadNetwork:

    if versions.network is None:
        raise NotFound(f"District {versions.district} has no roads yet.", kind="no-roads", district=versions.district)
    return road_network(service, connection, versions.district, versions.network)


def _district_at(service: Service, connection: Connection, geometry: BaseGeometry, district: str | None) -> str:

    middle = geometry.representative_point()
    return view_with_roads(service, connection, district, middle.x, middle.y)[0].code

"""A district as it was when a case was decided: the network, closures, law and roster that the case names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.roads.closures import list_closures
from gridsvc.dispatch import Prepared
from gridsvc.operations.law.mapped import Law
from gridsvc.operations.roads.mapped import road_network
from gridsvc.operations.runtime.districts import view_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service


def documents_of(connection: Connection, district: str, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of teams, catalogue, plans and clock policies by the digests of a decision's inputs."""
    return {name: get_document(connection, district, name, digest) for name, digest in inputs["versions"].items()}


def law_from(documents: Mapping[str, str]) -> Law:
    """Return the law and roster from stored documents."""
    return Law.of(Prepared.from_documents(**documents))


def past_view(
    service: Service,
    connection: Connection,
    case: Case,
    versions: Mapping[str, Any],
    inputs: Mapping[str, Any],
    at: datetime,
) -> DistrictView:
    """Return the district as a decision at a past time saw it; the grids are those of now.

    Raises
    ------
    NotFound
        When a document or the network is no longer kept.
    """
    view = view_at(service, connection, get_versions(connection, case.district))
    digest = versions["network"]
    return replace(
        view,
        versions=replace(view.versions, network=digest, closures=versions["closures"], now=at),
        network=None if digest is None else road_network(service, connection, case.district, digest),
        law=law_from(documents_of(connection, case.district, inputs)),
        closures=tuple(list_closures(connection, case.district, known_at=at)),
    )

"""Put catalogue, response plans and clocks in force, and list them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.documents import put_document
from gridsvc.db.grids.versions import set_version
from gridsvc.operations.runtime.districts import list_views

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.law import Catalogue, ClockRules, PlanBook
    from gridsvc.operations.runtime.service import Service


def put_law(
    connection: Connection,
    district: str,
    *,
    catalogue: Catalogue | None = None,
    plans: PlanBook | None = None,
    clocks: ClockRules | None = None,
    source: str = "",
) -> None:
    """Put what is given in force; the digest of its document is its version."""
    changed: dict[str, str | int | None] = {}
    if catalogue is not None:
        changed["catalogue"] = put_document(connection, district, "catalogue", catalogue.document(), source=source)
    if plans is not None:
        changed["plans"] = put_document(connection, district, "plans", plans.document(), source=source)
    if clocks is not None:
        text = clocks.document()
        changed["clock_policies"] = put_document(connection, district, "clock_policies", text, source=source)
    set_version(connection, district, **changed)


def list_plans(service: Service, district: str | None = None) -> dict[str, Any]:
    """Return {items}: the response plans in force, one for each type, by type."""
    with service.database.transaction() as connection:
        views = list_views(service, connection)
    found: dict[str, dict[str, Any]] = {}
    for view in views:
        if view.law is not None and district in (None, view.code):
            for plan in view.law.plans.plans.values():
                found.setdefault(plan.type, _plain(asdict(plan)))
    return {"items": [found[kind] for kind in sorted(found)]}


def _plain(value: object) -> Json:
    """Return JSON values: sets sorted, enumerations as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value

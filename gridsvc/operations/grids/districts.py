"""The districts that are loaded; one that was made by mistake is removed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Right
from gridsvc.db.grids import districts
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service


def list_districts(service: Service) -> list[dict[str, Any]]:
    """Return {code, name, synthetic, grids, teams, arcs, has_cases, has_closures, has_keys} of every district."""
    with service.database.transaction() as connection:
        return [asdict(each) for each in districts.list_contents(connection)]


def remove_district(service: Service, code: str) -> dict[str, Any]:
    """Remove a district in which nothing has happened, and return what it held. The chain of its events stays.

    Raises
    ------
    NotFound
        For a code that is not loaded.
    Conflict
        When it has had cases, closures or keys: these are evidence.
    """
    service.caller.need(Right.LOAD)

    def work(connection: Connection) -> dict[str, Any]:
        get_versions(connection, code, lock="update")
        (held,) = districts.list_contents(connection, code)
        had = [name for name in ("cases", "closures", "keys") if getattr(held, f"has_{name}")]
        if had:
            raise Conflict(
                f"District {code} has {', '.join(had)}: what happened in it is evidence, and it stays. Only a district "
                "in which nothing has happened is removed.",
                kind="district-in-use",
                district=code,
                has=had,
            )
        districts.remove(connection, code)
        return asdict(held)

    return service.database.run(work)

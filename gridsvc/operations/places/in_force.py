"""The grids in force of all districts. No roads are imported with them: an address needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import list_versions
from gridsvc.errors import NotFound
from gridsvc.operations.grids.mapped import ownership_index

if TYPE_CHECKING:
    from datetime import datetime

    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.runtime.service import Service


def list_indexes(
    service: Service, *, district: str | None = None, as_of: datetime | None = None, known_at: datetime | None = None
) -> list[OwnershipIndex]:
    """Return the indexes in force of all districts (or one), in the order of their codes.

    Raises
    ------
    NotFound
        When none has grids in force.
    """
    with service.database.transaction() as connection:
        indexes = []
        for versions in list_versions(connection):
            if district is not None and versions.district != district:
                continue
            number = versions.generation
            if as_of is not None or known_at is not None:
                number = store.find_in_force(connection, versions.district, as_of=as_of, known_at=known_at)
            if number is not None:
                indexes.append(ownership_index(service, connection, versions.district, number))
                if number == versions.generation:
                    service.remember("index", versions.district, indexes[-1])
    if not indexes:
        which = "No district has" if district is None else f"District {district} has no"
        when = "" if as_of is None else f" at {as_of.isoformat()}"
        raise NotFound(
            f"{which} grids in force{when}. Load a level and activate it.",
            kind="no-grids",
            district=district,
            as_of=None if as_of is None else as_of.isoformat(),
        )
    return indexes

"""Where the districts of a service are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.grids.versions import list_versions
from gridsvc.db.tiles import find_bounds
from gridsvc.operations.grids.generations import choose_district

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service


def find_extent(service: Service, district: str | None = None) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north (degrees) of a district, or of all; None where nothing is loaded.

    Raises
    ------
    NotFound
        For a district that is not loaded.
    """
    codes = None if district is None else [choose_district(service, district)]
    with service.database.transaction() as connection:
        known = codes or [versions.district for versions in list_versions(connection)]
        return find_bounds(connection, known)

"""The ownership index of a generation: a file that every process maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.evidence.artifacts import open_artifact
from gridsvc.db.grids.generations import get_index_digest
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service


def ownership_index(service: Service, connection: Connection, code: str, generation: int) -> OwnershipIndex:
    """Return the mapped ownership index of a generation that is or was in force."""

    def load() -> OwnershipIndex:
        digest = get_index_digest(connection, code, generation)
        return OwnershipIndex.open(open_artifact(connection, service.folder, code, digest))

    return service.cached("index", (code, generation), load)


def seat_codes(service: Service, index: OwnershipIndex) -> Mapping[str, str | None]:
    """Return the urban-rural code of each township's seat, by the township's code."""

    def load() -> dict[str, str | None]:
        table = index.grids
        rows = zip(table.codes, table.levels, table.urban_rural_codes, strict=True)
        return {code: seat for code, level, seat in rows if level == Level.TOWNSHIP}

    return service.cached("seats", (index.district, index.generation), load)

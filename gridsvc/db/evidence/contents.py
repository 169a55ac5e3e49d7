"""Contents that are stored under their own digest: which of them no longer have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from sqlalchemy import text

from gridsvc.coordinates import equal_area_m
from gridsvc.db.evidence.artifacts import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_documents = text(
    "select kind, digest from document where district = :district "
    "and encode(sha256(convert_to(content, 'UTF8')), 'hex') <> digest order by 1, 2"
)
_artifacts = text("select digest from artifact where district = :district order by 1")
_loose_pieces = text(
    "select distinct p.digest from artifact_piece p "
    "left join artifact a on a.district = p.district and a.digest = p.digest and p.number between 0 and a.pieces - 1 "
    "where p.district = :district and a.digest is null"
)
_geometries = text(
    "select digest from grid_geometry where district = :district "
    "and encode(sha256(st_asewkb(geom, 'NDR')), 'hex') <> digest order by 1"
)
_missing = text(
    "select distinct g.geometry_digest from grid g left join grid_geometry s "
    "on s.district = g.district and s.digest = g.geometry_digest where g.district = :district and s.digest is null"
)
_AREAS = "select digest, st_asbinary(geom), area_m2 from grid_geometry where district = %s"
_FETCHED = 2000
_TOLERANCE = 1e-9
"""Relative; an area is computed again, perhaps by another version of the same library."""


def list_altered_documents(connection: Connection, district: str) -> list[tuple[str, str]]:
    """Return (kind, digest) of the documents whose text has another digest."""
    return [(kind, digest) for kind, digest in connection.execute(_documents, {"district": district})]


def list_altered_artifacts(connection: Connection, district: str) -> list[str]:
    """Return the digests of the artifacts whose pieces are damaged or missing, or too many."""
    digests = list(connection.scalars(_artifacts, {"district": district}))
    damaged = {digest for digest in digests if not is_whole(connection, district, digest)}
    return sorted(damaged.union(connection.scalars(_loose_pieces, {"district": district})))


def list_altered_geometries(connection: Connection, district: str) -> list[str]:
    """Return the digests of the geometries of grids that have another one or another area, or are gone."""
    found = {*connection.scalars(_geometries, {"district": district})}
    found |= {*connection.scalars(_missing, {"district": district})}
    found |= set(_with_other_area(connection, district))
    return sorted(found)


def _with_other_area(connection: Connection, district: str) -> Iterator[str]:
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor(name="areas", binary=True) as cursor:
        cursor.execute(_AREAS, [district])
        while rows := cursor.fetchmany(_FETCHED):
            shapes = shapely.from_wkb([bytes(shape) for _, shape, _ in rows])
            areas_m2 = np.nan_to_num(shapely.area(shapely.transform(shapes, equal_area_m)))
            for (digest, _, stored_m2), area_m2 in zip(rows, areas_m2, strict=True):
                if not abs(stored_m2 - area_m2) <= _TOLERANCE * max(area_m2, 1.0):
                    yield digest

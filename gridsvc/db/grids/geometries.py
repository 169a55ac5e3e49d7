"""Geometries of grids: each is stored once, by its digest, however many generations have it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from sqlalchemy import func, select

from gridsvc.db.schema.tables import grid_geometry
from gridsvc.grids import topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection


def encode(shapes: NDArray[np.object_]) -> list[bytes]:
    """Return shapes in degrees as they are stored: EWKB, WGS-84."""
    encoded: list[bytes] = shapely.to_wkb(shapely.set_srid(shapes, 4326), include_srid=True, byte_order=1).tolist()
    return encoded


def geometry_digest(shape: BaseGeometry) -> str:
    """Return the digest by which a geometry is stored."""
    (content,) = encode(np.array([shapely.force_2d(shape)], dtype=object))
    return hashlib.sha256(content).hexdigest()


def list_geometries(connection: Connection, district: str, digests: Sequence[str]) -> dict[str, BaseGeometry]:
    """Return stored geometries by their digests."""
    query = select(grid_geometry.c.digest, func.ST_AsBinary(grid_geometry.c.geom)).where(
        grid_geometry.c.district == district, grid_geometry.c.digest.in_(digests)
    )
    return {digest: shapely.from_wkb(bytes(content)) for digest, content in connection.execute(query)}


def copy_geometries(
    connection: Connection, district: str, shapes: NDArray[np.object_], encoded: Sequence[bytes], digests: Sequence[str]
) -> None:
    """Store the geometries that are not stored yet; the area of an invalid one is that of its polygons."""
    known = set(connection.scalars(select(grid_geometry.c.digest).where(grid_geometry.c.district == district)))
    areas_m2 = topology.areas_m2(np.array([topology.valid(shape) for shape in shapes], dtype=object))
    cursor = stage(connection, "grid_geometry")
    with cursor.copy("COPY new_grid_geometry (district, digest, geom, area_m2) FROM STDIN") as copy:
        for content, digest, area_m2 in zip(encoded, digests, areas_m2, strict=True):
            if digest not in known:
                known.add(digest)
                copy.write_row((district, digest, content.hex(), float(area_m2)))
    cursor.execute("INSERT INTO grid_geometry SELECT * FROM new_grid_geometry ON CONFLICT DO NOTHING")


def stage(connection: Connection, table: str) -> psycopg.Cursor[Any]:
    """Return psycopg's own cursor, which speaks COPY, and make an empty table `new_...` to copy into.

    Tables under row-level security take no COPY; from there the rows go on by INSERT.
    """
    raw = connection.connection.driver_connection
    assert raw is not None
    cursor: psycopg.Cursor[Any] = raw.cursor()
    cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS new_{table} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP")
    cursor.execute(f"TRUNCATE new_{table}")
    return cursor

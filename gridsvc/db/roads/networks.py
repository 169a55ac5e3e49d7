"""Road networks in the database: which ones a district has, and their edges once more for tiles and QGIS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.tables import road_edge, road_network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

EdgeRow = tuple[int, str, str | None, bool, float, str]
"""Number, class, name, one-way, km/h, LINESTRING as hexadecimal EWKB."""


def has_network(connection: Connection, district: str, digest: str) -> bool:
    """Whether the district has a network of this digest already, with its edges."""
    query = select(road_network.c.digest).where(road_network.c.district == district, road_network.c.digest == digest)
    return connection.scalar(query) is not None


def add_network(
    connection: Connection,
    district: str,
    digest: str,
    *,
    source: str,
    report: dict[str, Any],
    nodes: int,
    arcs: int,
    edges: Iterable[EdgeRow],
) -> None:
    """Write a network's facts and its edges."""
    row = {"district": district, "digest": digest, "source": source, "report": report, "nodes": nodes, "arcs": arcs}
    connection.execute(insert(road_network).values(row))
    row_digests.mark(connection, "road_network", district, digest)
    raw = connection.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS new_edge (LIKE road_edge) ON COMMIT DROP")
    cursor.execute("TRUNCATE new_edge")
    columns = ", ".join(f'"{c.name}"' for c in road_edge.columns)
    with cursor.copy(f"COPY new_edge ({columns}) FROM STDIN") as copy:
        for edge in edges:
            copy.write_row((district, digest, *edge))
    cursor.execute(f"INSERT INTO road_edge ({columns}) SELECT {columns} FROM new_edge")

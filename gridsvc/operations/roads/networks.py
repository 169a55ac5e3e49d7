"""Put roads in force: the network as a file that all processes map, and its edges as rows for tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.db.evidence.artifacts import put_artifact
from gridsvc.db.grids.generations import list_grids, lock_drafts
from gridsvc.db.grids.versions import ensure_district, get_versions, set_outline, set_version
from gridsvc.db.roads import networks as store
from gridsvc.db.teams import list_roster
from gridsvc.files.roads.graphs import ask_osmnx
from gridsvc.files.roads.read import open_roads
from gridsvc.operations.law.imports import only_district
from gridsvc.roads.network.margins import margin
from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.network.speeds import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork


def load_roads(
    service: Service, district: str | None, *, path: Path | None = None, place: str | None = None
) -> dict[str, Any]:
    """Read a road file (or download a place's roads from OpenStreetMap) and put the network in force.

    Returns district, network (its digest), nodes, arcs, km, the report of what was left out and cut off, and `margin`:
    how far the roads reach beyond the grids in force (`roads.margins.margin`), None where none are.
    """
    code = service.database.run(lambda connection: only_district(connection, district))
    if path is not None:
        network, source = open_roads(path), path.name
    else:
        network, source = ask_osmnx(str(place)), str(place)
    digest = establish(service, code, network, source=source)
    return {
        "district": code,
        "network": digest,
        "nodes": network.node_count,
        "arcs": network.arc_count,
        "km": network.facts["km"],
        "bounds": list(network.bounds),
        "report": network.facts["report"],
        "margin": service.database.run(lambda connection: _margin(connection, code, network)),
    }


def _margin(connection: Connection, district: str, network: RoadNetwork) -> dict[str, Any] | None:

    generation = get_versions(connection, district).generation
    if generation is None:
        return None
    return margin(network, list_grids(connection, district, generation), list_roster(connection, district))


def establish(service: Service, district: str, network: RoadNetwork, *, source: str) -> str:
    """Put a network in force for a district and return its digest; loading the same network again costs little."""
    blocks = network.to_blocks()

    def work(connection: Connection) -> str:
        ensure_district(connection, district)
        lock_drafts(connection, district)
        digest = put_artifact(connection, service.folder, district, "network", blocks)
        if not store.has_network(connection, district, digest):
            report: dict[str, Any] = dict(network.facts.get("report", {}))
            store.add_network(
                connection,
                district,
                digest,
                source=source,
                report=report,
                nodes=network.node_count,
                arcs=network.arc_count,
                edges=edge_rows(network),
            )
        get_versions(connection, district, lock="update")  # held for a moment, while reports wait
        set_version(connection, district, network=digest)
        set_outline(connection, district, road_box=shapely.box(*network.bounds))
        return digest

    return service.database.run(work)


def edge_rows(network: RoadNetwork) -> Iterator[store.EdgeRow]:
    """Yield the edges as rows of the table for tiles."""
    first = network.edge_first_vertex
    coordinates = np.column_stack([network.vertex_lon, network.vertex_lat]) * DEGREE
    ends = np.append(first[1:], len(coordinates)) if len(first) == network.edge_count else first[1:]
    starts = first[: network.edge_count]
    lines = shapely.linestrings(coordinates, indices=np.repeat(np.arange(network.edge_count), ends - starts))
    encoded = shapely.to_wkb(shapely.set_srid(lines, 4326), hex=True, include_srid=True)
    normal = network.slot_ms[0].reshape(-1, 2) != CLOSED
    oneway = normal[:, 0] != normal[:, 1]
    names = [network.names[n] if n >= 0 else "" for n in network.edge_name.tolist()]
    for edge, (kind, name, one, kph, line) in enumerate(
        zip(network.edge_class.tolist(), names, oneway.tolist(), network.edge_kph.tolist(), encoded, strict=True)
    ):
        yield edge, CLASSES[kind], name or None, one, kph, line

"""Put roads in force: the network as a file that all processes map, and its edges as rows for tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.coordinates import Datum
from gridsvc.db.evidence.artifacts import put_artifact
from gridsvc.db.grids.generations import lock_drafts
from gridsvc.db.grids.versions import ensure_district, get_versions, set_outline, set_version
from gridsvc.db.roads import networks as store
from gridsvc.db.session.connection import lift_time_limit
from gridsvc.db.teams import list_roster
from gridsvc.files.roads.graphs import ask_osmnx
from gridsvc.files.roads.read import open_roads
from gridsvc.operations.law.imports import only_district
from gridsvc.operations.roads.cover_guard import check_cover, list_present_grids
from gridsvc.operations.roads.datum_guard import find_shift
from gridsvc.roads.network.margins import in_words, margin
from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.network.road_cover import cover_in_words
from gridsvc.roads.network.speeds import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork

_EDGES_AT_ONCE = 20_000


def load_roads(
    service: Service,
    district: str | None,
    *,
    path: Path | None = None,
    place: str | None = None,
    datum: Datum | None = None,
    accept_uncovered: bool = False,
) -> dict[str, Any]:
    """Read a road file (or download a place's roads from OpenStreetMap) and put the network in force.

    `datum`: that of the file's degrees, as a person says; None: what it says, where nothing speaks against it.

    Returns district, network (its digest), nodes, arcs, km, the report of what was left out and cut off, and, against
    the grids in force, else the draft, `cover` (`road_cover.RoadCover`) and `margin`, how far the roads reach beyond
    them (`margins.margin`); both None where the district has no grids. `notes` says in words what is to be known.

    Raises
    ------
    InvalidInput
        For a file that is none, or is shifted against what is in force as if by another datum, and none was said; for
        roads of another place, and, without `accept_uncovered`, for roads that leave a township without.
    """
    code = service.database.run(lambda connection: only_district(connection, district))
    notes: list[str] = []
    if path is not None:
        network, source = open_roads(path, datum), path.name
        notes = _check_datum(service, code, network, path, datum)
        if datum in {Datum.GCJ02, Datum.BD09}:
            source = f"{source}, read as {datum.value}"
    else:
        network, source = ask_osmnx(str(place)), str(place)
    grids = service.database.run(lambda connection: list_present_grids(connection, code))
    cover = check_cover(source, network, code, grids, accept_uncovered=accept_uncovered)
    digest = establish(service, code, network, source=source)
    roster = service.database.run(lambda connection: list_roster(connection, code))
    reach = margin(network, grids, roster) if grids else None
    return {
        "district": code,
        "network": digest,
        "nodes": network.node_count,
        "arcs": network.arc_count,
        "km": network.facts["km"],
        "bounds": list(network.bounds),
        "report": network.facts["report"],
        "cover": None if cover is None else cover.as_json(),
        "margin": reach,
        "notes": [*notes, *(cover_in_words(cover) if cover else []), *(in_words(reach) if reach else [])],
    }


def _check_datum(service: Service, district: str, network: RoadNetwork, path: Path, datum: Datum | None) -> list[str]:
    """Refuse a shifted file, or return what is to be said of one whose datum a person says."""
    declared = datum or Datum.WGS84
    shift = service.database.run(lambda connection: find_shift(service, connection, district, network, declared))
    if shift is None:
        return []
    if datum is None:
        raise shift.refusal(str(path))
    return [f"The file {shift.words}; it was read as {declared.value}"]


def establish(service: Service, district: str, network: RoadNetwork, *, source: str) -> str:
    """Put a network in force for a district and return its digest; loading the same network again costs little."""
    blocks = network.to_blocks()

    def work(connection: Connection) -> str:
        lift_time_limit(connection)
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
    """Yield the edges as rows of the table for tiles; the lines of a few thousand are made at a time."""
    first = np.append(network.edge_first_vertex[: network.edge_count], len(network.vertex_lon))
    for start in range(0, network.edge_count, _EDGES_AT_ONCE):
        end = min(start + _EDGES_AT_ONCE, network.edge_count)
        part, vertices = slice(start, end), slice(first[start], first[end])
        coordinates = np.column_stack([network.vertex_lon[vertices], network.vertex_lat[vertices]]) * DEGREE
        lines = shapely.linestrings(
            coordinates, indices=np.repeat(np.arange(end - start), np.diff(first[start : end + 1]))
        )
        encoded = shapely.to_wkb(shapely.set_srid(lines, 4326), hex=True, include_srid=True)
        normal = network.slot_ms[0].reshape(-1, 2)[part] != CLOSED
        oneway = normal[:, 0] != normal[:, 1]
        names = [network.names[n] if n >= 0 else None for n in network.edge_name[part].tolist()]
        classes = [CLASSES[kind] for kind in network.edge_class[part].tolist()]
        kph = network.edge_kph[part].tolist()
        numbers = range(start, end)
        for number, kind, name, one, speed, line in zip(
            numbers, classes, names, oneway.tolist(), kph, encoded, strict=True
        ):
            yield number, kind, name or None, one, speed, line

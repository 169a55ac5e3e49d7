"""Roads as networkx graphs in the form of osmnx, in and out: nodes with x and y, edges with length and highway."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.coordinates import Datum
from gridsvc.errors import InvalidInput, Refusal, Unavailable
from gridsvc.files.roads import graph_turns
from gridsvc.roads.network.network import CLOSED, DEGREE
from gridsvc.roads.network.speeds import CLASSES
from gridsvc.roads.network.tags import ON_FOOT_FIRST

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import networkx as nx

    from gridsvc.files.roads.graph_turns import Edge
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.network.speeds import Speeds


TIMES, OWN_TIMES = "travel_time_of", "gridsvc"
"""The graph's attribute that says that its `travel_time` includes signals."""

_OSMNX = "osmnx>=2.0.1"  # as in the extra `osmnx` of pyproject.toml


class NotInstalled(Refusal):
    """A package that only a few need is missing; the message says how to install it."""

    kind = "not-installed"


def read_graphml(path: Path, datum: Datum = Datum.WGS84) -> RoadNetwork:
    """Read a GraphML file as osmnx saves it; raises NotInstalled where osmnx is missing."""
    osmnx = _import_osmnx()
    try:
        graph = osmnx.io.load_graphml(path)
    except Exception as broken:
        reason = str(broken).splitlines()[0][:200] if str(broken) else type(broken).__name__
        raise InvalidInput(
            f"{path.name} cannot be read as a GraphML file of osmnx: {reason}", kind="broken-file"
        ) from broken
    return read_graph(graph, source=path.name, datum=datum)


def ask_osmnx(place: str) -> RoadNetwork:
    """Ask OpenStreetMap (Overpass, by osmnx) for the roads of a named place; raises NotInstalled without osmnx."""
    osmnx = _import_osmnx()
    requests = importlib.import_module("requests")
    try:
        graph = osmnx.graph.graph_from_place(place, network_type="drive_service", retain_all=True)
    except (requests.RequestException, OSError) as away:
        raise Unavailable(f"OpenStreetMap cannot be asked for {place!r}: {away}. Load a file instead.") from away
    except Exception as refused:
        raise InvalidInput(f"OpenStreetMap has no roads for {place!r}: {refused}", kind="no-roads") from refused
    return read_graph(graph, source=place)


def read_graph(
    graph: nx.MultiDiGraph[Any], *, source: str = "", speeds: Speeds | None = None, datum: Datum = Datum.WGS84
) -> RoadNetwork:
    """Read a graph of osmnx: roads meet at its nodes and nowhere else; a pair of opposite edges is a two-way street.

    `datum`: that of its degrees. Of a graph that `to_graph` wrote, times and forbidden turns count as they are there.
    """
    import geopandas as gpd
    import shapely

    from gridsvc.files.roads.lines import TAGS, survey_lines
    from gridsvc.roads.network.building import build

    places: dict[Any, Any] = {node: (data.get("x"), data.get("y")) for node, data in graph.nodes(data=True)}
    if not places or any(x is None or y is None for x, y in places.values()):
        raise InvalidInput("The graph has nodes without x and y (degrees of longitude and latitude).", kind="bad-graph")
    number = {node: i for i, node in enumerate(places)}
    rows: dict[Any, dict[str, Any]] = {}
    own = graph.graph.get(TIMES) == OWN_TIMES
    key_of: dict[Edge, Any] = {}
    for u, v, key, data in graph.edges(keys=True, data=True):
        line = data.get("geometry") or shapely.LineString([places[u], places[v]])
        tags = {key: _first(data[key]) for key in (*TAGS, "speed_kph") if key in data}
        if own and (average := _average_kph(data)) is not None:
            tags["speed_kph"] = average
        result = tuple(sorted((key, str(value)) for key, value in tags.items() if key != "oneway"))
        opposite = (number[v], number[u], line.reverse().wkb, result)
        back = rows.get(opposite)
        if back is not None and back["oneway"] == "yes":
            back["oneway"] = "no"
            key_of[u, v, key] = opposite
            continue
        key_of[u, v, key] = row = (number[u], number[v], line.wkb, result)
        rows[row] = {
            **tags,
            "oneway": "yes",
            "geometry": line,
            "from": number[u],
            "to": number[v],
        }
    if not rows:
        raise InvalidInput("The graph has no edges.", kind="no-roads")
    table = gpd.GeoDataFrame(list(rows.values()), crs=graph.graph.get("crs", "EPSG:4326"))
    survey, regional = survey_lines(table, source=source, speeds=speeds)
    if (text := graph.graph.get(graph_turns.ATTRIBUTE)) is not None:
        way = {key: place for place, key in enumerate(rows)}
        restrictions = graph_turns.read(text, {edge: way[key] for edge, key in key_of.items()}, number)
        survey = replace(survey, restrictions=restrictions)
    return build(survey.read_in(datum), regional, source)


def _import_osmnx() -> ModuleType:
    try:
        return importlib.import_module("osmnx")
    except ImportError as missing:
        raise NotInstalled(
            f"This needs osmnx, which is an extra of gridsvc. Type: {sys.executable} -m pip install {_OSMNX!r}. "
            "Without it: gridsvc load roads FILE reads .osm.pbf, GeoPackage, Shapefile and GeoJSON.",
            package="osmnx",
        ) from missing


def _average_kph(data: dict[str, Any]) -> float | None:
    """Return the speed at which an edge takes its `travel_time`, signals included; None where it has no length."""
    seconds, metres = float(data.get("travel_time", 0)), float(data.get("length", 0))
    return metres * 3.6 / seconds if seconds > 0 and metres > 0 else None


def _first(value: object) -> object:
    """Return the first of a list, as osmnx writes them where it joined several ways."""
    return value[0] if isinstance(value, list) and value else value


def to_graph(network: RoadNetwork) -> nx.MultiDiGraph[Any]:
    """Write the network as a graph that osmnx reads: the junctions and, one an open direction, the edges.

    `travel_time` is seconds of the normal profile, `length` metres. Forbidden turns are in the graph's attribute
    `turn_restrictions` (see `graph_turns`), which `read_graph` reads and searches of networkx and osmnx do not.
    """
    import networkx as nx
    import shapely

    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph(crs="EPSG:4326")
    graph.graph[TIMES] = OWN_TIMES
    edge_of_slot: dict[int, Edge] = {}
    lon, lat = network.junction_lon * DEGREE, network.junction_lat * DEGREE
    graph.add_nodes_from((j, {"x": x, "y": y}) for j, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)))
    vertices = np.column_stack([network.vertex_lon, network.vertex_lat]) * DEGREE
    for edge in range(network.edge_count):
        line = vertices[network.edge_first_vertex[edge] : network.edge_first_vertex[edge + 1]]
        ends = int(network.edge_from[edge]), int(network.edge_to[edge])
        name = int(network.edge_name[edge])
        kind = CLASSES[network.edge_class[edge]]
        opened = [side for side in (0, 1) if network.slot_ms[0, 2 * edge + side] != CLOSED]
        for side in opened:
            u, v = ends if side == 0 else ends[::-1]
            data = {
                "osmid": int(network.edge_way[edge]),
                "highway": kind if kind != "gate" else "service",
                "oneway": len(opened) == 1,
                "length": float(network.edge_length_m[edge]),
                "speed_kph": float(network.edge_kph[edge]),
                "reversed": side == 1,
                "travel_time": int(network.slot_ms[0, 2 * edge + side]) / 1000.0,
                "geometry": shapely.LineString(line if side == 0 else line[::-1]),
            }
            if name >= 0:
                data["name"] = network.names[name]
            if kind in ON_FOOT_FIRST:
                data["motorcar"] = "yes"
            key: Any = graph.add_edge(u, v, **data)
            edge_of_slot[2 * edge + side] = (u, v, key)
    graph.graph[graph_turns.ATTRIBUTE] = graph_turns.written(network, edge_of_slot)
    return graph

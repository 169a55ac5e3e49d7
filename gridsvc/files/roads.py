"""Road networks out of files: OpenStreetMap extracts, GraphML and networkx graphs, tables of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    import networkx as nx

    from gridsvc.roads.network import RoadNetwork


def read_osm(path: Path) -> RoadNetwork:
    """Read the roads of a .osm.pbf (or .osm) of any size; node ids and the order of the file do not matter.

    `facts["report"]` of the network says what was cut off, closed and restricted.
    Raises InvalidInput for a file that is cut short, damaged or without roads.
    """
    raise NotImplementedError


def read_lines(table: gpd.GeoDataFrame) -> RoadNetwork:
    """Read a table of LineStrings (columns highway, oneway, maxspeed, name where present), in any declared CRS."""
    raise NotImplementedError


def read_graph(graph: nx.MultiDiGraph) -> RoadNetwork:
    """Read a networkx graph as osmnx makes them (x, y, highway, oneway, length, maxspeed, geometry)."""
    raise NotImplementedError


def to_graph(network: RoadNetwork) -> nx.MultiDiGraph:
    """Write the network as a graph that osmnx reads, with `travel_time` in seconds of the normal profile."""
    raise NotImplementedError


def open_roads(path: Path) -> RoadNetwork:
    """Read any of them, told apart by name: .pbf, .osm, .graphml, else what geopandas opens."""
    raise NotImplementedError

"""Road networks out of files: OpenStreetMap extracts, GraphML and networkx graphs, tables of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.coordinates import Datum
from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.network.speeds import Speeds

OSM_SUFFIXES = (".pbf", ".osm", ".osm.bz2", ".osm.gz")


def read_osm(path: Path, speeds: Speeds | None = None, datum: Datum = Datum.WGS84) -> RoadNetwork:
    """Read the roads of a .osm.pbf (or .osm) of any size; node ids and the order of the file do not matter.

    `facts["report"]` of the network says what was cut off, closed and restricted. `speeds` None: the region's.
    `datum`: that of the degrees; a file that was drawn over the map of a Chinese service may be in GCJ-02.
    Raises InvalidInput for a file that is cut short, damaged or without roads.
    """
    from gridsvc.files.roads.osm_ways import read_survey
    from gridsvc.roads.network.building import build

    survey, regional = read_survey(path, speeds)
    return build(survey.read_in(datum), regional, path.name)


def open_roads(path: Path, datum: Datum | None = None) -> RoadNetwork:
    """Read roads from a file, by the ending of its name: .pbf, .osm, .graphml, else a table that geopandas opens.

    `datum`: what the degrees of the file refer to, also where it says something else; None: what it says, else WGS-84.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", kind="no-file")
    name = path.name.lower()
    if name.endswith(OSM_SUFFIXES):
        return read_osm(path, datum=datum or Datum.WGS84)
    if name.endswith(".graphml"):
        from gridsvc.files.roads.graphs import read_graphml

        return read_graphml(path, datum or Datum.WGS84)
    if name.endswith((".parquet", ".gpkg", ".geojson", ".shp", ".fgb", ".json")):
        from gridsvc.files.roads.lines import open_lines

        return open_lines(path, datum)
    raise InvalidInput(
        f"{path.name} is no kind of road file that is known: .osm.pbf, .osm, .graphml, or a table of lines as "
        ".gpkg, .parquet, .geojson, .shp, .fgb.",
        kind="unknown-file",
    )

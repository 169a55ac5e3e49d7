"""Travel times and service areas over GeoDataFrames, on roads of OpenStreetMap, a graph, or lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from gridsvc.analysis.frames import WGS84, check_frame, lonlat_of
from gridsvc.errors import InvalidInput
from gridsvc.files.roads.graphs import read_graph
from gridsvc.files.roads.lines import survey_lines
from gridsvc.files.roads.read import read_osm
from gridsvc.isochrones import isochrones
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import PROFILES
from gridsvc.roads.network.speeds import FASTEST_KPH
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import place, snap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import networkx as nx
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.roads.network.network import RoadNetwork

_LINES = ("LineString", "MultiLineString")


class Roads:
    """A road network; made by `from_osm`, `from_graph` or `from_lines`."""

    def __init__(self, network: RoadNetwork, source: str) -> None:
        self._network = network
        self._source = source

    @classmethod
    def from_osm(cls, path: str | Path) -> Roads:
        """Read the roads of a .osm.pbf or .osm file: one-ways, speeds, turn restrictions, barriers.

        Raises
        ------
        InvalidInput
            For a file that is missing, damaged, or without roads.
        """
        return cls(read_osm(Path(path)), Path(path).name)

    @classmethod
    def from_graph(cls, graph: nx.MultiDiGraph[Any]) -> Roads:
        """Read a graph in the form of osmnx: nodes with x and y, edges with `highway`, `oneway`, `speed_kph` ...

        Raises
        ------
        InvalidInput
            For a graph without edges or without x and y, and for a speed that is not positive.
        """
        if not hasattr(graph, "edges") or not graph.is_directed() or not graph.is_multigraph():
            raise InvalidInput(
                f"graph is a {type(graph).__name__}. Give a directed multigraph, as osmnx.graph_from_place returns it: "
                "nx.MultiDiGraph(graph)."
            )
        _check_speeds([data["speed_kph"] for _, _, data in graph.edges(data=True) if "speed_kph" in data])
        return cls(read_graph(graph, source="graph"), "a graph")

    @classmethod
    def from_lines(cls, lines: gpd.GeoDataFrame) -> Roads:
        """Read lines in any reference system; they meet where they share a point.

        Columns count as tags of OpenStreetMap (`highway`, `oneway`, `maxspeed`, `name` ...). `speed_kph` is the speed
        driven, km/h; where it is missing (NaN) the speed of the class counts. Without `highway` every line is a
        residential street.

        Raises
        ------
        UndeclaredDatum, InvalidInput
            For what `check_frame` refuses, and for a speed that is not positive.
        """
        table = check_frame(lines, "lines", _LINES)
        if "speed_kph" in table.columns:
            _check_speeds(table["speed_kph"].tolist())
        survey, speeds = survey_lines(table, source="lines", speeds=None)
        return cls(build(survey, speeds, "lines"), "lines")

    def matrix(
        self, origins: gpd.GeoDataFrame, destinations: gpd.GeoDataFrame, *, profile: str = "normal"
    ) -> NDArray[np.float64]:
        """Return the seconds from every origin to every destination, (origins, destinations); inf = unreachable.

        Points are in any reference system. profile: normal, or emergency.

        Raises
        ------
        UndeclaredDatum, InvalidInput
            For what `check_frame` refuses, and for an unknown profile.
        """
        _check_profile(profile)
        ends = []
        for what, points in (("origins", origins), ("destinations", destinations)):
            ends.append(snap(self._network, *lonlat_of(check_frame(points, what, ("Point",)), what)))
        return matrix(self._network, ends[0], ends[1], profile)

    def isochrones(
        self,
        points: gpd.GeoDataFrame,
        minutes: float | Sequence[float],
        *,
        direction: str = "to",
        profile: str = "normal",
    ) -> gpd.GeoDataFrame:
        """Return the area within each number of minutes of travel of each point.

        A row for each point and number, in the reference system, with the index and with the columns of the points;
        `minutes` and `direction` (`to` the point, or `from` it) are added. An area is empty where no road is near.

        Raises
        ------
        UndeclaredDatum, InvalidInput
            For what `check_frame` refuses, and for minutes that are not above 0, a direction or a profile that is
            unknown.
        """
        table = check_frame(points, "points", ("Point",))
        budgets = _check_minutes([minutes] if isinstance(minutes, int | float) else list(minutes))
        _check_profile(profile)
        if direction not in {"to", "from"}:
            raise InvalidInput(f"direction is {direction!r}. Set it to 'to' or 'from' (the points).")
        snapped = snap(self._network, *lonlat_of(table, "points"))
        shapes = [
            area.geometry
            for row in range(len(table))
            for area in isochrones(self._network, place(snapped, row), budgets, direction, profile, certified=False)
        ]
        drawn = gpd.GeoSeries(shapes, crs=WGS84).to_crs(table.crs)
        broken = ~drawn.is_valid  # by the projection
        drawn[broken] = [_areas_of(shapely.make_valid(shape)) for shape in drawn[broken]]
        rows = np.repeat(np.arange(len(table)), len(budgets))
        columns = table.drop(columns=table.geometry.name).drop(columns=["minutes", "direction"], errors="ignore")
        result = columns.iloc[rows].assign(minutes=np.tile(budgets, len(table)), direction=direction)
        return gpd.GeoDataFrame(result, geometry=drawn.to_numpy(), crs=table.crs)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, degrees WGS-84."""
        return self._network.bounds

    def __repr__(self) -> str:
        west, south, east, north = self._network.bounds
        kilometres = float(self._network.edge_length_m.sum()) / 1000
        return (
            f"Roads({self._network.edge_count} edges, {kilometres:.0f} km, {west:.3f},{south:.3f} to {east:.3f},"
            f"{north:.3f}, from {self._source[:60]})"
        )


def _areas_of(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a geometry; what has no area is left out."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in {"Polygon", "MultiPolygon"}]
    whole: BaseGeometry = shapely.union_all(parts)
    return whole


def _check_minutes(minutes: Sequence[float]) -> list[float]:
    if not minutes:
        raise InvalidInput("minutes is empty. Give one or more, such as [5, 15].")
    numbers = [float(each) for each in minutes]
    wrong = [each for each in numbers if not 0 < each <= 1440]
    if wrong:
        raise InvalidInput(f"{wrong[0]} minutes cannot be drawn. Give numbers above 0, up to 1440.")
    return sorted(set(numbers))


def _check_profile(profile: str) -> None:
    if profile not in PROFILES:
        raise InvalidInput(f"There is no profile {profile!r}. Use {' or '.join(PROFILES)}.")


def _check_speeds(speeds: Iterable[object]) -> None:
    """Refuse speeds that nothing moves at; a missing one (None, NaN) is fine."""
    for row, value in enumerate(speeds):
        for each in value if isinstance(value, list | tuple) else [value]:
            try:
                kph = float("nan") if each is None else float(each)  # type: ignore[arg-type]
            except (TypeError, ValueError):
                raise InvalidInput(f"speed_kph is {each!r} in row {row}. Give km/h as a number.") from None
            if kph < 1 or kph > FASTEST_KPH:
                raise InvalidInput(
                    f"speed_kph is {kph:g} in row {row}. Give km/h from 1 to {FASTEST_KPH:.0f}; leave out a road that "
                    "nobody may drive, and leave the cell empty where the speed is unknown."
                )

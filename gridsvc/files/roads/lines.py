"""Roads from a table of lines, as a planning bureau hands them over or OpenStreetMap is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat

import numpy as np

from gridsvc.coordinates import Datum
from gridsvc.errors import InvalidInput, UndeclaredDatum
from gridsvc.roads.network.building import build
from gridsvc.roads.network.network import DEGREE
from gridsvc.roads.network.speeds import FASTEST_KPH, Speeds, speeds_for
from gridsvc.roads.network.survey import Survey
from gridsvc.roads.network.tags import read_way

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

TAGS = (
    "highway",
    "oneway",
    "maxspeed",
    "maxspeed:forward",
    "maxspeed:backward",
    "junction",
    "tunnel",
    "bridge",
    "motorroad",
    "access",
    "vehicle",
    "motor_vehicle",
    "motorcar",
    "area",
    "surface",
    "tracktype",
    "name",
    "ref",
    "emergency",
    "route",
)
"""Columns that are read as OpenStreetMap's tags of the same name."""

SLOWEST_KPH = 1.0

SNAP_M = 0.05
"""Ends of lines nearer than this to each other are one point."""


def open_lines(path: Path, datum: Datum | None = None) -> RoadNetwork:
    """Read a file of lines with geopandas; `datum`: that of its degrees, None: what it says.

    Raises InvalidInput for a file that is none, UndeclaredDatum for one that does not say its coordinate system.
    """
    survey, speeds = _survey_of_file(path, datum)  # a function of its own, so that the table is not held by the build
    return build(survey.read_in(datum or Datum.WGS84), speeds, path.name)


def _survey_of_file(path: Path, datum: Datum | None) -> tuple[Survey, Speeds]:
    import geopandas as gpd

    try:
        table = gpd.read_parquet(path) if path.suffix.lower() == ".parquet" else gpd.read_file(path)
    except Exception as broken:
        reason = str(broken).splitlines()[0][:200]
        raise InvalidInput(f"{path.name} cannot be read as a table of lines: {reason}", kind="broken-file") from broken
    if table.crs is None:
        table = _with_degrees(table, path, datum)
    return survey_lines(table, source=path.name, speeds=None)


def _with_degrees(table: gpd.GeoDataFrame, path: Path, datum: Datum | None) -> gpd.GeoDataFrame:
    """Return the table of a file without a reference system as degrees of the datum that a person says."""
    west, south, east, north = table.total_bounds if len(table) else (0.0, 0.0, 0.0, 0.0)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise UndeclaredDatum(
            f"{path.name} does not say what its coordinates refer to, and they are no degrees: from {west:.0f}, "
            f"{south:.0f} to {east:.0f}, {north:.0f}. Set its coordinate reference system (for example EPSG:4549) and "
            "load it again."
        )
    if datum is None:
        raise UndeclaredDatum(
            f"{path.name} does not say what its coordinates refer to. Set its coordinate reference system (for example "
            "EPSG:4326) and load it again, or say the datum of its degrees.",
            retry=[["--datum", "wgs84"], ["--datum", "gcj02"]],
        )
    return table.set_crs(4326)


def survey_lines(table: gpd.GeoDataFrame, *, source: str, speeds: Speeds | None) -> tuple[Survey, Speeds]:
    """Read LineStrings, and the region's speeds where none are given; lines that share a point meet there.

    Columns named as OpenStreetMap's tags count as such (`highway`, `oneway`, `maxspeed`, `name`, ...); without
    `highway` every line is a residential street. Lists, as osmnx writes them, count by their first value. Where the
    table has the columns `from` and `to`, these numbers say where its lines meet; else equal points do.
    """
    if table.crs is None:
        raise UndeclaredDatum(
            f"{source or 'The table of roads'} does not say what its coordinates refer to. "
            "Set its coordinate reference system (for example EPSG:4326) and load it again."
        )
    table = table[table.geometry.notna() & ~table.geometry.is_empty]
    table = table.explode(index_parts=False, ignore_index=True).to_crs(4326)
    lines = table.geometry.geom_type == "LineString"
    left_out = int((~lines).sum())
    table = table[lines]
    if not len(table):
        others = f", but {left_out} polygons or points" if left_out else ""
        raise InvalidInput(
            f"{source or 'The table'} holds no lines{others}. Roads are lines; boundaries are loaded by "
            "`gridsvc load grids`, addresses by `gridsvc load addresses`.",
            kind="no-roads",
        )
    west, south, east, north = table.total_bounds
    if not np.isfinite([west, south, east, north]).all():
        raise InvalidInput(f"{source or 'The table'} has coordinates that are not finite.", kind="bad-geometry")
    regional = speeds or speeds_for((west + east) / 2, (south + north) / 2)
    return _survey(table, regional, left_out), regional


def _survey(table: gpd.GeoDataFrame, speeds: Speeds, left_out: int) -> Survey:
    import shapely

    columns = [column for column in TAGS if column in table.columns]
    driven = [read_way(tags, speeds) for tags in _rows(table, columns)]
    used = np.array([d is not None for d in driven])
    kept = [d for d in driven if d is not None]
    geometry = table.geometry.to_numpy()[used]
    coordinates, line = shapely.get_coordinates(geometry, return_index=True)
    if "from" in table.columns:
        ends = table[used]
        point, first_use = _points_of_ends(line, ends["from"].to_numpy(np.int64), ends["to"].to_numpy(np.int64))
    else:
        point, first_use = _points(coordinates)
    names: dict[str, int] = {}
    naming = [column for column in columns if column in {"name", "ref"}]
    result = [tags.get("name") or tags.get("ref") for tags in _rows(table[used], naming)]
    name = [-1 if text is None else names.setdefault(text, len(names)) for text in result]
    return Survey(
        point=point[first_use],
        lon=coordinates[first_use, 0],
        lat=coordinates[first_use, 1],
        signal=np.zeros(len(first_use), bool),
        way=np.flatnonzero(used).astype(np.int64),
        way_first=np.searchsorted(line, np.arange(len(geometry) + 1)).astype(np.int64),
        way_point=point,
        road_class=np.array([d.road_class for d in kept], np.uint8),
        kph=_measured(table[used], np.array([d.kph for d in kept], np.float32).reshape(-1, 4)),
        roundabout=np.array([d.roundabout for d in kept], bool),
        level=np.array([d.level for d in kept], np.uint8),
        name=np.array(name, np.int32),
        names=tuple(names),
        report={"ways": len(kept), "ways_left_out": {"no_road": int((~used).sum()), "no_line": left_out}},
    )


def _measured(table: gpd.GeoDataFrame, kph: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take speeds from a column `speed_kph` (osmnx writes it) where it says one, for the directions that are open."""
    if "speed_kph" not in table.columns:
        return kph
    result = np.array([_number(value) for value in table["speed_kph"]])
    known = np.isfinite(result) & (result >= SLOWEST_KPH) & (result <= FASTEST_KPH)
    normal = kph[:, [0, 1, 0, 1]]
    return np.where(known[:, None] & (normal > 0), result[:, None], kph).astype(np.float32)


def _number(value: object) -> float:
    first = value[0] if isinstance(value, list) and value else value
    try:
        return float(first) if isinstance(first, (str, SupportsFloat)) else float("nan")
    except (TypeError, ValueError):
        return float("nan")


def _points(coordinates: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each vertex the number of its place: the same number where they are the same to SNAP_M."""
    step = SNAP_M / 111_195.0 / DEGREE
    cells = np.rint(coordinates / DEGREE / step).astype(np.int64)
    _, first_use, number = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    return number.reshape(-1).astype(np.int64), first_use


def _points_of_ends(
    line: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each vertex a number: the ends the given ones, every inner one its own."""
    first = np.searchsorted(line, np.arange(len(begin)))
    last = np.searchsorted(line, np.arange(len(begin)), side="right") - 1
    number = int(max(begin.max(), end.max())) + 1 + np.arange(len(line))
    number[first], number[last] = begin, end
    _, first_use = np.unique(number, return_index=True)
    return number, first_use


def _rows(table: gpd.GeoDataFrame, columns: list[str]) -> Iterator[dict[str, str]]:
    """Yield the tags of each line as texts; missing ones are left out."""
    values = [table[column].tolist() for column in columns]
    for row in zip(*values, strict=True) if values else (() for _ in range(len(table))):
        tags = {}
        for column, value in zip(columns, row, strict=True):
            text = _text(value)
            if text is not None:
                tags[column] = text
        tags.setdefault("highway", "residential")
        if "oneway" not in columns:
            # nobody said which way its lines were drawn, so that a motorway's direction cannot be implied
            tags["oneway"] = "no"
        yield tags


def _text(value: object) -> str | None:
    if isinstance(value, list | tuple | np.ndarray):
        value = value[0] if len(value) else None
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    text = str(value).strip()
    if text.startswith("["):
        text = text.strip("[]").split(",")[0].strip(" '\"")
    return text.lower() if text in {"True", "False"} else text or None

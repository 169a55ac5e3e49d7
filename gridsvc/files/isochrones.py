"""Write travel times and service areas to files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.files.geodata_out import replacing_geodata
from gridsvc.files.text import check_ending, replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


AREA_ENDINGS = (".geojson", ".json", ".gpkg")
MATRIX_ENDINGS = (".csv", ".txt")


def write_matrix(path: Path, seconds: NDArray[np.float64]) -> None:
    """Write (n, m) seconds as CSV without a header: a row for each origin, a column for each destination.

    An empty cell is no travel time: unreachable (inf), or a bad row of the input (NaN).
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        for row in seconds:
            file.write(",".join(f"{s:.3f}" if s < np.inf else "" for s in row.tolist()) + "\n")


def write_areas(path: Path, collection: dict[str, Any]) -> None:
    """Write a FeatureCollection as GeoJSON, or as GeoPackage where the name ends with .gpkg.

    Raises
    ------
    InvalidInput
        For an ending that is not in AREA_ENDINGS, and where the file cannot be written.
    """
    check_ending(path, AREA_ENDINGS, device_ok=True)
    if path.suffix.lower() != ".gpkg":
        write_text(path, json.dumps(collection, ensure_ascii=False, allow_nan=False))
        return
    import geopandas as gpd

    flat = [
        {**f, "properties": {**f["properties"], "certificate": json.dumps(f["properties"]["certificate"])}}
        for f in collection["features"]
    ]
    frame = gpd.GeoDataFrame.from_features(flat, crs="EPSG:4326")
    with replacing_geodata(path) as draft:
        frame.to_file(draft, layer="service_areas", driver="GPKG", engine="pyogrio")


def write_layers(
    path: Path,
    layers: Mapping[str, Sequence[tuple[dict[str, Any], str | None]]],
    *,
    geometry_type: str | Mapping[str, str] = "MultiPolygon",
) -> None:
    """Write a GeoPackage in place of a file: a layer each with its rows, attributes and hexadecimal WKB (None = empty).

    lon/lat WGS-84 (EPSG:4326). geometry_type: of all layers, or {layer: its own}.
    """
    import geopandas as gpd
    import shapely

    with replacing_geodata(path) as draft:
        for name, rows in layers.items():
            shapes = [None if shape is None else shapely.from_wkb(shape) for _, shape in rows]
            frame = gpd.GeoDataFrame([attributes for attributes, _ in rows], geometry=shapes, crs="EPSG:4326")
            frame.to_file(
                draft,
                layer=name,
                driver="GPKG",
                engine="pyogrio",
                geometry_type=geometry_type if isinstance(geometry_type, str) else geometry_type[name],
                mode="a" if draft.exists() else "w",
            )

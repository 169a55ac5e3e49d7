"""Travel times and service areas into files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def write_matrix(path: Path, seconds: NDArray[np.float64]) -> None:
    """Write a line an origin, a column a destination, without header; empty = unreachable."""
    with _opened(path) as file:
        for row in seconds:
            file.write(",".join("" if s == np.inf else f"{s:.3f}" for s in row.tolist()) + "\n")


def write_areas(path: Path, collection: dict[str, Any]) -> None:
    """Write a FeatureCollection as GeoJSON, or as GeoPackage where the name ends so."""
    if path.suffix.lower() != ".gpkg":
        with _opened(path) as file:
            json.dump(collection, file, ensure_ascii=False, allow_nan=False)
        return
    import geopandas as gpd

    flat = [
        {**f, "properties": {**f["properties"], "certificate": json.dumps(f["properties"]["certificate"])}}
        for f in collection["features"]
    ]
    gpd.GeoDataFrame.from_features(flat, crs="EPSG:4326").to_file(path, layer="service_areas", driver="GPKG")


def write_text(path: Path, text: str) -> None:
    """Write a whole text in place of a file; half-way, the old one is still there."""
    draft = path.with_name(f".{path.name}.part")
    with _opened(draft) as file:
        file.write(text)
    draft.replace(path)


def write_layers(path: Path, layers: Mapping[str, Sequence[tuple[dict[str, Any], str | None]]]) -> None:
    """Write a GeoPackage in place of a file: a layer each with its rows, attributes and hexadecimal WKB (None = empty).

    lon/lat WGS-84 (EPSG:4326).
    """
    import geopandas as gpd
    import shapely

    draft = path.with_name(f".{path.stem}.part.gpkg")
    with _opened(draft):
        pass
    draft.unlink()
    try:
        for name, rows in layers.items():
            shapes = [None if shape is None else shapely.from_wkb(shape) for _, shape in rows]
            frame = gpd.GeoDataFrame([told for told, _ in rows], geometry=shapes, crs="EPSG:4326")
            frame.to_file(draft, layer=name, driver="GPKG", engine="pyogrio", geometry_type="MultiPolygon",
                          mode="a" if draft.exists() else "w")  # fmt: skip
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _opened(path: Path) -> Any:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", kind="no-file") from None

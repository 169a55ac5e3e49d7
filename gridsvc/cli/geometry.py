"""Geometries as people give them: a GeoJSON file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry


def read_geometry(file: Path) -> BaseGeometry:
    """Return the geometry of a GeoJSON file that holds a geometry or a Feature, longitude and latitude in degrees.

    Raises
    ------
    InvalidInput
        For a file that cannot be read, is not JSON, or holds no such geometry.
    """
    from gridsvc.files.text import read_json
    from gridsvc.operations.places.extents import read_extent

    value = read_json(file, "Give a GeoJSON geometry or Feature in longitude and latitude.")
    if isinstance(value, dict) and value.get("type") == "Feature":
        value = value.get("geometry")
    return read_extent(value)

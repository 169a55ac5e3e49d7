"""Lines and areas: read from GeoJSON, placed by a point inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.cases.decide import Location
from gridsvc.coordinates import Datum, check_lonlat, to_wgs84
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.layout import Districts

_KINDS = {"Point", "LineString", "Polygon", "MultiLineString", "MultiPolygon", "MultiPoint"}
_MOST_VERTICES = 20_000


def read_extent(value: Json) -> BaseGeometry:
    """Return a GeoJSON geometry, its coordinates still in its datum.

    Raises
    ------
    InvalidInput
        For anything that is no valid GeoJSON geometry with finite coordinates; says what is wrong with it.
    """
    if not isinstance(value, dict) or value.get("type") not in _KINDS:
        raise InvalidInput(
            f"`geometry` must be GeoJSON: one of {', '.join(sorted(_KINDS))}.",
            kind="unknown-geometry",
            known=sorted(_KINDS),
        )
    try:
        shape: BaseGeometry = shapely.force_2d(shapely.geometry.shape(value))
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, shapely.errors.ShapelyError) as error:
        raise InvalidInput(f"`geometry` cannot be read: {error}.", kind="bad-geometry", reason=str(error)) from None
    if shape.is_empty:
        raise InvalidInput("`geometry` is empty. Give its coordinates.", kind="bad-geometry")
    if shapely.get_num_coordinates(shape) > _MOST_VERTICES:
        raise InvalidInput(
            f"`geometry` has more than {_MOST_VERTICES} vertices. Simplify it.",
            kind="bad-geometry",
            most=_MOST_VERTICES,
        )
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        raise InvalidInput(f"`geometry` is not valid: {reason}. Correct it.", kind="bad-geometry", reason=reason)
    return shape


def middle_of(districts: Districts, extent: BaseGeometry, datum: str) -> Location:
    """Return a line or area with a point of it that dispatch can drive to."""
    from_datum = Datum.from_name(datum)
    near = districts.bounds
    for lon, lat in shapely.get_coordinates(extent):
        check_lonlat(float(lon), float(lat), near=near)
    moved = shapely.transform(extent, lambda xy: np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], from_datum)))
    inside = moved.representative_point()
    if moved.geom_type == "Point":
        return Location(inside.x, inside.y)
    return Location(inside.x, inside.y, extent=moved)

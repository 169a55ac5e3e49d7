"""A map as SVG: lon/lat on a sheet, narrowed by the cosine of its middle latitude."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.pages.svg import FAINT, Drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

WIDTH = 640.0
_EDGE = 10.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A drawing on which shapes of lon/lat WGS-84 are placed; `scale`: pixels a degree of latitude."""

    picture: Drawing
    west: float
    north: float
    shrink: float
    scale: float
    left: float

    @classmethod
    def of(cls, shapes: Sequence[BaseGeometry], title: str, *, width: float = WIDTH, highest: float = 460.0) -> Sheet:
        """Return an empty sheet on which all shapes fit, `width` wide and about `highest` high at most."""
        west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object)).tolist()
        shrink = cos(radians((south + north) / 2))
        across, down = (east - west) * shrink, north - south
        scale = min((width - 2 * _EDGE) / max(across, 1e-9), highest / max(down, 1e-9))
        picture = Drawing(width, down * scale + 2 * _EDGE, title)
        return cls(picture, west, north, shrink, scale, (width - across * scale) / 2)

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        """Return where a place is on the drawing, in pixels."""
        return self.left + (lon - self.west) * self.shrink * self.scale, _EDGE + (self.north - lat) * self.scale

    def area(self, shape: BaseGeometry, fill: str) -> None:
        """Draw an area with its holes."""
        self.picture.area(self._rings(shape), fill)

    def outline(self, shape: BaseGeometry, colour: str = FAINT, width: float = 0.9) -> None:
        """Draw the border of an area."""
        for ring in self._rings(shape):
            self.picture.line([*ring, ring[0]], colour, width)

    def _rings(self, shape: BaseGeometry) -> list[list[tuple[float, float]]]:
        """Return the rings of the polygons, without what is smaller than 0.6 pixels."""
        rings = []
        for polygon in shapely.get_parts(shapely.simplify(shape, 0.6 / self.scale)):
            if polygon.geom_type == "Polygon" and not polygon.is_empty:
                rings += [
                    [self.place(x, y) for x, y in shapely.get_coordinates(ring).tolist()[:-1]]
                    for ring in (polygon.exterior, *polygon.interiors)
                ]
        return rings

"""Service areas along the road, and their certificate."""

from __future__ import annotations

from gridsvc.isochrones.areas import Area, isochrones
from gridsvc.isochrones.certificate import Certificate
from gridsvc.isochrones.mesh import BUFFER_M, Mesh
from gridsvc.isochrones.stations import StationAreas, station_areas

__all__ = [
    "BUFFER_M",
    "Area",
    "Certificate",
    "Mesh",
    "StationAreas",
    "isochrones",
    "station_areas",
]

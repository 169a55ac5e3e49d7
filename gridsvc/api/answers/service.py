"""Answers about the service itself and its tiles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.places import Versions


class Health(TypedDict):
    """The process is alive."""

    status: Literal["alive"]
    version: str


class LostPart(TypedDict):
    """A part of a district whose file is lost, and the reason."""

    part: Literal["grids", "roads"]
    reason: str


class DistrictReadiness(TypedDict):
    """What is mapped of a district."""

    code: str
    name: str
    synthetic: bool
    grids: bool
    roads: bool
    law: bool
    unknown: Annotated[list[LostPart], Field(description="parts whose file is lost")]
    versions: Versions


class Readiness(TypedDict):
    """The process can answer; the districts are those that the caller may see."""

    status: Literal["ready"]
    districts: list[DistrictReadiness]


class TileLayer(TypedDict):
    """A layer that tiles can be drawn of."""

    id: str
    about: str
    minzoom: int
    maxzoom: int


class TileLayerList(TypedDict):
    """The layers; several ids joined by commas make one tile."""

    items: list[TileLayer]


class VectorLayer(TypedDict):
    """A layer inside a tile and the attributes of its features."""

    id: str
    description: str
    minzoom: int
    maxzoom: int
    fields: dict[str, str]


class TileJson(TypedDict):
    """TileJSON 3.0.0."""

    tilejson: Literal["3.0.0"]
    name: str
    description: str
    tiles: list[str]
    scheme: Literal["xyz"]
    minzoom: int
    maxzoom: int
    bounds: Annotated[list[float], Field(description="west, south, east, north in degrees")]
    center: Annotated[list[float], Field(description="longitude, latitude, zoom")]
    vector_layers: list[VectorLayer]

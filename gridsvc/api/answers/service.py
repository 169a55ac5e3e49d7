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
    """Data of a district that cannot be read because the file is missing or damaged, and the reason."""

    part: Literal["grids", "roads"]
    reason: str


class DistrictReadiness(TypedDict):
    """Which data of a district are loaded."""

    code: str
    name: str
    synthetic: bool
    grids: bool
    roads: bool
    law: bool
    unknown: Annotated[list[LostPart], Field(description="data that cannot be read: the file is missing or damaged")]
    versions: Versions


class ReplicaLag(TypedDict):
    """How far the replica for reads (GRIDSVC_READ_URL) is behind; `up` false: the primary answers its reads."""

    up: bool
    lag_s: Annotated[float | None, Field(description="0 where the replica has everything")]
    lag_bytes: int | None
    reason: Annotated[str | None, Field(description="why the replica is not used")]


class Readiness(TypedDict):
    """The process is ready for requests; `districts` has those in the caller's scope."""

    status: Literal["ready"]
    districts: list[DistrictReadiness]
    replica: Annotated[ReplicaLag | None, Field(description="null without a replica, or to a caller of one district")]


class TileLayer(TypedDict):
    """A layer of vector tiles."""

    id: str
    about: str
    minzoom: int
    maxzoom: int


class TileLayerList(TypedDict):
    """The tile layers. To get several in one tile, join their ids with commas in the URL."""

    items: list[TileLayer]


class VectorLayer(TypedDict):
    """One layer of a tile, and the type of each attribute of its features."""

    id: str
    description: str
    minzoom: int
    maxzoom: int
    fields: dict[str, str]


class TileJson(TypedDict):
    """A TileJSON 3.0.0 document: it tells a map client where the tiles are and what they contain."""

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

"""What several nouns share: positions, GeoJSON geometries, owner chains, versions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

OwnershipRule = Literal["interior", "border", "overlap", "gap", "district", "outside", "outside-scope"]
LevelKey = Literal["regional", "township", "area", "village"]


class Position(TypedDict):
    """A place in WGS-84 degrees."""

    lon: float
    lat: float


class Geometry(TypedDict):
    """A GeoJSON geometry in longitude and latitude, WGS-84."""

    type: Literal["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]
    coordinates: Annotated[list[Any], Field(description="positions, as deep as the type asks for")]


class Owner(TypedDict):
    """A grid."""

    code: str
    name: str


class OwnerChain(TypedDict):
    """The grid of each level that holds a place; null where none does."""

    regional: Owner | None
    township: Owner | None
    area: Owner | None
    village: Owner | None


class OwnerShare(TypedDict):
    """The part of an uncertain place, a line or an area that one chain holds."""

    owners: OwnerChain
    share: Annotated[float, Field(description="from 0 to 1")]


class Versions(TypedDict):
    """The versions that an answer was made from; null: nothing of that kind is loaded."""

    generation: int | None
    network: NotRequired[str | None]
    closures: NotRequired[int]
    catalogue: NotRequired[str | None]
    plans: NotRequired[str | None]
    clock_policies: NotRequired[str | None]
    teams: NotRequired[int]
    calibration: NotRequired[str | None]
    roster: NotRequired[str]


class FromMemory(TypedDict):
    """Members that an answer has only while the database is unavailable."""

    degraded: NotRequired[bool]
    age_s: NotRequired[Annotated[float, Field(description="age of the data that the answer was made from")]]


class Unknown(TypedDict):
    """Something that could not be known, and why."""

    what: str
    reason: str

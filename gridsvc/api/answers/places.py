"""Types that several answers share: positions, GeoJSON geometries, owner chains, versions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

OwnershipRule = Literal["interior", "border", "overlap", "gap", "district", "outside", "person", "outside-scope"]
LevelKey = Literal["regional", "township", "area", "village"]


class Position(TypedDict):
    """A place in WGS-84 degrees."""

    lon: float
    lat: float


class Geometry(TypedDict):
    """A GeoJSON geometry in longitude and latitude, WGS-84."""

    type: Literal["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]
    coordinates: Annotated[list[Any], Field(description="positions, nested as GeoJSON requires for the type")]


class Owner(TypedDict):
    """The grid that owns a place at one level."""

    code: str
    name: str


class OwnerChain(TypedDict):
    """For each level the grid that contains the place; null: no grid of that level contains it."""

    regional: Owner | None
    township: Owner | None
    area: Owner | None
    village: Owner | None


class OwnerShare(TypedDict):
    """One owner chain, and its share of a line, an area, or a point with a radius of uncertainty."""

    owners: OwnerChain
    share: Annotated[float, Field(description="from 0 to 1, of what `by` says")]
    demand_share: NotRequired[
        Annotated[float, Field(description="from 0 to 1, of the past `emergencies` within the radius")]
    ]


class QuestionChoice(TypedDict):
    """A reply to the question, in both languages, and the owner chain that it leads to."""

    zh: str
    en: str
    owners: OwnerChain
    share: Annotated[float, Field(description="from 0 to 1")]


class Question(TypedDict):
    """What to ask the caller, in both languages, to tell the two likeliest owner chains apart."""

    by: Annotated[
        Literal["road", "river", "railway", "place", "names"],
        Field(description="what tells the replies from each other"),
    ]
    name: Annotated[str | None, Field(description="of the landmark; null: the names of the grids")]
    zh: str
    en: str
    choices: list[QuestionChoice]


SceneRoad = TypedDict(
    "SceneRoad",
    {
        "name": str | None,
        "class": str,
        "level": Annotated[
            Literal["surface", "motorway", "bridge", "tunnel"] | None, Field(description="null: not known")
        ],
        "offroad_m": Annotated[float, Field(description="from the place to the road, on foot at a scene")],
    },
)


class Versions(TypedDict):
    """The versions of the data that an answer is based on; null: no data of that kind are loaded."""

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
    """Fields that are present only while the database is unavailable and the answer is based on cached data."""

    degraded: NotRequired[bool]
    age_s: NotRequired[Annotated[float, Field(description="age of the cached data")]]


class Unknown(TypedDict):
    """A value that could not be determined, and the reason."""

    what: str
    reason: str

"""Answers about roads: travel times, routes, isochrones, closures, service areas."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.places import FromMemory, Geometry, SceneRoad, Versions

Profile = Literal["normal", "emergency"]
Basis = Annotated[Literal["free-flow"], Field(description="times without traffic, by class and limit of the roads")]


class TravelTimes(FromMemory):
    """Seconds by road: a row for each origin, a column for each destination; null = unreachable."""

    seconds: list[list[float | None]]
    basis: Basis


class Certificate(TypedDict):
    """How an area was checked against travel times: points checked, points on the wrong side, and their share."""

    points: int
    wrong: int
    share: float


class IsochroneProperties(TypedDict):
    """How an isochrone was drawn."""

    minutes: float
    direction: Literal["to", "from"]
    profile: Profile
    buffer_m: float
    basis: Basis
    road: Annotated[SceneRoad | None, Field(description="of the place; null: none is near")]
    offroad_m: Annotated[float | None, Field(description="from the place to its road")]
    certificate: Certificate | None


class IsochroneFeature(TypedDict):
    """The area within some minutes of a place."""

    type: Literal["Feature"]
    geometry: Geometry
    properties: IsochroneProperties


class Isochrones(TypedDict):
    """A GeoJSON FeatureCollection, the smallest area first."""

    type: Literal["FeatureCollection"]
    features: list[IsochroneFeature]
    versions: Versions


class RouteProperties(TypedDict):
    """Seconds and length of a route; null = no road leads there."""

    seconds: float | None
    length_m: float | None
    profile: Profile
    basis: Basis
    from_road: SceneRoad | None
    to_road: SceneRoad | None


class Route(TypedDict):
    """The quickest route as a GeoJSON Feature."""

    type: Literal["Feature"]
    geometry: Geometry | None
    properties: RouteProperties
    versions: Versions


# `from` is a word of Python: such a member needs the functional form.
_Since = TypedDict("_Since", {"from": datetime})


class _Closure(_Since):
    id: UUID
    district: str
    factor: Annotated[float, Field(description="0 = closed, else the share of the speed that is left")]
    profiles: list[Profile]
    until: datetime | None
    geometry: Geometry


class NewClosure(_Closure):
    """A closure that was made, with the roads that it binds."""

    edges: int
    km: float
    version: Annotated[int, Field(description="of the district's closures")]


class Closure(_Closure):
    """A closure that was not ended."""

    reason: Annotated[str | None, Field(description="null: erased")]
    acts: Annotated[list[Profile], Field(description="the profiles that it binds now")]


class ClosureList(TypedDict):
    """The closures, now and to come."""

    items: list[Closure]


class AreaVersions(TypedDict):
    """What service areas were drawn from."""

    network: str
    closures: int
    closures_acting: int
    catalogue: str
    plans: str
    clock_policies: str
    teams: int


class ServiceAreaProperties(TypedDict):
    """The team of an area, and the minutes of travel left after call handling and turnout."""

    district: str
    kind: Literal["own", "first", "reached_by"]
    response_class: Literal["urban", "rural"]
    team_id: UUID | None
    team: str | None
    k: Annotated[int | None, Field(description="of `reached_by`: how many teams arrive in time")]
    minutes: float | None
    drawn_at: datetime
    versions: AreaVersions


class ServiceAreaFeature(TypedDict):
    """One service area; geometry null: no minutes are left, or no road is near."""

    type: Literal["Feature"]
    geometry: Geometry | None
    properties: ServiceAreaProperties


class DistrictAreas(TypedDict):
    """The state of a district's service areas."""

    district: str
    complete: bool
    stale: bool
    words: str
    at: datetime | None
    versions: AreaVersions | None


class ServiceAreas(TypedDict):
    """A GeoJSON FeatureCollection of service areas."""

    type: Literal["FeatureCollection"]
    complete: bool
    stale: bool
    districts: list[DistrictAreas]
    features: list[ServiceAreaFeature]

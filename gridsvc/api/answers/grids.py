"""Answers about grids and owners."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.places import FromMemory, LevelKey, OwnerChain, OwnerShare, OwnershipRule, Question


class PlaceOwners(FromMemory):
    """The owner chain of one place and the rule that decided it."""

    district: str
    owners: OwnerChain
    rule: OwnershipRule
    generation: int
    shares: NotRequired[Annotated[list[OwnerShare], Field(description="only for a place with a radius")]]
    by: NotRequired[Annotated[Literal["area", "length"], Field(description="what the shares are of")]]
    emergencies: NotRequired[
        Annotated[int, Field(description="how many past ones the demand shares rest on; absent: too few")]
    ]
    confirm: NotRequired[Annotated[bool, Field(description="the best share is under 0.8")]]
    question: NotRequired[Question]
    defect: NotRequired[Annotated[str, Field(description="the grids that overlap here")]]
    derived: NotRequired[Annotated[list[LevelKey], Field(description="levels whose grids the program drew itself")]]


class ManyOwners(FromMemory):
    """Owners of many places by column: member i of each list belongs to place i."""

    district: list[str | None]
    regional: list[str | None]
    township: list[str | None]
    area: list[str | None]
    village: list[str | None]
    rule: list[OwnershipRule]
    generations: Annotated[dict[str, int], Field(description="generation in force by district")]


class Grid(TypedDict):
    """A grid in force."""

    code: str
    name: str
    level: LevelKey
    parent: str | None
    area_m2: float


class GridList(TypedDict):
    """The grids in force, the widest level first."""

    items: list[Grid]


class Places(TypedDict):
    """How many places change owner."""

    addresses: int
    teams: int
    open_cases: int


_MovedCodes = TypedDict("_MovedCodes", {"from": str | None, "to": str | None})


class MovedGround(_MovedCodes, Places):
    """Ground that goes from one grid of a level to another; null: from or to no grid."""

    level: LevelKey
    from_name: str | None
    to_name: str | None
    area_m2: float


class MovedFeature(TypedDict):
    """The ground of one move."""

    type: Literal["Feature"]
    geometry: Annotated[dict[str, Any], Field(description="a GeoJSON geometry, WGS-84")]
    properties: MovedGround


_Kin = TypedDict("_Kin", {"from": list[str], "to": list[str]})


class GridChange(_Kin, Places):
    """What becomes of one grid; null: it is not there. `from`, `to`: the grids that its ground came from, went to."""

    code: str
    level: LevelKey
    changes: list[Literal["new", "gone", "recoded", "split", "merged", "renamed", "moved", "reparented"]]
    name: str | None
    former_name: str | None
    parent: str | None
    former_parent: str | None
    area_m2: float
    former_area_m2: float
    gained_m2: float
    lost_m2: float


class CodeMatch(TypedDict):
    """Which grid is which, of two generations, and the rule that says so; null: it is not there."""

    level: LevelKey
    rule: Literal[
        "same-code", "same-name", "former-name", "changed-kind", "renamed", "moved-parent", "same-ground", "merged",
        "split", "gone", "new",
    ]  # fmt: skip
    before: str | None
    before_name: str | None
    before_parent: str | None
    after: str | None
    after_name: str | None
    after_parent: str | None
    why: str


class CodeMatches(TypedDict):
    """The grids by the rule that matched them, and how many none did; `matches`: those that are not the same."""

    counts: Annotated[dict[str, dict[str, int]], Field(description="by level and rule")]
    gone: int
    new: int
    matches: list[CodeMatch]


class Differences(Places):
    """A generation against the one in force (`against`; null: none is), for a map and as a list."""

    type: Literal["FeatureCollection"]
    features: list[MovedFeature]
    district: str
    generation: int
    against: int | None
    added: list[str]
    removed: list[str]
    renamed: list[str]
    reparented: list[str]
    reshaped: list[str]
    grids: list[GridChange]
    codes: CodeMatches

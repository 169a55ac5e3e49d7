"""Answers about the persons who hold the posts of the grids."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.places import LevelKey

PostKey = Literal["leader", "deputy", "officer"]
_Span = TypedDict("_Span", {"from": date, "until": date | None})


class HeldPost(_Span):
    """A post and who holds it; `until`: the first day on which they do not any more, null: not known."""

    post: PostKey
    name: Annotated[str | None, Field(description="null: erased")]
    phone: Annotated[str | None, Field(description="masked")]


class ResponsiblePost(HeldPost):
    """Who answers for a grid, and the grid whose post they hold: itself, or a wider one."""

    grid: str


class GridPeople(TypedDict):
    """Who holds the posts of a grid on a day, and who answers for it."""

    grid: str
    name: str
    level: LevelKey
    on: date
    people: list[HeldPost]
    responsible: Annotated[ResponsiblePost | None, Field(description="null: no grid of its chain has anybody")]


class ResponsiblePerson(TypedDict):
    """A person by the post that they hold, and the grid of the post."""

    grid: str
    post: PostKey
    name: Annotated[str | None, Field(description="null: erased")]


class PostsOfOwners(TypedDict):
    """Who holds the posts of each owner of a case: leader, deputies, officers."""

    regional: list[ResponsiblePerson]
    township: list[ResponsiblePerson]
    area: list[ResponsiblePerson]
    village: list[ResponsiblePerson]


class ResponsiblePersons(TypedDict):
    """Who answers at each level of a case's owners; for a grid without anybody, that of the next wider one.

    null: nobody, or no owner.
    """

    regional: ResponsiblePerson | None
    township: ResponsiblePerson | None
    area: ResponsiblePerson | None
    village: ResponsiblePerson | None

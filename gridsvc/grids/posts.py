"""Posts of the grids: leader, deputy and officer, each held by a person from a day until another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from uuid import UUID


class Post(StrEnum):
    """A post of a grid, in the order in which one stands in for another."""

    LEADER = "leader"
    """网格长"""
    DEPUTY = "deputy"
    """副网格长"""
    OFFICER = "officer"
    """网格员, 专职执法队员"""


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post as a file has it. until: the first day on which it is not held any more, None: not known."""

    grid: str
    post: Post
    name: str
    phone: str | None
    since: date
    until: date | None

    def at(self, grid: str) -> NewPost:
        """Return the post of the grid of a code."""
        return replace(self, grid=grid)


@dataclass(frozen=True, slots=True)
class Held:
    """A post that is or was held. name None: the person's data were erased."""

    id: UUID
    grid: str
    post: Post
    person_id: UUID
    name: str | None
    phone: str | None
    since: date
    until: date | None

    def is_on(self, day: date) -> bool:
        """Whether it is held on a day."""
        return self.since <= day and (self.until is None or day < self.until)


def holders(grid: str | None, posts: Iterable[Held], day: date) -> list[Held]:
    """Return who holds a post of a grid on a day: leader, deputies, officers; of two, the longer in the post first."""
    order = list(Post)
    own = [held for held in posts if held.grid == grid and held.is_on(day)]
    return sorted(own, key=lambda held: (order.index(held.post), held.since, held.id))


def responsible(grid: str | None, posts: Iterable[Held], day: date) -> Held | None:
    """Return who answers for a grid on a day: its leader, else a deputy, else an officer; the longest in the post."""
    return next(iter(holders(grid, posts, day)), None)


def responsible_of_chain(chain: Sequence[str | None], posts: Sequence[Held], day: date) -> list[Held | None]:
    """Return who answers at each level of a chain, finest first; a level without a person falls to the next wider."""
    found: list[Held | None] = []
    above: Held | None = None
    for grid in reversed(chain):
        above = responsible(grid, posts, day) or above
        found.append(above if grid is not None else None)
    return found[::-1]

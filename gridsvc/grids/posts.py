"""Posts of the grids: leader, deputy and officer, each held by a person from a day until another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from uuid import UUID

    from gridsvc.grids.code_lists import CodeMatch

_MANY = frozenset({"merged", "split"})
"""Rules by which a grid has more than one of before, or after."""


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


@dataclass(frozen=True, slots=True)
class Moves:
    """Posts that go to the code that their grid has now, and posts of a grid that no single grid has followed.

    moved: (post, new code). left: (post, why a person must decide).
    """

    moved: tuple[tuple[Held, str], ...]
    left: tuple[tuple[Held, str], ...]


def find_moves(posts: Iterable[Held], matches: Iterable[CodeMatch], day: date) -> Moves:
    """Return what becomes of the posts that are held on a day or later, where the codes of their grids changed.

    A post follows its grid where a rule gave it one other code. It stays where the grid is gone, or is merged or split,
    and where a leader would come to a grid that has another one.
    """
    now: dict[str, str] = {}
    gone: dict[str, str] = {}
    kept: set[str] = set()
    for match in matches:
        if match.after is not None and match.rule not in _MANY:
            kept.add(match.after.code)
            if match.before is not None and match.before.code != match.after.code:
                now[match.before.code] = match.after.code
        elif match.before is not None:
            gone[match.before.code] = match.rule
    current = [held for held in posts if held.until is None or held.until > day]
    led = {held.grid: held for held in current if held.post is Post.LEADER and held.grid not in now}
    moved, left = [], []
    for held in current:
        if (code := now.get(held.grid)) is not None:
            other = led.get(code) if held.post is Post.LEADER else None
            if other is not None and other.person_id != held.person_id:
                left.append((held, f"{code} has a leader"))
            else:
                moved.append((held, code))
        elif held.grid in gone and held.grid not in kept:
            left.append((held, gone[held.grid]))
    return Moves(tuple(moved), tuple(left))


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

"""Posts whose grids have other codes now: which follow, and which a person must decide."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from gridsvc.grids.code_lists import CodeMatch
from gridsvc.grids.levels import Level
from gridsvc.grids.naming import KnownDivision
from gridsvc.grids.posts import Held, Post, find_moves

DAY = date(2026, 7, 1)
NEW_YEAR = date(2026, 1, 1)


def match(rule: str, before: str | None, after: str | None) -> CodeMatch:
    old, new = (code and KnownDivision(Level.VILLAGE, code, f"name of {code}", "P") for code in (before, after))
    return CodeMatch(rule, old or None, new or None)


def held(n: int, grid: str, post: Post = Post.OFFICER, since: date = NEW_YEAR, until: date | None = None) -> Held:
    return Held(UUID(int=n), grid, post, UUID(int=n), f"person {n}", None, since, until)


def test_posts_follow_their_grid_and_the_others_are_listed_with_the_reason() -> None:
    matches = [
        match("same-name", "old1", "new1"),
        match("same-code", "same", "same"),
        match("merged", "old2", "new1"),
        match("split", "old3", "new4"),
        match("gone", "old5", None),
        match("new", None, "new6"),
        match("renamed", "old7", "old7"),
    ]
    posts = [held(n, grid) for n, grid in enumerate(("old1", "same", "old2", "old3", "old5", "old7", "elsewhere"))]
    found = find_moves(posts, matches, DAY)
    assert found.moved == ((posts[0], "new1"),)
    assert found.left == ((posts[2], "merged"), (posts[3], "split"), (posts[4], "gone"))


def test_what_ended_stays_where_it_was_and_what_begins_later_follows() -> None:
    ended, last_day, later = (
        held(1, "old", until=DAY),
        held(2, "old", until=date(2026, 7, 2)),
        held(3, "old", since=DAY),
    )
    found = find_moves([ended, last_day, later], [match("same-name", "old", "new")], DAY)
    assert [post for post, _ in found.moved] == [last_day, later]
    assert found.left == ()


def test_two_grids_that_exchange_their_codes_exchange_their_posts() -> None:
    first, second = held(1, "a", Post.LEADER), held(2, "b", Post.LEADER)
    found = find_moves([first, second], [match("same-name", "a", "b"), match("same-name", "b", "a")], DAY)
    assert found.moved == ((first, "b"), (second, "a"))


def test_a_leader_does_not_come_to_a_grid_that_has_another() -> None:
    mine, other, officer = held(1, "old", Post.LEADER), held(2, "new", Post.LEADER), held(3, "old")
    found = find_moves([mine, other, officer], [match("same-ground", "old", "new")], DAY)
    assert found.moved == ((officer, "new"),)
    assert found.left == ((mine, "new has a leader"),)

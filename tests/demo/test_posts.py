"""The posts of the demo: everybody whom the plan appoints, and nobody twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from gridsvc.demo.world.posts import appoint, made_up_name
from gridsvc.grids.levels import Level
from gridsvc.grids.posts import Post

if TYPE_CHECKING:
    from gridsvc.files.osm.model import DemoPlace

SINCE = date(2023, 1, 1)


def test_every_grid_has_the_posts_of_the_plan(place: DemoPlace) -> None:
    posts = appoint(place, SINCE)
    level_of = {grid.code: grid.level for grid in place.grids}
    held = Counter((level_of[each.grid], each.post) for each in posts)
    assert held == {
        (Level.REGIONAL, Post.LEADER): 3,
        (Level.REGIONAL, Post.DEPUTY): 6,  # the heads of the six brigades
        (Level.TOWNSHIP, Post.LEADER): 11,
        (Level.AREA, Post.LEADER): sum(grid.level is Level.AREA for grid in place.grids),
        (Level.VILLAGE, Post.OFFICER): sum(grid.officer is not None for grid in place.grids),
    }
    vacant = {grid.code for grid in place.grids if grid.level is Level.VILLAGE and grid.officer is None}
    assert 0 < len(vacant) < 361 / 10
    assert vacant.isdisjoint(each.grid for each in posts)
    assert {(each.since, each.until, each.phone) for each in posts} == {(SINCE, None, None)}


def test_nobody_holds_two_posts(place: DemoPlace) -> None:
    for shown in (place, replace(place, synthetic=False)):
        posts = appoint(shown, SINCE)
        assert len({each.name for each in posts}) == len(posts)
    assert len({made_up_name(number) for number in range(5000)}) == 5000
    assert {len(made_up_name(number)) for number in range(2400)} == {3}


def test_the_officer_of_a_village_is_that_of_its_boundaries(place: DemoPlace) -> None:
    officers = {grid.code: grid.officer for grid in place.grids if grid.level is Level.VILLAGE and grid.officer}
    assert {each.grid: each.name for each in appoint(place, SINCE) if each.post is Post.OFFICER} == officers

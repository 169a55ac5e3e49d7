"""Who answers for the grids of a demo: posts as the plan appoints them, held by persons who are made up.

A member of the bureau's leadership leads a regional grid, the heads of the six brigades are deputies there. A deputy
head of the township leads a township grid. The captain of the squadron that is posted there, its instructor or its
deputy captain leads an area grid. A village has one officer; one without stays so, and falls to its area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.grids.levels import Level
from gridsvc.grids.posts import NewPost, Post

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from gridsvc.files.osm.model import DemoPlace

BRIGADES = 6
"""Their heads are the deputies of the regional grids."""

_SURNAMES = "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余"
_FIRST = "立志国建文明永春秋海晓少"
_SECOND = "群华平松林"
_STEP = 1009
"""A prime, so that names of one surname do not follow one another."""
_FIRST_LEADER = 1000
"""Of the names: officers have those before."""


def made_up_name(number: int) -> str:
    """Return the name of a person who does not exist; the first 2,400 are different, later ones have a number."""
    count = len(_SURNAMES) * len(_FIRST) * len(_SECOND)
    rest, surname = divmod(number * _STEP % count, len(_SURNAMES))
    first, second = divmod(rest, len(_SECOND))
    again = "" if number < count else str(number // count + 1)
    return f"{_SURNAMES[surname]}{_FIRST[first]}{_SECOND[second]}{again}"


def appoint(place: DemoPlace, since: date) -> list[NewPost]:
    """Return the posts of all grids of a place, held from a day on."""
    regions = [grid for grid in place.grids if grid.level == Level.REGIONAL]
    posts = [
        NewPost(grid.code, Post.OFFICER, grid.officer, None, since, None)
        for grid in place.grids
        if grid.level == Level.VILLAGE and grid.officer is not None
    ]
    led = [(grid.code, Post.LEADER) for grid in place.grids if grid.level < Level.VILLAGE]
    led += [(regions[number % len(regions)].code, Post.DEPUTY) for number in range(BRIGADES) if regions]
    names = _names(led, made_up=place.synthetic)
    return [NewPost(code, post, name, None, since, None) for (code, post), name in zip(led, names, strict=True)] + posts


def _names(led: Sequence[tuple[str, Post]], *, made_up: bool) -> list[str]:
    """Return names for leaders and deputies; those of a real place say that they are of the demo."""
    if made_up:
        return [made_up_name(_FIRST_LEADER + number) for number in range(len(led))]
    return [f"Demo {post} {number:03}" for number, (_, post) in enumerate(led, 1)]

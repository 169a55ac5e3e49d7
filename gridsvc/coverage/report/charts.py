"""The charts of the report: the map before and after, the curve by number of posts, and cover by hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.pages.axes import LEFT as _LEFT
from gridsvc.pages.axes import scale, share_axis
from gridsvc.pages.maps import WIDTH, Sheet
from gridsvc.pages.svg import BLUE, FAINT, GREEN, INK, ORANGE, RED, Drawing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.pages.words import Words

REACHED, PARTLY, NOT_REACHED = "#8db3d6", "#dbe7f2", "#f3cfa9"
"""All demand of a cell is in time, some of it, none of it."""
_BEFORE, _AFTER = "#b4c0cb", BLUE
_HALF = 318.0
"""Width of one of two maps beside each other."""
_RIGHT, _TOP, _BOTTOM = 18.0, 16.0, 46.0


def fill_of(share: float) -> str:
    """Return the colour of a cell by the share of its demand that is reached in time."""
    if share >= 1 - 1e-9:
        return REACHED
    return NOT_REACHED if share <= 1e-9 else PARTLY


def cover_map(title: str, drawn: Mapping[str, Any], *, after: bool) -> str:
    """Draw the cells by the share of their demand in time, the posts, and, after, where cells are gained and lost."""
    shapes = [shapely.geometry.shape(each["geometry"]) for each in drawn["cells"]]
    outlines = [shapely.geometry.shape(each["geometry"]) for each in drawn["outlines"]]
    sheet = Sheet.of(shapes + outlines, title, width=_HALF, highest=300.0)
    changed = []
    for shape, cell in zip(shapes, drawn["cells"], strict=True):
        sheet.area(shape, fill_of(cell["after" if after else "before"]))
        if after and cell["after"] != cell["before"]:
            changed.append((shape, GREEN if cell["after"] > cell["before"] else RED))
    for outline in outlines:
        sheet.outline(outline)
    for shape, colour in changed:
        sheet.outline(shape, colour, 1.6)
    if after:
        for each in drawn["moves"]:
            sheet.picture.line([sheet.place(*each["from"]), sheet.place(*each["to"])], GREEN, 1.2, "3 2")
    states = ("closed", "kept", "new") if after else ("closed", "kept")
    for state in states:
        for post in drawn["posts"]:
            if post["state"] == state:
                _post(sheet.picture, *sheet.place(post["lon"], post["lat"]), state if after else "kept")
    return sheet.picture.text()


def _post(picture: Drawing, x: float, y: float, state: str) -> None:
    """Draw a post: a dot; a new one is a diamond, a closed one a cross. They differ in black and white, too."""
    if state == "new":
        size = 5.0
        picture.area([[(x, y - size), (x + size, y), (x, y + size), (x - size, y)]], GREEN)
    elif state == "closed":
        for sign in (1, -1):
            picture.line([(x - 3, y - 3 * sign), (x + 3, y + 3 * sign)], RED, 1.6)
    else:
        picture.dot(x, y, 3.6, "#ffffff")
        picture.dot(x, y, 2.9, INK)


def map_legend(words: Words) -> str:
    """Draw what the colours and signs of both maps mean."""
    picture = Drawing(WIDTH, 44, words("map"))
    x, top, step = 8.0, 6.0, 156.0
    for fill, key in ((REACHED, "cell_reached"), (PARTLY, "cell_partly"), (NOT_REACHED, "cell_not")):
        picture.box(x, top, 16, 11, fill, line=FAINT)
        picture.words(x + 22, top + 10, words(key))
        x += step
    for colour, key in ((GREEN, "cell_gained"), (RED, "cell_lost")):
        left = x if colour == GREEN else x + 78
        picture.box(left, top, 14, 11, "none", line=colour)
        picture.words(left + 19, top + 10, words(key))
    x, top = 8.0, top + 20
    for state in ("kept", "new", "closed"):
        _post(picture, x + 8, top + 6, state)
        picture.words(x + 22, top + 10, words(f"post_{state}"))
        x += step
    picture.line([(x, top + 6), (x + 16, top + 6)], GREEN, 1.2, "3 2")
    picture.words(x + 22, top + 10, words("post_moved"))
    return picture.text()


def curve(title: str, found: Mapping[str, Any], words: Words) -> str:
    """Draw the most that each number of posts can reach, up to its bound, and where today's and the plan's are."""
    height = 270.0
    picture = Drawing(WIDTH, height, title)
    points, most = found["points"], max(each["p"] for each in found["points"])
    x_of = scale(0, most + 0.5, _LEFT, WIDTH - _RIGHT)
    y_of = scale(0, 1, height - _BOTTOM, _TOP)
    share_axis(picture, y_of, WIDTH - _RIGHT)
    step = max(1, round(most / 12))
    for p in range(0, most + 1, step):
        picture.words(x_of(p), height - _BOTTOM + 16, str(p), at="middle", colour=FAINT)
    picture.words(WIDTH - _RIGHT, height - _BOTTOM + 32, words("axis_posts"), at="end", colour=FAINT)
    reachable = y_of(found["reachable"]["share"])
    picture.line([(_LEFT, reachable), (WIDTH - _RIGHT, reachable)], FAINT, 1, "2 3")
    picture.line([(x_of(each["p"]), y_of(each["share"])) for each in points], BLUE, 1.8)
    for each in points:
        x = x_of(each["p"])
        if each["low"] is not None:
            picture.line([(x, y_of(each["low"])), (x, y_of(each["high"]))], BLUE, 0.9)
        if not each["optimal"]:
            for share in (each["share"], each["bound_share"]):
                picture.line([(x - 5, y_of(share)), (x + 5, y_of(share))], RED, 1.4)
            picture.line([(x, y_of(each["share"])), (x, y_of(each["bound_share"]))], RED, 1.4, "3 2")
        picture.dot(x, y_of(each["share"]), 2.8, BLUE)
    for key, colour in (("today", INK), ("plan", ORANGE)):
        own = found[key]
        picture.dot(x_of(own["p"]), y_of(own["share"]), 5.5, colour)
    x = _LEFT
    for key, colour in (("curve_best", BLUE), ("curve_today", INK), ("curve_plan", ORANGE)):
        picture.dot(x + 6, height - 8, 4, colour)
        picture.words(x + 14, height - 4, words(key))
        x += 130
    picture.line([(x, height - 8), (x + 16, height - 8)], FAINT, 1, "2 3")
    picture.words(x + 22, height - 4, words("curve_reachable"))
    return picture.text()


def by_hour(title: str, rows: Sequence[Mapping[str, Any]], words: Words) -> str:
    """Draw the share in time of each hour before and after, with intervals, and the demand below."""
    height = 200.0
    picture = Drawing(WIDTH, height, title)
    y_of = scale(0, 1, height - _BOTTOM, _TOP + 8)
    share_axis(picture, y_of, WIDTH - _RIGHT)
    step = (WIDTH - _LEFT - _RIGHT) / 24
    for row in rows:
        left = _LEFT + step * row["hour"]
        for number, (key, colour) in enumerate((("before", _BEFORE), ("after", _AFTER))):
            share = row[key]
            x = left + step * (0.12 + 0.4 * number)
            picture.box(x, y_of(share["share"]), step * 0.36, y_of(0) - y_of(share["share"]), colour)
            if share["low"] is not None:
                middle = x + step * 0.18
                picture.line([(middle, y_of(share["low"])), (middle, y_of(share["high"]))], INK, 1)
        picture.words(left + step / 2, height - _BOTTOM + 14, str(row["hour"]), at="middle", size=9)
        picture.words(left + step / 2, height - _BOTTOM + 27, f"{row['before']['demand']:g}", at="middle", size=8,
                      colour=FAINT)  # fmt: skip
    picture.words(_LEFT - 6, height - _BOTTOM + 14, words("hour_axis"), at="end", size=9, colour=FAINT)
    picture.words(_LEFT - 6, height - _BOTTOM + 27, "n", at="end", size=9, colour=FAINT)
    for number, (key, colour) in enumerate((("before", _BEFORE), ("after", _AFTER))):
        picture.box(_LEFT + number * 110, height - 10, 14, 8, colour)
        picture.words(_LEFT + 20 + number * 110, height - 2, words(key), size=10)
    return picture.text()

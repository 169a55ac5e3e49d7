"""The charts of the report. Every chart is drawn from plain values; what it counts stands in its caption."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

import shapely

from gridsvc.pages.axes import scale as _scale
from gridsvc.pages.axes import share_axis as _share_axis
from gridsvc.pages.maps import WIDTH, Sheet
from gridsvc.pages.svg import BLUE, FAINT, GRID, INK, ORANGE, RED, SERIES, Drawing, width_of, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapely.geometry.base import BaseGeometry

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 18.0, 14.0, 34.0
SHADES = ("#eef3f8", "#c6d8ea", "#8db3d6", "#4f86b8", "#1f5a96")
"""Late share of an area: under 5, 10, 20, 40 %, and above."""
SHADE_LIMITS = (0.05, 0.10, 0.20, 0.40)
UNCERTAIN = "uncertain"
"""An area where the interval of the share is wider than 40 points: hatched."""
WIDEST = 0.4
PALE, PALE_UNDER = "#c3d3e3", 10
"""A share of fewer cases is drawn pale."""
_LEAST_HEIGHT = 2.5
"""Of a column, so that a share of 0 % does not look like no case."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Which share of `n` cases had an arrival within how many seconds, and the target.

    points: (seconds, share, low, high) in order; of reports of the first format without the interval.
    """

    label: str
    points: Sequence[Sequence[float]]
    n: int
    target_s: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart of shares: None = too few cases to say. `marked`: it differs from the whole.

    count: what the share is of `n`, where that is written out.
    """

    label: str
    share: float | None
    low: float | None
    high: float | None
    n: int
    marked: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Shaded:
    """An area of the map and its late share."""

    shape: BaseGeometry
    late: Bar


def cumulative(title: str, curves: Sequence[Curve], minutes: str) -> str:
    """Draw which share of all cases a team had arrived at, by the minute, with its interval; dashed: the targets.

    Cases without an arrival are in the number that the share is of: the curve does not reach 100 %.
    """
    height, top = 264.0, _TOP + 14  # the legend is above the highest line
    picture = Drawing(WIDTH, height, title)
    targets = [each.target_s for each in curves if each.target_s]
    longest = max([*targets, *(_seconds_at(each, 0.95) for each in curves if each.points)], default=900.0)
    end_min = max(5, ceil(longest * 1.25 / 300) * 5)
    x_of = _scale(0, end_min, _LEFT, WIDTH - _RIGHT)
    y_of = _scale(0, 1, height - _BOTTOM, top)
    _share_axis(picture, y_of, WIDTH - _RIGHT)
    step = 5 if end_min <= 60 else 15
    for minute in range(0, end_min + 1, step):
        picture.line([(x_of(minute), height - _BOTTOM), (x_of(minute), height - _BOTTOM + 4)], FAINT)
        picture.words(x_of(minute), height - _BOTTOM + 16, str(minute), at="middle", colour=FAINT)
    picture.words(WIDTH - _RIGHT, height - 4, minutes, at="end", colour=FAINT)
    for number, curve in enumerate(curves):
        colour, dashes = SERIES[number % len(SERIES)]
        if curve.target_s:
            x = x_of(curve.target_s / 60)
            picture.line([(x, height - _BOTTOM), (x, top)], colour, 1, "3 3")
        if all(len(point) > 2 for point in curve.points):
            low, high = (_steps(curve, which, end_min, x_of, y_of) for which in (2, 3))
            picture.area([[*low, *reversed(high)]], colour, line="none", opacity=0.13)
        picture.line(_steps(curve, 1, end_min, x_of, y_of), colour, 1.8, dashes)
        left = _LEFT + 8 + number * 190
        picture.line([(left, _TOP - 4), (left + 22, _TOP - 4)], colour, 2, dashes)
        picture.words(left + 27, _TOP, f"{curve.label} (n={curve.n})")
    return picture.text()


def _steps(
    curve: Curve, which: int, end_min: float, x_of: Callable[[float], float], y_of: Callable[[float], float]
) -> list[tuple[float, float]]:
    """Return the corners of a step curve: of the share, or of one end of its interval."""
    path = [(x_of(0), y_of(0))]
    for point in curve.points:
        at_min = min(point[0] / 60, end_min)
        path += [(x_of(at_min), path[-1][1]), (x_of(at_min), y_of(point[which]))]
        if at_min >= end_min:
            break
    return [*path, (x_of(end_min), path[-1][1])]


def bars(title: str, rows: Sequence[Bar], *, nominal: float | None = None, too_few: str) -> str:
    """Draw a share for each row with its interval, from 0 to 100 %; `nominal`: the share that the policy wants."""
    top = 18.0
    label_width = min(230.0, max(90.0, *(width_of(each.label, 11) + 12 for each in rows))) if rows else 90.0
    labels = [wrapped(each.label, label_width - 12, 11) for each in rows]
    row_height = 19.0 if max(map(len, labels), default=1) == 1 else 28.0
    height = top + row_height * len(rows) + 8
    picture = Drawing(WIDTH, height, title)
    x_of = _scale(0, 1, label_width, WIDTH - 106)
    for percent in (0, 25, 50, 75, 100):
        x = x_of(percent / 100)
        picture.line([(x, top), (x, height - 8)], GRID)
        picture.words(x, top - 5, f"{percent}%", at="middle", colour=FAINT, size=10)
    for number, row in enumerate(rows):
        middle = top + row_height * (number + 0.5)
        for line, words in enumerate(labels[number]):
            y = middle + 4 + 13 * (line - (len(labels[number]) - 1) / 2)
            picture.words(label_width - 8, y, words, at="end", bold=row.marked)
        if row.share is None or row.low is None or row.high is None:
            picture.words(x_of(0) + 6, middle + 4, too_few, colour=FAINT, size=10)
        else:
            colour = _colour(row)
            picture.box(x_of(0), middle - 5, x_of(row.share) - x_of(0), 10, colour)
            picture.line([(x_of(row.low), middle), (x_of(row.high), middle)], INK, 1.2)
            for end in (row.low, row.high):
                picture.line([(x_of(end), middle - 4), (x_of(end), middle + 4)], INK, 1.2)
        share = "" if row.share is None else f"{row.share * 100:.1f}%"
        of = f"n={row.n}" if row.count is None else f"{row.count}/{row.n}"
        picture.words(WIDTH - 58, middle + 4, share, at="end", bold=row.marked)
        picture.words(WIDTH - 4, middle + 4, of, at="end", colour=FAINT, size=10)
    if nominal is not None:
        picture.line([(x_of(nominal), top), (x_of(nominal), height - 8)], RED, 1.2, "4 3")
    return picture.text()


def columns(title: str, rows: Sequence[Bar], *, nominal: float | None = None) -> str:
    """Draw a share for each hour or month with its interval, and the number of cases below; None = no column."""
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(rows))
    small = len(rows) > 14
    size = 8 if small else 9
    longest = max((width_of(str(each.n), size) for each in rows), default=0.0)
    turned = longest > step - 1
    height, bottom = (190.0 + longest, 44.0 + longest) if turned else (190.0, 44.0)
    picture = Drawing(WIDTH, height, title)
    y_of = _scale(0, 1, height - bottom, _TOP)
    _share_axis(picture, y_of, WIDTH - _RIGHT)
    every = ceil(max(len(each.label) for each in rows) * 5.6 / step) if rows else 1
    for number, row in enumerate(rows):
        middle = _LEFT + step * (number + 0.5)
        if row.share is not None and row.low is not None and row.high is not None:
            colour = _colour(row)
            height_of = max(y_of(0) - y_of(row.share), _LEAST_HEIGHT)
            picture.box(middle - step * 0.32, y_of(0) - height_of, step * 0.64, height_of, colour)
            picture.line([(middle, y_of(row.low)), (middle, y_of(row.high))], INK, 1.2)
        if number % every == 0:
            picture.words(middle, height - bottom + 14, row.label, at="middle", size=9 if small else 10)
        if turned:
            picture.upwards(middle + 3, height - bottom + 20, str(row.n), size=size, colour=FAINT)
        else:
            picture.words(middle, height - bottom + 27, str(row.n), at="middle", size=size, colour=FAINT)
    picture.words(_LEFT - 6, height - bottom + 27, "n", at="end", size=9, colour=FAINT)
    if nominal is not None:
        picture.line([(_LEFT, y_of(nominal)), (WIDTH - _RIGHT, y_of(nominal))], RED, 1.2, "4 3")
    return picture.text()


def _colour(row: Bar) -> str:
    if row.n < PALE_UNDER:
        return PALE
    return ORANGE if row.marked else BLUE


def reliability(title: str, points: Sequence[tuple[str, float, Bar]], said: str, happened: str) -> str:
    """Draw what happened over what was predicted: (class, nominal share, share); honest = the diagonal."""
    size, height = 300.0, 270.0
    picture = Drawing(size + 160, height, title)
    x_of, y_of = _scale(0, 1, _LEFT, size), _scale(0, 1, height - _BOTTOM, _TOP)
    _share_axis(picture, y_of, size)
    for percent in (0, 25, 50, 75, 100):
        picture.words(x_of(percent / 100), height - _BOTTOM + 15, f"{percent}%", at="middle", colour=FAINT, size=10)
    picture.line([(x_of(0), y_of(0)), (x_of(1), y_of(1))], FAINT, 1, "3 3")
    kinds = list(dict.fromkeys(kind for kind, _, _ in points))
    most = {kind: max(bar.n for of, _, bar in points if of == kind) for kind in kinds}
    for kind, nominal, bar in points:
        if bar.share is None or bar.low is None or bar.high is None:
            continue
        colour = SERIES[kinds.index(kind) % len(SERIES)][0]
        x = x_of(nominal) + 2.5 * (kinds.index(kind) - (len(kinds) - 1) / 2)
        picture.line([(x, y_of(bar.low)), (x, y_of(bar.high))], colour, 1.4)
        picture.dot(x, y_of(bar.share), 3.4, colour)
    for number, kind in enumerate(kinds):
        colour = SERIES[number % len(SERIES)][0]
        picture.dot(size + 24, _TOP + 8 + number * 20, 4, colour)
        picture.words(size + 34, _TOP + 12 + number * 20, f"{kind} (n={most[kind]})")
    picture.words(size, height - 4, said, at="end", colour=FAINT)
    picture.words(size + 20, height - _BOTTOM, happened, colour=FAINT)
    return picture.text()


def area_map(title: str, areas: Sequence[Shaded], outlines: Sequence[tuple[str, BaseGeometry]], wide: str) -> str:
    """Draw the areas shaded by their late share, and the outlines of the townships with their names over them.

    `wide` are the words for an area whose interval says too little.
    """
    sheet = Sheet.of([each.shape for each in areas] + [shape for _, shape in outlines], title)
    hatched = sheet.picture.hatch("uncertain", "#ffffff", "#c9cfd6")
    for area in areas:
        fill = shade(area.late)
        sheet.area(area.shape, hatched if fill == UNCERTAIN else fill)
    for _, outline in outlines:
        sheet.outline(outline)
    for name, outline in outlines:
        x, y = sheet.place(*shapely.get_coordinates(shapely.point_on_surface(outline)).tolist()[0])
        sheet.picture.words(x, y + 4, name, at="middle", size=10, halo=True)
    _legend(sheet.picture, sheet.picture.height, hatched, wide)
    return sheet.picture.text()


def _legend(picture: Drawing, height: float, hatched: str, wide: str) -> None:
    """Draw the shades in the lower left corner: from the lightest to the darkest, and the uncertain one."""
    ends = [round(limit * 100) for limit in SHADE_LIMITS]
    between = (f"{low}\u2060–\u2060{high}%" for low, high in pairwise(ends))
    limits = [f"<{ends[0]}%", *between, f"≥{ends[-1]}%", wide]
    for number, (fill, limit) in enumerate(zip((*SHADES, hatched), limits, strict=True)):
        top = height - 20 - 16 * (len(limits) - number)
        picture.box(8, top, 20, 12, fill, line=FAINT)
        picture.words(34, top + 10, limit, size=10)


def shade(bar: Bar) -> str:
    """Return the colour of an area by its late share; UNCERTAIN where its interval says too little."""
    share, low, high = bar.share, bar.low, bar.high
    if share is None or low is None or high is None or high - low > WIDEST:
        return UNCERTAIN
    return SHADES[sum(share >= limit for limit in SHADE_LIMITS)]


def _seconds_at(curve: Curve, share: float) -> float:
    """Return by when a share of the arrivals had happened."""
    return curve.points[min(len(curve.points) - 1, int(share * len(curve.points)))][0]

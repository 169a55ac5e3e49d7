"""The axes of charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.pages.svg import FAINT, GRID

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.pages.svg import Drawing

LEFT = 46.0
"""Pixels left of a vertical axis."""


def scale(first: float, last: float, start: float, end: float) -> Callable[[float], float]:
    """Return the function from values, `first` to `last`, to pixels, `start` to `end`."""
    return lambda value: start + (value - first) * (end - start) / (last - first)


def share_axis(picture: Drawing, y_of: Callable[[float], float], right: float) -> None:
    """Draw the lines and the labels of 0 to 100 %, from LEFT to `right`."""
    for percent in (0, 25, 50, 75, 100):
        y = y_of(percent / 100)
        picture.line([(LEFT, y), (right, y)], GRID)
        picture.words(LEFT - 6, y + 4, f"{percent}%", at="end", colour=FAINT, size=10)

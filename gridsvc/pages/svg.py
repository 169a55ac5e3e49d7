"""SVG as text: shapes with numbers of fixed digits, so that the same figures give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INK, FAINT, GRID = "#1b2733", "#5d6b78", "#d5dbe1"
BLUE, ORANGE, GREEN, RED = "#1f5a96", "#c8641e", "#3d7d4b", "#b3261e"
SERIES = ((BLUE, ""), (ORANGE, "6 3"), (GREEN, "2 2"))
"""Colour and dashes of each curve: printed in black and white they differ by the dashes."""


def number(value: float) -> str:
    """Return a coordinate with at most two digits."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


@dataclass(slots=True)
class Drawing:
    """A drawing of a size in pixels, its shapes in the order in which they are drawn. `title` is read to the blind."""

    width: float
    height: float
    title: str
    _parts: list[str] = field(default_factory=list)

    def line(
        self, ends: Sequence[tuple[float, float]], colour: str = INK, width: float = 1.0, dashes: str = ""
    ) -> None:
        """Draw a line through points."""
        points = " ".join(f"{number(x)},{number(y)}" for x, y in ends)
        dash = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{number(width)}"{dash}/>'
        )

    def box(self, left: float, top: float, width: float, height: float, fill: str, *, line: str = "none") -> None:
        """Draw a filled rectangle."""
        self._parts.append(
            f'<rect x="{number(left)}" y="{number(top)}" width="{number(max(0.0, width))}" '
            f'height="{number(max(0.0, height))}" fill="{fill}" stroke="{line}"/>'
        )

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        """Draw a filled circle."""
        self._parts.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}"/>')

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        at: str = "start",
        size: float = 11,
        colour: str = INK,
        bold: bool = False,
    ) -> None:
        """Write a line of text; `at`: start, middle or end."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{number(x)}" y="{number(y)}" text-anchor="{at}" font-size="{number(size)}" '
            f'fill="{colour}"{weight}>{escape(text)}</text>'
        )

    def area(self, rings: Iterable[Sequence[tuple[float, float]]], fill: str, *, line: str = "#ffffff") -> None:
        """Draw an area with holes."""
        path = "".join("M" + "L".join(f"{number(x)} {number(y)}" for x, y in ring) + "Z" for ring in rings)
        self._parts.append(f'<path d="{path}" fill="{fill}" fill-rule="evenodd" stroke="{line}" stroke-width="0.6"/>')

    def text(self) -> str:
        """Return the drawing as an SVG element for a page."""
        return (
            f'<svg viewBox="0 0 {number(self.width)} {number(self.height)}" role="img" '
            f'aria-label="{escape(self.title, quote=True)}" xmlns="http://www.w3.org/2000/svg">'
            f"<title>{escape(self.title)}</title>{''.join(self._parts)}</svg>"
        )

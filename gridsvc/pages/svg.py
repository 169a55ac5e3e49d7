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
        halo: bool = False,
    ) -> None:
        """Write a line of text; `at`: start, middle or end; `halo`: with a white edge."""
        style = ' font-weight="600"' if bold else ""
        style += ' stroke="#ffffff" stroke-width="3" paint-order="stroke"' if halo else ""
        self._parts.append(
            f'<text x="{number(x)}" y="{number(y)}" text-anchor="{at}" font-size="{number(size)}" '
            f'fill="{colour}"{style}>{escape(text)}</text>'
        )

    def upwards(self, x: float, y: float, text: str, *, size: float, colour: str = INK) -> None:
        """Write a line of text from a point downwards, to be read from below."""
        self._parts.append(
            f'<text x="{number(x)}" y="{number(y)}" text-anchor="end" font-size="{number(size)}" fill="{colour}" '
            f'transform="rotate(-90 {number(x)} {number(y)})">{escape(text)}</text>'
        )

    def hatch(self, name: str, ground: str, line: str) -> str:
        """Define a hatching and return what fills a shape with it; `name` is its own in the whole page."""
        self._parts.append(
            f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{ground}"/>'
            f'<line x1="0" y1="0" x2="0" y2="6" stroke="{line}" stroke-width="1.6"/></pattern></defs>'
        )
        return f"url(#{name})"

    def area(
        self,
        rings: Iterable[Sequence[tuple[float, float]]],
        fill: str,
        *,
        line: str = "#ffffff",
        opacity: float = 1.0,
    ) -> None:
        """Draw an area with holes."""
        path = "".join("M" + "L".join(f"{number(x)} {number(y)}" for x, y in ring) + "Z" for ring in rings)
        faint = "" if opacity == 1 else f' fill-opacity="{number(opacity)}"'
        self._parts.append(
            f'<path d="{path}" fill="{fill}"{faint} fill-rule="evenodd" stroke="{line}" stroke-width="0.6"/>'
        )

    def text(self) -> str:
        """Return the drawing as an SVG element for a page."""
        return (
            f'<svg viewBox="0 0 {number(self.width)} {number(self.height)}" role="img" '
            f'aria-label="{escape(self.title, quote=True)}" xmlns="http://www.w3.org/2000/svg">'
            f"<title>{escape(self.title)}</title>{''.join(self._parts)}</svg>"
        )


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is, pixels: a Chinese character is as wide as it is high."""
    return size * sum(1.0 if ord(letter) >= _WIDE_FROM else 0.58 for letter in text)


def wrapped(text: str, width: float, size: float, most: int = 2) -> list[str]:
    """Return a text in lines of at most a width; what does not fit into the last line ends with an ellipsis."""
    lines: list[str] = []
    left = text
    while left:
        end = len(left)
        last = len(lines) == most - 1
        while end > 1 and width_of(left[:end] + ("…" if last and end < len(left) else ""), size) > width:
            end -= 1
        if last:
            return [*lines, left if end == len(left) else left[:end].rstrip() + "…"]
        space = left.rfind(" ", 1, end + 1) if end < len(left) else -1
        end = space if space > 0 else end
        lines.append(left[:end].rstrip())
        left = left[end:].lstrip()
    return lines or [""]


_WIDE_FROM = 0x2E80
"""From here on are the scripts of East Asia."""

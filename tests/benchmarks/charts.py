"""Charts of the benchmarks: lines over two logarithmic axes, written as SVG by hand."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 76, 190, 46, 58
COLOURS = ("#0b3d91", "#c1440e", "#2e7d32", "#7b1fa2", "#b8860b", "#00838f", "#555555")
"""The first is ours."""


def lines(
    title: str, x_label: str, y_label: str, series: Mapping[str, Points], targets: Mapping[str, Points] | None = None
) -> str:
    """Return an SVG of one line a series, each named at its end; targets are hollow marks with their value."""
    points = [point for one in (*series.values(), *(targets or {}).values()) for point in one]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right = math.log10(min(xs)) - 0.08, math.log10(max(xs)) + 0.08
    low, high = math.floor(math.log10(min(ys)) - 0.1), math.ceil(math.log10(max(ys)) + 0.1)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - left) / (right - left)
        up = (math.log10(y) - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="sans-serif" font-size="13" role="img">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for decade in range(low, high + 1):
        _, y = at(xs[0], 10.0**decade)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{_number(10.0**decade)}</text>')
    for x in sorted(set(xs)):
        across, _ = at(x, 10.0**low)
        out.append(f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>')
        result = (
            f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">{_number(x)}</text>'
        )
        out.append(result)
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle" fill="#222">'
        f"{escape(x_label)}</text>"
    )
    out.append(
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="#222">'
        f"{escape(y_label)}</text>"
    )
    ends: list[tuple[float, float, str, str]] = []
    for number, (name, told_points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [at(x, y) for x, y in sorted(told_points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        width = 3 if number == 0 else 1.7
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
        ends.append((places[-1][1], places[-1][0], f"{name} {_number(max(told_points)[1])}", colour))
    for name, told_points in (targets or {}).items():
        for x, value in told_points:
            across, y = at(x, value)
            mark = f"{across - 6:.1f},{y + 5:.1f} {across + 6:.1f},{y + 5:.1f} {across:.1f},{y - 6:.1f}"
            out.append(f'<polygon points="{mark}" fill="#fff" stroke="#d00000" stroke-width="1.6"/>')
            # inward, so that it does not run into the names of the lines
            side, anchor = (9, "start") if across < WIDTH / 2 else (-9, "end")
            out.append(
                f'<text x="{across + side:.1f}" y="{y + 5:.1f}" text-anchor="{anchor}" font-size="11" fill="#d00000">'
                f"{escape(name)} {_number(value)}</text>"
            )
    out += _apart(ends)
    return "\n".join([*out, "</svg>", ""])


def _apart(ends: list[tuple[float, float, str, str]]) -> list[str]:
    """Name the lines at the right edge, no two names on one another, each tied to the end of its line."""
    out, lowest = [], -math.inf
    for y, x, name, colour in sorted(ends):
        place = max(y, lowest + 16)
        lowest = place
        edge = WIDTH - RIGHT + 12
        out.append(
            f'<line x1="{x + 5:.1f}" y1="{y:.1f}" x2="{edge - 3}" y2="{place:.1f}" stroke="{colour}" '
            'stroke-width="0.7" stroke-dasharray="2 2"/>'
        )
        out.append(f'<text x="{edge}" y="{place + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return out


def _number(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    if value >= 1e3:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}"

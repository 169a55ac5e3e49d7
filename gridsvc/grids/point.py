"""Locate one point in an ownership index with plain Python: no compiler, no arrays, about 20 microseconds.

The command line answers a single place with it, and it names what overlaps. The walk is that of `crossing`; sides of
edges that floating point cannot decide are decided with fractions.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gridsvc.grids.layout import CORNER_BIT, FACES_PER_WORD, NEAR_DEG, SPLIT

if TYPE_CHECKING:
    from gridsvc.grids.layout import Layout

_ERROR_BOUND = 3.3306690738754716e-16


class Claims(NamedTuple):
    """Who claims a point.

    faces: rows of all grids that hold it, ascending (finest level first, then by code). near: rows of those whose
    border is within 0.1 mm. outcome: not None in a cell without borders; then it is the whole answer.
    """

    outcome: int | None
    faces: list[int]
    near: list[int]


def find_claims(buffer: memoryview, layout: Layout, lon: float, lat: float) -> Claims:
    """Return the grids that hold a point."""
    parameters = layout.parameters
    west, south, cell = parameters["west_deg"], parameters["south_deg"], parameters["cell_deg"]
    columns, rows = int(parameters["columns"]), int(parameters["rows"])
    x, y = (lon - west) * parameters["cells_per_deg"], (lat - south) * parameters["cells_per_deg"]
    if not (0 <= x < columns and 0 <= y < rows):
        return Claims(None, [], [])
    column, row = int(x), int(y)
    code: int = struct.unpack_from("<i", buffer, layout.sections["cells"][0] + 4 * (row * columns + column))[0]
    west += column * cell
    south += row * cell
    while code < 0:
        at = layout.sections["pool"][0] + 8 * ~code
        head: int = struct.unpack_from("<q", buffer, at)[0]
        if not head & SPLIT:
            return _settle(buffer, at, head, lon, lat, west + cell)
        cell *= 0.25
        column = min(max(int((lon - west) / cell), 0), 3)
        row = min(max(int((lat - south) / cell), 0), 3)
        west += column * cell
        south += row * cell
        code = struct.unpack_from("<i", buffer, at + 8 + 4 * (4 * row + column))[0]
    return Claims(code, [], [])


def _settle(buffer: memoryview, at: int, head: int, lon: float, lat: float, corner_x: float) -> Claims:
    count, amount = head & 0xFFFFF, (head >> 20) & 0xFFFFF
    masks = -(-amount // FACES_PER_WORD)
    faces = struct.unpack_from(f"<{amount}i", buffer, at + 8)
    at += 8 + 8 * ((amount + 1) // 2)
    inside = _joined(struct.unpack_from(f"<{masks}q", buffer, at))
    at += 8 * masks
    near = 0
    for ax, ay, bx, by, *words in struct.iter_unpack(f"<4d{masks}q", buffer[at : at + count * 8 * (4 + masks)]):
        edge_faces = _joined(words)
        corner_left = bool(words[0] >> CORNER_BIT & 1)
        low, high = min(ax, bx), max(ax, bx)
        spans_x, spans_y = low <= corner_x < high, ay <= lat < by
        if spans_x or spans_y:
            turn_left = is_left(ax, ay, bx, by, corner_x, lat)
            if spans_y and is_left(ax, ay, bx, by, lon, lat) != turn_left:
                inside ^= edge_faces
            if spans_x and corner_left != turn_left:
                inside ^= edge_faces
        beside = ay - NEAR_DEG <= lat <= by + NEAR_DEG and low - NEAR_DEG <= lon <= high + NEAR_DEG
        if beside and _is_near(bx - ax, by - ay, lon - ax, lat - ay):
            near |= edge_faces
    return Claims(None, _chosen(faces, inside), _chosen(faces, near))


def _is_near(dx: float, dy: float, x: float, y: float) -> bool:
    """Say whether a point is within NEAR_DEG of the edge (0, 0)-(dx, dy)."""
    det, along, length2 = dx * y - dy * x, dx * x + dy * y, dx * dx + dy * dy
    if det * det > NEAR_DEG * NEAR_DEG * length2:
        return False
    if along < 0:
        return x * x + y * y <= NEAR_DEG * NEAR_DEG
    return along <= length2 or (x - dx) * (x - dx) + (y - dy) * (y - dy) <= NEAR_DEG * NEAR_DEG


def _joined(words: tuple[int, ...] | list[int]) -> int:
    return sum((word & ((1 << FACES_PER_WORD) - 1)) << (FACES_PER_WORD * i) for i, word in enumerate(words))


def _chosen(faces: tuple[int, ...], bits: int) -> list[int]:
    return [face for i, face in enumerate(faces) if bits >> i & 1]


def is_left(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> bool:
    """Say whether p is strictly left of the canonical edge a-b; a point on it does not."""
    t, u = (bx - ax) * (py - ay), (by - ay) * (px - ax)
    if abs(t - u) > _ERROR_BOUND * (abs(t) + abs(u)):
        return t > u
    left = (Fraction(bx) - Fraction(ax)) * (Fraction(py) - Fraction(ay))
    return left > (Fraction(by) - Fraction(ay)) * (Fraction(px) - Fraction(ax))

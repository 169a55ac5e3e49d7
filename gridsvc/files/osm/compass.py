"""Names by direction, for grids that the file does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compass_names(name: str, centres: NDArray[np.float64], suffix: str = "") -> list[str]:
    """Name each centre (metres) by its direction from the middle of all; equal directions are numbered."""
    middle = centres.mean(axis=0)
    spread = float(np.hypot(*(centres - middle).T).max()) or 1.0
    words = ("East", "North-East", "North", "North-West", "West", "South-West", "South", "South-East")
    plain = []
    for x, y in centres - middle:
        turn = round(float(np.degrees(np.arctan2(y, x))) / 45.0) % 8
        plain.append("Centre" if np.hypot(x, y) < 0.25 * spread or len(centres) == 1 else words[turn])
    names = []
    for index, word in enumerate(plain):
        number = plain[:index].count(word) + 1
        names.append(f"{name} {word}{f' {number}' if plain.count(word) > 1 else ''}{suffix}")
    return names

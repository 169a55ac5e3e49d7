"""A province of villages with crooked borders that neighbours share, in townships and regions; seeded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PROVINCE = "990000"
WEST, SOUTH, SIDE_DEG = 121.0, 28.0, 0.01
TOWN, REGION = 10, 50
"""Villages along one side of a township, and of a region."""
_BENDS = 12
_LEVELS = (("regional", REGION), ("township", TOWN), ("village", 1))


def write_province(folder: Path, columns: int, rows: int) -> dict[str, Path]:
    """Write columns x rows villages (multiples of REGION) with their townships and regions; return level -> GeoJSON.

    A village has 4 x 13 points, one of 60,000 and its neighbours have the same numbers along their border.
    """
    if columns % REGION or rows % REGION:
        raise ValueError(columns, rows)
    shake = np.random.default_rng(11)
    corner = np.stack(np.meshgrid(WEST + SIDE_DEG * np.arange(columns + 1), SOUTH + SIDE_DEG * np.arange(rows + 1)), -1)
    corner = corner.transpose(1, 0, 2)
    inside = (slice(1, -1), slice(1, -1))
    corner[inside] += shake.uniform(-0.2, 0.2, corner[inside].shape) * SIDE_DEG
    east = _bent(corner[:-1], corner[1:], shake)
    north = _bent(corner[:, :-1], corner[:, 1:], shake)
    corner = corner.round(7)
    above: dict[str, str | None] = {"regional": None, "township": "regional", "village": "township"}
    files = {}
    for level, size in _LEVELS:
        features = [
            {
                "type": "Feature",
                "properties": {
                    "code": code_of(level, i, j),
                    "name": f"{level} {i} {j}",
                    "parent": None if (parent := above[level]) is None else code_of(parent, i, j),
                },
                "geometry": {"type": "Polygon", "coordinates": [_ring(corner, east, north, i, j, size)]},
            }
            for i in range(0, columns, size)
            for j in range(0, rows, size)
        ]
        files[level] = folder / f"{level}.geojson"
        files[level].write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return files


def code_of(level: str, i: int, j: int) -> str:
    """Return the code of the grid of a level that holds the village in column i and row j."""
    if level == "regional":
        return f"{PROVINCE}R{i // REGION:02d}{j // REGION:02d}"
    town = f"9900{i // TOWN:02d}{j // TOWN:03d}"
    return f"{town}000" if level == "township" else f"{town}{i % TOWN * TOWN + j % TOWN + 1:03d}"


def _bent(here: Floats, there: Floats, shake: np.random.Generator) -> Floats:
    part = np.arange(1, _BENDS + 1)[:, None] / (_BENDS + 1)
    line = here[..., None, :] + (there - here)[..., None, :] * part
    return (line + shake.uniform(-0.02, 0.02, line.shape) * SIDE_DEG).round(7)


def _ring(corner: Floats, east: Floats, north: Floats, i: int, j: int, size: int) -> list[Any]:
    """Return the closed ring of size x size villages, counter-clockwise from the south-west."""
    points: list[Any] = []
    for k in range(i, i + size):
        points += [corner[k, j].tolist(), *east[k, j].tolist()]
    for k in range(j, j + size):
        points += [corner[i + size, k].tolist(), *north[i + size, k].tolist()]
    for k in range(i + size, i, -1):
        points += [corner[k, j + size].tolist(), *east[k - 1, j + size][::-1].tolist()]
    for k in range(j + size, j, -1):
        points += [corner[i, k].tolist(), *north[i, k - 1][::-1].tolist()]
    return [*points, points[0]]

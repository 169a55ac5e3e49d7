"""The four nested enforcement levels, and the grid, which belongs to one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


class Level(IntEnum):
    """Enforcement level, from 1 (widest) to 4 (finest); section two (one) 3 of the plan in geodata/SOURCES.md."""

    REGIONAL = 1
    TOWNSHIP = 2
    AREA = 3
    VILLAGE = 4

    @property
    def key(self) -> str:
        """The level's name in files and answers: regional, township, area, village."""
        return self.name.lower()

    @classmethod
    def from_key(cls, key: str) -> Level:
        """Return the level with this key; raise KeyError where there is none."""
        return cls[key.upper()]


LEVEL_KEYS = tuple(level.key for level in Level)


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid of one generation.

    geometry: Polygon or MultiPolygon, lon/lat WGS-84, possibly invalid in a draft. `parent` is the code of
    the grid of a wider level that contains it, or None. `urban_rural_code` is the three-digit statistical code of a
    village (111, 112, ...).
    `provisional_code`: no official code was found for the name, so the import made one. `derived`: no source has this
    grid, so the program drew it. `officer` is the name of the person in charge of a village grid.
    """

    code: str
    name: str
    level: Level
    parent: str | None
    geometry: BaseGeometry
    urban_rural_code: str | None = None
    provisional_code: bool = False
    derived: bool = False
    officer: str | None = None

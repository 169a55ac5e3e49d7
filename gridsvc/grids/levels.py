"""The four nested levels and one grid of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


class Level(IntEnum):
    """Enforcement level, 1 the widest (plan, two, one, 3)."""

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
        """Raise KeyError for a name that is no level."""
        return cls[key.upper()]


LEVEL_KEYS = tuple(level.key for level in Level)


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid of one generation.

    geometry: Polygon or MultiPolygon, lon/lat WGS-84, possibly invalid in a draft. `parent` is the code of a grid of
    a wider level, or None. `urban_rural_code` is the three-digit statistical code of a village (111, 112, ...).
    `provisional_code` marks a code that was made because the name did not resolve. `derived` marks a grid that the
    program drew because no source had it.
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

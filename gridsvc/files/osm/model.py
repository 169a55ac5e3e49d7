"""What a demo stands on: the grids, roads, stations and addresses of one place, real or made up, said for each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gridsvc.grids.levels import LEVEL_KEYS, Grid, Level

if TYPE_CHECKING:
    from gridsvc.places.features import NamedFeature
    from gridsvc.roads.network.network import RoadNetwork


SYNTHETIC_CODE = "330703"
"""Code of Jindong, which the synthetic district is named after."""

REAL_CODE = "900001"
"""Code of a real place that has none: 9 begins no code of China's divisions."""


@dataclass(frozen=True, slots=True)
class StationSite:
    """A place where teams stand. `kind` is fire_station, police, townhall or seat; `made_up` where no source has it."""

    name: str
    kind: str
    lon: float
    lat: float
    made_up: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """A named place (village, hamlet, quarter, ...). `weight` grows with its rank: people who live there, roughly."""

    name: str
    kind: str
    lon: float
    lat: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Address:
    """A house number with its street, as the source writes it; `place` is the town or village of the address."""

    text: str
    street: str
    house_number: str
    place: str
    lon: float
    lat: float
    postcode: str = ""

    def parts(self) -> dict[str, str]:
        """Return the fields that a gazetteer keeps; those without a value are left out."""
        fields = {"street": self.street, "house": self.house_number, "place": self.place, "postcode": self.postcode}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """One district ready to be loaded.

    `grids` has all four levels, parents before children; codes are unique and every child has its parent. `synthetic`
    is false only where roads and townships are real. `time_zone` is an IANA name. `notes` are sentences for the
    person who reads the screen: what is real, what was drawn, what was left out and why.
    """

    code: str
    name: str
    synthetic: bool
    time_zone: str
    grids: tuple[Grid, ...]
    roads: RoadNetwork
    stations: tuple[StationSite, ...]
    settlements: tuple[Settlement, ...] = ()
    addresses: tuple[Address, ...] = ()
    features: tuple[NamedFeature, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def list_grids(self, level: Level) -> list[Grid]:
        """All grids of one level, in the order of their codes."""
        return sorted((grid for grid in self.grids if grid.level is level), key=lambda grid: grid.code)

    def grid_counts(self) -> dict[str, int]:
        """How many grids each level has, keys in the order of the levels."""
        counts = Counter(grid.level.key for grid in self.grids)
        return {key: counts[key] for key in LEVEL_KEYS}

"""The owners of the places of an export: by position, else by the names that the file has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.grids.levels import LEVEL_KEYS, Level
from gridsvc.grids.ownership import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.compliance.history import CaseColumns
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.runtime.districts import DistrictView

LOCATED, NAMED, OUTSIDE, UNKNOWN = "located", "named", "outside", "unknown"
PLACES = (LOCATED, NAMED, OUTSIDE, UNKNOWN)
"""How the owners of a case were found: by its position; by the name of a grid, where the file has no position; not,
since the position lies outside the district; not, since neither is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where n cases lie.

    place: (n,) position in PLACES. row: (n,) row of `codes` and `classes`, -1 = no owner. codes: of each grid, its
    owners from regional to village. classes: of each grid, the response class of a place in it, None = no law.
    """

    place: NDArray[np.int8]
    row: NDArray[np.int32]
    codes: tuple[tuple[str | None, ...], ...]
    classes: tuple[str | None, ...]

    def counts(self) -> dict[str, int]:
        """Return how many cases there are of each word of PLACES."""
        found = np.bincount(self.place, minlength=len(PLACES))
        return {name: int(number) for name, number in zip(PLACES, found.tolist(), strict=True)}

    def take(self, wanted: NDArray[np.bool_]) -> Placed:
        """Return some of the cases."""
        return Placed(self.place[wanted], self.row[wanted], self.codes, self.classes)


def place_cases(cases: CaseColumns, view: DistrictView) -> Placed:
    """Return the owners of cases in the grids in force; without grids nothing is known."""
    count, index = len(cases), view.index
    place = np.full(count, PLACES.index(UNKNOWN), np.int8)
    row = np.full(count, -1, np.int32)
    if index is None:
        return Placed(place, row, (), ())
    has_position = np.flatnonzero(np.isfinite(cases.lon) & np.isfinite(cases.lat))
    owners = index.locate_many(cases.lon[has_position], cases.lat[has_position])
    inside = owners.rule != Rule.OUTSIDE
    row[has_position[inside]] = owners.row[inside]
    place[has_position[inside]] = PLACES.index(LOCATED)
    place[has_position[~inside]] = PLACES.index(OUTSIDE)
    without = np.flatnonzero(place == PLACES.index(UNKNOWN))
    named = _by_name(cases, without, index)
    row[without[named >= 0]] = named[named >= 0]
    place[without[named >= 0]] = PLACES.index(NAMED)
    return Placed(place, row, *_grids(index, view))


def _by_name(cases: CaseColumns, rows: NDArray[np.int64], index: OwnershipIndex) -> NDArray[np.int32]:
    """Return the finest grid whose code or name the file has for each of some cases, -1 = none, or several."""
    table = index.grids
    found = np.full(len(rows), -1, np.int32)
    for level in Level:
        labels = getattr(cases, LEVEL_KEYS[level - 1])
        if not labels.words:
            continue
        here = [n for n in range(index.size) if table.levels[n] == level]
        names = Counter(table.names[n] for n in here)
        grid_of = {table.names[n]: n for n in here if names[table.names[n]] == 1} | {table.codes[n]: n for n in here}
        grid = np.array([*(grid_of.get(word, -1) for word in labels.words), -1], np.int32)[labels.codes[rows]]
        found = np.where(grid >= 0, grid, found)
    return found


def _grids(
    index: OwnershipIndex, view: DistrictView
) -> tuple[tuple[tuple[str | None, ...], ...], tuple[str | None, ...]]:
    table = index.grids
    codes = tuple(
        tuple(None if link < 0 else table.codes[link] for link in chain)
        for chain in index.chains[: index.size].tolist()
    )
    if view.law is None:
        return codes, (None,) * index.size
    mapping = view.law.clocks.response_classes
    classes = tuple(
        str(mapping.class_of(own, view.seat_codes.get(chain[Level.TOWNSHIP - 1] or "")))
        for own, chain in zip(table.urban_rural_codes, codes, strict=True)
    )
    return codes, classes

"""A generation against the one in force, as a reviewer reads it: grids, ground, and the places that change owner."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.db.grids import generations as store
from gridsvc.errors import TooLarge
from gridsvc.files.grids.export import FAULT_ENDINGS, write_features
from gridsvc.files.text import check_ending
from gridsvc.grids import topology
from gridsvc.grids.code_lists import match_grids, summary_of
from gridsvc.grids.differences import Difference, compare
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.grids.review import GridChange, review
from gridsvc.operations.places.owners import locate_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gridsvc.grids.code_lists import CodeMatch
    from gridsvc.grids.levels import Grid
    from gridsvc.operations.runtime.service import Service

    Change = tuple[str, str | None, str | None]

MOST_GRIDS = 20_000
"""Of two generations in one answer over HTTP; larger ones are compared by the command."""
SORTS = {"address": "addresses", "team": "teams", "case": "open_cases"}


@dataclass(frozen=True, slots=True)
class Review:
    """What a generation changes. against None: nothing is in force, so nothing changes.

    counts: by (level, code before, code after), how many addresses, teams and open cases change owner there. totals:
    of the places that have another chain of owners, each once. codes: which grid is which, where a code, a name or a
    parent changed; empty where none did.
    """

    district: str
    generation: int
    against: int | None
    difference: Difference
    grids: list[GridChange]
    counts: Mapping[Change, Mapping[str, int]]
    totals: Mapping[str, int]
    names: Mapping[str, str]
    codes: list[CodeMatch]

    def as_json(self) -> dict[str, Any]:
        """Return {generation, against, added, ..., moved, grids, codes, addresses, teams, open_cases}."""
        whole = self.difference.as_json()
        whole["moved"] = [self._move(number) for number in range(len(self.difference.moves))]
        grids = [change.as_json() | self._of_grid(change) for change in self.grids]
        return {
            "district": self.district,
            "generation": self.generation,
            "against": self.against,
            **whole,
            "grids": grids,
            "codes": {
                **summary_of(self.codes),
                "matches": [each.as_json() for each in self.codes if not each.is_plain],
            },
            **self.totals,
        }

    def as_collection(self) -> dict[str, Any]:
        """Return a FeatureCollection of the ground that changes owner, with the members of `as_json` beside it."""
        features = [
            {"type": "Feature", "geometry": shapely.geometry.mapping(move.shape), "properties": self._move(number)}
            for number, move in enumerate(self.difference.moves)
            if not move.shape.is_empty
        ]
        return {"type": "FeatureCollection", "features": features} | {
            key: value for key, value in self.as_json().items() if key != "moved"
        }

    def _move(self, number: int) -> dict[str, Any]:
        move = self.difference.moves[number]
        found = self.counts.get((move.level.key, move.before, move.after), {})
        return {
            "level": move.level.key,
            "from": move.before,
            "to": move.after,
            "from_name": self.names.get(move.before or ""),
            "to_name": self.names.get(move.after or ""),
            "area_m2": round(move.area_m2, 1),
            **{name: found.get(name, 0) for name in SORTS.values()},
        }

    def _of_grid(self, change: GridChange) -> dict[str, int]:
        """Return how many places a grid gains and loses."""
        summed: Counter[str] = Counter()
        for (level, before, after), found in self.counts.items():
            if level == change.level.key and change.code in {before, after}:
                summed.update(found)
        return {name: summed[name] for name in SORTS.values()}


def review_generation(service: Service, district: str, number: int, *, most_grids: int | None = None) -> Review:
    """Compare a generation with the one in force (its predecessor in number, if it is that one).

    Raises
    ------
    TooLarge
        When the two have more than `most_grids` grids.
    """
    with service.database.transaction() as connection:
        store.get_generation(connection, district, number)
        base = store.find_in_force(connection, district)
        if base == number:
            earlier = [g.number for g in store.list_generations(connection, district) if g.number < number]
            base = earlier[-1] if earlier else None
        before = [] if base is None else store.list_grids(connection, district, base)
        after = store.list_grids(connection, district, number)
        places = [] if base is None else store.list_places(connection, district, addresses=True)
    if most_grids is not None and len(before) + len(after) > most_grids:
        raise TooLarge(
            f"Generations {base} and {number} have {len(before) + len(after)} grids. Compare them by "
            "`gridsvc grids diff`.",
            kind="too-many-grids",
            generation=number,
            against=base,
            count=len(before) + len(after),
            most=most_grids,
        )
    difference = compare(before, after)
    counts, totals = _count(district, before, after, places)
    names = {grid.code: grid.name for grid in (*before, *after)}
    changes = review(before, after, difference) if base is not None else []
    return Review(district, number, base, difference, changes, counts, totals, names, _codes(before, after))


def _codes(before: Sequence[Grid], after: Sequence[Grid]) -> list[CodeMatch]:
    """Return which grid is which; nothing where codes, names and parents are those of before, or there are none."""
    one, other = ({(grid.level, grid.code, grid.name, grid.parent) for grid in side} for side in (before, after))
    return match_grids(before, after) if before and one != other else []


def write_review(path: Path, found: Review) -> None:
    """Write the ground that changes owner to .geojson or .gpkg, layer `differences`."""
    check_ending(path, FAULT_ENDINGS)
    rows = [(feature["properties"], feature["geometry"]) for feature in found.as_collection()["features"]]
    write_features(path, "differences", [(row, shapely.geometry.shape(shape)) for row, shape in rows])


def _count(
    district: str, before: Sequence[Grid], after: Sequence[Grid], places: Sequence[tuple[str, float, float]]
) -> tuple[dict[Change, Counter[str]], dict[str, int]]:
    """Count the places that change owner: by level and grids, and each once."""
    counts: dict[Change, Counter[str]] = defaultdict(Counter)
    totals = dict.fromkeys(SORTS.values(), 0)
    old, new = _index(district, before), _index(district, after)
    if not places or old is None or new is None:
        return counts, totals
    lon, lat = (np.array([place[k] for place in places], np.float64) for k in (1, 2))
    was, now = locate_many([old], lon, lat), locate_many([new], lon, lat)
    changed = np.zeros(len(places), bool)
    for level in LEVEL_KEYS:
        one, other = ([found.words[level][k] for k in found.columns[level].tolist()] for found in (was, now))
        for number, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine != theirs:
                counts[level, mine, theirs][SORTS[places[number][0]]] += 1
                changed[number] = True
    for number in np.flatnonzero(changed).tolist():
        totals[SORTS[places[number][0]]] += 1
    return counts, totals


def _index(district: str, grids: Sequence[Grid]) -> OwnershipIndex | None:
    """Return an index of a draft, whose shapes may be invalid and whose codes may be there twice."""
    usable: dict[str, Grid] = {}
    for grid in grids:
        shape = topology.valid(grid.geometry)
        if shapely.get_dimensions(shape) == 2 and not shape.is_empty:
            usable.setdefault(grid.code, replace(grid, geometry=shape))
    return OwnershipIndex.build(district, 0, usable.values()) if usable else None

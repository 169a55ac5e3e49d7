"""Municipalities that an extract cuts off: which they are, and what of the file belongs to them and so to nobody.

The border of such an area is known in part only, so it has no polygon. Within the file its border is whole: a walk that
starts outside of the area and crosses it an odd number of times ends inside (the crossing test of Shimrat 1962, along a
walk). The walks go over the land of the file, from cell to cell, so that they never leave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import shapely

from gridsvc.files.osm.land import Land, segments_of
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.files.osm.places import LeftOut, OsmPlaces
    from gridsvc.roads.network.network import RoadNetwork

_LEAST_KM = 0.5
"""An area with less road in the file is a neighbour whose border the file happens to have."""
_DEEPEST = 8
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Ownerless:
    """What of a file has no township: km2 of the land between its roads, km of road, addresses."""

    km2: float
    road_km: float
    addresses: int

    def in_words(self) -> str:
        """Return `12.3 km2 with 45.6 km of road and 78 addresses`."""
        return f"{self.km2:.1f} km2 with {self.road_km:.1f} km of road and {self.addresses} addresses"

    def as_json(self) -> dict[str, Any]:
        """Return the measures as JSON values."""
        return {"km2": round(self.km2, 2), "road_km": round(self.road_km, 1), "addresses": self.addresses}


@dataclass(frozen=True, slots=True)
class CutOff:
    """A municipality that the file does not hold whole. ownerless None: which side is its own is not known."""

    area: LeftOut
    ownerless: Ownerless | None

    def in_words(self) -> str:
        """Say which it is, what of it the file has not, and what stays ownerless."""
        said = f"The file cuts off {self.area.name} (admin_level {self.area.admin_level}): {self.area.reason}"
        if self.ownerless is None:
            return f"{said}. It has no grid"
        return f"{said}. Without its grid {self.ownerless.in_words()} stay ownerless"

    def as_json(self) -> dict[str, Any]:
        """Return the area and what is its own as JSON values."""
        return {
            "osm_id": self.area.osm_id,
            "admin_level": self.area.admin_level,
            "name": self.area.name,
            "reason": self.area.reason,
            "ownerless": None if self.ownerless is None else self.ownerless.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Cut:
    """The municipalities that a file cuts off, those with the most road first, and what has no township in all."""

    areas: tuple[CutOff, ...]
    ownerless: Ownerless

    def in_words(self) -> list[str]:
        """Say each that is cut off in a sentence, then what stays ownerless; nothing where none is."""
        if not self.areas:
            return []
        said = [each.in_words() for each in self.areas[:_MOST_NAMED]]
        if more := [each.area.name for each in self.areas[_MOST_NAMED:]]:
            said.append(f"The file cuts off {len(more)} more: {', '.join(more)}")
        said.append(
            f"Ownerless in all: {self.ownerless.in_words()}. Load a wider extract, or draw the missing grids and load "
            "them with `gridsvc load grids`"
        )
        return said

    def as_json(self) -> dict[str, Any]:
        """Return {areas, ownerless}."""
        return {"areas": [each.as_json() for each in self.areas], "ownerless": self.ownerless.as_json()}


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Places (n, 2) in degrees without a township, and what each stands for (n, 3): km2, km of road, addresses."""

    places: NDArray[np.float64]
    worth: NDArray[np.float64]

    def sum_of(self, chosen: NDArray[np.bool_]) -> Ownerless:
        km2, road_km, addresses = self.worth[chosen].sum(axis=0).tolist()
        return Ownerless(km2, road_km, round(addresses))


def find_cut_off(found: OsmPlaces, network: RoadNetwork, chosen: Mapping[Level, int]) -> Cut:
    """Find the municipalities that the file of some roads does not hold whole, and what belongs to them.

    `chosen`: `levels.choose_admin_levels`.
    """
    number = chosen.get(Level.TOWNSHIP)
    townships = shapely.STRtree([area.geometry for area in found.areas if area.admin_level == number])
    land = Land.of(network)
    loose = _without_township(found, network, land, townships)
    cut = _municipalities(found, number)
    inside = _inside(land, loose.places, cut, townships)
    areas = [
        CutOff(area, None if inside is None else loose.sum_of(inside[:, column])) for column, area in enumerate(cut)
    ]
    kept = [each for each in areas if each.ownerless is None or _matters(each.ownerless)]
    kept.sort(key=lambda each: (-(each.ownerless.road_km if each.ownerless else 0.0), each.area.name))
    return Cut(tuple(kept), loose.sum_of(np.ones(len(loose.places), bool)))


def _municipalities(found: OsmPlaces, number: int | None) -> list[LeftOut]:
    """Return the areas that are cut and would be townships: of their level, or finer where a coarser one was taken."""
    cut = [a for a in found.left_out if (number or 0) <= a.admin_level <= _DEEPEST and not a.border.is_empty]
    if number is None and cut:
        deepest = max(area.admin_level for area in cut)
        cut = [area for area in cut if area.admin_level == deepest]
    return cut


def _matters(own: Ownerless) -> bool:
    return own.road_km >= _LEAST_KM or own.addresses > 0


def _without_township(found: OsmPlaces, network: RoadNetwork, land: Land, townships: shapely.STRtree) -> _Places:
    roads, length_km = segments_of(network)
    houses = np.array([(each.lon, each.lat) for each in found.addresses], np.float64).reshape(-1, 2)
    places = np.concatenate([land.middles, roads, houses])
    worth = np.zeros((len(places), 3))
    worth[: len(land.middles), 0] = land.cell_km2
    worth[len(land.middles) : len(land.middles) + len(roads), 1] = length_km
    worth[len(land.middles) + len(roads) :, 2] = 1.0
    held = np.zeros(len(places), bool)
    held[townships.query(shapely.points(places), predicate="intersects")[0]] = True
    return _Places(places[~held], worth[~held])


def _inside(
    land: Land, places: NDArray[np.float64], cut: list[LeftOut], townships: shapely.STRtree
) -> NDArray[np.bool_] | None:
    """Whether each place is of each area, (places, areas); None where no place is known to be in or out of any.

    Every cell whose middle is in a township is outside of all areas; the seat of an area is inside of it alone.
    """
    borders = [area.border for area in cut]
    state = np.zeros((len(land.middles), len(cut)), bool)
    known = np.zeros(len(land.middles), bool)
    known[townships.query(shapely.points(land.middles), predicate="intersects")[0]] = True
    for column, area in enumerate(cut):
        if area.seat is not None:
            seat = np.array([area.seat])
            cell = land.nearest(seat)
            state[cell] = _crossings(land.middles[cell], seat, borders)
            state[cell, column] ^= True
            known[cell] = True
    if not known.any():
        return None
    steps = land.walks_from(np.flatnonzero(known))
    crossed = _crossings(land.middles[steps.before], land.middles[steps.cell], borders)
    for step in steps.rounds():
        state[steps.cell[step]] = state[steps.before[step]] ^ crossed[step]
    reached = known.copy()
    reached[steps.cell] = True
    home = land.nearest(places)
    result = state[home] ^ _crossings(land.middles[home], places, borders)
    return np.asarray(result & reached[home][:, None])


def _crossings(start: NDArray[np.float64], end: NDArray[np.float64], borders: list[BaseGeometry]) -> NDArray[np.bool_]:
    """Whether lines (n) cross each border an odd number of times, (n, borders)."""
    odd = np.zeros((len(start), len(borders)), bool)
    lines = cast("NDArray[np.object_]", shapely.linestrings(np.stack([start, end], axis=1)))
    tree = shapely.STRtree(lines)
    for column, border in enumerate(borders):
        merged = shapely.line_merge(border)
        near = np.unique(tree.query(shapely.get_parts(merged), predicate="intersects")[1])
        met = shapely.intersection(lines[near], merged)
        odd[near, column] = shapely.get_num_geometries(met) % 2 == 1
    return odd

"""Whether places on roads are shifted as if their datum were another: by their distances to the road network (R20).

Vehicles, house numbers and the roads of another file are within some metres of a road. Read in a wrong datum of China
they are 300 to 1,300 m off, where the next road is a matter of chance: tens of metres away in a town, hundreds in a
valley. So the datum shows by the median distance to the nearest road.

A median is not moved by the fifth of the places that is on a yard or on a new road. That chance alone brings the places
to roads is excluded by controls: shifts as long as the real one, in other directions. A datum is found where the places
are near roads in it (`NEAR_M`) and at most `BEST_SHARE` as far from them as in every other datum and at every control.
In a dense road net a shift may hide, and then nothing is found: `is_clear` is False.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import Datum, LocalMetres, from_wgs84, shift_words, to_wgs84
from gridsvc.roads.network.network import DEGREE
from gridsvc.roads.search.snapping import FARTHEST_M, snap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork

    Floats = NDArray[np.float64]

FEWEST_PLACES = 40
"""With fewer distinct places nothing is said."""
MOST_PLACES = 500
CELL_M = 100.0
"""One place is taken of each square of this side, so that a long stop counts once."""
LEAST_SPREAD_M = 1_500.0
"""Places of which nine in ten are in a smaller box are one site, whose own ways may be on no map."""
NEAR_M = 20.0
"""The largest median distance of places that are on roads: what receivers and map makers err by."""
NEAR_STREET_M = 60.0
"""The same to the street of their own name: houses stand back from it, and chance brings none so near."""
BEST_SHARE = 0.5
_TURNS_DEG = (45, 75, 105, 135, 165, 195, 225, 255, 285, 315)
"""Directions of the controls, against that of the real shift."""
_STEPS_M = (40.0, 20.0, 10.0, 5.0)
_CAPPED_M = 60.0


@dataclass(frozen=True, slots=True)
class RoadFit:
    """How places fit the roads.

    declared: the datum that they were read with. datum: the one in which they are nearest to roads. as_declared_m,
    best_m: the median distances to the nearest road in each. others_m: the least of it in all other datums and at all
    controls. east_m, north_m: the measured shift of the places as declared; 0 where they are not shifted. places: how
    many were measured. near_m: the largest median of places that are on roads.
    """

    declared: Datum
    datum: Datum
    as_declared_m: float
    best_m: float
    others_m: float
    east_m: float
    north_m: float
    places: int
    near_m: float = NEAR_M

    @property
    def is_clear(self) -> bool:
        """Whether the roads tell the datum."""
        return self.places >= FEWEST_PLACES and self.best_m <= self.near_m and self.best_m <= BEST_SHARE * self.others_m

    @property
    def is_shifted(self) -> bool:
        """Whether the places are on roads in another datum than the declared one."""
        return self.is_clear and self.datum is not self.declared

    @property
    def shift_words(self) -> str:
        """The measured shift, such as `462 m east and 309 m south`."""
        return shift_words(self.east_m, self.north_m)


def fit_places(
    network: RoadNetwork, lon: Floats, lat: Floats, declared: Datum, *, streets: Sequence[str] | None = None
) -> RoadFit | None:
    """Compare places with the roads in each datum; None for too few of them.

    Parameters
    ----------
    lon, lat
        (n,) degrees, WGS-84 as they were read with `declared`.
    streets
        The name of the street of each place; those whose street the network has are compared with its roads alone. A
        house stands near the street of its name, and chance does not bring it there: a shift does not hide in a town.
    """
    taken = _taken(network, lon, lat, streets)
    if len(taken) < FEWEST_PLACES:
        return None
    here = lon[taken], lat[taken]
    raw = from_wgs84(here[0], here[1], declared)
    moved = {datum: to_wgs84(raw[0], raw[1], datum) for datum in declared.candidates}
    return _fit(_ground(network, here, _of(streets, taken)), moved, declared)


def fit_roads(
    network: RoadNetwork, lon: Floats, lat: Floats, declared: Datum, *, streets: Sequence[str] | None = None
) -> RoadFit | None:
    """Compare a network that was read with `declared` with places near roads, which are right.

    As `fit_places`, but it is the roads that may be shifted.
    """
    taken = _taken(network, lon, lat, streets)
    if len(taken) < FEWEST_PLACES:
        return None
    right = lon[taken], lat[taken]
    # moving the places as the datum does is as good as moving the roads back, and there are fewer of them
    moved = {datum: to_wgs84(*from_wgs84(right[0], right[1], datum), declared) for datum in declared.candidates}
    return _fit(_ground(network, right, _of(streets, taken)), moved, declared, sign=-1.0)


def _taken(network: RoadNetwork, lon: Floats, lat: Floats, streets: Sequence[str] | None) -> NDArray[np.int64]:
    """Return the rows of the places that are compared."""
    if streets is None:
        return distinct_places(lon, lat)
    names = {name for name in network.names if name}
    known = np.flatnonzero([each in names for each in streets])
    return known[distinct_places(lon[known], lat[known])]


def _of(streets: Sequence[str] | None, taken: NDArray[np.int64]) -> list[str] | None:
    return None if streets is None else [streets[at] for at in taken.tolist()]


def _ground(network: RoadNetwork, here: tuple[Floats, Floats], streets: Sequence[str] | None) -> _Ground:
    """Return what places are compared with: the nearest roads, or each its own street."""
    plane = LocalMetres(float(here[0].mean()), float(here[1].mean()))

    def nearest_m(x: Floats, y: Floats) -> Floats:
        snaps = snap(network, *plane.to_lonlat(x, y))
        some = np.diff(snaps.first) > 0
        away = np.full(len(x), FARTHEST_M)
        away[some] = snaps.offroad_m[snaps.first[:-1][some]]
        return away

    if streets is None:
        return _Ground(plane, nearest_m)
    lines = _lines_of(network, plane, set(streets))
    own = np.array([lines[each] for each in streets], dtype=object)

    def own_m(x: Floats, y: Floats) -> Floats:
        return np.asarray(shapely.distance(shapely.points(x, y), own), np.float64)

    return _Ground(plane, own_m, NEAR_STREET_M)


def _lines_of(network: RoadNetwork, plane: LocalMetres, names: set[str]) -> dict[str, shapely.MultiLineString]:
    """Return the roads of each name, in metres of the plane."""
    numbers = [number for number, name in enumerate(network.names) if name in names]
    first = np.append(network.edge_first_vertex[: network.edge_count], len(network.vertex_lon))
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for edge in np.flatnonzero(np.isin(network.edge_name, numbers)).tolist():
        at = slice(first[edge], first[edge + 1])
        lon, lat = (np.asarray(each[at], np.float64) * DEGREE for each in (network.vertex_lon, network.vertex_lat))
        x, y = plane.to_metres(lon, lat)
        found[network.names[network.edge_name[edge]]].append(np.column_stack([x, y]))
    return {name: shapely.MultiLineString(parts) for name, parts in found.items()}


@dataclass(frozen=True, slots=True)
class _Ground:
    """A plane, and the metres from places of it to what they should be near."""

    plane: LocalMetres
    away_m: Callable[[Floats, Floats], Floats]
    near_m: float = NEAR_M

    def median_m(self, x: Floats, y: Floats) -> float:
        return float(np.median(self.away_m(x, y)))


def places_on(network: RoadNetwork) -> tuple[Floats, Floats]:
    """Return places on all roads of a network, (n,) degrees: one every CELL_M or less."""
    last = np.append(network.edge_first_vertex[1 : network.edge_count], len(network.vertex_lon)) - 1
    start = np.delete(np.arange(len(network.vertex_lon)), last)
    lon, lat = (np.asarray(each, np.float64) * DEGREE for each in (network.vertex_lon, network.vertex_lat))
    pieces = np.ceil((network.vertex_m[start + 1] - network.vertex_m[start]) / CELL_M).clip(1, None).astype(np.int64)
    at = np.repeat(start, pieces)
    along = (np.arange(len(at)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / np.repeat(pieces, pieces)
    return lon[at] + along * (lon[at + 1] - lon[at]), lat[at] + along * (lat[at + 1] - lat[at])


def distinct_places(lon: Floats, lat: Floats) -> NDArray[np.int64]:
    """Return the rows of one place in each square of CELL_M, at most MOST_PLACES; empty where they are one site."""
    finite = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if not len(finite):
        return finite
    x, y = LocalMetres(float(np.median(lon[finite])), float(np.median(lat[finite]))).to_metres(lon[finite], lat[finite])
    cells = np.column_stack([np.floor(x / CELL_M), np.floor(y / CELL_M)])
    first = np.sort(np.unique(cells, axis=0, return_index=True)[1])
    if np.hypot(*(np.diff(np.quantile(along[first], (0.05, 0.95)))[0] for along in (x, y))) < LEAST_SPREAD_M:
        return finite[:0]
    if len(first) > MOST_PLACES:
        first = first[np.linspace(0, len(first) - 1, MOST_PLACES).astype(np.int64)]
    return finite[first]


def _fit(ground: _Ground, moved: Mapping[Datum, tuple[Floats, Floats]], declared: Datum, sign: float = 1.0) -> RoadFit:
    """Compare the same places in several datums; `sign` -1: it is the roads that `east_m` and `north_m` say it of."""
    at = {datum: np.array(ground.plane.to_metres(*there)) for datum, there in moved.items()}
    x, y = at[declared]
    shifts = {datum: (there - at[declared]).mean(axis=1) for datum, there in at.items()}
    medians = {datum: ground.median_m(*there) for datum, there in at.items()}
    best = min(medians, key=lambda datum: medians[datum])
    # the declared datum has the controls of all others
    controls = [
        ground.median_m(x + east, y + north)
        for datum, shift in shifts.items()
        if datum is not declared and best in {datum, declared} and np.hypot(*shift) > CELL_M
        for east, north in _turned(shift)
    ]
    others = [
        away for datum, away in medians.items() if datum is not best and np.hypot(*(shifts[datum] - shifts[best])) > 1
    ]
    found = RoadFit(
        declared,
        best,
        round(medians[declared], 1),
        round(medians[best], 1),
        round(min([*others, *controls]), 1),
        0.0,
        0.0,
        len(x),
        ground.near_m,
    )
    if not found.is_shifted:
        return found
    east, north = (-sign * _measured(ground, x, y, shifts[best])).tolist()
    return replace(found, east_m=round(east) + 0.0, north_m=round(north) + 0.0)


def _turned(shift: Floats) -> Floats:
    """Return a shift in other directions, (controls, 2)."""
    angle = np.radians(np.array(_TURNS_DEG))
    east, north = shift
    return np.column_stack([np.cos(angle) * east - np.sin(angle) * north, np.sin(angle) * east + np.cos(angle) * north])


def _measured(ground: _Ground, x: Floats, y: Floats, start: Floats) -> Floats:
    """Return the move (east, north) that brings places nearest to roads, from a first guess: a search by halved steps.

    A distance counts up to _CAPPED_M, so that places on no road do not matter.
    """

    def cost(move: Floats) -> float:
        return float(np.minimum(ground.away_m(x + move[0], y + move[1]), _CAPPED_M).mean())

    best, least = start, cost(start)
    for step in _STEPS_M:
        improved = True
        while improved:
            improved = False
            for side in ((step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)):
                move = best + np.array(side)
                if (found := cost(move)) < least - 1e-6 and np.hypot(*(move - start)) <= 2 * CELL_M:
                    best, least, improved = move, found, True
    return best

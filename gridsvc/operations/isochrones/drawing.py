"""The service areas of a district as they should be, drawn where they are not kept already."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import shapely

from gridsvc.db.roads.service_areas import Area, AreaKey
from gridsvc.isochrones import isochrones, station_areas
from gridsvc.isochrones.digests import area_digest, changes_of
from gridsvc.roads.search.snapping import place, snap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapely.geometry import MultiPolygon

    from gridsvc.isochrones import Mesh
    from gridsvc.isochrones.budgets import Budget
    from gridsvc.json_types import Json
    from gridsvc.operations.roads.travel_times import Ground
    from gridsvc.roads.search.snapping import Snaps

    Progress = Callable[[int, int | None, str], object]

AT_LEAST = 3
"""The largest k of `reached_by`."""

_OVERVIEW_DEGREES = 0.00018
"""20 m: half a pixel of zoom 11."""

_EMPTY: bytes = shapely.to_wkb(shapely.MultiPolygon())


@dataclass(frozen=True, slots=True)
class _Own:
    """What one team has to drive, from which of the places, and the digest of its area."""

    budget: Budget
    place: int
    digest: str


@dataclass(slots=True)
class Drawing:
    """One drawing of a district's areas.

    `kept` are the digests of the areas that are there, `kept_layers` what `first` and `reached_by` of each class were
    drawn from; `mesh` is asked for when the first area is drawn. Afterwards `drawn` counts, by kind, the areas that
    were, and `layers` is what those of each class are drawn from now.
    """

    ground: Ground
    network: str
    mesh: Callable[[], Mesh]
    kept: Mapping[AreaKey, str]
    kept_layers: Mapping[str, str]
    progress: Progress
    drawn: Counter[str] = field(default_factory=Counter)
    layers: dict[str, str] = field(default_factory=dict)
    _done: int = 0

    def draw(self, budgets: Sequence[Budget]) -> list[Area]:
        """Return all areas; one without a shape is stored already under its digest."""
        able = [budget for budget in budgets if budget.driving_s > 0]
        stations = list(dict.fromkeys((b.team.lon, b.team.lat) for b in able))
        places = snap(self.ground.network, *np.array(stations, float).reshape(-1, 2).T)
        owns = self._own_digests(able, stations, places)
        timed: dict[str, list[_Own]] = defaultdict(list)
        for own in owns:
            if own.budget.stops_clock:
                timed[own.budget.response_class].append(own)
        self.layers = {
            name: _digest(
                [AT_LEAST, [[o.budget.team.id, o.budget.team.station_turnout_s, o.digest] for o in timed[name]]]
            )
            for name in timed
        }
        undrawn = _by_place(owns, set(self.kept.values()))
        stale = [name for name in timed if not self._is_kept(name, timed[name])]
        total = len(undrawn) + len(stale)
        shapes: dict[str, bytes] = {}
        for number, wanted in undrawn.items():
            self._tell(total, "own areas")
            shapes |= self._draw_own(place(places, number), wanted)
        areas = [Area(_own_key(o.budget), o.budget.minutes, o.digest, shapes.get(o.digest)) for o in owns]
        areas += [Area(_own_key(b), 0.0, f"short {b.driving_s}", _EMPTY) for b in budgets if b.driving_s <= 0]
        for name, those in timed.items():
            if name in stale:
                self._tell(total, f"{name}: who is first, how many arrive")
                areas += self._draw_layer(those)
            else:
                areas += [Area(key, minutes, self.kept[key], None) for key, minutes in _layer_keys(those)]
        self.progress(total, total, "writing them down")
        return areas

    def _own_digests(
        self, able: Sequence[Budget], stations: Sequence[tuple[float, float]], places: Snaps
    ) -> list[_Own]:
        ground, changes = self.ground, changes_of(self.ground.network, self.ground.weights)
        known: dict[tuple[int, int], str] = {}
        owns = []
        for budget in able:
            number = stations.index((budget.team.lon, budget.team.lat))
            at = (number, budget.driving_s)
            if at not in known:
                known[at] = area_digest(
                    ground.network, self.network, ground.weights, changes, place(places, number), budget.driving_s
                )
            owns.append(_Own(budget, number, known[at]))
        return owns

    def _is_kept(self, name: str, those: Sequence[_Own]) -> bool:
        there = all(key in self.kept for key, _ in _layer_keys(those))
        return there and self.kept_layers.get(name) == self.layers[name]

    def _tell(self, total: int, words: str) -> None:
        self.progress(self._done, total, words)
        self._done += 1

    def _draw_own(self, place: Snaps, wanted: Mapping[float, str]) -> dict[str, bytes]:
        ground = self.ground
        areas = isochrones(
            ground.network, place, list(wanted), "from", ground.weights, certified=False, mesh=self.mesh()
        )
        self.drawn["own"] += len(areas)
        return {wanted[area.minutes]: shapely.to_wkb(area.geometry) for area in areas}

    def _draw_layer(self, those: Sequence[_Own]) -> list[Area]:
        ground = self.ground
        at = np.array([(o.budget.team.lon, o.budget.team.lat) for o in those], float)
        found = station_areas(
            ground.network,
            snap(ground.network, *at.T),
            [o.budget.minutes for o in those],
            ground.weights,
            at_least=AT_LEAST,
            mesh=self.mesh(),
            delays_s=[o.budget.team.station_turnout_s for o in those],
        )
        self.drawn["first"] += len(found.first)
        self.drawn["reached_by"] += len(found.reached_by)
        return [
            _layer_area(key, minutes, shape)
            for (key, minutes), shape in zip(_layer_keys(those), (*found.first, *found.reached_by), strict=True)
        ]


def _by_place(owns: Sequence[_Own], kept: set[str]) -> dict[int, dict[float, str]]:
    """Return, for each place, the minutes whose area is not kept, each with its digest: one search for all of them."""
    undrawn: dict[int, dict[float, str]] = defaultdict(dict)
    for own in owns:
        if own.digest not in kept:
            undrawn[own.place][own.budget.minutes] = own.digest
    return undrawn


def _own_key(budget: Budget) -> AreaKey:
    return AreaKey("own", str(budget.response_class), UUID(budget.team.id), None)


def _layer_keys(those: Sequence[_Own]) -> list[tuple[AreaKey, float | None]]:
    """Return what is drawn of one class together, with its minutes: `first` of each team, then `reached_by`."""
    if not those:
        return []
    name, minutes = str(those[0].budget.response_class), {o.budget.minutes for o in those}
    shared = minutes.pop() if len(minutes) == 1 else None
    firsts = [(AreaKey("first", name, UUID(o.budget.team.id), None), o.budget.minutes) for o in those]
    ks = range(1, min(AT_LEAST, len(those)) + 1)
    return [*firsts, *((AreaKey("reached_by", name, None, k), shared) for k in ks)]


def _layer_area(key: AreaKey, minutes: float | None, shape: MultiPolygon) -> Area:
    content = shapely.to_wkb(shape)
    overview = shapely.to_wkb(shapely.simplify(shape, _OVERVIEW_DEGREES))
    return Area(key, minutes, hashlib.sha256(content).hexdigest(), content, overview)


def _digest(value: Json) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()

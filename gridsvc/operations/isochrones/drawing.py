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
from gridsvc.isochrones import Mesh, isochrones, station_areas
from gridsvc.isochrones.digests import area_digest, changes_of
from gridsvc.operations.jobs.parallel import map_pieces
from gridsvc.roads.search.snapping import place, snap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gridsvc.isochrones.budgets import Budget
    from gridsvc.json_types import Json
    from gridsvc.operations.roads.travel_times import Ground
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.weights import Weights

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
    were, and `layers` is what those of each class are drawn from now. A piece, which is a place or
    a class, may be drawn on a Dask cluster (`dask`, its address).
    """

    ground: Ground
    network: str
    mesh: Callable[[], Mesh]
    kept: Mapping[AreaKey, str]
    kept_layers: Mapping[str, str]
    progress: Progress
    dask: str | None = None
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
        layers: dict[str, list[Area]] = {}
        # The longest first, so that no worker has one left at the end.
        pieces: list[_Piece] = [self._layer_piece(name, timed[name]) for name in stale]
        pieces += [OwnPiece(place(places, number), wanted) for number, wanted in undrawn.items()]
        words = [f"{name}: who is first, how many arrive" for name in stale] + ["own areas"] * len(undrawn)
        for piece, drawn in zip(pieces, self._draw(pieces, total, words), strict=True):
            if isinstance(piece, OwnPiece):
                self.drawn["own"] += len(drawn)
                shapes |= dict(zip(piece.wanted.values(), drawn, strict=True))
            else:
                self.drawn["first"] += piece.teams
                self.drawn["reached_by"] += len(drawn) - piece.teams
                keys = _layer_keys(timed[piece.name])
                layers[piece.name] = [_layer_area(*key, shape) for key, shape in zip(keys, drawn, strict=True)]
        areas = [Area(_own_key(o.budget), o.budget.minutes, o.digest, shapes.get(o.digest)) for o in owns]
        areas += [Area(_own_key(b), 0.0, f"short {b.driving_s}", _EMPTY) for b in budgets if b.driving_s <= 0]
        for name, those in timed.items():
            if name in layers:
                areas += layers[name]
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

    def _draw(self, pieces: Sequence[_Piece], total: int, words: Sequence[str]) -> Iterator[list[bytes]]:
        if not pieces:
            return
        roads = Roads(self.network, self.ground.network, self.ground.weights, self.mesh())
        self._tell(total, words[0])
        for n, drawn in enumerate(map_pieces(draw_piece, roads, pieces, dask=self.dask)):
            yield drawn
            if n + 1 < len(words):
                self._tell(total, words[n + 1])

    def _layer_piece(self, name: str, those: Sequence[_Own]) -> LayerPiece:
        at = np.array([(o.budget.team.lon, o.budget.team.lat) for o in those], float)
        return LayerPiece(
            name,
            len(those),
            snap(self.ground.network, *at.T),
            [o.budget.minutes for o in those],
            [o.budget.team.station_turnout_s for o in those],
        )


@dataclass(slots=True)
class Roads:
    """What all pieces are drawn on; `digest` is the network's. Another process makes the mesh itself and keeps it."""

    digest: str
    network: RoadNetwork
    weights: Weights
    mesh: Mesh

    def __reduce__(self) -> tuple[Callable[..., Roads], tuple[str, RoadNetwork, Weights]]:
        """Send everything but the mesh."""
        return _arrived, (self.digest, self.network, self.weights)


_last_mesh: dict[tuple[str, str], Mesh] = {}


def _arrived(digest: str, network: RoadNetwork, weights: Weights) -> Roads:
    key = (digest, weights.profile)
    mesh = _last_mesh.get(key) or Mesh(network, weights.profile)
    _last_mesh.clear()
    _last_mesh[key] = mesh
    return Roads(digest, network, weights, mesh)


@dataclass(frozen=True, slots=True)
class OwnPiece:
    """The areas of the teams at one place: for each number of minutes its digest."""

    place: Snaps
    wanted: Mapping[float, str]


@dataclass(frozen=True, slots=True)
class LayerPiece:
    """Who is first, and how many arrive, of one response class: the places of its teams, their minutes and turnout."""

    name: str
    teams: int
    places: Snaps
    minutes: Sequence[float]
    turnout_s: Sequence[float]


_Piece = OwnPiece | LayerPiece


def draw_piece(roads: Roads, piece: OwnPiece | LayerPiece) -> list[bytes]:
    """Return the shapes of a piece as WKB: one for each number of minutes; or `first` of each team and `reached_by`."""
    network, weights, mesh = roads.network, roads.weights, roads.mesh
    if isinstance(piece, OwnPiece):
        own = isochrones(network, piece.place, list(piece.wanted), "from", weights, certified=False, mesh=mesh)
        by_minutes = {area.minutes: shapely.to_wkb(area.geometry) for area in own}
        return [by_minutes[minutes] for minutes in piece.wanted]
    found = station_areas(
        network, piece.places, piece.minutes, weights, at_least=AT_LEAST, mesh=mesh, delays_s=piece.turnout_s
    )
    return [shapely.to_wkb(shape) for shape in (*found.first, *found.reached_by)]


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


def _layer_area(key: AreaKey, minutes: float | None, content: bytes) -> Area:
    overview = shapely.to_wkb(shapely.simplify(shapely.from_wkb(content), _OVERVIEW_DEGREES))
    return Area(key, minutes, hashlib.sha256(content).hexdigest(), content, overview)


def _digest(value: Json) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()

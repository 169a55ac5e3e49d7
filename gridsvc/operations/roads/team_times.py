"""How long each team drives to a place: from tables that are prepared per station, or by a search (R8).

Stations are known before the place is. So the searches up from the stations run once for each network, set of acting
closures and roster, and those from reported positions once until a team moves. A place then meets all stations within
microseconds. No request waits for the preparation: until it is done, and on networks without a hierarchy, one backward
search from the place gives the same milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.files.derived import derived
from gridsvc.operations.roads.weights import weights_now
from gridsvc.roads.search.hierarchy import Hierarchy, build_hierarchy
from gridsvc.roads.search.matrices import UNASKED_NODES, keep_hierarchy
from gridsvc.roads.search.search import FARTHEST_MS, milliseconds_one_place
from gridsvc.roads.search.snapping import snap
from gridsvc.roads.search.station_times import prepare_station_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.station_times import StationTimes
    from gridsvc.roads.search.weights import Weights
    from gridsvc.teams.model import TeamState

PROFILE = "emergency"
_NODES_PER_MOVED_TEAM = 200
"""Preparing one reported position costs as much as searching this many nodes."""


def travel_seconds(
    service: Service, view: DistrictView, law: Law, states: Sequence[TeamState], lon: float, lat: float
) -> list[float | None]:
    """Return the seconds by road from every team to a place, rounded to a tenth.

    A team starts at its last reported position, else at its station. No team is filtered out.

    Parameters
    ----------
    states
        In the order of `law.prepared.teams`.

    Returns
    -------
    One value for each state; None = no road leads there, or the district has no network.
    """
    ms = travel_milliseconds(service, view, law, states, lon, lat)
    return [None if each is None else each / 1000 for each in ms]


def travel_milliseconds(
    service: Service, view: DistrictView, law: Law, states: Sequence[TeamState], lon: float, lat: float
) -> list[int | None]:
    """Return what `travel_seconds` returns, as whole milliseconds: what a decision keeps."""
    if view.network is None or not states:
        return [None] * len(states)
    fleet = _Fleet.on_roads(service, view, law, view.network)
    moved = [number for number, state in enumerate(states) if state.lon is not None]
    ms = None
    if len(moved) * _NODES_PER_MOVED_TEAM <= view.network.node_count:
        ms = fleet.from_tables(states, moved, lon, lat)
    if ms is None:
        ms = fleet.by_search(states, moved, lon, lat)
    return in_tenths(ms)


def in_tenths(ms: NDArray[np.int64]) -> list[int | None]:
    """Return milliseconds rounded as `round(seconds, 1)` rounds them; None for the farthest."""
    rounded = (ms + 50) // 100 * 100
    for number in np.flatnonzero(ms % 100 == 50).tolist():  # which way half a tenth goes depends on the float
        rounded[number] = round(round(int(ms[number]) / 1000, 1) * 1000)  # numpy rounds otherwise
    found: list[int | None] = rounded.tolist()
    for number in np.flatnonzero(ms >= FARTHEST_MS).tolist():
        found[number] = None
    return found


def prepare_stations(service: Service, view: DistrictView) -> bool:
    """Prepare the tables of a district's stations before the first request; False if there is nothing to prepare."""
    if view.network is None or view.law is None or not len(view.law.station_lon):
        return False
    fleet = _Fleet.on_roads(service, view, view.law, view.network)
    return service.cached("stations", fleet.version, fleet.make_tables) is not None


@dataclass(frozen=True, slots=True)
class _Fleet:
    """The teams of a district on its roads, under the closures that act at the view's clock."""

    service: Service
    law: Law
    network: RoadNetwork
    weights: Weights
    digest: str | None
    """The network's digest, as the version vector has it."""

    @classmethod
    def on_roads(cls, service: Service, view: DistrictView, law: Law, network: RoadNetwork) -> _Fleet:
        weights = weights_now(service, view, network, PROFILE)
        return cls(service, law, network, weights, view.versions.network)

    @property
    def version(self) -> tuple[str | None, str, str]:
        """What the tables of the stations depend on."""
        return self.digest, self.law.roster_digest, self.weights.version

    def from_tables(
        self, states: Sequence[TeamState], moved: list[int], lon: float, lat: float
    ) -> NDArray[np.int64] | None:
        """Return milliseconds (n,) from prepared tables; None while they are being prepared."""
        tables = self.service.prepared("stations", self.version, self.make_tables)
        if tables is None:
            return None
        ms = tables.milliseconds_to(lon, lat)
        if moved:
            places = tuple((states[number].lon, states[number].lat) for number in moved)

            def load() -> StationTimes | None:
                return prepare_station_times(self.network, snap(self.network, *np.array(places).T), tables.weights)

            positions = self.service.cached("positions", (self.digest, self.weights.version, places), load)
            if positions is None:
                return None
            ms[moved] = positions.milliseconds_to(lon, lat)
        return ms

    def make_tables(self) -> StationTimes | None:
        """Prepare all stations; the network's hierarchy is kept as a file in the data folder."""
        if "hierarchy" not in self.network.kept and self.network.node_count <= UNASKED_NODES:
            name = f"{self.digest}.hierarchy1"
            content = derived(self.service.folder, name, lambda: build_hierarchy(self.network).to_blocks())
            keep_hierarchy(self.network, Hierarchy.open(content, verify=False))
        return prepare_station_times(self.network, self._stations(), self.weights)

    def by_search(self, states: Sequence[TeamState], moved: list[int], lon: float, lat: float) -> NDArray[np.int64]:
        """Return milliseconds (n,) by one backward search from the place."""
        if moved:
            lons, lats = self.law.station_lon.copy(), self.law.station_lat.copy()
            lons[moved] = [states[number].lon for number in moved]
            lats[moved] = [states[number].lat for number in moved]
            origins = snap(self.network, lons, lats)
        else:
            origins = self._stations()
        return milliseconds_one_place(self.network, origins, snap(self.network, lon, lat), self.weights, backward=True)

    def _stations(self) -> Snaps:
        version = (self.digest, self.law.roster_digest)
        law = self.law
        return self.service.cached(
            "snapped stations", version, lambda: snap(self.network, law.station_lon, law.station_lat)
        )

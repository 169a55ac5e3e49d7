"""How long each team needs to a place: from posts that are prepared once, by a search until they are (R8).

Where teams stand is known before the place is: the ways up from the stations are worked out once for a network, its
closures of the moment and the roster, and those from the positions that teams reported once for as long as nobody
moves. A place then meets all of them in microseconds. No request waits for the preparation: until it is done, and on
networks that have no hierarchy, a search gives the same milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.files.derived import derived
from gridsvc.operations.roads.weights import weights_now
from gridsvc.roads.search.hierarchy import Hierarchy, build_hierarchy
from gridsvc.roads.search.matrices import UNASKED_NODES, keep_hierarchy
from gridsvc.roads.search.search import as_seconds, milliseconds_one_place
from gridsvc.roads.search.snapping import snap
from gridsvc.roads.search.station_times import post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps
    from gridsvc.roads.search.station_times import Posts
    from gridsvc.roads.search.weights import Weights
    from gridsvc.teams.model import TeamState

PROFILE = "emergency"
_NODES_A_POST = 200
"""A team that moved costs as much to prepare as the search takes for so many nodes."""


def travel_seconds(
    service: Service, view: DistrictView, law: Law, states: Sequence[TeamState], lon: float, lat: float
) -> list[float | None]:
    """Return seconds by road from every team to a place, to a tenth, None = no way there; none is filtered out.

    A team is where it last said it is, else at its station.
    """
    network = view.network
    if network is None or not states:
        return [None] * len(states)

    weights = weights_now(service, view, network, PROFILE)
    moved = [number for number, state in enumerate(states) if state.lon is not None]
    ms = None
    if len(moved) * _NODES_A_POST <= network.node_count:
        ms = _from_posts(service, view, law, network, weights, states, moved, lon, lat)
    if ms is None:
        ms = _by_search(service, view, law, network, weights, states, moved, lon, lat)
    return [round(s, 1) if s < float("inf") else None for s in as_seconds(ms).tolist()]


def ready_posts(service: Service, view: DistrictView) -> bool:
    """Prepare the posts of a district's stations now, before anybody asks; False where there is nothing to prepare."""
    if view.network is None or view.law is None or not len(view.law.station_lon):
        return False
    network, law, weights = view.network, view.law, weights_now(service, view, view.network, PROFILE)
    key = _key(view, law, weights)
    return service.cached("posts", key, lambda: _make(service, view, law, network, weights)) is not None


def _key(view: DistrictView, law: Law, weights: Weights) -> tuple[str | None, str, str]:
    return view.versions.network, law.roster_digest, weights.version


def _from_posts(
    service: Service, view: DistrictView, law: Law, network: RoadNetwork, weights: Weights,
    states: Sequence[TeamState], moved: list[int], lon: float, lat: float,
) -> NDArray[np.int64] | None:  # fmt: skip
    key = _key(view, law, weights)
    posts = service.prepared("posts", key, lambda: _make(service, view, law, network, weights))
    if posts is None:
        return None
    ms = posts.milliseconds_to(lon, lat)
    if moved:
        places = tuple((states[number].lon, states[number].lat) for number in moved)

        def load() -> Posts | None:

            return post(network, snap(network, *np.array(places).T), posts.weights)

        own = service.cached("moved", (*key[::2], places), load)
        if own is None:
            return None
        ms[moved] = own.milliseconds_to(lon, lat)
    return ms


def _make(service: Service, view: DistrictView, law: Law, network: RoadNetwork, weights: Weights) -> Posts | None:
    """Prepare the posts of all stations; the network's hierarchy is kept beside it in the data folder."""
    if "hierarchy" not in network.kept and network.node_count <= UNASKED_NODES:
        name = f"{view.versions.network}.hierarchy1"
        keep_hierarchy(
            network, Hierarchy.open(derived(service.folder, name, lambda: build_hierarchy(network).to_bytes()))
        )
    return post(network, _stations(service, view, law, network), weights)


def _stations(service: Service, view: DistrictView, law: Law, network: RoadNetwork) -> Snaps:

    key = (view.versions.network, law.roster_digest)
    return service.cached("stations", key, lambda: snap(network, law.station_lon, law.station_lat))


def _by_search(
    service: Service, view: DistrictView, law: Law, network: RoadNetwork, weights: Weights,
    states: Sequence[TeamState], moved: list[int], lon: float, lat: float,
) -> NDArray[np.int64]:  # fmt: skip

    if moved:
        lons, lats = law.station_lon.copy(), law.station_lat.copy()
        lons[moved] = [states[number].lon for number in moved]
        lats[moved] = [states[number].lat for number in moved]
        origins = snap(network, lons, lats)
    else:
        origins = _stations(service, view, law, network)
    return milliseconds_one_place(network, origins, snap(network, lon, lat), weights, backward=True)
